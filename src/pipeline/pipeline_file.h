// SPDX-License-Identifier: Apache-2.0
//
// A pipeline as written down: pipeline.toml with its tasks, one SQL file a task beside it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace daypart::pipeline {

struct Task {
  std::string name;
  catalog::TableName source;  // raw table whose files it takes in
  catalog::TableName target;
  std::vector<std::string> key_columns;
  std::string order_column;   // of one key the greatest wins; empty: the last read
  bool inserts_only = false;  // a key that is there already is left as it is
  bool is_optional = false;   // skipped if the raw table is not there
  std::string partition;      // of a target that is made by the task
  std::string sql;            // the SELECT
  std::vector<std::string> depends_on;
};

struct Pipeline {
  std::string name;
  std::vector<Task> tasks;  // each after those it depends on
};

/// errors: kNotFound; kInvalidArgument for unknown keys, a missing SQL file, an unknown or circular
///   dependency, naming file and task.
Result<Pipeline> ReadPipeline(const std::filesystem::path& folder);

}  // namespace daypart::pipeline
