// SPDX-License-Identifier: Apache-2.0
//
// [stream.NAME] of daypart.toml: where a stream comes from, where it goes, and how. A stream that
// the file does not name has the values shown here.
#pragma once

#include <cstdint>
#include <string>

#include <toml++/toml.h>

#include "base/result.h"

namespace daypart::app {

struct StreamConfig {
  std::string name;
  /// A folder that keeps receiving files, or kinesis:STREAM; empty: the lake's own stream of this
  /// name.
  std::string source;
  std::string table = "media.viewership_stream";
  std::string id_column = "event_id";
  std::string time_column = "event_time";
  std::string partition;
  /// Folder of the stream's Parquet files beside the table, in the lake; empty for none.
  std::string files = "stream1";
  /// 0: as commit_seconds.
  int64_t files_commit_seconds = 0;
  /// "evolve": keys that come up become columns; "fixed": they are passed over.
  bool evolves = true;
  /// Texts are taken for numbers and truth values.
  bool coerce_strings = false;
  /// Kinesis: records that retention dropped before they were read stop the stream, or are told in
  /// the log only.
  bool skips_lost = false;
  /// Kinesis: name of the consumer that reads by enhanced fan-out; empty: by GetRecords.
  std::string fan_out;
  int64_t commit_bytes = int64_t{128} << 20;
  int64_t commit_seconds = 30;
  int64_t dedupe_rows = int64_t{4} << 20;
  int64_t ahead_hours = 366 * 24;
  int64_t memory_bytes = int64_t{256} << 20;
};

/// errors: kInvalidArgument with key and line.
Result<StreamConfig> ParseStreamConfig(std::string_view name, const toml::node& section);

}  // namespace daypart::app
