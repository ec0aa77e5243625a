// SPDX-License-Identifier: Apache-2.0
//
// Keys of a [stream.NAME] section.
#include "app/stream_config.h"

#include <functional>
#include <map>

#include "app/config.h"
#include "source/kinesis_fan_out.h"

namespace daypart::app {
namespace {

using Setter = std::function<Status(const toml::node&, StreamConfig&)>;

Error Wrong(const toml::node& node, std::string_view expected) {
  return InvalidArgument(std::string(expected) + " is expected in line " +
                         std::to_string(node.source().begin.line));
}

Setter Text(std::string StreamConfig::*member) {
  return [member](const toml::node& node, StreamConfig& config) -> Status {
    const auto text = node.value<std::string>();
    if (!node.is_string()) return Wrong(node, "a text in quotes");
    config.*member = *text;
    return Ok();
  };
}

Setter Bytes(int64_t StreamConfig::*member) {
  return [member](const toml::node& node, StreamConfig& config) -> Status {
    const auto text = node.value<std::string>();
    const auto bytes = text ? ParseBytes(*text) : Result<int64_t>(InvalidArgument(""));
    if (!bytes) return Wrong(node, "a size such as \"128MiB\"");
    config.*member = *bytes;
    return Ok();
  };
}

Setter Integer(int64_t StreamConfig::*member, int64_t low, int64_t high) {
  return [=](const toml::node& node, StreamConfig& config) -> Status {
    const auto number = node.value<int64_t>();
    if (!node.is_integer() || *number < low || *number > high) {
      return Wrong(node, "a number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    config.*member = *number;
    return Ok();
  };
}

Status SetSchemaMode(const toml::node& node, StreamConfig& config) {
  const auto text = node.value<std::string>();
  if (!text || (*text != "evolve" && *text != "fixed")) {
    return Wrong(node, "\"evolve\" or \"fixed\"");
  }
  config.evolves = *text == "evolve";
  return Ok();
}

Status SetLostRecords(const toml::node& node, StreamConfig& config) {
  const auto text = node.value<std::string>();
  if (!text || (*text != "stop" && *text != "skip")) return Wrong(node, "\"stop\" or \"skip\"");
  config.skips_lost = *text == "skip";
  return Ok();
}

Status SetFanOut(const toml::node& node, StreamConfig& config) {
  const auto text = node.value<std::string>();
  if (!text || !source::is_consumer_name(*text)) {
    return Wrong(node, "a consumer's name of letters, digits, '_', '.' and '-'");
  }
  config.fan_out = *text;
  return Ok();
}

Status SetCoercion(const toml::node& node, StreamConfig& config) {
  if (!node.is_boolean()) return Wrong(node, "true or false");
  config.coerce_strings = *node.value<bool>();
  return Ok();
}

const std::map<std::string, Setter, std::less<>>& Settings() {
  static const std::map<std::string, Setter, std::less<>> settings = {
      {"source", Text(&StreamConfig::source)},
      {"table", Text(&StreamConfig::table)},
      {"id_column", Text(&StreamConfig::id_column)},
      {"time_column", Text(&StreamConfig::time_column)},
      {"partition", Text(&StreamConfig::partition)},
      {"files", Text(&StreamConfig::files)},
      {"files_commit_seconds", Integer(&StreamConfig::files_commit_seconds, 0, 86'400)},
      {"schema", SetSchemaMode},
      {"coerce_strings", SetCoercion},
      {"lost_records", SetLostRecords},
      {"fan_out", SetFanOut},
      {"commit_size", Bytes(&StreamConfig::commit_bytes)},
      {"commit_seconds", Integer(&StreamConfig::commit_seconds, 1, 86'400)},
      {"dedupe_rows", Integer(&StreamConfig::dedupe_rows, 0, int64_t{1} << 30)},
      {"ahead_hours", Integer(&StreamConfig::ahead_hours, 0, 24 * 36'600)},
      {"memory", Bytes(&StreamConfig::memory_bytes)}};
  return settings;
}

}  // namespace

Result<StreamConfig> ParseStreamConfig(std::string_view name, const toml::node& section) {
  StreamConfig config;
  config.name = name;
  if (!section.is_table()) return Wrong(section, "[stream." + config.name + "]");
  for (const auto& [key, node] : *section.as_table()) {
    const auto setter = Settings().find(key.str());
    if (setter == Settings().end()) {
      return InvalidArgument("unknown key stream." + config.name + '.' + std::string(key.str()) +
                             " in line " + std::to_string(node.source().begin.line));
    }
    DAYPART_RETURN_IF_ERROR(
        setter->second(node, config)
            .WithContext("stream." + config.name + '.' + std::string(key.str())));
  }
  return config;
}

}  // namespace daypart::app
