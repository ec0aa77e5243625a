// SPDX-License-Identifier: Apache-2.0
//
// StreamState: what a stream is besides its records, as kept in its file stream.json: shards with
// their ranges and parents, retention, tags, consumers. Pure values; resharding is planned here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "streamlog/hash_key.h"
#include "streamlog/ids.h"
#include "streamlog/segment_format.h"
#include "streamlog/sequence_number.h"

namespace daypart::streamlog {

struct ShardState {
  ShardNumber number;
  /// Seconds since 1970 when it was made; higher than its parents'.
  uint64_t epoch_s = 0;
  HashKeyRange range;
  std::optional<ShardNumber> parent;
  /// The second one of a merge.
  std::optional<ShardNumber> adjacent_parent;
  /// Behind its last record; absent while it is open.
  std::optional<RecordIndex> closed_end;
  UtcMicros closed_at;

  bool is_open() const { return !closed_end.has_value(); }
  /// Below every record's number and above every one of its parents'.
  SequenceNumber starting_sequence() const { return {epoch_s, RecordIndex(0), number}; }
  SequenceNumber SequenceAt(RecordIndex index) const { return {epoch_s, index, number}; }
};

/// "shardId-000000000007".
std::string ShardId(ShardNumber number);
/// errors: kInvalidArgument.
Result<ShardNumber> ParseShardId(std::string_view id);

struct ConsumerState {
  std::string name;
  UtcMicros created;
};

struct StreamState {
  StreamId id{};
  UtcMicros created;
  int64_t retention_hours = 24;
  bool is_on_demand = false;
  uint32_t next_shard = 0;
  std::vector<ShardState> shards;  // by number
  std::map<std::string, std::string> tags;
  std::vector<ConsumerState> consumers;
  std::vector<std::string> shard_level_metrics;

  const ShardState* Find(ShardNumber number) const;
  /// By hash key.
  std::vector<const ShardState*> OpenShards() const;
};

std::string ToJson(const StreamState& state);
/// errors: kCorruptData; kUnsupported for a later version.
Result<StreamState> ParseStreamState(std::string_view json);

/// One to 128 letters, digits, '_', '.' and '-'; not "." or "..", nor beginning with a dot.
Status CheckStreamName(std::string_view name);

/// Open shards of equal ranges, numbered from state.next_shard on.
void AddEvenShards(StreamState& state, size_t count, UtcMicros now);

/// A step of resharding: the parents close, the children open. Applying it needs the parents' ends.
struct ReshardPlan {
  std::vector<ShardNumber> parents;
  std::vector<ShardState> children;
};

/// errors: kNotFound; kInvalidArgument if the key is not inside the range or at its beginning, or
///   the shard is closed.
Result<ReshardPlan> PlanSplit(const StreamState& state, ShardNumber shard, HashKey second_starts,
                              UtcMicros now);

/// errors: kNotFound; kInvalidArgument if they are not neighbours or one is closed.
Result<ReshardPlan> PlanMerge(const StreamState& state, ShardNumber left, ShardNumber right,
                              UtcMicros now);

/// The next step towards `count` even shards; nothing when there is no more to do. A boundary of
/// the even cut is split in where it is missing, a boundary that is no part of it is merged away.
std::optional<ReshardPlan> PlanTowards(const StreamState& state, size_t count, UtcMicros now);

/// `ends` are the parents', in the plan's order.
void ApplyReshard(StreamState& state, const ReshardPlan& plan,
                  const std::vector<RecordIndex>& ends, UtcMicros now);

}  // namespace daypart::streamlog
