// SPDX-License-Identifier: Apache-2.0
//
// RecordSource: ordered records with positions, in shards, as a stream has them. The local log,
// Amazon Kinesis and folders that keep receiving files are all sources; the ingest engine is what
// takes from them. A source keeps no state of its readers: they come back with a position.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace daypart::source {

/// A part of a stream whose records are in one order.
struct Shard {
  std::string id;
  /// Shards that it came from by a split or a merge: they are to be read to their end first.
  std::vector<std::string> parent_ids;
  /// No record will be added any more.
  bool is_closed = false;
};

/// One record; the views are of the run that holds it.
struct Record {
  std::string_view data;
  std::string_view partition_key;
  /// Where it stands in its shard, in the source's own form (a Kinesis sequence number, a byte
  /// offset). Equal only for the same record.
  std::string_view position;
  UtcMicros arrival;
};

/// Records of one shard that follow each other.
struct RecordRun {
  std::vector<Record> records;
  /// Behind the last record: where the next Read goes on. Set even if there is no record.
  std::string next_position;
  /// The shard is closed and this was its last run.
  bool is_at_end = false;
  /// next_position is to be kept although there is no record: it tells more than the one before.
  bool is_news = false;
  /// Records behind the run that the source is known to hold; absent where it cannot tell.
  std::optional<int64_t> behind_count;
  /// Milliseconds from the run's last record to the shard's newest one; 0 at its tip.
  int64_t behind_ms = 0;
  /// Owns the bytes that the views are of; shared, because a source may hand out pages of a cache.
  std::shared_ptr<const void> bytes;
};

/// Text records as they lie in a file, for sources that have them so: they reach the decoder as
/// they are, without work a record.
struct LineRun {
  /// Whole records, each but the last ended by a line end.
  std::string text;
  /// Of text[0]; equal only for the same bytes.
  std::string position;
  std::string next_position;
  /// What a reader of messages looks for: the file, and which content of it.
  std::string file;
  std::string file_version;
  uint64_t byte_offset = 0;  // of text[0] in the decompressed file
  /// CSV: the file's columns, and whether text begins with their header; null for JSON lines.
  /// Shared by the runs of a file.
  std::shared_ptr<const std::vector<std::string>> csv_columns;
  char csv_delimiter = ',';
  bool has_header = false;
  /// The last record was longer than a record may be and its rest is left out.
  bool is_cut = false;
};

/// Where a reader without a position begins.
enum class StartPosition { kOldest, kNewest };

struct ReadLimits {
  int64_t records_max = 10'000;
  int64_t bytes_max = int64_t{8} << 20;
  /// How long Read may wait for a first record; 0: not at all.
  int64_t wait_ms = 0;
};

/// Thread-safe.
class RecordSource {
 public:
  virtual ~RecordSource() = default;

  /// What the source calls itself in positions and messages: "log:clicks", "kinesis:clicks".
  virtual std::string name() const = 0;
  /// All shards whose records are still kept, parents first. errors: kNotFound; kUnavailable.
  virtual Result<std::vector<Shard>> ListShards() = 0;
  /// errors: kNotFound for an unknown shard.
  virtual Result<std::string> PositionOf(const std::string& shard_id, StartPosition start) = 0;
  /// The records from `position` on (that of an earlier run's next_position, or of PositionOf).
  /// errors: kNotFound if the shard is unknown; kInvalidArgument for a position of another form;
  ///   kCorruptData; kUnavailable for passing trouble; kResourceExhausted if records at the
  ///   position are no longer kept, with how many positions were lost where that is known.
  virtual Result<RecordRun> Read(const std::string& shard_id, const std::string& position,
                                 const ReadLimits& limits) = 0;
  /// A shard that was not read to its end is no longer listed. errors: kResourceExhausted if
  /// records behind `position` may be lost with it.
  virtual Status CheckGone(const std::string& shard_id, const std::string& position) {
    (void)shard_id, (void)position;
    return Ok();
  }
  /// Whether Read is to be left and ReadLines used instead.
  virtual bool has_lines() const { return false; }
  /// As Read. nullopt if there is nothing to read at the moment.
  virtual Result<std::optional<LineRun>> ReadLines(const std::string& shard_id,
                                                   const std::string& position,
                                                   const ReadLimits& limits) {
    (void)shard_id, (void)position, (void)limits;
    return std::optional<LineRun>();  // Not asked without has_lines.
  }
  /// Records are there that Read will give only later, without anything being added meanwhile.
  virtual bool has_unsettled() { return false; }
  /// Whether PositionOf and ListShards ask memory or small files alone, and can so be asked for
  /// each query.
  virtual bool knows_end() const { return false; }
  /// Which of two positions of a shard comes first: < 0, 0 or > 0, as strcmp.
  virtual int ComparePositions(std::string_view left, std::string_view right) const = 0;
};

}  // namespace daypart::source
