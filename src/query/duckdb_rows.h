// SPDX-License-Identifier: Apache-2.0
//
// DuckdbRows: a streaming result as record batches. DuckDB makes rows only as they are taken, so that
// memory does not grow with the result.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/duckdb_session.h"
#include "query/engine.h"

namespace daypart::query {

/// Starts the statement. session is kept by the rows; keep_alive: what the statement reads from.
/// errors: those of DuckDB, as FromDuckdb tells them.
Result<std::unique_ptr<Rows>> ExecuteStreaming(
    std::unique_ptr<Session> session, const std::string& sql, const ScanStatistics& statistics,
    std::vector<std::unique_ptr<source::BatchSource>> keep_alive);

/// Lets `view` name the rows of `source` in the session; they can be read once.
/// source must outlive the session's statements.
Status BindSource(Session& session, const std::string& name, source::BatchSource& source);

}  // namespace daypart::query
