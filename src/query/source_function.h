// SPDX-License-Identifier: Apache-2.0
//
// A BatchSource as a DuckDB table function: each of DuckDB's threads holds a cursor of its own, and
// only the columns that the statement uses are copied. An error of the source becomes the
// statement's error and keeps its code.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "query/duckdb_session.h"
#include "source/batch_source.h"

namespace daypart::query {

/// The first Error of one of a statement's sources, by which DuckDB's words for it are replaced.
/// Thread-safe.
class SourceFailure {
 public:
  void Set(const Error& error);
  std::optional<Error> error() const;

 private:
  mutable std::mutex mutex_;  // guards error_
  std::optional<Error> error_;
};

/// What stands behind a table function.
struct SourceFunction {
  std::shared_ptr<arrow::Schema> schema;  // shared because Arrow shares its schemas
  /// Gives the rows for one scan, of these columns at least. Called once for each scan of a
  /// statement; the source that it returns must live until the statement ends.
  std::function<Result<source::BatchSource*>(const std::vector<std::string>& columns)> open;
  /// Both must outlive the session.
  SourceFailure* failure = nullptr;
  const CancelToken* cancel = nullptr;
  /// About how many rows there are, for the order of joins; below 0 if unknown.
  int64_t rows_estimate = -1;
};

/// Lets the session's statement read the source. returns: the call, as `daypart_source(3)`.
/// errors: kUnsupported if the schema has a type that VectorWriter does not take.
Result<std::string> RegisterSource(Session& session, SourceFunction function);

}  // namespace daypart::query
