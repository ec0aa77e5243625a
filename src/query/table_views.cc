// SPDX-License-Identifier: Apache-2.0
//
// The SELECT of each kind of table. What the functions capture lives as long as the statement.
#include "query/table_views.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "lake/arrow_schema.h"
#include "lake/raw_files.h"
#include "lake/row_lineage.h"
#include "lake/table_scan.h"
#include "query/plan_tables.h"
#include "query/source_function.h"
#include "query/view_sql.h"
#include "source/file_source.h"
#include "store/directory_store.h"
#include "store/local_copies.h"

namespace daypart::query {

std::string SqlName(const catalog::TableName& name) {
  return QuoteIdentifier(name.database) + '.' + QuoteIdentifier(name.table);
}

Status TableViews::Make(const ResolvedTable& table, const PlannedScans& scans) {
  std::string select = table.view_sql;
  if (table.metadata_kind) {
    DAYPART_TRY(select, MetadataView(table));
  } else if (table.iceberg != nullptr) {
    DAYPART_TRY(select, IcebergView(table, scans));
  } else if (table.raw != nullptr) {
    DAYPART_TRY(select, RawView(table));
  } else if (table.bound != nullptr) {
    DAYPART_TRY(select, BoundView(table));
  }
  return session_.Execute("CREATE VIEW " + SqlName(table.name) + " AS " + select);
}

Result<std::string> TableViews::MetadataView(const ResolvedTable& table) {
  DAYPART_TRY(const auto columns, SchemaOf(table));
  DAYPART_TRY(auto schema, lake::ToArrowSchema(columns));
  const auto loaded = std::make_shared<const lake::LoadedTable>(*table.iceberg);
  return Function(std::move(schema),
                  [&context = context_, loaded, kind = *table.metadata_kind](const auto&) {
                    return lake::OpenMetadataTable(context, *loaded, kind);
                  });
}

/// Files that DuckDB can read itself; those with deletes or nested columns through our own scan;
/// rows that are in no file yet.
Result<std::string> TableViews::IcebergView(const ResolvedTable& table,
                                            const PlannedScans& scans) {
  const iceberg::Schema& schema = table.iceberg->metadata.current_schema();
  DAYPART_TRY(const auto filter,
              FilterOfTable(session_, schema, scans,
                            PlanTableName(table.name.database, table.name.table),
                            table.references));
  DAYPART_TRY(auto plan, lake::PlanScan(context_, *table.iceberg, filter));
  if (table.has_positions) statistics_.target_filter = filter;
  ++statistics_.tables;
  if (table.may_lack_rows) statistics_.tables_behind.push_back(ToString(table.name));
  statistics_.files_total += plan.files_total;
  statistics_.files_read += static_cast<int64_t>(plan.files.size());
  statistics_.rows_in_files_read += plan.rows;
  const bool is_flat = !is_scan_ours_ && is_readable_by_duckdb(table.iceberg->metadata);
  const auto scanned =
      std::partition(plan.files.begin(), plan.files.end(), [&](const lake::ScanFile& file) {
        return is_flat && file.deletes.empty() && !table.has_positions && !table.has_lineage &&
               store::LocalPath(file.file.location);
      });
  std::vector<const iceberg::DataFile*> files;
  for (auto file = plan.files.begin(); file != scanned; ++file) files.push_back(&file->file);
  std::string select;
  if (!files.empty()) {
    DAYPART_TRY(select, IcebergFilesSql(schema, files, paths_));
  }
  const auto add = [&select](const std::string& part) {
    select += (select.empty() ? "" : " UNION ALL ") + part;
  };
  plan.files.erase(plan.files.begin(), scanned);
  if (!plan.files.empty() || table.has_positions || table.has_lineage) {
    DAYPART_TRY(const std::string scan, ScanFunction(table, std::move(plan), filter));
    add(scan);
  }
  if (table.hot != nullptr && table.hot->rows_count() > 0) {
    DAYPART_TRY(const std::string hot, HotFunction(table, filter));
    add(hot);
  }
  return select.empty() ? EmptySql(schema) : Result<std::string>(select);
}

Result<std::string> TableViews::ScanFunction(const ResolvedTable& table, lake::ScanPlan plan,
                                             const iceberg::Expression& filter) {
  const bool has_positions = table.has_positions;
  const auto& plain = table.iceberg->metadata;
  const auto metadata = has_positions || table.has_lineage ? lake::WithRowLineage(plain) : plain;
  DAYPART_TRY(auto schema, lake::ToArrowSchema(metadata.current_schema()));
  if (has_positions) schema = lake::WithPositionFields(*schema);
  // Shared, because DuckDB keeps the function and this copy for as long as it likes.
  const auto loaded = std::make_shared<const lake::LoadedTable>(*table.iceberg);
  const int64_t rows = plan.rows;
  return Function(
      std::move(schema),
      [&context = context_, loaded, has_positions, filter, plan = std::move(plan)](auto columns) {
        std::erase(columns, lake::kFileColumn);
        std::erase(columns, lake::kPositionColumn);
        // No column at all would mean all of them.
        const auto& fields = loaded->metadata.current_schema().fields;
        if (columns.empty()) columns.push_back(fields.front().name);
        return lake::OpenScanWhere(context, *loaded, plan, columns, has_positions, filter);
      },
      rows);
}

Result<std::string> TableViews::HotFunction(const ResolvedTable& table,
                                            const iceberg::Expression& filter) {
  // A row that no snapshot holds has no row id yet: null.
  const auto& plain = table.iceberg->metadata;
  const auto schema =
      (table.has_lineage ? lake::WithRowLineage(plain) : plain).current_schema();
  DAYPART_TRY(auto arrow_schema, lake::ToArrowSchema(schema));
  const std::shared_ptr<const lake::HotRows> hot = table.hot;
  statistics_.rows_not_committed += hot->rows_count();
  return Function(
      std::move(arrow_schema),
      [hot, schema, filter](auto columns) -> Result<std::unique_ptr<source::BatchSource>> {
        if (columns.empty()) columns.push_back(schema.fields.front().name);
        DAYPART_TRY(auto runs, hot->Runs(schema, columns, filter));
        return lake::OpenHotRuns(std::move(runs), schema, columns);
      },
      hot->rows_count());
}

Result<std::string> TableViews::RawView(const ResolvedTable& table) {
  std::vector<lake::RawFile> files;
  if (table.raw_files) {
    files = *table.raw_files;
  } else {
    DAYPART_TRY(files, lake::ListRawFiles(context_.store, *table.raw));
  }
  if (table.raw->format == catalog::RawFormat::kParquet) {
    for (lake::RawFile& file : files) {
      if (store::LocalPath(file.info.location)) continue;
      DAYPART_TRY(file.info.location, store::LocalCopyOf(context_.store, file.info.location));
    }
    return RawParquetSql(*table.raw, files, paths_);
  }
  DAYPART_TRY(auto options, lake::RawFileSource(*table.raw, files));
  auto schema = options.target.schema;
  return Function(std::move(schema), [&context = context_, options = std::move(options),
                                      &sources = sources_](const auto&) {
    // Rows that do not fit are left out: taking them in is what reports them.
    const source::RejectSink skip = [](const auto&, const auto&) { return Ok(); };
    auto progress = std::make_unique<source::FileSourceProgress>();
    auto opened = source::OpenFiles(context.store, options, skip, context.cancel, *progress);
    const std::lock_guard lock(sources.mutex);
    sources.progress.push_back(std::move(progress));
    return opened;
  });
}

Result<std::string> TableViews::Function(std::shared_ptr<arrow::Schema> schema, Open open,
                                         int64_t rows_estimate) {
  const auto keep = [&sources = sources_, open = std::move(open)](
                        const std::vector<std::string>& columns) -> Result<source::BatchSource*> {
    DAYPART_TRY(auto opened, open(columns));
    const std::lock_guard lock(sources.mutex);
    sources.opened.push_back(std::move(opened));
    return sources.opened.back().get();
  };
  DAYPART_TRY(const std::string call, RegisterSource(session_, {.schema = std::move(schema),
                                                                .open = keep,
                                                                .failure = &sources_.failure,
                                                                .cancel = &context_.cancel,
                                                                .rows_estimate = rows_estimate}));
  return "SELECT * FROM " + call;
}

Result<std::string> TableViews::BoundView(const ResolvedTable& table) {
  source::BatchSource* rows = table.bound;
  const auto open = [rows, what = ToString(table.name), is_open = std::make_shared<bool>(false)](
                        const std::vector<std::string>&) -> Result<source::BatchSource*> {
    if (std::exchange(*is_open, true)) {
      return Unsupported(what + " gives its rows once, so a statement can name it once; use " +
                         "WITH x AS MATERIALIZED (SELECT … FROM " + what +
                         ") to have them twice");
    }
    return rows;
  };
  DAYPART_TRY(const std::string call, RegisterSource(session_, {.schema = rows->schema(),
                                                                .open = open,
                                                                .failure = &sources_.failure,
                                                                .cancel = &context_.cancel}));
  return "SELECT * FROM " + call;
}

}  // namespace daypart::query
