// SPDX-License-Identifier: Apache-2.0
//
// Reading daypart.toml with toml++.
#include "app/config.h"

#include <toml++/toml.h>
#include <charconv>
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

namespace daypart::app {
namespace {

using Setter = std::function<Status(const toml::node&, Config&)>;

Error Wrong(const toml::node& node, std::string_view expected) {
  return InvalidArgument(std::string(expected) + " is expected in line " +
                         std::to_string(node.source().begin.line));
}

Setter Path(std::filesystem::path Config::*member) {
  return [member](const toml::node& node, Config& config) -> Status {
    const auto text = node.value<std::string>();
    if (!text || text->empty()) return Wrong(node, "a path in quotes");
    config.*member = (config.folder / *text).lexically_normal();
    return Ok();
  };
}

template <typename Number>
Setter Integer(Number Config::*member, int64_t low, int64_t high) {
  return [=](const toml::node& node, Config& config) -> Status {
    const auto number = node.value<int64_t>();
    if (!node.is_integer() || *number < low || *number > high) {
      return Wrong(node, "a number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    config.*member = static_cast<Number>(*number);
    return Ok();
  };
}

/// A price or a share: a number that is not negative.
Setter Amount(double Config::*member) {
  return [member](const toml::node& node, Config& config) -> Status {
    const auto number = node.value<double>();
    if (!node.is_number() || !(*number >= 0)) return Wrong(node, "a number from 0 on");
    config.*member = *number;
    return Ok();
  };
}

Setter Bytes(int64_t Config::*member) {
  return [member](const toml::node& node, Config& config) -> Status {
    const auto text = node.value<std::string>();
    if (!text) return Wrong(node, "a size in quotes such as \"512MiB\"");
    auto bytes = ParseBytes(*text);
    if (!bytes) return Wrong(node, "a size such as \"512MiB\"");
    config.*member = *bytes;
    return Ok();
  };
}

template <typename Bool>
Setter Flag(Bool Config::*member) {
  return [member](const toml::node& node, Config& config) -> Status {
    const auto flag = node.value<bool>();
    if (!node.is_boolean()) return Wrong(node, "true or false");
    config.*member = *flag;
    return Ok();
  };
}

Setter OneOf(std::string Config::*member, std::vector<std::string> words) {
  return [member, words = std::move(words)](const toml::node& node, Config& config) -> Status {
    const auto text = node.value<std::string>();
    std::string listed;
    for (const std::string& word : words) listed += (listed.empty() ? "" : " or ") + word;
    if (!text || std::find(words.begin(), words.end(), *text) == words.end()) {
      return Wrong(node, listed);
    }
    config.*member = *text;
    return Ok();
  };
}

Setter Text(std::string Config::*member) {
  return [member](const toml::node& node, Config& config) -> Status {
    const auto text = node.value<std::string>();
    if (!text || text->empty()) return Wrong(node, "a text in quotes");
    config.*member = *text;
    return Ok();
  };
}

const std::map<std::string, std::map<std::string, Setter>>& Settings() {
  static const std::map<std::string, std::map<std::string, Setter>> settings = {
      {"lake",
       {{"directory", Path(&Config::lake_directory)},
        {"threads", Integer(&Config::threads_count, 1, 256)},
        {"file_size", Bytes(&Config::file_bytes_target)},
        {"row_group_rows", Integer(&Config::row_group_rows, 1000, 100'000'000)},
        {"zstd_level", Integer(&Config::zstd_level, 1, 19)}}},
      {"catalog",
       {{"kind", OneOf(&Config::catalog_kind, {"sqlite", "glue"})},
        {"path", Path(&Config::catalog_path)},
        {"name", Text(&Config::catalog_name)},
        {"endpoint", Text(&Config::glue_endpoint)},
        {"region", Text(&Config::glue_region)},
        {"catalog_id", Text(&Config::glue_catalog_id)},
        {"partition_projection", Flag(&Config::projects_partitions)}}},
      {"glue",
       {{"role", Text(&Config::glue_role)},
        {"job", Text(&Config::glue_job)},
        {"poll_ms", Integer(&Config::glue_poll_ms, 50, 60'000)}}},
      {"store",
       {{"location", Text(&Config::store_location)},
        {"endpoint", Text(&Config::store_endpoint)},
        {"region", Text(&Config::store_region)},
        {"path_style", Flag(&Config::store_is_path_style)},
        {"requester_pays", Flag(&Config::store_is_requester_paying)},
        {"encryption", OneOf(&Config::store_encryption, {"AES256", "aws:kms"})},
        {"kms_key", Text(&Config::store_kms_key)},
        {"cache", Path(&Config::cache_directory)},
        {"cache_size", Bytes(&Config::cache_bytes_max)}}},
      {"aws",
       {{"profile", Text(&Config::aws_profile)}, {"sts_endpoint", Text(&Config::sts_endpoint)}}},
      {"kinesis",
       {{"endpoint", Text(&Config::kinesis_endpoint)},
        {"region", Text(&Config::kinesis_region)},
        {"poll_ms", Integer(&Config::kinesis_poll_ms, 200, 60'000)}}},
      {"sql", {{"directory", Path(&Config::sql_directory)}}},
      {"query",
       {{"memory", Bytes(&Config::query_memory_bytes)},
        {"engine", OneOf(&Config::query_engine, {"embedded", "athena"})}}},
      {"athena",
       {{"workgroup", Text(&Config::athena_workgroup)},
        {"output", Text(&Config::athena_output)},
        {"catalog", Text(&Config::athena_catalog)},
        {"database", Text(&Config::athena_database)},
        {"region", Text(&Config::athena_region)},
        {"endpoint", Text(&Config::athena_endpoint)},
        {"reuse_minutes", Integer(&Config::athena_reuse_minutes, 0, 10'080)},
        {"usd_per_tib", Amount(&Config::athena_usd_per_tib)}}},
      {"serve",
       {{"listen", Text(&Config::listen)},
        {"access_key_id", Text(&Config::access_key_id)},
        {"secret_access_key", Text(&Config::secret_access_key)}}}};
  return settings;
}

Status ApplyStreams(const toml::node& section, Config& config) {
  if (!section.is_table()) return Wrong(section, "[stream.NAME]");
  for (const auto& [key, node] : *section.as_table()) {
    DAYPART_TRY(auto stream, ParseStreamConfig(key.str(), node));
    config.streams.insert_or_assign(std::string(key.str()), std::move(stream));
  }
  return Ok();
}

Status ApplySection(const std::string& name, const toml::node& section, Config& config) {
  if (name == "stream") return ApplyStreams(section, config);
  const auto known = Settings().find(name);
  if (known == Settings().end() || !section.is_table()) {
    return InvalidArgument("[lake], [store], [catalog], [aws], [kinesis], [query], [athena], "
                           "[glue], [serve], [sql] or [stream.NAME] is expected, found '" + name +
                           "' in line " + std::to_string(section.source().begin.line));
  }
  for (const auto& [key, node] : *section.as_table()) {
    const std::string key_name(key.str());
    const auto setter = known->second.find(key_name);
    if (setter == known->second.end()) {
      return InvalidArgument("unknown key " + name + '.' + key_name + " in line " +
                             std::to_string(node.source().begin.line));
    }
    DAYPART_RETURN_IF_ERROR(setter->second(node, config).WithContext(name + '.' + key_name));
  }
  return Ok();
}

}  // namespace

std::string_view DefaultConfigText() {
  return R"(# Daypart's settings. Paths are relative to this file; what is left out
# has the value shown.

[lake]
directory = "lake"          # raw files and tables
# threads = 2               # writers of a load; the default is the number of processors
# file_size = "256MiB"      # data files are closed when they have this size
# row_group_rows = 524288
# zstd_level = 1

[catalog]
path = "lake/catalog.db"    # SQLite, in the layout of Iceberg's SQL catalog
name = "daypart"            # what PyIceberg's SqlCatalog is to be named

# [store]                   # the lake on Amazon S3 instead of in lake.directory
# location = "s3://bucket/prefix"
# region = "us-east-1"      # the default is AWS_REGION's, then the profile's
# cache = ".daypart-cache"  # what was read of immutable files
# cache_size = "10GiB"

[query]
memory = "512MiB"

[serve]
listen = "127.0.0.1:8480"   # what daypart serve listens on
# access_key_id = "daypart"      # whose signatures the Kinesis API takes; the default is
# secret_access_key = "daypart"  # AWS_ACCESS_KEY_ID's of the environment, else these

[sql]
directory = "sql"           # saved queries, views, pipelines

# [stream.clicks]           # what daypart stream clicks does, and daypart serve by itself
# source = "raw/live"       # a folder that keeps receiving .jsonl or .csv files, or
#                           # "kinesis:NAME" for Amazon Kinesis; left out: the stream clicks of
#                           # daypart serve
# table = "media.viewership_stream"
# id_column = "event_id"    # repeated events are known by it; "" keeps them
# schema = "evolve"         # or "fixed": new keys are passed over
# commit_size = "128MiB"    # a commit comes with so many bytes of files, or after
# commit_seconds = 30
)";
}

Result<int64_t> ParseBytes(std::string_view text) {
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(parsed.ptr, static_cast<size_t>(text.data() + text.size() - parsed.ptr));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  static const std::map<std::string_view, int64_t> kUnits = {
      {"", 1},          {"B", 1},         {"KB", 1'000},   {"MB", 1'000'000}, {"GB", 1'000'000'000},
      {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  const auto factor = kUnits.find(unit);
  if (parsed.ec != std::errc() || number <= 0 || factor == kUnits.end() ||
      number > INT64_MAX / factor->second) {
    return InvalidArgument("a size such as 512MiB is expected, found '" + std::string(text) + "'");
  }
  return number * factor->second;
}

Result<Config> LoadConfig(const std::filesystem::path& file) {
  Config config;
  std::error_code error;
  config.folder = std::filesystem::absolute(file, error).parent_path();
  config.lake_directory = config.folder / "lake";
  config.catalog_path = config.folder / "lake/catalog.db";
  config.sql_directory = config.folder / "sql";
  config.cache_directory = config.folder / ".daypart-cache";
  config.threads_count = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (!std::filesystem::is_regular_file(file, error)) {
    return NotFound(file.string() + " is not there; daypart init makes one");
  }
  toml::table table;
  try {
    table = toml::parse_file(file.string());
  } catch (const toml::parse_error& exception) {
    return InvalidArgument(file.string() + ", line " +
                           std::to_string(exception.source().begin.line) + ": " +
                           std::string(exception.description()));
  }
  for (const auto& [key, node] : table) {
    DAYPART_RETURN_IF_ERROR(
        ApplySection(std::string(key.str()), node, config).WithContext(file.string()));
  }
  config.has_athena = config.query_engine == "athena" || table.contains("athena");
  while (config.store_location.ends_with('/')) config.store_location.pop_back();
  if (config.is_on_s3() && (!config.store_location.starts_with("s3://") ||
                            config.store_location.size() < sizeof("s3://b") - 1)) {
    return InvalidArgument(file.string() +
                           ": store.location = \"s3://bucket/prefix\" is expected, found '" +
                           config.store_location + "'");
  }
  if (!config.athena_output.empty() && !config.athena_output.starts_with("s3://")) {
    return InvalidArgument(file.string() + ": athena.output = \"s3://bucket/prefix/\" is expected, "
                           "found '" + config.athena_output + "'");
  }
  if (!config.store_kms_key.empty() && config.store_encryption != "aws:kms") {
    return InvalidArgument(file.string() +
                           ": store.encryption = \"aws:kms\" is expected with store.kms_key");
  }
  return config;
}

Result<std::filesystem::path> FindConfig(const std::optional<std::string>& given,
                                         const std::filesystem::path& start) {
  if (given) return std::filesystem::path(*given);
  if (const char* named = std::getenv("DAYPART_CONFIG"); named != nullptr && *named != '\0') {
    return std::filesystem::path(named);
  }
  std::error_code error;
  for (auto folder = std::filesystem::absolute(start, error);; folder = folder.parent_path()) {
    if (std::filesystem::is_regular_file(folder / "daypart.toml", error)) {
      return folder / "daypart.toml";
    }
    if (folder == folder.parent_path()) break;
  }
  return NotFound("no daypart.toml here or in a folder above; make a lake with: daypart init");
}

}  // namespace daypart::app
