// SPDX-License-Identifier: Apache-2.0
//
// Block-wise walking over frames.
#include "streamlog/segment_scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "store/posix_file.h"
#include "streamlog/limits.h"

namespace daypart::streamlog {
namespace {

/// A file seen through one block that moves forward.
class BlockReader {
 public:
  static Result<BlockReader> Open(const std::string& path) {
    DAYPART_TRY(auto file, store::OpenFile(path, O_RDONLY));
    struct stat info {};
    if (::fstat(file.number(), &info) != 0) return SystemError("looking at " + path, errno);
    return BlockReader(path, std::move(file), static_cast<uint64_t>(info.st_size));
  }

  uint64_t file_bytes() const { return file_bytes_; }

  /// At least `wanted` bytes at the offset, fewer only at the file's end.
  Result<std::span<const std::byte>> At(uint64_t offset, size_t wanted) {
    const uint64_t end = std::min<uint64_t>(offset + wanted, file_bytes_);
    if (offset < block_at_ || end > block_at_ + block_.size()) {
      const uint64_t left = file_bytes_ - std::min(offset, file_bytes_);
      block_.resize(static_cast<size_t>(std::min<uint64_t>(std::max(wanted, kBlockBytes), left)));
      block_at_ = offset;
      DAYPART_TRY(const size_t got, store::ReadFully(file_.number(), offset, block_, path_));
      block_.resize(got);
    }
    return std::span<const std::byte>(block_).subspan(static_cast<size_t>(offset - block_at_));
  }

 private:
  static constexpr size_t kBlockBytes = size_t{4} << 20;

  BlockReader(std::string path, store::FileDescriptor file, uint64_t file_bytes)
      : path_(std::move(path)), file_(std::move(file)), file_bytes_(file_bytes) {}

  std::string path_;
  store::FileDescriptor file_;
  uint64_t file_bytes_;
  uint64_t block_at_ = 0;
  std::vector<std::byte> block_;
};

/// Looks for a whole frame behind `offset` that knows `index` as durable.
Result<bool> KnowsAsDurable(BlockReader& reader, uint64_t offset, RecordIndex index) {
  constexpr char kFrameStart[] = {'D', 'P', 'F', 'R'};
  while (offset + kFrameHeadBytes <= reader.file_bytes()) {
    DAYPART_TRY(const auto bytes, reader.At(offset, kFrameHeadBytes + kFrameBytesMax));
    const char* text = reinterpret_cast<const char*>(bytes.data());
    const char* found =
        std::search(text, text + bytes.size(), kFrameStart, kFrameStart + sizeof(kFrameStart));
    if (found == text + bytes.size()) {
      offset += std::max<uint64_t>(bytes.size() - (sizeof(kFrameStart) - 1), 1);
      continue;
    }
    offset += static_cast<uint64_t>(found - text);
    DAYPART_TRY(const auto candidate, reader.At(offset, kFrameHeadBytes + kFrameBytesMax));
    const auto head = CheckFrame(candidate);
    if (head && head->durable_index > index) return true;
    offset += head ? head->frame_bytes() : 1;
  }
  return false;
}

}  // namespace

void NoteFrame(const FrameHead& head, uint64_t offset, std::vector<IndexEntry>& entries) {
  if (entries.empty() || offset >= entries.back().offset + kIndexStrideBytes) {
    entries.push_back({head.first_index, offset, head.arrival});
  }
}

Result<SegmentScan> ScanSegment(const std::string& path, const SegmentHead& expected) {
  DAYPART_TRY(auto reader, BlockReader::Open(path));
  DAYPART_TRY(const auto first, reader.At(0, kSegmentHeadBytes));
  auto head = DecodeSegmentHead(first);
  if (!head) return std::move(head).error().WithContext(path);
  if (head->stream_id != expected.stream_id || head->shard != expected.shard ||
      head->first_index != expected.first_index) {
    return CorruptData(path + " belongs to another stream, shard or place");
  }
  SegmentScan scan;
  scan.file_bytes = reader.file_bytes();
  scan.index.end_index = head->first_index;
  scan.index.last_arrival = head->created;
  uint64_t offset = kSegmentHeadBytes;
  while (offset < scan.file_bytes) {
    DAYPART_TRY(auto bytes, reader.At(offset, kFrameHeadBytes));
    if (const auto peeked = PeekFrameHead(bytes)) {
      DAYPART_TRY(bytes, reader.At(offset, static_cast<size_t>(peeked->frame_bytes())));
    }
    const auto frame = CheckFrame(bytes);
    if (!frame || frame->first_index != scan.index.end_index) break;
    NoteFrame(*frame, offset, scan.index.entries);
    scan.index.end_index = frame->end_index();
    scan.index.last_arrival = frame->arrival;
    offset += frame->frame_bytes();
  }
  scan.index.segment_bytes = offset;
  if (offset < scan.file_bytes) {
    DAYPART_TRY(scan.has_lost_records, KnowsAsDurable(reader, offset, scan.index.end_index));
  }
  return scan;
}

Result<SegmentIndex> IndexFrames(const std::string& path, SegmentIndex from, RecordIndex end) {
  DAYPART_TRY(auto reader, BlockReader::Open(path));
  uint64_t offset = std::max<uint64_t>(from.segment_bytes, kSegmentHeadBytes);
  while (from.end_index < end && offset < reader.file_bytes()) {
    DAYPART_TRY(const auto bytes, reader.At(offset, kFrameHeadBytes));
    const auto head = PeekFrameHead(bytes);
    if (!head || head->first_index != from.end_index) {
      return CorruptData(path + " has no frame with index " +
                         std::to_string(from.end_index.value()) + " at byte " +
                         std::to_string(offset));
    }
    NoteFrame(*head, offset, from.entries);
    from.end_index = head->end_index();
    from.last_arrival = head->arrival;
    offset += head->frame_bytes();
  }
  from.segment_bytes = offset;
  return from;
}

Result<SegmentHead> ReadSegmentHead(const std::string& path) {
  DAYPART_TRY(const auto file, store::OpenFile(path, O_RDONLY));
  std::array<std::byte, kSegmentHeadBytes> bytes{};
  DAYPART_TRY(const size_t got, store::ReadFully(file.number(), 0, bytes, path));
  return DecodeSegmentHead(std::span<const std::byte>(bytes).first(got)).WithContext(path);
}

Result<std::vector<RecordIndex>> ListSegments(const std::string& folder) {
  std::vector<RecordIndex> segments;
  std::error_code error;
  std::filesystem::directory_iterator files(folder, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    const auto index = ParseSegmentFileName(files->path().filename().string());
    if (index) segments.push_back(*index);
  }
  if (error) return SystemError("listing " + folder, error.value());
  std::sort(segments.begin(), segments.end());
  return segments;
}

}  // namespace daypart::streamlog
