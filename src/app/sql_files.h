// SPDX-License-Identifier: Apache-2.0
//
// The files of sql/ as they were when the binary was built; CMake makes the other half of this.
#pragma once

#include <cstddef>
#include <string_view>

namespace daypart::app {

struct SqlFile {
  std::string_view path;  // "sql/pipelines/standard/pipeline.toml"
  std::string_view text;
};

extern const SqlFile kSqlFiles[];
extern const size_t kSqlFilesCount;

}  // namespace daypart::app
