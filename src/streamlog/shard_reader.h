// SPDX-License-Identifier: Apache-2.0
//
// ShardReader: durable records of one shard, in the writer's process or in another one. It looks at
// the shard's files and its DurableMark only, so any number of readers may be there, and none of
// them sees a record before it is durable.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "streamlog/durable_mark.h"
#include "streamlog/segment_format.h"

namespace daypart::streamlog {

struct StoredRecord {
  RecordBytes bytes;  // of the page
  RecordIndex index;
  UtcMicros arrival;
};

/// Records that follow each other without a gap.
struct RecordPage {
  std::vector<StoredRecord> records;
  /// Where the next read goes on.
  RecordIndex next_index;
  /// What the records are views of.
  std::shared_ptr<const void> memory;
};

/// Thread-safe.
class ShardReader {
 public:
  /// errors: kNotFound; kUnavailable while the shard is being made.
  static Result<std::unique_ptr<ShardReader>> Open(const std::string& folder);

  /// The first index that is not durable.
  RecordIndex end() const { return mark_->end(); }
  void WaitAbove(RecordIndex index, std::chrono::microseconds time_max) const {
    mark_->WaitAbove(index, time_max);
  }

  /// The oldest index that is kept, or end() if there is no record.
  Result<RecordIndex> Oldest();

  /// Records from `from` on, at least one if there is one, else at most records_max and bytes_max
  /// bytes of data and keys. errors: kResourceExhausted if retention dropped `from`; kCorruptData.
  Result<RecordPage> Read(RecordIndex from, int64_t records_max, int64_t bytes_max);

  /// The first kept record that arrived at or after `time`; end() if there is none.
  Result<RecordIndex> FirstSince(UtcMicros time);

  /// When the newest durable record arrived; UtcMicros(0) if there is none.
  Result<UtcMicros> NewestArrival();

 private:
  ShardReader(std::string folder, std::unique_ptr<DurableMark> mark)
      : folder_(std::move(folder)), mark_(std::move(mark)) {}

  using Index = std::shared_ptr<const SegmentIndex>;
  struct Place {
    RecordIndex segment;
    uint64_t offset = 0;
    RecordIndex segment_end;  // the first index behind the segment's durable records
  };

  Result<std::vector<RecordIndex>> Segments();
  Result<Place> Find(RecordIndex index);
  /// The segment's frames up to `end`, from memory, from its index file or by walking over it.
  Result<Index> IndexOf(RecordIndex segment, RecordIndex end);
  Result<RecordPage> ReadSegment(const Place& place, RecordIndex from, int64_t records_max,
                                 int64_t bytes_max);
  std::string PathOf(const std::string& name) const { return folder_ + '/' + name; }

  /// Where an earlier read ended: the next one begins there, mostly.
  struct Cursor {
    RecordIndex index;
    RecordIndex segment;
    uint64_t offset = 0;
  };
  static constexpr size_t kCursorsMax = 16;
  static constexpr size_t kIndexesMax = 64;

  const std::string folder_;
  const std::unique_ptr<DurableMark> mark_;

  std::mutex mutex_;  // guards the members below; not held over I/O
  std::vector<RecordIndex> segments_;
  std::vector<std::pair<RecordIndex, Index>> indexes_;  // by segment, the oldest use first
  std::vector<Cursor> cursors_;                         // the oldest use first
};

}  // namespace daypart::streamlog
