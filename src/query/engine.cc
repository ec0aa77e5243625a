// SPDX-License-Identifier: Apache-2.0
//
// A statement's way: parse, find its tables, plan over empty ones of the same columns to learn its
// filters, prune files by these, put views over the files that are left, lock the session, run.
#include "query/engine.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "query/duckdb_rows.h"
#include "query/duckdb_session.h"
#include "query/limits.h"
#include "query/plan_filter.h"
#include "query/plan_tables.h"
#include "query/resolved_table.h"
#include "query/statement.h"
#include "query/table_lookup.h"
#include "query/table_suggestion.h"
#include "query/table_views.h"
#include "query/time_travel.h"
#include "query/view_sql.h"

namespace daypart::query {
namespace {

using catalog::TableName;

/// DuckDB's words for a Parquet file in Hadoop's framing of LZ4, which Arrow reads.
constexpr std::string_view kCodecRefused = "Unsupported compression codec";

class DuckdbEngine final : public Engine {
 public:
  DuckdbEngine(const lake::LakeContext& context, catalog::RawCatalog& raw, EngineOptions options)
      : context_(context), raw_(raw), options_(std::move(options)) {}

  Result<std::unique_ptr<Rows>> Query(std::string_view sql) override {
    is_scan_ours_ = false;
    auto rows = Run(sql);
    if (rows || !bound_.empty()) return rows;  // what is bound cannot be read again
    if (rows.error().message.find(kCodecRefused) == std::string::npos) return rows;
    is_scan_ours_ = true;
    return Run(sql);
  }

  Result<std::unique_ptr<Rows>> QueryPositions(std::string_view sql,
                                               const lake::LoadedTable& target) override {
    target_ = &target;
    auto rows = Query(sql);
    target_ = nullptr;
    return rows;
  }

  Result<std::unique_ptr<Rows>> QueryMerge(const MergeQuery& merge,
                                           const lake::LoadedTable& target) override {
    merge_target_ = &target;
    auto rows = RunMerge(merge, target);
    merge_target_ = nullptr;
    return rows;
  }

  Status Bind(const TableName& name, source::BatchSource& rows) override {
    bound_[name] = &rows;
    return Ok();
  }

  Status BindFiles(const catalog::RawTable& table, std::vector<lake::RawFile> files) override {
    bound_files_[table.name] = {table, std::move(files)};
    return Ok();
  }

  Result<std::vector<std::string>> ReferencedTables(std::string_view sql) override {
    DAYPART_TRY(auto session, OpenSession());
    DAYPART_TRY(const Statement statement, ParseStatement(*session, sql));
    std::vector<std::string> names;
    for (const auto& reference : statement.tables) names.push_back(ToString(reference));
    return names;
  }

 private:
  Result<std::unique_ptr<Session>> OpenSession() const {
    const bool is_select = target_ == nullptr && merge_target_ == nullptr;
    if (options_.sessions != nullptr && is_select && !needs_own_session_) {
      return options_.sessions->Take(options_.is_given_up);
    }
    return Session::Open(options_, /*keeps_order=*/target_ == nullptr && merge_target_ == nullptr);
  }

  Result<std::unique_ptr<Rows>> Run(std::string_view sql) {
    DAYPART_TRY(auto session, OpenSession());
    DAYPART_TRY(const std::string named, NameTravels(sql));
    DAYPART_TRY(const Statement statement, ParseStatement(*session, named));
    Begin(named);
    std::map<TableName, ResolvedTable> tables;
    std::vector<TableName> order;  // views after what they use
    DAYPART_RETURN_IF_ERROR(ResolveAll(*session, statement.tables, tables, order, 0));
    DAYPART_RETURN_IF_ERROR(MakeSchemas(*session, tables));
    DAYPART_TRY(const auto scans, PlanFilters(*session, statement, tables, order));
    auto sources = std::make_unique<StatementSources>();
    ScanStatistics statistics;
    TableViews views(context_, *session, *sources, statistics, is_scan_ours_);
    for (const TableName& name : order) {
      DAYPART_RETURN_IF_ERROR(views.Make(tables.at(name), scans));
    }
    if (Status locked = session->Lock(views.paths()); !locked) {
      const bool is_of_pool = options_.sessions != nullptr && !needs_own_session_;
      if (!is_of_pool || locked.error().code != ErrorCode::kUnsupported) return locked.error();
      needs_own_session_ = true;
      return Run(sql);
    }
    const std::string text = (statement.is_explain ? "EXPLAIN " : "") + statement.select_sql;
    return ExecuteStreaming(std::move(session), text, statistics, std::move(sources));
  }

  void Begin(std::string_view sql) {
    wants_lineage_ = MentionsLineage(sql);
    view_names_ = {};
  }

  Result<std::unique_ptr<Rows>> RunMerge(const MergeQuery& merge, const lake::LoadedTable& target) {
    auto sources = std::make_unique<StatementSources>();
    DAYPART_TRY(auto session, OpenSession());
    DAYPART_TRY(const std::string named, NameTravels(merge.source));
    DAYPART_TRY(const Statement source, ParseStatement(*session, named));
    DAYPART_TRY(Statement rows, ParseStatement(*session, merge.rows));
    std::erase_if(rows.tables, [](const TableReference& reference) {
      return reference.table == kMergeTarget || reference.table == kMergeSource;
    });
    Begin(named);
    std::map<TableName, ResolvedTable> tables;
    std::vector<TableName> order;
    DAYPART_RETURN_IF_ERROR(ResolveAll(*session, source.tables, tables, order, 0));
    DAYPART_RETURN_IF_ERROR(ResolveAll(*session, rows.tables, tables, order, 0));
    DAYPART_RETURN_IF_ERROR(MakeSchemas(*session, tables));
    // A table that the conditions read as well has more references than scans here: not pruned.
    DAYPART_TRY(const auto scans, PlanFilters(*session, source, tables, order));
    ScanStatistics statistics;
    TableViews views(context_, *session, *sources, statistics, is_scan_ours_);
    for (const TableName& name : order) {
      DAYPART_RETURN_IF_ERROR(views.Make(tables.at(name), scans));
    }
    DAYPART_RETURN_IF_ERROR(session->Lock(views.paths()));
    // A snapshot of a table is read again rather than copied.
    const bool is_table = merge.is_name && order.size() == 1 && source.tables.size() == 1 &&
                          tables.at(order.front()).is_snapshot();
    Status gathered = GatherSource(*session, merge, source.select_sql, is_table);
    if (!gathered) {
      if (auto cause = sources->failure.error()) return *std::move(cause);
      return std::move(gathered).error();
    }
    DAYPART_RETURN_IF_ERROR(MakeMergeTarget(*session, merge, target, views, statistics));
    if (tables.contains(target.name)) statistics.target_filter = iceberg::Expression::True();
    return ExecuteStreaming(std::move(session), merge.rows, statistics, std::move(sources));
  }

  /// The view of the target: its files that the source's keys may match.
  Status MakeMergeTarget(Session& session, const MergeQuery& merge, const lake::LoadedTable& target,
                         TableViews& views, ScanStatistics& statistics) {
    const iceberg::Schema& schema = target.metadata.current_schema();
    DAYPART_TRY(const auto conditions, KeyConditions(session, schema, merge.keys));
    DAYPART_TRY(const auto filter, ToExpression(session, schema, conditions));
    DAYPART_TRY(auto plan, lake::PlanScan(context_, target, filter));
    ResolvedTable table;
    table.iceberg = std::make_unique<lake::LoadedTable>(target);
    table.has_positions = true;
    const auto make_view = [&](lake::ScanPlan planned) -> Status {
      DAYPART_TRY(const std::string scan,
                  views.ScanFunction(table, std::move(planned), filter));
      return session.Execute("CREATE OR REPLACE TEMP VIEW " + std::string(kMergeTarget) + " AS " +
                             scan);
    };
    statistics.files_total += plan.files_total;
    statistics.target_filter = filter;
    if (!merge.touched.empty() && plan.files.size() > 1) {
      DAYPART_RETURN_IF_ERROR(make_view(plan));
      DAYPART_TRY(const std::string touched,
                  session.QueryText("SELECT CAST(to_json(list(_file)) AS VARCHAR) FROM (" +
                                    merge.touched + ")"));
      std::erase_if(plan.files, [&](const lake::ScanFile& file) {
        return touched.find(file.file.location) == std::string::npos;
      });
    }
    statistics.files_read += static_cast<int64_t>(plan.files.size());
    return make_view(std::move(plan));
  }

  /// Databases in which the name may be meant, in order.
  std::vector<std::string> Candidates(const TableReference& reference) const {
    if (!reference.database.empty()) return {reference.database};
    return options_.search_path;
  }

  Status ResolveAll(Session& session, const std::vector<TableReference>& references,
                    std::map<TableName, ResolvedTable>& tables, std::vector<TableName>& order,
                    int depth) {
    if (depth > kViewDepthMax) return InvalidArgument("views use each other without end");
    for (const TableReference& reference : references) {
      DAYPART_TRY(ResolvedTable table, Resolve(reference));
      const TableName name = table.name;
      auto& known = tables[name];
      const size_t references_count = known.references + 1;
      const bool is_new = references_count == 1;
      if (is_new) known = std::move(table);
      known.references = references_count;
      if (!known.view_sql.empty()) {
        auto view = ParseStatement(session, known.view_sql);
        if (!view) return std::move(view).error().WithContext("view " + name.table);
        view_names_.aliases.merge(view->aliases);
        view_names_.renames_columns = view_names_.renames_columns || view->renames_columns;
        DAYPART_RETURN_IF_ERROR(ResolveAll(session, view->tables, tables, order, depth + 1));
      }
      if (is_new) order.push_back(name);
    }
    return Ok();
  }

  Result<ResolvedTable> Resolve(const TableReference& reference) {
    ResolvedTable table;
    Error not_found =
        NotFound("table " + ToString(reference) + " is not there; see daypart tables");
    for (const std::string& database : Candidates(reference)) {
      table.name = {database, reference.table};
      const Travel travel = ParseTravel(table.name.table);
      if (is_same_branch(target_, database, travel)) {
        table.iceberg = std::make_unique<lake::LoadedTable>(*target_);
        table.has_positions = true;
        return table;
      }
      if (is_same_branch(merge_target_, database, travel)) {
        table.iceberg = std::make_unique<lake::LoadedTable>(*merge_target_);
        return table;
      }
      const auto bound = bound_.find(table.name);
      if (bound != bound_.end()) {
        table.bound = bound->second;
        return table;
      }
      if (const auto files = bound_files_.find(table.name); files != bound_files_.end()) {
        table.raw = std::make_unique<catalog::RawTable>(files->second.table);
        table.raw_files = files->second.files;
        return table;
      }
      auto loaded = Load({database, travel.table}, travel);
      if (loaded) {
        table.hot = std::move(loaded->hot);
        table.may_lack_rows = loaded->may_lack_rows;
        DAYPART_TRY(auto then, TableAsOf(std::move(loaded->table), travel));
        table.iceberg = std::make_unique<lake::LoadedTable>(std::move(then));
        table.has_lineage = wants_lineage_ && table.iceberg->metadata.format_version >= 3;
        return table;
      }
      if (loaded.error().code != ErrorCode::kNotFound) return std::move(loaded).error();
      DAYPART_TRY(auto metadata, FindMetadataTable(context_, database, travel));
      if (metadata) {
        table.iceberg = std::make_unique<lake::LoadedTable>(std::move(metadata->table));
        table.metadata_kind = metadata->kind;
        return table;
      }
      auto raw = raw_.GetRawTable(table.name);
      if (raw) {
        table.raw = std::make_unique<catalog::RawTable>(std::move(raw).value());
        return table;
      }
      if (!reference.database.empty()) not_found = std::move(loaded).error();
    }
    DAYPART_TRY(table.view_sql, ReadViewFile(options_.views_directory, reference.table));
    table.name = {reference.database.empty() ? options_.search_path.front() : reference.database,
                  reference.table};
    if (table.view_sql.empty()) {
      return InvalidArgument(not_found.message + TableSuggestion(context_, raw_,
                                                                 Candidates(reference),
                                                                 reference.table));
    }
    return table;
  }

  /// Rows beyond the snapshot only where the snapshot is the current one.
  Result<lake::TableWithHotRows> Load(const TableName& name, const Travel& travel) const {
    if (options_.hot_tables != nullptr && travel.is_now()) {
      return lake::LoadWithHotRows(context_, *options_.hot_tables, name);
    }
    DAYPART_TRY(auto table, lake::LoadTable(context_, name));
    return lake::TableWithHotRows{.table = std::move(table), .hot = nullptr};
  }

  Status MakeSchemas(Session& session, const std::map<TableName, ResolvedTable>& tables) const {
    std::set<std::string> databases(options_.search_path.begin(), options_.search_path.end());
    for (const auto& [name, table] : tables) databases.insert(name.database);
    for (const std::string& database : databases) {
      DAYPART_RETURN_IF_ERROR(session.MakeSchema(database));
    }
    std::string path;
    for (const std::string& database : options_.search_path) {
      path += (path.empty() ? "" : ",") + QuoteIdentifier(database);
    }
    return session.Execute("SET search_path = " + QuoteText(path));
  }

  /// The conditions of the statement on each of its tables; none if a table is no Iceberg table.
  Result<PlannedScans> PlanFilters(Session& session, const Statement& statement,
                                   const std::map<TableName, ResolvedTable>& tables,
                                   const std::vector<TableName>& order) const {
    const bool is_prunable = std::all_of(tables.begin(), tables.end(), [](const auto& entry) {
      return entry.second.iceberg != nullptr || !entry.second.view_sql.empty();
    });
    if (!is_prunable || tables.empty() || !statement.show.empty()) return PlannedScans{};
    std::vector<PlanTable> stand_ins;
    for (const TableName& name : order) {
      DAYPART_TRY(PlanTable stand_in, StandInOf(tables.at(name)));
      stand_ins.push_back(std::move(stand_in));
    }
    DAYPART_TRY(auto planned, PlanOverEmptyTables(session, statement, stand_ins));
    planned.aliases.insert(view_names_.aliases.begin(), view_names_.aliases.end());
    planned.renames_columns = planned.renames_columns || view_names_.renames_columns;
    return planned;
  }

  const lake::LakeContext& context_;
  catalog::RawCatalog& raw_;
  EngineOptions options_;
  struct BoundFiles {
    catalog::RawTable table;
    std::vector<lake::RawFile> files;
  };
  std::map<TableName, source::BatchSource*> bound_;
  std::map<TableName, BoundFiles> bound_files_;
  const lake::LoadedTable* target_ = nullptr;        // during QueryPositions
  const lake::LoadedTable* merge_target_ = nullptr;  // during QueryMerge
  bool wants_lineage_ = false;                       // of the statement at hand
  PlannedScans view_names_;                          // that its views give, without scans
  bool needs_own_session_ = false;  // a file lies where no session of the pool may look
  bool is_scan_ours_ = false;  // DuckDB cannot read a file of the statement
};

}  // namespace

Result<std::unique_ptr<Engine>> OpenEngine(const lake::LakeContext& context,
                                           catalog::RawCatalog& raw, EngineOptions options) {
  return std::unique_ptr<Engine>(std::make_unique<DuckdbEngine>(context, raw, std::move(options)));
}

}  // namespace daypart::query
