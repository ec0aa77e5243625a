// SPDX-License-Identifier: Apache-2.0
//
// DuckdbRows: a streaming result as record batches. DuckDB makes rows only as they are taken, so
// that memory does not grow with the result.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/duckdb_session.h"
#include "query/engine.h"
#include "query/source_function.h"
#include "source/file_source.h"

namespace daypart::query {

/// What a statement reads from besides files that DuckDB opens itself; kept until its rows are
/// done.
struct StatementSources {
  SourceFailure failure;
  std::mutex mutex;  // guards opened and progress
  std::vector<std::unique_ptr<source::BatchSource>> opened;
  std::vector<std::unique_ptr<source::FileSourceProgress>> progress;
};

/// Starts the statement. session and sources are kept by the rows.
/// errors: the Error of the source that failed, else those of DuckDB, as FromDuckdb tells them.
Result<std::unique_ptr<Rows>> ExecuteStreaming(std::unique_ptr<Session> session,
                                               const std::string& sql,
                                               const ScanStatistics& statistics,
                                               std::unique_ptr<StatementSources> sources);

}  // namespace daypart::query
