// SPDX-License-Identifier: Apache-2.0
//
// StreamState: how far a stream was taken into a sink: a position and a watermark a shard. It lies
// in the summary of the snapshot that holds the rows, so both become true in one commit: the table
// is its own checkpoint. A state that is too long for a summary is an object beside the table's
// metadata, named by the summary (docs/formats/stream-state.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "lake/table.h"

namespace daypart::ingest {

struct ShardState {
  /// Where reading goes on.
  std::string position;
  /// The shard is closed and all of it was taken.
  bool is_at_end = false;
  /// Greatest event time of its rows that was no clock's error; absent before the first.
  std::optional<UtcMicros> event_time_max;
  /// When its last record was taken; a shard without records for long holds up no watermark.
  UtcMicros taken_at;
  friend bool operator==(const ShardState&, const ShardState&) = default;
};

/// By shard id.
struct StreamState {
  std::map<std::string, ShardState> shards;
  /// Rows left out because their id was there already, and records that did not fit, in all.
  int64_t repeated_count = 0;
  int64_t quarantined_count = 0;
  /// Rows that came back from quarantine, in all.
  int64_t replayed_count = 0;
  friend bool operator==(const StreamState&, const StreamState&) = default;
};

/// The event time up to which all shards have come: the least of their greatest event times,
/// shards that took nothing for idle_ms before `now` and closed ones left out; if all are idle,
/// the greatest of all. Absent if no shard had a row.
std::optional<UtcMicros> Watermark(const StreamState& state, UtcMicros now, int64_t idle_ms);

std::string StreamStateToJson(const StreamState& state);
/// errors: kCorruptData.
Result<StreamState> StreamStateFromJson(std::string_view json);

/// Key in summaries and properties: "daypart.stream.<source>".
std::string StreamStateKey(std::string_view source);

/// What stands under the key in the newest ancestor of the table's snapshot that has it, else in
/// the table's properties; empty if nowhere. errors: of lake::CheckpointText.
Result<std::string> StreamStateText(const iceberg::TableMetadata& metadata,
                                    std::string_view source);

/// The state that the newest ancestor of the table's snapshot holds: commits of other programs
/// and compactions hold none. If it has expired, the table's property; an empty state if there
/// never was one. After a rollback it is that of the snapshot gone back to.
Result<StreamState> ReadStreamState(const lake::LakeContext& context,
                                    const iceberg::TableMetadata& metadata,
                                    std::string_view source);

/// The text of the state in a summary: itself, or the location of an object with it.
Result<std::string> WriteStreamState(const lake::LakeContext& context,
                                     const iceberg::TableMetadata& metadata,
                                     const StreamState& state);

}  // namespace daypart::ingest
