// SPDX-License-Identifier: Apache-2.0
//
// Encoding and checking of segment heads, frames and index files.
#include "streamlog/segment_format.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "streamlog/limits.h"

namespace daypart::streamlog {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr std::string_view kSegmentMagic = "DAYPSEG\n";
constexpr std::string_view kIndexMagic = "DAYPIDX\n";
constexpr uint32_t kFrameMagic = 0x52465044;  // "DPFR"
constexpr uint32_t kVersion = 1;
constexpr size_t kChecksumAt = 8;       // in a frame's head
constexpr size_t kFrameCheckedAt = 16;  // the checksum is over everything from here on
constexpr size_t kIndexHeadBytes = 40;
constexpr size_t kIndexEntryBytes = 24;

template <typename Number>
void Put(void* into, size_t offset, Number number) {
  std::memcpy(static_cast<char*>(into) + offset, &number, sizeof(number));
}

template <typename Number>
Number Get(const void* from, size_t offset) {
  Number number;
  std::memcpy(&number, static_cast<const char*>(from) + offset, sizeof(number));
  return number;
}

FrameHead ReadFrameHead(const std::byte* bytes) {
  FrameHead head;
  head.body_bytes = Get<uint32_t>(bytes, 4);
  head.checksum = Get<uint64_t>(bytes, kChecksumAt);
  head.first_index = RecordIndex(Get<uint64_t>(bytes, 16));
  head.durable_index = RecordIndex(Get<uint64_t>(bytes, 24));
  head.arrival = UtcMicros(Get<int64_t>(bytes, 32));
  head.records_count = Get<uint32_t>(bytes, 40);
  return head;
}

std::string NumberedName(RecordIndex index, const char* suffix) {
  char name[40];
  std::snprintf(name, sizeof(name), "%020llu%s", static_cast<unsigned long long>(index.value()),
                suffix);
  return name;
}

}  // namespace

std::array<std::byte, kSegmentHeadBytes> EncodeSegmentHead(const SegmentHead& head) {
  std::array<std::byte, kSegmentHeadBytes> bytes{};
  std::memcpy(bytes.data(), kSegmentMagic.data(), kSegmentMagic.size());
  Put(bytes.data(), 8, kVersion);
  Put(bytes.data(), 12, head.shard.value());
  std::memcpy(bytes.data() + 16, head.stream_id.data(), head.stream_id.size());
  Put(bytes.data(), 32, head.first_index.value());
  Put(bytes.data(), 40, head.created.value());
  Put(bytes.data(), 56, static_cast<uint64_t>(XXH3_64bits(bytes.data(), 56)));
  return bytes;
}

Result<SegmentHead> DecodeSegmentHead(std::span<const std::byte> bytes) {
  if (bytes.size() < kSegmentHeadBytes ||
      std::memcmp(bytes.data(), kSegmentMagic.data(), kSegmentMagic.size()) != 0 ||
      Get<uint64_t>(bytes.data(), 56) != XXH3_64bits(bytes.data(), 56)) {
    return CorruptData("a segment head of 64 bytes with its checksum is expected");
  }
  if (const auto version = Get<uint32_t>(bytes.data(), 8); version != kVersion) {
    return Unsupported("segment version 1 is expected, found " + std::to_string(version));
  }
  SegmentHead head;
  head.shard = ShardNumber(Get<uint32_t>(bytes.data(), 12));
  std::memcpy(head.stream_id.data(), bytes.data() + 16, head.stream_id.size());
  head.first_index = RecordIndex(Get<uint64_t>(bytes.data(), 32));
  head.created = UtcMicros(Get<int64_t>(bytes.data(), 40));
  return head;
}

FrameWriter::FrameWriter(std::vector<std::byte>& into, FrameHead head)
    : into_(into), start_(into.size()), head_(head) {
  head_.records_count = 0;
  into_.resize(start_ + kFrameHeadBytes);
}

void FrameWriter::Add(const RecordBytes& record) {
  std::array<std::byte, kRecordHeadBytes> head{};
  Put(head.data(), 0, static_cast<uint32_t>(record.data.size()));
  Put(head.data(), 4, static_cast<uint16_t>(record.partition_key.size()));
  into_.insert(into_.end(), head.begin(), head.end());
  const auto key = std::as_bytes(std::span(record.partition_key));
  into_.insert(into_.end(), key.begin(), key.end());
  const auto data = std::as_bytes(std::span(record.data));
  into_.insert(into_.end(), data.begin(), data.end());
  ++head_.records_count;
}

FrameHead FrameWriter::Finish() {
  head_.body_bytes = static_cast<uint32_t>(body_bytes());
  std::byte* head = into_.data() + start_;
  Put(head, 0, kFrameMagic);
  Put(head, 4, head_.body_bytes);
  Put(head, 16, head_.first_index.value());
  Put(head, 24, head_.durable_index.value());
  Put(head, 32, head_.arrival.value());
  Put(head, 40, head_.records_count);
  head_.checksum = XXH3_64bits(head + kFrameCheckedAt, into_.size() - start_ - kFrameCheckedAt);
  Put(head, kChecksumAt, head_.checksum);
  return head_;
}

std::optional<FrameHead> PeekFrameHead(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeadBytes || Get<uint32_t>(bytes.data(), 0) != kFrameMagic) return {};
  const FrameHead head = ReadFrameHead(bytes.data());
  if (head.body_bytes > kFrameBytesMax || head.records_count == 0) return {};
  return head;
}

std::optional<FrameHead> CheckFrame(std::span<const std::byte> bytes) {
  const auto head = PeekFrameHead(bytes);
  if (!head || bytes.size() < head->frame_bytes()) return {};
  const size_t checked_bytes = static_cast<size_t>(head->frame_bytes()) - kFrameCheckedAt;
  if (XXH3_64bits(bytes.data() + kFrameCheckedAt, checked_bytes) != head->checksum) return {};
  return head;
}

RecordHead DecodeRecordHead(const std::byte* bytes) {
  return {Get<uint32_t>(bytes, 0), Get<uint16_t>(bytes, 4)};
}

std::string EncodeSegmentIndex(const SegmentIndex& index) {
  std::string bytes(kIndexHeadBytes + index.entries.size() * kIndexEntryBytes, '\0');
  std::memcpy(bytes.data(), kIndexMagic.data(), kIndexMagic.size());
  Put(bytes.data(), 8, kVersion);
  Put(bytes.data(), 12, static_cast<uint32_t>(index.entries.size()));
  Put(bytes.data(), 16, index.end_index.value());
  Put(bytes.data(), 24, index.last_arrival.value());
  Put(bytes.data(), 32, index.segment_bytes);
  size_t at = kIndexHeadBytes;
  for (const IndexEntry& entry : index.entries) {
    Put(bytes.data(), at, entry.first_index.value());
    Put(bytes.data(), at + 8, entry.offset);
    Put(bytes.data(), at + 16, entry.arrival.value());
    at += kIndexEntryBytes;
  }
  const uint64_t checksum = XXH3_64bits(bytes.data(), bytes.size());
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  return bytes;
}

Result<SegmentIndex> DecodeSegmentIndex(std::string_view bytes) {
  const size_t least = kIndexHeadBytes + sizeof(uint64_t);
  if (bytes.size() < least || !bytes.starts_with(kIndexMagic) ||
      Get<uint32_t>(bytes.data(), 8) != kVersion) {
    return CorruptData("an index file of version 1 is expected");
  }
  const size_t count = Get<uint32_t>(bytes.data(), 12);
  const size_t checked_bytes = bytes.size() - sizeof(uint64_t);
  if (checked_bytes != kIndexHeadBytes + count * kIndexEntryBytes ||
      Get<uint64_t>(bytes.data(), checked_bytes) != XXH3_64bits(bytes.data(), checked_bytes)) {
    return CorruptData("an index file's length and checksum do not fit its content");
  }
  SegmentIndex index;
  index.end_index = RecordIndex(Get<uint64_t>(bytes.data(), 16));
  index.last_arrival = UtcMicros(Get<int64_t>(bytes.data(), 24));
  index.segment_bytes = Get<uint64_t>(bytes.data(), 32);
  index.entries.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t at = kIndexHeadBytes + i * kIndexEntryBytes;
    index.entries.push_back({RecordIndex(Get<uint64_t>(bytes.data(), at)),
                             Get<uint64_t>(bytes.data(), at + 8),
                             UtcMicros(Get<int64_t>(bytes.data(), at + 16))});
  }
  return index;
}

std::string SegmentFileName(RecordIndex first_index) { return NumberedName(first_index, ".seg"); }
std::string IndexFileName(RecordIndex first_index) { return NumberedName(first_index, ".idx"); }

std::optional<RecordIndex> ParseSegmentFileName(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".seg")) return {};
  uint64_t index = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + 20, index);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + 20) return {};
  return RecordIndex(index);
}

}  // namespace daypart::streamlog
