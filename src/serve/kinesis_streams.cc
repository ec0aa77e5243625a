// SPDX-License-Identifier: Apache-2.0
//
// Actions about streams as a whole: making, deleting, describing, retention, tags, monitoring.
#include <algorithm>
#include <set>

#include "serve/kinesis.h"
#include "serve/limits.h"
#include "streamlog/limits.h"

namespace daypart::serve {
namespace {

using nlohmann::json;
using streamlog::StreamState;

constexpr size_t kTagKeyCharactersMax = 128;
constexpr size_t kTagValueCharactersMax = 256;

constexpr const char* kShardMetrics[] = {"IncomingBytes",
                                         "IncomingRecords",
                                         "OutgoingBytes",
                                         "OutgoingRecords",
                                         "WriteProvisionedThroughputExceeded",
                                         "ReadProvisionedThroughputExceeded",
                                         "IteratorAgeMilliseconds"};

/// A member that says how many, from 1 to what the service allows.
size_t CountOf(const json& input, const char* member, int64_t standard) {
  return static_cast<size_t>(std::clamp<int64_t>(input.value(member, standard), 1, 10'000));
}

Status AddTagsTo(StreamState& state, const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > kTagKeyCharactersMax || value.size() > kTagValueCharactersMax) {
      return InvalidArgument("a tag's key of 1 to 128 characters and value of up to 256 is "
                             "expected, found '" + key.substr(0, kTagKeyCharactersMax) + "'");
    }
    state.tags[key] = value;
  }
  if (state.tags.size() > streamlog::kTagsMax) {
    return InvalidArgument("a stream may have " + std::to_string(streamlog::kTagsMax) + " tags");
  }
  return Ok();
}

Status RemoveTagsOf(StreamState& state, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) state.tags.erase(key);
  return Ok();
}

}  // namespace

nlohmann::json Kinesis::StreamJson(const std::string& name, const StreamState& state,
                                   bool is_cbor) const {
  return {{"StreamName", name},
          {"StreamARN", ArnOf(name)},
          {"StreamStatus", "ACTIVE"},
          {"StreamModeDetails", {{"StreamMode", state.is_on_demand ? "ON_DEMAND" : "PROVISIONED"}}},
          {"RetentionPeriodHours", state.retention_hours},
          {"StreamCreationTimestamp", TimeJson(state.created, is_cbor)},
          {"EncryptionType", "NONE"},
          {"EnhancedMonitoring", {{{"ShardLevelMetrics", state.shard_level_metrics}}}}};
}

Reply Kinesis::CreateStream(const Call& call) {
  const std::string name = call.input.value("StreamName", "");
  if (!streamlog::CheckStreamName(name)) {
    return ValidationError(name, "streamName",
                           "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
  }
  const std::string mode =
      call.input.value("StreamModeDetails", json::object()).value("StreamMode", "PROVISIONED");
  if (mode != "PROVISIONED" && mode != "ON_DEMAND") {
    return ValidationError(mode, "streamModeDetails.streamMode",
                           "Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]");
  }
  const bool is_on_demand = mode == "ON_DEMAND";
  if (!is_on_demand && !call.input.contains("ShardCount")) {
    return ServiceError{"InvalidArgumentException",
                        "ShardCount is expected for a stream of mode PROVISIONED"};
  }
  const int64_t count = is_on_demand ? 4 : call.input["ShardCount"].get<int64_t>();
  if (count < 1) {
    return ValidationError(std::to_string(count), "shardCount",
                           "Member must have value greater than or equal to 1");
  }
  DAYPART_RETURN_IF_ERROR(log_.CreateStream(name, static_cast<size_t>(count), is_on_demand));
  if (call.input.contains("Tags")) {
    const auto tags = call.input["Tags"].get<std::map<std::string, std::string>>();
    DAYPART_RETURN_IF_ERROR(
        log_.Change(name, [&](StreamState& state) { return AddTagsTo(state, tags); }));
  }
  return Done();
}

Reply Kinesis::DeleteStream(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const StreamState state, log_.Describe(name));
  if (!state.consumers.empty() && !call.input.value("EnforceConsumerDeletion", false)) {
    return ServiceError{"ResourceInUseException",
                        "Stream " + name + " has registered consumers; EnforceConsumerDeletion "
                        "deletes them with it"};
  }
  DAYPART_RETURN_IF_ERROR(log_.DeleteStream(name));
  return Done();
}

Reply Kinesis::DescribeStream(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const StreamState state, log_.Describe(name));
  json stream = StreamJson(name, state, call.is_cbor);
  const size_t limit = CountOf(call.input, "Limit", 100);
  const std::string after = call.input.value("ExclusiveStartShardId", "");
  stream["Shards"] = json::array();
  stream["HasMoreShards"] = false;
  for (const auto& shard : state.shards) {
    if (streamlog::ShardId(shard.number) <= after) continue;
    if (stream["Shards"].size() == limit) {
      stream["HasMoreShards"] = true;
      break;
    }
    stream["Shards"].push_back(ShardJson(shard));
  }
  return json{{"StreamDescription", std::move(stream)}};
}

Reply Kinesis::DescribeStreamSummary(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const StreamState state, log_.Describe(name));
  json stream = StreamJson(name, state, call.is_cbor);
  stream["OpenShardCount"] = state.OpenShards().size();
  stream["ConsumerCount"] = state.consumers.size();
  return json{{"StreamDescriptionSummary", std::move(stream)}};
}

Reply Kinesis::ListStreams(const Call& call) {
  const size_t limit = CountOf(call.input, "Limit", 100);
  const std::string after = call.input.value(
      "ExclusiveStartStreamName", call.input.value("NextToken", std::string()));
  json reply = {{"StreamNames", json::array()},
                {"StreamSummaries", json::array()},
                {"HasMoreStreams", false}};
  for (const std::string& name : log_.ListStreams()) {
    if (name <= after) continue;
    if (reply["StreamNames"].size() == limit) {
      reply["HasMoreStreams"] = true;
      reply["NextToken"] = reply["StreamNames"].back();
      break;
    }
    const auto state = log_.Describe(name);
    if (!state) continue;
    reply["StreamNames"].push_back(name);
    json summary = StreamJson(name, *state, call.is_cbor);
    for (const char* key : {"RetentionPeriodHours", "EncryptionType", "EnhancedMonitoring"}) {
      summary.erase(key);
    }
    reply["StreamSummaries"].push_back(std::move(summary));
  }
  return reply;
}

Reply Kinesis::IncreaseRetention(const Call& call) {
  const auto hours = call.input.at("RetentionPeriodHours").get<int64_t>();
  DAYPART_RETURN_IF_ERROR(log_.Change(StreamNameOf(call.input), [&](StreamState& state) -> Status {
    if (hours < state.retention_hours || hours > kRetentionHoursMax) {
      return InvalidArgument("a retention of " + std::to_string(state.retention_hours) + " to " +
                             std::to_string(kRetentionHoursMax) + " hours is expected, found " +
                             std::to_string(hours));
    }
    state.retention_hours = hours;
    return Ok();
  }));
  return Done();
}

Reply Kinesis::DecreaseRetention(const Call& call) {
  const auto hours = call.input.at("RetentionPeriodHours").get<int64_t>();
  DAYPART_RETURN_IF_ERROR(log_.Change(StreamNameOf(call.input), [&](StreamState& state) -> Status {
    if (hours > state.retention_hours || hours < kRetentionHoursMin) {
      return InvalidArgument("a retention of " + std::to_string(kRetentionHoursMin) + " to " +
                             std::to_string(state.retention_hours) + " hours is expected, found " +
                             std::to_string(hours));
    }
    state.retention_hours = hours;
    return Ok();
  }));
  return Done();
}

Reply Kinesis::AddTags(const Call& call) {
  const auto tags = call.input.at("Tags").get<std::map<std::string, std::string>>();
  DAYPART_RETURN_IF_ERROR(log_.Change(StreamNameOf(call.input), [&](StreamState& state) {
    return AddTagsTo(state, tags);
  }));
  return Done();
}

Reply Kinesis::RemoveTags(const Call& call) {
  const auto keys = call.input.at("TagKeys").get<std::vector<std::string>>();
  DAYPART_RETURN_IF_ERROR(log_.Change(StreamNameOf(call.input), [&](StreamState& state) {
    return RemoveTagsOf(state, keys);
  }));
  return Done();
}

Reply Kinesis::ListTags(const Call& call) {
  DAYPART_TRY(const StreamState state, log_.Describe(StreamNameOf(call.input)));
  const size_t limit = CountOf(call.input, "Limit", streamlog::kTagsMax);
  const std::string after = call.input.value("ExclusiveStartTagKey", "");
  json reply = {{"Tags", json::array()}, {"HasMoreTags", false}};
  for (const auto& [key, value] : state.tags) {
    if (key <= after) continue;
    if (reply["Tags"].size() == limit) {
      reply["HasMoreTags"] = true;
      break;
    }
    reply["Tags"].push_back({{"Key", key}, {"Value", value}});
  }
  return reply;
}

Reply Kinesis::TagResource(const Call& call) { return AddTags(call); }
Reply Kinesis::UntagResource(const Call& call) { return RemoveTags(call); }

Reply Kinesis::ListTagsForResource(const Call& call) {
  DAYPART_TRY(const StreamState state, log_.Describe(StreamNameOf(call.input)));
  json reply = {{"Tags", json::array()}};
  for (const auto& [key, value] : state.tags) {
    reply["Tags"].push_back({{"Key", key}, {"Value", value}});
  }
  return reply;
}

Reply Kinesis::UpdateStreamMode(const Call& call) {
  const auto mode = call.input.at("StreamModeDetails").at("StreamMode").get<std::string>();
  if (mode != "PROVISIONED" && mode != "ON_DEMAND") {
    return ValidationError(mode, "streamModeDetails.streamMode",
                           "Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]");
  }
  DAYPART_RETURN_IF_ERROR(log_.Change(StreamNameOf(call.input), [&](StreamState& state) {
    state.is_on_demand = mode == "ON_DEMAND";
    return Ok();
  }));
  return Done();
}

Reply Kinesis::EnableMonitoring(const Call& call) { return ChangeMonitoring(call, true); }
Reply Kinesis::DisableMonitoring(const Call& call) { return ChangeMonitoring(call, false); }

Reply Kinesis::ChangeMonitoring(const Call& call, bool is_on) {
  const std::string name = StreamNameOf(call.input);
  std::set<std::string> named;
  for (const auto& metric : call.input.at("ShardLevelMetrics")) {
    const auto text = metric.get<std::string>();
    const bool is_known = std::find(std::begin(kShardMetrics), std::end(kShardMetrics), text) !=
                          std::end(kShardMetrics);
    if (!is_known && text != "ALL") {
      return ValidationError(text, "shardLevelMetrics", "Member must be a known metric or ALL");
    }
    if (is_known) named.insert(text);
    if (text == "ALL") named.insert(std::begin(kShardMetrics), std::end(kShardMetrics));
  }
  std::vector<std::string> before;
  std::vector<std::string> after;
  DAYPART_RETURN_IF_ERROR(log_.Change(name, [&](StreamState& state) {
    before = state.shard_level_metrics;
    std::set<std::string> metrics(before.begin(), before.end());
    for (const std::string& metric : named) {
      if (is_on) {
        metrics.insert(metric);
      } else {
        metrics.erase(metric);
      }
    }
    after.assign(metrics.begin(), metrics.end());
    state.shard_level_metrics = after;
    return Ok();
  }));
  return json{{"StreamName", name},
              {"StreamARN", ArnOf(name)},
              {"CurrentShardLevelMetrics", before},
              {"DesiredShardLevelMetrics", after}};
}

Reply Kinesis::DescribeLimits(const Call&) {
  size_t open = 0;
  size_t on_demand = 0;
  for (const std::string& name : log_.ListStreams()) {
    const auto state = log_.Describe(name);
    if (!state) continue;
    open += state->OpenShards().size();
    on_demand += state->is_on_demand ? 1 : 0;
  }
  return json{{"ShardLimit", streamlog::kStreamsMax * streamlog::kShardsMax},
              {"OpenShardCount", open},
              {"OnDemandStreamCount", on_demand},
              {"OnDemandStreamCountLimit", streamlog::kStreamsMax}};
}

}  // namespace daypart::serve
