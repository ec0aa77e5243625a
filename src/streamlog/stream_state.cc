// SPDX-License-Identifier: Apache-2.0
//
// Stream names, shard ids and the planning of splits and merges.
#include "streamlog/stream_state.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

namespace daypart::streamlog {
namespace {

constexpr std::string_view kShardPrefix = "shardId-";

/// Later than the parents were made, even within one second.
uint64_t NextEpoch(const std::vector<const ShardState*>& parents, UtcMicros now) {
  uint64_t epoch_s = static_cast<uint64_t>(std::max<int64_t>(now.value(), 0)) / 1'000'000;
  for (const ShardState* parent : parents) epoch_s = std::max(epoch_s, parent->epoch_s + 1);
  return epoch_s;
}

Result<const ShardState*> FindOpen(const StreamState& state, ShardNumber number) {
  const ShardState* shard = state.Find(number);
  if (shard == nullptr) return NotFound("shard " + ShardId(number) + " does not exist");
  if (!shard->is_open()) return InvalidArgument("shard " + ShardId(number) + " is closed");
  return shard;
}

}  // namespace

std::string ShardId(ShardNumber number) {
  char id[32];
  std::snprintf(id, sizeof(id), "shardId-%012u", number.value());
  return id;
}

Result<ShardNumber> ParseShardId(std::string_view id) {
  uint32_t number = 0;
  if (id.size() == kShardPrefix.size() + 12 && id.starts_with(kShardPrefix)) {
    const char* end = id.data() + id.size();
    const auto parsed = std::from_chars(id.data() + kShardPrefix.size(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) return ShardNumber(number);
  }
  return InvalidArgument("a shard id as shardId-000000000000 is expected, found '" +
                         std::string(id.substr(0, 128)) + "'");
}

Status CheckStreamName(std::string_view name) {
  const bool is_fine =
      !name.empty() && name.size() <= 128 && name[0] != '.' &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
      });
  if (is_fine) return Ok();
  return InvalidArgument("a stream name of 1 to 128 letters, digits, '_', '-' and '.' that does "
                         "not begin with a dot is expected, found '" +
                         std::string(name.substr(0, 140)) + "'");
}

const ShardState* StreamState::Find(ShardNumber number) const {
  const auto found = std::lower_bound(
      shards.begin(), shards.end(), number,
      [](const ShardState& shard, ShardNumber wanted) { return shard.number < wanted; });
  return found != shards.end() && found->number == number ? &*found : nullptr;
}

std::vector<const ShardState*> StreamState::OpenShards() const {
  std::vector<const ShardState*> open;
  for (const ShardState& shard : shards) {
    if (shard.is_open()) open.push_back(&shard);
  }
  std::sort(open.begin(), open.end(), [](const ShardState* left, const ShardState* right) {
    return left->range.first < right->range.first;
  });
  return open;
}

void AddEvenShards(StreamState& state, size_t count, UtcMicros now) {
  for (size_t i = 0; i < count; ++i) {
    ShardState shard;
    shard.number = ShardNumber(state.next_shard++);
    shard.epoch_s = NextEpoch({}, now);
    shard.range = EvenRange(i, count);
    state.shards.push_back(shard);
  }
}

Result<ReshardPlan> PlanSplit(const StreamState& state, ShardNumber number, HashKey second_starts,
                              UtcMicros now) {
  DAYPART_TRY(const ShardState* shard, FindOpen(state, number));
  if (second_starts <= shard->range.first || second_starts > shard->range.last) {
    return InvalidArgument("NewStartingHashKey " + ToDecimal(second_starts) +
                           " used in SplitShard() on shard " + ShardId(number) +
                           " is not both greater than one plus the shard's StartingHashKey " +
                           ToDecimal(shard->range.first) + " and less than the shard's "
                           "EndingHashKey " + ToDecimal(shard->range.last));
  }
  ReshardPlan plan;
  plan.parents = {number};
  ShardState child;
  child.epoch_s = NextEpoch({shard}, now);
  child.parent = number;
  child.number = ShardNumber(state.next_shard);
  child.range = {shard->range.first, HashKey{second_starts.value - 1}};
  plan.children.push_back(child);
  child.number = ShardNumber(state.next_shard + 1);
  child.range = {second_starts, shard->range.last};
  plan.children.push_back(child);
  return plan;
}

Result<ReshardPlan> PlanMerge(const StreamState& state, ShardNumber left, ShardNumber right,
                              UtcMicros now) {
  DAYPART_TRY(const ShardState* one, FindOpen(state, left));
  DAYPART_TRY(const ShardState* two, FindOpen(state, right));
  const auto follows = [](const ShardState& low, const ShardState& high) {
    return low.range.last != kHashKeyMax && low.range.last.value + 1 == high.range.first.value;
  };
  if (!follows(*one, *two) && !follows(*two, *one)) {
    return InvalidArgument("shards " + ShardId(left) + " and " + ShardId(right) +
                           " are not adjacent");
  }
  ReshardPlan plan;
  plan.parents = {left, right};
  ShardState child;
  child.number = ShardNumber(state.next_shard);
  child.epoch_s = NextEpoch({one, two}, now);
  child.parent = left;
  child.adjacent_parent = right;
  child.range = {std::min(one->range.first, two->range.first),
                 std::max(one->range.last, two->range.last)};
  plan.children.push_back(child);
  return plan;
}

std::optional<ReshardPlan> PlanTowards(const StreamState& state, size_t count, UtcMicros now) {
  std::set<HashKey> wanted;
  for (size_t i = 0; i < count; ++i) wanted.insert(EvenRange(i, count).first);
  const auto open = state.OpenShards();
  // Splits first: so that no shard is merged over a boundary that a later split needs.
  for (const ShardState* shard : open) {
    const auto inside = wanted.upper_bound(shard->range.first);
    if (inside == wanted.end() || *inside > shard->range.last) continue;
    auto plan = PlanSplit(state, shard->number, *inside, now);
    if (plan) return std::move(plan).value();
  }
  for (size_t i = 1; i < open.size(); ++i) {
    if (wanted.contains(open[i]->range.first)) continue;
    auto plan = PlanMerge(state, open[i - 1]->number, open[i]->number, now);
    if (plan) return std::move(plan).value();
  }
  return std::nullopt;
}

void ApplyReshard(StreamState& state, const ReshardPlan& plan,
                  const std::vector<RecordIndex>& ends, UtcMicros now) {
  for (ShardState& shard : state.shards) {
    for (size_t i = 0; i < plan.parents.size(); ++i) {
      if (shard.number != plan.parents[i]) continue;
      shard.closed_end = ends[i];
      shard.closed_at = now;
    }
  }
  for (const ShardState& child : plan.children) {
    state.shards.push_back(child);
    state.next_shard = std::max(state.next_shard, child.number.value() + 1);
  }
}

}  // namespace daypart::streamlog
