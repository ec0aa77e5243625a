// SPDX-License-Identifier: Apache-2.0
//
// Finding and reading records in a shard's files.
#include "streamlog/shard_reader.h"

#include <fcntl.h>

#include <algorithm>

#include "store/posix_file.h"
#include "streamlog/disk.h"
#include "streamlog/limits.h"
#include "streamlog/segment_scan.h"

namespace daypart::streamlog {
namespace {

/// Takes the records of whole frames until a bound is met.
class PageBuilder {
 public:
  PageBuilder(RecordIndex from, RecordIndex end, int64_t records_max, int64_t bytes_max)
      : end_(end), records_left_(records_max), bytes_left_(bytes_max) {
    page_.next_index = from;
  }

  /// False when the page is full or the durable end is reached.
  bool AddFrame(const FrameHead& head, std::span<const std::byte> body) {
    uint64_t index = head.first_index.value();
    bool has_room = true;
    is_whole_ = ForEachRecord(body, head.records_count, [&](const RecordBytes& bytes) {
      const RecordIndex here(index++);
      if (!has_room || here < page_.next_index || here >= end_) return;
      const auto size = static_cast<int64_t>(bytes.data.size() + bytes.partition_key.size());
      if (!page_.records.empty() && (records_left_ <= 0 || size > bytes_left_)) {
        has_room = false;
        return;
      }
      page_.records.push_back({bytes, here, head.arrival});
      page_.next_index = RecordIndex(here.value() + 1);
      --records_left_;
      bytes_left_ -= size;
    });
    return has_room && is_whole_ && records_left_ > 0 && bytes_left_ > 0 &&
           page_.next_index < end_;
  }

  bool is_whole() const { return is_whole_; }
  RecordPage& page() { return page_; }

 private:
  RecordPage page_;
  RecordIndex end_;
  int64_t records_left_;
  int64_t bytes_left_;
  bool is_whole_ = true;
};

}  // namespace

Result<std::unique_ptr<ShardReader>> ShardReader::Open(const std::string& folder) {
  DAYPART_TRY(auto mark, DurableMark::OpenForReader(folder + "/durable"));
  return std::unique_ptr<ShardReader>(new ShardReader(folder, std::move(mark)));
}

Result<std::vector<RecordIndex>> ShardReader::Segments() {
  DAYPART_TRY(auto listed, ListSegments(folder_));
  const std::lock_guard lock(mutex_);
  segments_ = listed;
  return listed;
}

Result<RecordIndex> ShardReader::Oldest() {
  DAYPART_TRY(const auto segments, Segments());
  return segments.empty() ? end() : std::min(segments.front(), end());
}

Result<ShardReader::Index> ShardReader::IndexOf(RecordIndex segment, RecordIndex end) {
  Index known;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(indexes_.begin(), indexes_.end(),
                                    [&](const auto& entry) { return entry.first == segment; });
    if (found != indexes_.end()) known = found->second;
  }
  if (known && known->end_index >= end) return known;
  SegmentIndex start;
  if (known) {
    start = *known;
  } else {
    start.end_index = segment;
    // A missing or damaged index file costs a walk over the segment and nothing else.
    auto content = ReadWholeFile(PathOf(IndexFileName(segment)), size_t{64} << 20);
    auto decoded = content ? DecodeSegmentIndex(*content) : CorruptData("");
    if (decoded && decoded->end_index <= end) start = std::move(decoded).value();
  }
  DAYPART_TRY(auto index, IndexFrames(PathOf(SegmentFileName(segment)), std::move(start), end));
  known = std::make_shared<const SegmentIndex>(std::move(index));
  const std::lock_guard lock(mutex_);
  std::erase_if(indexes_, [&](const auto& entry) { return entry.first == segment; });
  if (indexes_.size() >= kIndexesMax) indexes_.erase(indexes_.begin());
  indexes_.emplace_back(segment, known);
  return known;
}

Result<ShardReader::Place> ShardReader::Find(RecordIndex index) {
  std::vector<RecordIndex> segments;
  Place place;
  {
    const std::lock_guard lock(mutex_);
    segments = segments_;
    const auto cursor = std::find_if(cursors_.begin(), cursors_.end(),
                                     [&](const Cursor& one) { return one.index == index; });
    if (cursor != cursors_.end()) {
      place.segment = cursor->segment;
      place.offset = cursor->offset;
    }
  }
  // The writer may have begun a segment at just this index since the list was made.
  if (segments.empty() || segments.back() < index) {
    DAYPART_TRY(segments, Segments());
  }
  const auto next = std::upper_bound(segments.begin(), segments.end(), index);
  if (next == segments.begin()) {
    const uint64_t oldest = segments.empty() ? end().value() : segments.front().value();
    return ResourceExhausted("records from index " + std::to_string(index.value()) +
                             " on are no longer kept, the oldest is " + std::to_string(oldest) +
                             ": " + std::to_string(oldest - index.value()) + " were dropped");
  }
  place.segment_end = next == segments.end() ? end() : std::min(*next, end());
  if (place.offset != 0 && place.segment == *std::prev(next)) return place;
  place.segment = *std::prev(next);
  DAYPART_TRY(const auto known, IndexOf(place.segment, place.segment_end));
  const auto entry = std::upper_bound(
      known->entries.begin(), known->entries.end(), index,
      [](RecordIndex wanted, const IndexEntry& one) { return wanted < one.first_index; });
  place.offset =
      entry == known->entries.begin() ? kSegmentHeadBytes : std::prev(entry)->offset;
  return place;
}

Result<RecordPage> ShardReader::Read(RecordIndex from, int64_t records_max, int64_t bytes_max) {
  if (from >= end()) return RecordPage{{}, from, nullptr};
  for (int attempt = 0;; ++attempt) {
    auto place = Find(from);
    if (!place && place.error().code != ErrorCode::kNotFound) return std::move(place).error();
    if (place) {
      auto page = ReadSegment(*place, from, std::max<int64_t>(records_max, 1),
                              std::min(bytes_max, kReadBytesMax));
      if (page || page.error().code != ErrorCode::kNotFound) return page;
    }
    // Retention took the segment between listing and opening it: the fresh list tells.
    if (attempt == 1) return NotFound(folder_ + " lost a segment while it was read");
    DAYPART_TRY(const auto listed, Segments());
    const std::lock_guard lock(mutex_);
    cursors_.clear();
  }
}

Result<RecordPage> ShardReader::ReadSegment(const Place& place, RecordIndex from,
                                            int64_t records_max, int64_t bytes_max) {
  const std::string path = PathOf(SegmentFileName(place.segment));
  DAYPART_TRY(const auto file, store::OpenFile(path, O_RDONLY));
  PageBuilder builder(from, place.segment_end, records_max, bytes_max);
  // A page for few records does not take in the bytes that many would have.
  size_t wanted = static_cast<size_t>(std::min<int64_t>(bytes_max + 4096, records_max * 2048));
  wanted = std::max(wanted, size_t{128} << 10);
  std::shared_ptr<std::byte[]> memory;
  for (;;) {
    memory = std::shared_ptr<std::byte[]>(new std::byte[wanted]);
    const std::span<std::byte> all(memory.get(), wanted);
    DAYPART_TRY(const size_t got, store::ReadFully(file.number(), place.offset, all, path));
    std::span<const std::byte> left = all.first(got);
    bool goes_on = true;
    uint64_t last_frame = place.offset;
    while (goes_on && builder.page().next_index < place.segment_end) {
      const auto peeked = PeekFrameHead(left);
      const size_t needed = peeked ? static_cast<size_t>(peeked->frame_bytes()) : kFrameHeadBytes;
      if (needed > left.size() && got == wanted) break;
      const auto head = CheckFrame(left);
      if (!head || head->first_index > builder.page().next_index) {
        return CorruptData(path + " is damaged at byte " +
                           std::to_string(place.offset + (got - left.size())));
      }
      last_frame = place.offset + (got - left.size());
      const auto frame_bytes = static_cast<size_t>(head->frame_bytes());
      goes_on = head->end_index() <= builder.page().next_index ||
                builder.AddFrame(*head, left.subspan(kFrameHeadBytes, head->body_bytes));
      if (!builder.is_whole()) return CorruptData(path + ": a frame's records do not fit it");
      if (builder.page().next_index == head->end_index()) last_frame += frame_bytes;
      left = left.subspan(frame_bytes);
    }
    if (!builder.page().records.empty()) {
      const std::lock_guard lock(mutex_);
      if (cursors_.size() >= kCursorsMax) cursors_.erase(cursors_.begin());
      cursors_.push_back({builder.page().next_index, place.segment, last_frame});
      break;
    }
    // Not even one frame from the offset on fits.
    wanted = wanted * 2 + kFrameHeadBytes + kFrameBytesMax;
  }
  builder.page().memory = memory;
  return std::move(builder.page());
}

Result<RecordIndex> ShardReader::FirstSince(UtcMicros time) {
  DAYPART_TRY(const auto segments, Segments());
  const RecordIndex end_index = end();
  // The last segment made before the time; all records of earlier ones arrived before it.
  RecordIndex from = segments.empty() ? end_index : segments.front();
  for (const RecordIndex segment : segments) {
    auto head = ReadSegmentHead(PathOf(SegmentFileName(segment)));
    if (!head) return std::move(head).error();
    if (head->created >= time) break;
    from = segment;
  }
  if (from < end_index) {
    const auto next = std::upper_bound(segments.begin(), segments.end(), from);
    const RecordIndex segment_end = next == segments.end() ? end_index : std::min(*next, end_index);
    DAYPART_TRY(const auto known, IndexOf(from, segment_end));
    const auto entry = std::lower_bound(
        known->entries.begin(), known->entries.end(), time,
        [](const IndexEntry& one, UtcMicros wanted) { return one.arrival < wanted; });
    if (entry != known->entries.begin()) from = std::prev(entry)->first_index;
  }
  while (from < end_index) {
    DAYPART_TRY(const auto page, Read(from, 10'000, int64_t{1} << 20));
    for (const StoredRecord& record : page.records) {
      if (record.arrival >= time) return record.index;
    }
    from = page.next_index;
  }
  return end_index;
}

Result<UtcMicros> ShardReader::NewestArrival() {
  const RecordIndex end_index = end();
  DAYPART_TRY(const RecordIndex oldest, Oldest());
  if (end_index <= oldest) return UtcMicros(0);
  DAYPART_TRY(const auto page, Read(RecordIndex(end_index.value() - 1), 1, 1));
  return page.records.empty() ? UtcMicros(0) : page.records.back().arrival;
}

}  // namespace daypart::streamlog
