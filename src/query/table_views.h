// SPDX-License-Identifier: Apache-2.0
//
// TableViews: what stands behind each table of a statement once its filters are known: Parquet
// files that DuckDB opens itself, and functions over sources of ours for everything else. Makes the
// views of one session.
#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "lake/table.h"
#include "query/duckdb_rows.h"
#include "query/duckdb_session.h"
#include "query/engine.h"
#include "query/plan_filter.h"
#include "query/resolved_table.h"

namespace daypart::query {

/// A table's name in SQL.
std::string SqlName(const catalog::TableName& name);

class TableViews {
 public:
  /// All must outlive the statement's rows, but the session, which the rows own.
  /// is_scan_ours: no file is opened by DuckDB.
  TableViews(const lake::LakeContext& context, Session& session, StatementSources& sources,
             ScanStatistics& statistics, bool is_scan_ours)
      : context_(context),
        session_(session),
        sources_(sources),
        statistics_(statistics),
        is_scan_ours_(is_scan_ours) {}

  /// Creates the view of the table's name.
  Status Make(const ResolvedTable& table, const PlannedScans& scans);
  /// SELECT of the planned files' rows. `table` is an Iceberg table.
  Result<std::string> ScanFunction(const ResolvedTable& table, lake::ScanPlan plan,
                                   const iceberg::Expression& filter);
  /// Files that the views made so far have DuckDB open.
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  using Open = std::function<Result<std::unique_ptr<source::BatchSource>>(
      const std::vector<std::string>&)>;

  Result<std::string> MetadataView(const ResolvedTable& table);
  Result<std::string> IcebergView(const ResolvedTable& table, const PlannedScans& scans);
  Result<std::string> HotFunction(const ResolvedTable& table, const iceberg::Expression& filter);
  Result<std::string> RawView(const ResolvedTable& table);
  Result<std::string> BoundView(const ResolvedTable& table);
  /// A table function over sources that `open` makes, kept in the statement's. returns: SELECT of
  /// its rows.
  Result<std::string> Function(std::shared_ptr<arrow::Schema> schema, Open open,
                               int64_t rows_estimate = -1);

  const lake::LakeContext& context_;
  Session& session_;
  StatementSources& sources_;
  ScanStatistics& statistics_;
  const bool is_scan_ours_;
  std::vector<std::string> paths_;
};

}  // namespace daypart::query
