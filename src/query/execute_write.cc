// SPDX-License-Identifier: Apache-2.0
//
// A write as a SELECT of positions and new values.
#include "query/execute_write.h"

#include <arrow/type.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "lake/change_rows.h"
#include "lake/conflict_check.h"
#include "query/duckdb_session.h"
#include "query/merge_query.h"
#include "query/sql_reader.h"
#include "query/time_travel.h"
#include "query/view_sql.h"
#include "query/write_statement.h"

namespace daypart::query {
namespace {

/// Times the rows are looked for anew because the table changed under the statement.
constexpr int kPlansMax = 20;

Result<lake::LoadedTable> LoadTarget(const lake::LakeContext& context, const EngineOptions& options,
                                     const WriteStatement& statement) {
  const auto parts = NameParts(statement.table);
  if (parts.size() > 2) return InvalidArgument("a table is named database.table");
  const Travel travel = ParseTravel(parts.back());
  const catalog::TableName name{parts.size() == 2 ? parts[0] : options.search_path.front(),
                                travel.table};
  if (travel.is_now()) return lake::LoadTable(context, name);
  return lake::LoadBranch(context, name, travel.version);
}

/// media.t.branch_b, as Spark names table t on branch b: the statement is then about the table at
/// that version, under its own name. A table of that name comes first.
void TakeBranch(const lake::LakeContext& context, WriteStatement& statement) {
  constexpr std::string_view kPrefix = "branch_";
  auto parts = NameParts(statement.table);
  const bool has_branch = parts.size() >= 2 && parts.back().starts_with(kPrefix);
  if (!has_branch) return;
  if (parts.size() == 2 && context.catalog.MetadataLocation({parts[0], parts[1]})) return;
  const std::string branch = parts.back().substr(kPrefix.size());
  parts.pop_back();
  if (branch.empty()) return;
  if (statement.alias.empty()) statement.alias = QuoteIdentifier(parts.back());
  if (branch != iceberg::kMainBranch) parts.back() = NameOfVersion(parts.back(), branch);
  statement.table.clear();
  for (const std::string& part : parts) {
    statement.table += (statement.table.empty() ? "" : ".") + QuoteIdentifier(part);
  }
}

/// The values of all columns after the assignments.
Result<std::string> NewValues(const WriteStatement& statement, const iceberg::Schema& schema) {
  std::string values;
  for (const auto& field : schema.fields) {
    const auto assigned =
        std::find_if(statement.assignments.begin(), statement.assignments.end(),
                     [&](const auto& assignment) {
                       const auto column = FindColumn(schema, assignment.first);
                       return column && (*column)->id == field.id;
                     });
    const std::string name = QuoteIdentifier(field.name);
    if (assigned == statement.assignments.end()) {
      values += ", " + name;
      continue;
    }
    DAYPART_TRY(const std::string type, SqlType(field.type));
    values += ", CAST((" + assigned->second + ") AS " + type + ") AS " + name;
  }
  std::set<iceberg::FieldId> set;
  for (const auto& [column, expression] : statement.assignments) {
    DAYPART_TRY(const auto* field, FindColumn(schema, column));
    if (!set.insert(field->id).second) {
      return InvalidArgument("column " + column + " is set twice; give it one value");
    }
  }
  return values;
}

Result<lake::CommitResult> RunInsert(const lake::LakeContext& context, Engine& engine,
                                     const WriteStatement& statement,
                                     const lake::LoadedTable& table,
                                     const lake::WriteOptions& write) {
  std::vector<std::string> columns = statement.columns;
  if (columns.empty()) {
    for (const auto& field : table.metadata.current_schema().fields) columns.push_back(field.name);
  }
  std::string names;
  std::string values;
  for (const std::string& column : columns) {
    const auto found = FindColumn(table.metadata.current_schema(), column);
    if (!found) {
      return InvalidArgument("column " + column + " to insert into is not in the table");
    }
    const auto* field = *found;
    DAYPART_TRY(const std::string type, SqlType(field->type));
    const std::string name = QuoteIdentifier(field->name);
    names += (names.empty() ? "" : ", ") + name;
    values += (values.empty() ? "" : ", ") + ("CAST(" + name + " AS " + type + ") AS " + name);
  }
  // DuckDB lets a list of names be shorter than the rows; what is left over comes out at the end.
  DAYPART_TRY(const auto rows,
              engine.Query("SELECT " + values + ", source.* EXCLUDE (" + names + ") FROM (" +
                           statement.select + "\n) AS source(" + names + ")"));
  const auto found = static_cast<size_t>(rows->schema()->num_fields());
  if (found > columns.size()) {
    return InvalidArgument("rows of " + std::to_string(columns.size()) + " columns (" + names +
                           ") are expected, found " + std::to_string(found));
  }
  if (statement.kind == WriteKind::kOverwrite) {
    return lake::OverwritePartitions(context, table, *rows, write, /*replans=*/false);
  }
  return lake::Append(context, table.name, *rows, write);
}

/// What write.<operation>.mode and write.<operation>.isolation-level say.
Result<lake::ChangeOptions> ChangeOptionsOf(const iceberg::TableMetadata& metadata,
                                            const std::string& operation) {
  lake::ChangeOptions change;
  const std::string prefix = "write." + operation;
  DAYPART_TRY(change.mode, lake::ChangeModeOf(metadata, (prefix + ".mode").c_str()));
  DAYPART_TRY(change.is_serializable,
              lake::is_serializable(metadata, (prefix + ".isolation-level").c_str()));
  return change;
}

Result<lake::CommitResult> RunChange(const lake::LakeContext& context, Engine& engine,
                                     const WriteStatement& statement,
                                     const lake::LoadedTable& table,
                                     const lake::WriteOptions& write) {
  const bool is_update = statement.kind == WriteKind::kUpdate;
  std::string values;
  if (is_update) {
    DAYPART_TRY(values, NewValues(statement, table.metadata.current_schema()));
    if (table.metadata.format_version >= 3) values += ", _row_id";
  }
  DAYPART_TRY(auto change, ChangeOptionsOf(table.metadata, is_update ? "update" : "delete"));
  const std::string alias = statement.alias.empty() ? "" : " AS " + statement.alias;
  // On lines of their own, so that a comment at the end of a clause ends with it.
  const std::string where = statement.where.empty() ? "" : "\nWHERE (" + statement.where + "\n)";
  DAYPART_TRY(const auto rows, engine.QueryPositions("SELECT _file, _pos" + values + "\nFROM " +
                                                         statement.table + alias + where,
                                                     table));
  change.filter = rows->statistics().target_filter;
  return lake::ChangeRows(context, table, *rows, change, write);
}

Result<lake::CommitResult> RunMerge(const lake::LakeContext& context, Engine& engine,
                                    const WriteStatement& statement,
                                    const lake::LoadedTable& table,
                                    const lake::WriteOptions& write) {
  DAYPART_TRY(const MergeQuery merge, PlanMerge(statement, table.metadata));
  DAYPART_TRY(auto change, ChangeOptionsOf(table.metadata, "merge"));
  change.may_repeat = merge.may_repeat;
  DAYPART_TRY(const auto rows, engine.QueryMerge(merge, table));
  change.filter = rows->statistics().target_filter;
  return lake::ChangeRows(context, table, *rows, change, write);
}

Result<lake::CommitResult> RunOnce(const lake::LakeContext& context, Engine& engine,
                                   const WriteStatement& statement, const lake::LoadedTable& table,
                                   const lake::WriteOptions& write) {
  switch (statement.kind) {
    case WriteKind::kInsert:
    case WriteKind::kOverwrite:
      return RunInsert(context, engine, statement, table, write);
    case WriteKind::kDelete:
    case WriteKind::kUpdate:
      return RunChange(context, engine, statement, table, write);
    case WriteKind::kMerge:
      return RunMerge(context, engine, statement, table, write);
  }
  return Unsupported("a statement of unknown kind");
}

/// INSERT, UPDATE, DELETE and MERGE.
Result<lake::CommitResult> ExecuteRowChange(const lake::LakeContext& context,
                                            catalog::RawCatalog& raw, const EngineOptions& options,
                                            std::string_view sql, const lake::WriteOptions& write) {
  DAYPART_TRY(WriteStatement statement, ParseWriteStatement(sql));
  TakeBranch(context, statement);
  for (int attempt = 0; attempt < kPlansMax; ++attempt) {
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    DAYPART_TRY(const lake::LoadedTable table, LoadTarget(context, options, statement));
    DAYPART_TRY(const auto engine, OpenEngine(context, raw, options));
    lake::WriteOptions on_branch = write;
    on_branch.branch = table.branch;
    auto result = RunOnce(context, *engine, statement, table, on_branch);
    if (result || result.error().code != ErrorCode::kConflict) return result;
  }
  return Conflict("the table was changed by others during each of " + std::to_string(kPlansMax) +
                  " attempts to change it; run the statement again when they pause");
}

}  // namespace

Result<lake::CommitResult> ExecuteWrite(const lake::LakeContext& context, catalog::RawCatalog& raw,
                                        const EngineOptions& options, std::string_view sql,
                                        const lake::WriteOptions& write) {
  return ExecuteRowChange(context, raw, options, sql, write);
}

}  // namespace daypart::query
