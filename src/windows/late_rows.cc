// SPDX-License-Identifier: Apache-2.0
//
// Look whether they are there, make or widen the table, append.
#include "windows/late_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <utility>

#include "lake/evolve.h"

namespace daypart::windows {
namespace {

constexpr char kSnapshotColumn[] = "source_snapshot_id";
constexpr char kLatePartition[] = "day(window_start)";

iceberg::Schema LateSchema(const WindowDeclaration& window, const iceberg::Schema& source) {
  iceberg::Schema schema;
  iceberg::Type time = iceberg::Type::Of(iceberg::TypeKind::kTimestamptz);
  for (const iceberg::NestedField& field : source.fields) {
    if (field.name == window.time_column) time = field.type;
    schema.fields.push_back({.name = field.name, .type = field.type, .doc = ""});
  }
  const auto add = [&](const char* name, const iceberg::Type& type, const char* doc) {
    schema.fields.push_back({.name = name, .type = type, .doc = doc});
  };
  add("window_start", time, "Begin of the first window that the row missed");
  add("window_end", time, "Its end");
  add("late_windows", iceberg::Type::Of(iceberg::TypeKind::kInt), "Windows that it missed");
  add(kSnapshotColumn, iceberg::Type::Of(iceberg::TypeKind::kLong),
      "Snapshot of the source that added it");
  add("watermark", time, "The window's watermark when it came");
  return schema;
}

Result<lake::LoadedTable> EnsureTable(const lake::LakeContext& context,
                                      const WindowDeclaration& window,
                                      const lake::LoadedTable& source) {
  const auto name = LateTable(window);
  iceberg::Schema wanted = LateSchema(window, source.metadata.current_schema());
  auto table = lake::LoadTable(context, name);
  if (!table && table.error().code == ErrorCode::kNotFound) {
    lake::CreateOptions options;
    options.schema = iceberg::AssignFreshIds(std::move(wanted));
    options.format_version = source.metadata.format_version;
    DAYPART_TRY(options.spec, iceberg::ParsePartitionSpec(kLatePartition, options.schema));
    return lake::CreateTable(context, name, options);
  }
  if (!table) return table;
  bool is_wide = true;
  for (const auto& field : wanted.fields) {
    is_wide &= table->metadata.current_schema().FindField(std::string_view(field.name)) != nullptr;
  }
  if (is_wide) return table;
  // The source has got columns since.
  const auto widen = [&](iceberg::SchemaUpdate& update,
                         const iceberg::TableMetadata& now) -> Status {
    for (const auto& field : wanted.fields) {
      if (now.current_schema().FindField(std::string_view(field.name)) != nullptr) continue;
      DAYPART_RETURN_IF_ERROR(update.Add(
          {.path = {field.name}, .type = field.type, .doc = field.doc, .default_json = ""}));
    }
    return Ok();
  };
  DAYPART_RETURN_IF_ERROR(lake::EvolveSchema(context, name, widen));
  return lake::LoadTable(context, name);
}

/// Rows that the table has of the snapshot.
Result<int64_t> CountKept(const lake::LakeContext& context, const lake::LoadedTable& table,
                          iceberg::SnapshotId snapshot) {
  const auto* field =
      table.metadata.current_schema().FindField(std::string_view(kSnapshotColumn));
  if (field == nullptr) {
    return InvalidArgument("table " + ToString(table.name) + " has no column " + kSnapshotColumn +
                           ", so it is not one of late rows; rename it or the window's target");
  }
  DAYPART_TRY(auto plan,
              lake::PlanScan(context, table,
                             iceberg::Expression::Compare(iceberg::ExpressionKind::kEqual,
                                                          field->id, snapshot.value())));
  DAYPART_TRY(const auto scan, lake::OpenScan(context, table, std::move(plan), {kSnapshotColumn}));
  DAYPART_TRY(const auto cursor, scan->NewCursor());
  int64_t count = 0;
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) return count;
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t row = 0; row < ids.length(); ++row) {
      if (ids.IsValid(row) && ids.Value(row) == snapshot.value()) ++count;
    }
  }
}

}  // namespace

catalog::TableName LateTable(const WindowDeclaration& window) {
  return {window.target.database, window.target.table + "_late"};
}

Result<int64_t> KeepLateRows(const lake::LakeContext& context, const WindowDeclaration& window,
                             const lake::LoadedTable& source, source::BatchSource& rows,
                             const lake::WriteOptions& write) {
  DAYPART_TRY(const auto table, EnsureTable(context, window, source));
  DAYPART_TRY(const int64_t kept,
              CountKept(context, table, *source.metadata.current_snapshot_id));
  if (kept > 0) return kept;
  DAYPART_TRY(const auto appended, lake::Append(context, table.name, rows, write));
  return appended.rows_added;
}

}  // namespace daypart::windows
