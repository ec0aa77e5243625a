// SPDX-License-Identifier: Apache-2.0
//
// The state as JSON:
//   {"version": 1, "repeated": 3, "quarantined": 0,
//    "shards": {"shard-0": {"position": "49…", "event_time_max": 1764…, "taken_at": 1764…}}}
#include "ingest/stream_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "ingest/limits.h"
#include "lake/checkpoint.h"
#include "lake/commit.h"

namespace daypart::ingest {

std::optional<UtcMicros> Watermark(const StreamState& state, UtcMicros now, int64_t idle_ms) {
  std::optional<UtcMicros> least;
  std::optional<UtcMicros> greatest;
  for (const auto& [id, shard] : state.shards) {
    if (!shard.event_time_max) continue;
    greatest = std::max(greatest.value_or(*shard.event_time_max), *shard.event_time_max);
    const bool is_idle = now.value() - shard.taken_at.value() > idle_ms * 1000;
    if (shard.is_at_end || is_idle) continue;
    least = std::min(least.value_or(*shard.event_time_max), *shard.event_time_max);
  }
  return least ? least : greatest;
}

std::string StreamStateToJson(const StreamState& state) {
  nlohmann::json shards = nlohmann::json::object();
  for (const auto& [id, shard] : state.shards) {
    nlohmann::json item{{"position", shard.position}, {"taken_at", shard.taken_at.value()}};
    if (shard.is_at_end) item["is_at_end"] = true;
    if (shard.event_time_max) item["event_time_max"] = shard.event_time_max->value();
    shards[id] = std::move(item);
  }
  nlohmann::json json{{"version", 1},
                      {"shards", std::move(shards)},
                      {"repeated", state.repeated_count},
                      {"quarantined", state.quarantined_count}};
  if (state.replayed_count > 0) json["replayed"] = state.replayed_count;
  return json.dump();
}

Result<StreamState> StreamStateFromJson(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto wrong = [](std::string_view what) {
    return CorruptData("a stream's state is expected, " + std::string(what) + " is wrong in it");
  };
  if (!json.is_object() || json.value("version", 0) != 1) return wrong("its version");
  const auto shards = json.find("shards");
  if (shards == json.end() || !shards->is_object()) return wrong("shards");
  const auto number = [](const nlohmann::json& of, const char* key) -> std::optional<int64_t> {
    const auto found = of.find(key);
    if (found == of.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<int64_t>();
  };
  StreamState state;
  state.repeated_count = number(json, "repeated").value_or(0);
  state.quarantined_count = number(json, "quarantined").value_or(0);
  state.replayed_count = number(json, "replayed").value_or(0);
  for (const auto& [id, item] : shards->items()) {
    if (!item.is_object()) return wrong("shard " + id);
    const auto position = item.find("position");
    const auto taken_at = number(item, "taken_at");
    if (position == item.end() || !position->is_string() || !taken_at) return wrong("shard " + id);
    ShardState shard{.position = position->get<std::string>(), .taken_at = UtcMicros(*taken_at)};
    const auto is_at_end = item.find("is_at_end");
    shard.is_at_end = is_at_end != item.end() && is_at_end->is_boolean() && is_at_end->get<bool>();
    if (const auto time = number(item, "event_time_max")) shard.event_time_max = UtcMicros(*time);
    state.shards.emplace(id, std::move(shard));
  }
  return state;
}

std::string StreamStateKey(std::string_view source) {
  return std::string(lake::kStreamKeyPrefix) + std::string(source);
}

Result<std::string> StreamStateText(const iceberg::TableMetadata& metadata,
                                    std::string_view source) {
  return lake::CheckpointText(metadata, StreamStateKey(source));
}

Result<StreamState> ReadStreamState(const lake::LakeContext& context,
                                    const iceberg::TableMetadata& metadata,
                                    std::string_view source) {
  const std::string key = StreamStateKey(source);
  DAYPART_TRY(const std::string text, StreamStateText(metadata, source));
  if (text.empty()) return StreamState{};
  if (!text.starts_with('{')) {
    DAYPART_TRY(const std::string object, context.store.Get(text));
    return StreamStateFromJson(object).WithContext(text);
  }
  return StreamStateFromJson(text).WithContext("table at " + metadata.location + ", " + key);
}

Result<std::string> WriteStreamState(const lake::LakeContext& context,
                                     const iceberg::TableMetadata& metadata,
                                     const StreamState& state) {
  std::string text = StreamStateToJson(state);
  if (text.size() <= kStateInSummaryBytesMax) return text;
  std::string location =
      lake::MetadataDirectory(metadata) + "/stream-" + NewUuid(context.random) + ".json";
  DAYPART_RETURN_IF_ERROR(context.store.Put(location, text, store::WriteMode::kIfAbsent));
  return location;
}

}  // namespace daypart::ingest
