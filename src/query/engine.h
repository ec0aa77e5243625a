// SPDX-License-Identifier: Apache-2.0
//
// Engine: SQL over the lake with DuckDB in the process. The only folder that names duckdb.h. A
// statement sees each table at the snapshot that was current when the statement began; the files it
// reads are those that our own planner left after pruning with the statement's filters. Read-only:
// a statement that would change anything is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/raw_files.h"
#include "lake/table.h"
#include "query/engine_options.h"
#include "query/merge_query.h"
#include "source/batch_source.h"

namespace daypart::query {

/// How much the planner spared one statement.
struct ScanStatistics {
  int64_t tables = 0;
  int64_t files_total = 0;
  int64_t files_read = 0;
  int64_t rows_in_files_read = 0;
  /// Read beside the files: of streams, beyond the tables' snapshots.
  int64_t rows_not_committed = 0;
  /// Tables whose newest acknowledged rows may be left out, because a stream of theirs is behind.
  std::vector<std::string> tables_behind;
  /// Of QueryPositions and QueryMerge: which of the target's rows were looked at.
  iceberg::Expression target_filter = iceberg::Expression::True();
};

/// A running statement's rows; a source, so that they can go straight into a table. One cursor
/// only. Must not outlive the engine.
class Rows : public source::BatchSource {
 public:
  virtual const ScanStatistics& statistics() const = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  /// Runs one SELECT (or WITH, VALUES, DESCRIBE, EXPLAIN, SHOW).
  /// errors: kInvalidArgument with DuckDB's words and position, for a table with the nearest names;
  ///   kUnsupported for a statement that writes; kResourceExhausted over memory and spill.
  virtual Result<std::unique_ptr<Rows>> Query(std::string_view sql) = 0;

  /// Query for the rows of a table that is to be changed: in this statement `target` is its
  /// snapshot as loaded, and has the columns `_file` and `_pos` that lake::ChangeRows wants.
  virtual Result<std::unique_ptr<Rows>> QueryPositions(std::string_view sql,
                                                       const lake::LoadedTable& target) = 0;

  /// Runs a MERGE's SELECTs: the source's rows, unless it is a table, are gathered once, on disk if
  /// they outgrow the memory, then joined with the rows of those files of `target` that the
  /// source's keys may match.
  virtual Result<std::unique_ptr<Rows>> QueryMerge(const MergeQuery& merge,
                                                   const lake::LoadedTable& target) = 0;

  /// Lets `name` mean these rows in statements to come, before any table of that name: how a
  /// pipeline task sees only the files it has not taken in yet. A bound source can be read once.
  /// `rows` must outlive the engine or the next Bind of that name.
  virtual Status Bind(const catalog::TableName& name, source::BatchSource& rows) = 0;

  /// Lets the raw table stand for these of its files in statements to come.
  virtual Status BindFiles(const catalog::RawTable& table, std::vector<lake::RawFile> files) = 0;

  /// Names of the tables a statement reads, as written. errors: kInvalidArgument if it does not
  /// parse.
  virtual Result<std::vector<std::string>> ReferencedTables(std::string_view sql) = 0;
};

/// context and raw must outlive the engine.
Result<std::unique_ptr<Engine>> OpenEngine(const lake::LakeContext& context,
                                           catalog::RawCatalog& raw, EngineOptions options);

}  // namespace daypart::query
