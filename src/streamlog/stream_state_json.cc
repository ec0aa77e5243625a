// SPDX-License-Identifier: Apache-2.0
//
// stream.json: a StreamState as a document. Its fields are told in docs/formats/stream-log.md.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "streamlog/stream_state.h"

namespace daypart::streamlog {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::string HexOf(const StreamId& id) {
  std::string text;
  for (const uint8_t byte : id) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", byte);
    text += two;
  }
  return text;
}

Result<StreamId> ParseHex(const std::string& text) {
  StreamId id{};
  if (text.size() != 2 * id.size() ||
      text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return CorruptData("a stream id of 32 hexadecimal digits is expected, found '" + text + "'");
  }
  for (size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  }
  return id;
}

json ShardJson(const ShardState& shard) {
  json document = {{"number", shard.number.value()},
                   {"epoch_s", shard.epoch_s},
                   {"first_hash_key", ToDecimal(shard.range.first)},
                   {"last_hash_key", ToDecimal(shard.range.last)}};
  if (shard.parent) document["parent"] = shard.parent->value();
  if (shard.adjacent_parent) document["adjacent_parent"] = shard.adjacent_parent->value();
  if (shard.closed_end) {
    document["closed_end"] = shard.closed_end->value();
    document["closed_at_us"] = shard.closed_at.value();
  }
  return document;
}

Result<ShardState> ParseShard(const json& document) {
  ShardState shard;
  shard.number = ShardNumber(document.at("number").get<uint32_t>());
  shard.epoch_s = document.at("epoch_s").get<uint64_t>();
  DAYPART_TRY(shard.range.first, ParseHashKey(document.at("first_hash_key").get<std::string>()));
  DAYPART_TRY(shard.range.last, ParseHashKey(document.at("last_hash_key").get<std::string>()));
  if (document.contains("parent")) shard.parent = ShardNumber(document["parent"].get<uint32_t>());
  if (document.contains("adjacent_parent")) {
    shard.adjacent_parent = ShardNumber(document["adjacent_parent"].get<uint32_t>());
  }
  if (document.contains("closed_end")) {
    shard.closed_end = RecordIndex(document["closed_end"].get<uint64_t>());
    shard.closed_at = UtcMicros(document.at("closed_at_us").get<int64_t>());
  }
  return shard;
}

Result<StreamState> FromDocument(const json& document) {
  const int version = document.at("version").get<int>();
  if (version != kVersion) {
    return Unsupported("stream.json version 1 is expected, found " + std::to_string(version));
  }
  StreamState state;
  DAYPART_TRY(state.id, ParseHex(document.at("id").get<std::string>()));
  state.created = UtcMicros(document.at("created_us").get<int64_t>());
  state.retention_hours = document.at("retention_hours").get<int64_t>();
  state.is_on_demand = document.at("is_on_demand").get<bool>();
  state.next_shard = document.at("next_shard").get<uint32_t>();
  state.tags = document.at("tags").get<std::map<std::string, std::string>>();
  state.shard_level_metrics =
      document.at("shard_level_metrics").get<std::vector<std::string>>();
  for (const json& shard : document.at("shards")) {
    DAYPART_TRY(auto parsed, ParseShard(shard));
    if (!state.shards.empty() && !(state.shards.back().number < parsed.number)) {
      return CorruptData("shards are expected in the order of their numbers");
    }
    state.shards.push_back(std::move(parsed));
  }
  for (const json& consumer : document.at("consumers")) {
    state.consumers.push_back({consumer.at("name").get<std::string>(),
                               UtcMicros(consumer.at("created_us").get<int64_t>())});
  }
  return state;
}

}  // namespace

std::string ToJson(const StreamState& state) {
  json document = {{"version", kVersion},
                   {"id", HexOf(state.id)},
                   {"created_us", state.created.value()},
                   {"retention_hours", state.retention_hours},
                   {"is_on_demand", state.is_on_demand},
                   {"next_shard", state.next_shard},
                   {"tags", state.tags},
                   {"shard_level_metrics", state.shard_level_metrics},
                   {"shards", json::array()},
                   {"consumers", json::array()}};
  for (const ShardState& shard : state.shards) document["shards"].push_back(ShardJson(shard));
  for (const ConsumerState& consumer : state.consumers) {
    document["consumers"].push_back(
        {{"name", consumer.name}, {"created_us", consumer.created.value()}});
  }
  return document.dump(1) + '\n';
}

Result<StreamState> ParseStreamState(std::string_view text) {
  try {
    return FromDocument(json::parse(text));
  } catch (const json::exception& exception) {
    return CorruptData(std::string("stream.json: ") + exception.what());
  }
}

}  // namespace daypart::streamlog
