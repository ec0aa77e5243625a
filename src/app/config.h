// SPDX-License-Identifier: Apache-2.0
//
// daypart.toml as values. Paths in it are relative to the file's folder. A key that is not known is
// an error, because a mistyped setting that silently does nothing costs more than the correction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app/stream_config.h"
#include "base/result.h"

namespace daypart::app {

struct Config {
  std::filesystem::path folder;                     // of daypart.toml, absolute
  std::filesystem::path lake_directory;             // [lake] directory
  std::filesystem::path catalog_path;               // [catalog] path
  std::string catalog_name = "daypart";             // [catalog] name
  std::filesystem::path sql_directory;              // [sql] directory
  int64_t query_memory_bytes = int64_t{512} << 20;  // [query] memory
  int threads_count = 2;                            // [lake] threads
  int64_t file_bytes_target = int64_t{256} << 20;   // [lake] file_size
  int64_t row_group_rows = 512 << 10;               // [lake] row_group_rows
  int zstd_level = 1;                               // [lake] zstd_level
  std::string listen = "127.0.0.1:8480";            // [serve] listen
  std::string access_key_id;                        // [serve] access_key_id, of stream clients
  std::string secret_access_key;                    // [serve] secret_access_key
  std::map<std::string, StreamConfig, std::less<>> streams;  // [stream.NAME]

  std::string store_location;                      // [store] location: s3://bucket/prefix
  std::string store_endpoint;                      // [store] endpoint
  std::string store_region;                        // [store] region
  std::optional<bool> store_is_path_style;         // [store] path_style; true with an endpoint
  bool store_is_requester_paying = false;          // [store] requester_pays
  std::string store_encryption;                    // [store] encryption: AES256 or aws:kms
  std::string store_kms_key;                       // [store] kms_key
  std::filesystem::path cache_directory;           // [store] cache
  int64_t cache_bytes_max = int64_t{10} << 30;     // [store] cache_size
  std::string catalog_kind = "sqlite";             // [catalog] kind: sqlite or glue
  std::string glue_endpoint;                       // [catalog] endpoint
  std::string glue_region;                         // [catalog] region
  std::string glue_catalog_id;                     // [catalog] catalog_id: another account's
  std::string kinesis_endpoint;                    // [kinesis] endpoint
  std::string kinesis_region;                      // [kinesis] region
  int64_t kinesis_poll_ms = 250;                   // [kinesis] poll_ms
  std::string aws_profile;                         // [aws] profile
  std::string sts_endpoint;                        // [aws] sts_endpoint
  std::string query_engine = "embedded";           // [query] engine: embedded or athena
  bool projects_partitions = false;                // [catalog] partition_projection
  std::string glue_role;                           // [glue] role, of crawlers and jobs
  std::string glue_job;                            // [glue] job; daypart-PIPELINE by default
  int64_t glue_poll_ms = 1'000;                    // [glue] poll_ms
  bool has_athena = false;                         // [athena] is there, or the engine
  std::string athena_workgroup = "primary";        // [athena] workgroup
  std::string athena_output;                       // [athena] output: s3://bucket/prefix/
  std::string athena_catalog = "AwsDataCatalog";   // [athena] catalog
  std::string athena_database = "media";           // [athena] database
  std::string athena_region;                       // [athena] region
  std::string athena_endpoint;                     // [athena] endpoint
  int64_t athena_reuse_minutes = 0;                // [athena] reuse_minutes
  double athena_usd_per_tib = 5.0;                 // [athena] usd_per_tib

  bool is_on_s3() const { return !store_location.empty(); }
};

/// The text of a new daypart.toml.
std::string_view DefaultConfigText();

/// errors: kNotFound; kInvalidArgument with line and key.
Result<Config> LoadConfig(const std::filesystem::path& file);

/// daypart.toml as given, else $DAYPART_CONFIG, else in `start` or the nearest folder above it.
/// errors: kNotFound, telling of daypart init.
Result<std::filesystem::path> FindConfig(const std::optional<std::string>& given,
                                         const std::filesystem::path& start);

/// "256MiB", "2GB", "1048576" -> bytes.
Result<int64_t> ParseBytes(std::string_view text);

}  // namespace daypart::app
