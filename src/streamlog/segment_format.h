// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a segment file: a head, then frames of records. Told with a worked example in
// docs/formats/stream-log.md. Pure: bytes in, values out. All numbers are little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "streamlog/ids.h"

namespace daypart::streamlog {

/// Which stream a file belongs to: random, so that a stream made anew under an old name is another.
using StreamId = std::array<uint8_t, 16>;

inline constexpr size_t kSegmentHeadBytes = 64;
inline constexpr size_t kFrameHeadBytes = 48;
inline constexpr size_t kRecordHeadBytes = 8;

struct SegmentHead {
  StreamId stream_id{};
  ShardNumber shard;
  RecordIndex first_index;
  UtcMicros created;
};

struct FrameHead {
  uint32_t body_bytes = 0;
  uint64_t checksum = 0;
  RecordIndex first_index;
  /// The first index that was not yet durable when the frame was made. A damaged frame below the
  /// durable_index of a later whole frame is lost data, not a torn write.
  RecordIndex durable_index;
  UtcMicros arrival;
  uint32_t records_count = 0;

  uint64_t frame_bytes() const { return kFrameHeadBytes + uint64_t{body_bytes}; }
  RecordIndex end_index() const { return RecordIndex(first_index.value() + records_count); }
};

/// What a producer gives; the views are of the producer's bytes.
struct RecordBytes {
  std::string_view data;
  std::string_view partition_key;
};

std::array<std::byte, kSegmentHeadBytes> EncodeSegmentHead(const SegmentHead& head);

/// errors: kCorruptData; kUnsupported for a later version.
Result<SegmentHead> DecodeSegmentHead(std::span<const std::byte> bytes);

/// Builds frames at the end of a buffer.
class FrameWriter {
 public:
  /// `into` must outlive the writer.
  FrameWriter(std::vector<std::byte>& into, FrameHead head);
  void Add(const RecordBytes& record);
  size_t body_bytes() const { return into_.size() - start_ - kFrameHeadBytes; }
  uint32_t records_count() const { return head_.records_count; }
  /// Writes the head. Returns it.
  FrameHead Finish();

 private:
  std::vector<std::byte>& into_;
  size_t start_;
  FrameHead head_;
};

/// The head at the beginning of `bytes`, if what stands there can be one: right magic, sane length.
/// The checksum is not looked at.
std::optional<FrameHead> PeekFrameHead(std::span<const std::byte> bytes);

/// The head of a whole frame at the beginning of `bytes` whose checksum holds; nothing otherwise.
std::optional<FrameHead> CheckFrame(std::span<const std::byte> bytes);

/// Calls visit(RecordBytes) for each record of a checked frame's body. False if the body does not
/// hold as many records as its head says.
template <typename Visit>
bool ForEachRecord(std::span<const std::byte> body, uint32_t records_count, Visit visit);

/// A record's lengths, read from the kRecordHeadBytes before it.
struct RecordHead {
  uint32_t data_bytes;
  uint16_t key_bytes;
};
RecordHead DecodeRecordHead(const std::byte* bytes);

template <typename Visit>
bool ForEachRecord(std::span<const std::byte> body, uint32_t records_count, Visit visit) {
  for (uint32_t i = 0; i < records_count; ++i) {
    if (body.size() < kRecordHeadBytes) return false;
    const RecordHead head = DecodeRecordHead(body.data());
    const size_t bytes = kRecordHeadBytes + size_t{head.key_bytes} + head.data_bytes;
    if (body.size() < bytes) return false;
    const char* text = reinterpret_cast<const char*>(body.data()) + kRecordHeadBytes;
    visit(RecordBytes{{text + head.key_bytes, head.data_bytes}, {text, head.key_bytes}});
    body = body.subspan(bytes);
  }
  return body.empty();
}

/// One entry of the sparse index: a frame, by its first record.
struct IndexEntry {
  RecordIndex first_index;
  uint64_t offset = 0;
  UtcMicros arrival;
};

/// What a sealed segment's index file holds.
struct SegmentIndex {
  std::vector<IndexEntry> entries;
  RecordIndex end_index;
  UtcMicros last_arrival;
  uint64_t segment_bytes = 0;
};

std::string EncodeSegmentIndex(const SegmentIndex& index);
/// errors: kCorruptData.
Result<SegmentIndex> DecodeSegmentIndex(std::string_view bytes);

/// "00000000000000000001.seg": names sort as the records do.
std::string SegmentFileName(RecordIndex first_index);
std::string IndexFileName(RecordIndex first_index);
/// Nothing for any other name.
std::optional<RecordIndex> ParseSegmentFileName(std::string_view name);

}  // namespace daypart::streamlog
