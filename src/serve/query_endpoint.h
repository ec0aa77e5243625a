// SPDX-License-Identifier: Apache-2.0
//
// QueryEndpoint: POST /query, one SELECT over the lake as `daypart query` runs it: read-only, with
// no way to files, network or settings. The body is the SQL, or JSON {"sql", "format"}; rows come
// as JSON, CSV or an Arrow stream, as `format` or the Accept header says, while the query runs.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "catalog/raw_catalog.h"
#include "http/server_message.h"
#include "lake/table.h"
#include "query/duckdb_session.h"
#include "query/engine.h"
#include "serve/metrics.h"

namespace daypart::serve {

/// Each has the memory of the configuration's [query] to itself.
inline constexpr int kQueriesMax = 4;
/// Of an answer: how many rows of streams it was made of that no commit held yet.
inline constexpr const char* kRowsNotCommittedHeader = "daypart-rows-not-committed";
inline constexpr const char* kTablesBehindHeader = "daypart-tables-behind";
/// A query waits so long for another one to end, then its client is told to come back.
inline constexpr std::chrono::seconds kQueryWaitMax{30};

/// Thread-safe.
class QueryEndpoint {
 public:
  /// All must outlive the endpoint.
  QueryEndpoint(const lake::LakeContext& context, catalog::RawCatalog& raw,
                query::EngineOptions options, Metrics& metrics);

  void Handle(const http::ServerRequest& request, http::ResponseWriter& writer);

 private:
  bool TakeTurn();
  void GiveTurn();
  void Run(const std::string& sql, const std::string& format, http::ResponseWriter& writer);

  const lake::LakeContext& context_;
  catalog::RawCatalog& raw_;
  const query::EngineOptions options_;
  query::SessionPool sessions_;
  Metrics& metrics_;
  std::mutex mutex_;  // guards running_
  std::condition_variable ended_;
  int running_ = 0;
};

}  // namespace daypart::serve
