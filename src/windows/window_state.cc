// SPDX-License-Identifier: Apache-2.0
//
// The state as JSON:
//   {"version": 1, "definition": "9c1f…", "source_uuid": "…", "snapshot_id": 123,
//    "watermark": 1764…, "late": 0}
#include "windows/window_state.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/calendar.h"
#include "ingest/stream_state.h"
#include "lake/checkpoint.h"

namespace daypart::windows {
namespace {

/// Early enough for all times, and sums with it do not overflow.
constexpr int64_t kBeforeAll = std::numeric_limits<int64_t>::min() / 2;

std::string Text(int64_t micros) { return FormatTimestampMicros(micros, /*with_zone=*/true); }

}  // namespace

Result<std::string> StateText(const iceberg::TableMetadata& target) {
  return lake::CheckpointText(target, kStateKey);
}

std::string StateToJson(const WindowState& state) {
  nlohmann::json json{{"version", 1},
                      {"definition", state.fingerprint},
                      {"source_uuid", state.source_uuid},
                      {"snapshot_id", state.snapshot_id.value()},
                      {"late", state.late_rows}};
  if (state.watermark) json["watermark"] = state.watermark->value();
  return json.dump();
}

Result<WindowState> StateFromJson(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto has_text = [&](const char* key) {
    return json.contains(key) && json[key].is_string();
  };
  const auto has_number = [&](const char* key) {
    return json.contains(key) && json[key].is_number_integer();
  };
  const bool is_whole = json.is_object() && has_number("version") && json["version"] == 1 &&
                        has_text("definition") && has_text("source_uuid") &&
                        has_number("snapshot_id") && has_number("late");
  if (!is_whole) return CorruptData("a window's state is expected, found: " + text.substr(0, 200));
  WindowState state{.fingerprint = json["definition"],
                    .source_uuid = json["source_uuid"],
                    .snapshot_id = iceberg::SnapshotId(json["snapshot_id"].get<int64_t>()),
                    .watermark = std::nullopt,
                    .late_rows = json["late"].get<int64_t>()};
  if (has_number("watermark")) state.watermark = UtcMicros(json["watermark"].get<int64_t>());
  return state;
}

std::map<std::string, std::string> StateEntries(const WindowState& state, int64_t lateness_micros) {
  std::map<std::string, std::string> entries{{kStateKey, StateToJson(state)}};
  if (state.watermark) {
    entries[kWatermarkKey] = Text(state.watermark->value());
    entries[kFinalUntilKey] = Text(FloorOf(state, lateness_micros));
  }
  return entries;
}

int64_t FloorOf(const WindowState& state, int64_t lateness_micros) {
  return state.watermark ? state.watermark->value() - lateness_micros : kBeforeAll;
}

bool has_streams(const iceberg::TableMetadata& source) {
  const auto first = source.properties.lower_bound(std::string(lake::kStreamKeyPrefix));
  return first != source.properties.end() && first->first.starts_with(lake::kStreamKeyPrefix);
}

Result<std::optional<UtcMicros>> StreamWatermark(const lake::LakeContext& context,
                                                 const iceberg::TableMetadata& source,
                                                 UtcMicros now, int64_t idle_ms) {
  // Shards of all streams that write to the table, as if they were one's.
  ingest::StreamState all;
  for (const auto& [key, value] : source.properties) {
    if (!key.starts_with(lake::kStreamKeyPrefix)) continue;
    const std::string name = key.substr(lake::kStreamKeyPrefix.size());
    DAYPART_TRY(const auto state, ingest::ReadStreamState(context, source, name));
    for (const auto& [id, shard] : state.shards) all.shards.emplace(name + '/' + id, shard);
  }
  return ingest::Watermark(all, now, idle_ms);
}

}  // namespace daypart::windows
