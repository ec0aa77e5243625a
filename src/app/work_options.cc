// SPDX-License-Identifier: Apache-2.0
//
// Memory, threads and sizes of [lake] and [query].
#include "app/work_options.h"

namespace daypart::app {

lake::WriteOptions WriteOptionsOf(const Config& config) {
  lake::WriteOptions write;
  write.threads_count = config.threads_count;
  write.file_bytes_target = config.file_bytes_target;
  write.row_group_rows = config.row_group_rows;
  write.zstd_level = config.zstd_level;
  return write;
}

query::EngineOptions EngineOptionsOf(const Config& config) {
  query::EngineOptions engine;
  engine.memory_bytes_max = config.query_memory_bytes;
  engine.threads_count = config.threads_count;
  return engine;
}

}  // namespace daypart::app
