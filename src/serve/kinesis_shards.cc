// SPDX-License-Identifier: Apache-2.0
//
// Actions about shards: listing, splitting, merging, scaling.
#include <algorithm>
#include <optional>

#include "serve/kinesis.h"
#include "serve/limits.h"

namespace daypart::serve {
namespace {

using nlohmann::json;
using streamlog::ShardState;
using streamlog::StreamState;

UtcMicros CreatedAt(const ShardState& shard) {
  return UtcMicros(static_cast<int64_t>(shard.epoch_s) * 1'000'000);
}

/// Which shards ListShards' filter leaves. errors: kInvalidArgument for a filter that is none.
class ShardFilter {
 public:
  static Result<ShardFilter> Parse(const json& input, const StreamState& state, UtcMicros now,
                                   bool is_cbor) {
    ShardFilter filter;
    if (!input.contains("ShardFilter")) return filter;
    const json& given = input["ShardFilter"];
    const auto type = given.at("Type").get<std::string>();
    const UtcMicros horizon(
        std::max(now.value() - state.retention_hours * 3'600'000'000, state.created.value()));
    if (type == "AFTER_SHARD_ID") {
      filter.after_ = given.at("ShardId").get<std::string>();
    } else if (type == "AT_LATEST") {
      filter.is_open_only_ = true;
    } else if (type == "AT_TRIM_HORIZON") {
      filter.at_ = horizon;
    } else if (type == "FROM_TRIM_HORIZON") {
      filter.from_ = horizon;
    } else if (type == "AT_TIMESTAMP") {
      filter.at_ = TimeOf(given.at("Timestamp"), is_cbor);
    } else if (type == "FROM_TIMESTAMP") {
      filter.from_ = TimeOf(given.at("Timestamp"), is_cbor);
    } else {
      return InvalidArgument("a ShardFilter type of the API is expected, found '" + type + "'");
    }
    return filter;
  }

  bool Keeps(const ShardState& shard) const {
    if (!after_.empty() && streamlog::ShardId(shard.number) <= after_) return false;
    if (is_open_only_) return shard.is_open();
    // A shard's epoch is whole seconds: one that was made within the second counts.
    if (at_ && CreatedAt(shard).value() / 1'000'000 > at_->value() / 1'000'000) return false;
    const auto since = at_ ? at_ : from_;
    return !since || shard.is_open() || shard.closed_at > *since;
  }

 private:
  std::string after_;
  bool is_open_only_ = false;
  std::optional<UtcMicros> at_;
  std::optional<UtcMicros> from_;
};

}  // namespace

nlohmann::json ShardJson(const ShardState& shard) {
  json range = {{"StartingSequenceNumber", ToDecimal(shard.starting_sequence())}};
  if (shard.closed_end) {
    range["EndingSequenceNumber"] = ToDecimal(shard.SequenceAt(*shard.closed_end));
  }
  json document = {{"ShardId", streamlog::ShardId(shard.number)},
                   {"HashKeyRange",
                    {{"StartingHashKey", ToDecimal(shard.range.first)},
                     {"EndingHashKey", ToDecimal(shard.range.last)}}},
                   {"SequenceNumberRange", std::move(range)}};
  if (shard.parent) document["ParentShardId"] = streamlog::ShardId(*shard.parent);
  if (shard.adjacent_parent) {
    document["AdjacentParentShardId"] = streamlog::ShardId(*shard.adjacent_parent);
  }
  return document;
}

nlohmann::json ChildShardsJson(const StreamState& state, streamlog::ShardNumber parent) {
  json children = json::array();
  for (const ShardState& shard : state.shards) {
    if (shard.parent != parent && shard.adjacent_parent != parent) continue;
    json parents = json::array();
    for (const auto& one : {shard.parent, shard.adjacent_parent}) {
      if (one) parents.push_back(streamlog::ShardId(*one));
    }
    children.push_back({{"ShardId", streamlog::ShardId(shard.number)},
                        {"ParentShards", std::move(parents)},
                        {"HashKeyRange",
                         {{"StartingHashKey", ToDecimal(shard.range.first)},
                          {"EndingHashKey", ToDecimal(shard.range.last)}}}});
  }
  return children;
}

Reply Kinesis::ListShards(const Call& call) {
  // A token is the stream and the last shard told of: "name/shardId-…".
  std::string name = StreamNameOf(call.input);
  std::string after = call.input.value("ExclusiveStartShardId", "");
  if (const std::string token = call.input.value("NextToken", ""); !token.empty()) {
    const size_t slash = token.find('/');
    if (slash == std::string::npos || !name.empty()) {
      return ServiceError{"InvalidArgumentException",
                          "NextToken and StreamName cannot be provided together, and a token is "
                          "one that ListShards gave"};
    }
    name = token.substr(0, slash);
    after = token.substr(slash + 1);
  }
  DAYPART_TRY(const StreamState state, log_.Describe(name));
  DAYPART_TRY(const auto filter,
              ShardFilter::Parse(call.input, state, clock_.Now(), call.is_cbor));
  const auto limit = static_cast<size_t>(
      std::clamp<int64_t>(call.input.value("MaxResults", int64_t{1000}), 1, 10'000));
  json reply = {{"Shards", json::array()}};
  for (const ShardState& shard : state.shards) {
    if (streamlog::ShardId(shard.number) <= after || !filter.Keeps(shard)) continue;
    if (reply["Shards"].size() == limit) {
      reply["NextToken"] = name + '/' + reply["Shards"].back()["ShardId"].get<std::string>();
      break;
    }
    reply["Shards"].push_back(ShardJson(shard));
  }
  return reply;
}

Reply Kinesis::SplitShard(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_RETURN_IF_ERROR(log_.Describe(name));
  DAYPART_TRY(const auto shard,
              streamlog::ParseShardId(call.input.at("ShardToSplit").get<std::string>()));
  DAYPART_TRY(const auto key,
              streamlog::ParseHashKey(call.input.at("NewStartingHashKey").get<std::string>()));
  DAYPART_RETURN_IF_ERROR(log_.Split(name, shard, key));
  return Done();
}

Reply Kinesis::MergeShards(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_RETURN_IF_ERROR(log_.Describe(name));
  DAYPART_TRY(const auto left,
              streamlog::ParseShardId(call.input.at("ShardToMerge").get<std::string>()));
  DAYPART_TRY(const auto right,
              streamlog::ParseShardId(call.input.at("AdjacentShardToMerge").get<std::string>()));
  DAYPART_RETURN_IF_ERROR(log_.Merge(name, left, right));
  return Done();
}

Reply Kinesis::UpdateShardCount(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const StreamState state, log_.Describe(name));
  const auto target = call.input.at("TargetShardCount").get<int64_t>();
  const auto scaling = call.input.at("ScalingType").get<std::string>();
  if (scaling != "UNIFORM_SCALING") {
    return ValidationError(scaling, "scalingType",
                           "Member must satisfy enum value set: [UNIFORM_SCALING]");
  }
  if (target < 1) {
    return ValidationError(std::to_string(target), "targetShardCount",
                           "Member must have value greater than or equal to 1");
  }
  const auto current = static_cast<int64_t>(state.OpenShards().size());
  const std::string counts = " Current open shard count: " + std::to_string(current) +
                             " Target shard count: " + std::to_string(target);
  if (target > current * 2) {
    return ServiceError{"InvalidArgumentException",
                        "UpdateShardCount cannot scale up over double your current open shard "
                        "count." + counts};
  }
  if (target < (current + 1) / 2) {
    return ServiceError{"InvalidArgumentException",
                        "UpdateShardCount cannot scale down below half your current open shard "
                        "count." + counts};
  }
  DAYPART_RETURN_IF_ERROR(log_.UpdateShardCount(name, static_cast<size_t>(target)));
  return json{{"StreamName", name},
              {"StreamARN", ArnOf(name)},
              {"CurrentShardCount", current},
              {"TargetShardCount", target}};
}

}  // namespace daypart::serve
