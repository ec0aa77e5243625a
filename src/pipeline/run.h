// SPDX-License-Identifier: Apache-2.0
//
// Running a task: the files of its raw table that the target has not taken in yet, through its SQL,
// merged into the target by key, in one commit with the ledger that says so. A task without new
// files commits nothing and opens no SQL engine. Run again after a kill, the result is the same.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/table.h"
#include "pipeline/pipeline_file.h"
#include "query/engine.h"

namespace daypart::pipeline {

struct RunOptions {
  lake::WriteOptions write;
  query::EngineOptions engine;
  /// Takes all files in again, in place of all rows that the table has.
  bool is_full_refresh = false;
};

struct TaskReport {
  bool is_skipped = false;  // optional and its raw table is not there
  int64_t files_new = 0;
  int64_t rows_quarantined = 0;
  lake::CommitResult commit;
};

/// errors: those of the raw catalog, the SQL (naming the task), the merge.
Result<TaskReport> RunTask(const lake::LakeContext& context, catalog::RawCatalog& raw,
                           const Task& task, const RunOptions& options);

}  // namespace daypart::pipeline
