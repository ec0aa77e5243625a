// SPDX-License-Identifier: Apache-2.0
//
// A statement's way: parse, find its tables, plan over empty ones of the same columns to learn its
// filters, prune files by these, put views over the files that are left, lock the session, run.
#include "query/engine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "lake/arrow_schema.h"
#include "query/duckdb_rows.h"
#include "query/duckdb_session.h"
#include "query/limits.h"
#include "query/plan_filter.h"
#include "query/statement.h"
#include "source/file_source.h"
#include "store/directory_store.h"

namespace daypart::query {
namespace {

using catalog::TableName;
using iceberg::Type;
using iceberg::TypeKind;

/// The type's name in DuckDB.
Result<std::string> SqlType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: return std::string("BOOLEAN");
    case TypeKind::kInt: return std::string("INTEGER");
    case TypeKind::kLong: return std::string("BIGINT");
    case TypeKind::kFloat: return std::string("FLOAT");
    case TypeKind::kDouble: return std::string("DOUBLE");
    case TypeKind::kDecimal:
      return "DECIMAL(" + std::to_string(type.precision) + ',' + std::to_string(type.scale) + ')';
    case TypeKind::kDate: return std::string("DATE");
    case TypeKind::kTime: return std::string("TIME");
    case TypeKind::kTimestamp: return std::string("TIMESTAMP");
    case TypeKind::kTimestamptz: return std::string("TIMESTAMP WITH TIME ZONE");
    case TypeKind::kTimestampNs: return std::string("TIMESTAMP_NS");
    case TypeKind::kString: return std::string("VARCHAR");
    case TypeKind::kUuid: return std::string("UUID");
    case TypeKind::kFixed:
    case TypeKind::kBinary: return std::string("BLOB");
    case TypeKind::kTimestamptzNs:
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: break;
  }
  return Unsupported("columns of type " + ToString(type) + " are not queried yet");
}

std::string SqlName(const TableName& name) {
  return QuoteIdentifier(name.database) + '.' + QuoteIdentifier(name.table);
}

/// A table of the statement once it is known what it is.
struct ResolvedTable {
  TableName name;
  size_t references = 0;
  std::unique_ptr<lake::LoadedTable> iceberg;
  std::unique_ptr<catalog::RawTable> raw;
  source::BatchSource* bound = nullptr;
  std::string view_sql;  // of a view file
};

Result<std::string> ColumnList(const iceberg::Schema& schema) {
  std::string columns;
  for (const auto& field : schema.fields) {
    DAYPART_TRY(const std::string type, SqlType(field.type));
    columns += (columns.empty() ? "" : ", ") + QuoteIdentifier(field.name) + ' ' + type;
  }
  return columns;
}

/// SELECT over the files with columns matched by field id, so that evolution is seen through.
Result<std::string> ScanSql(const iceberg::Schema& schema, const lake::ScanPlan& plan,
                            std::vector<std::string>& paths) {
  if (plan.files.empty()) {
    std::string columns;
    for (const auto& field : schema.fields) {
      DAYPART_TRY(const std::string type, SqlType(field.type));
      columns += (columns.empty() ? "" : ", ") + ("CAST(NULL AS " + type + ") AS ") +
                 QuoteIdentifier(field.name);
    }
    return "SELECT " + columns + " WHERE false";
  }
  std::string files;
  for (const auto& scanned : plan.files) {
    DAYPART_TRY(std::string path, store::LocalPath(scanned.file.location));
    files += (files.empty() ? "" : ", ") + QuoteText(path);
    paths.push_back(std::move(path));
  }
  std::string fields;
  for (const auto& field : schema.fields) {
    DAYPART_TRY(const std::string type, SqlType(field.type));
    fields += (fields.empty() ? "" : ", ") + std::to_string(field.id.value()) + ": {name: " +
              QuoteText(field.name) + ", type: " + QuoteText(type) + ", default_value: NULL}";
  }
  return "SELECT * FROM read_parquet([" + files + "], schema = MAP {" + fields + "})";
}

class DuckdbEngine final : public Engine {
 public:
  DuckdbEngine(const lake::LakeContext& context, catalog::RawCatalog& raw, EngineOptions options)
      : context_(context), raw_(raw), options_(std::move(options)) {}

  Result<std::unique_ptr<Rows>> Query(std::string_view sql) override {
    DAYPART_TRY(auto session, OpenSession());
    DAYPART_TRY(const Statement statement, ParseStatement(*session, sql));
    std::map<TableName, ResolvedTable> tables;
    std::vector<TableName> order;  // views after what they use
    DAYPART_RETURN_IF_ERROR(ResolveAll(*session, statement.tables, tables, order, 0));
    DAYPART_RETURN_IF_ERROR(MakeSchemas(*session, tables));
    DAYPART_TRY(const auto scans, PlanFilters(*session, statement, tables, order));
    std::vector<std::string> paths;
    std::vector<std::unique_ptr<source::BatchSource>> sources;
    ScanStatistics statistics;
    for (const TableName& name : order) {
      DAYPART_RETURN_IF_ERROR(
          MakeView(*session, tables.at(name), scans, paths, sources, statistics));
    }
    DAYPART_RETURN_IF_ERROR(session->Lock(paths));
    const std::string text = (statement.is_explain ? "EXPLAIN " : "") + statement.select_sql;
    return ExecuteStreaming(std::move(session), text, statistics, std::move(sources));
  }

  Status Bind(const TableName& name, source::BatchSource& rows) override {
    bound_[name] = &rows;
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
    return Session::Open({.memory_bytes_max = options_.memory_bytes_max,
                          .threads_count = options_.threads_count,
                          .spill_directory = options_.spill_directory});
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
        DAYPART_RETURN_IF_ERROR(ResolveAll(session, view->tables, tables, order, depth + 1));
      }
      if (is_new) order.push_back(name);
    }
    return Ok();
  }

  Result<ResolvedTable> Resolve(const TableReference& reference) {
    ResolvedTable table;
    Error not_found = NotFound("table " + ToString(reference) + " is not there; see daypart tables");
    for (const std::string& database : Candidates(reference)) {
      table.name = {database, reference.table};
      const auto bound = bound_.find(table.name);
      if (bound != bound_.end()) {
        table.bound = bound->second;
        return table;
      }
      auto loaded = lake::LoadTable(context_, table.name);
      if (loaded) {
        table.iceberg = std::make_unique<lake::LoadedTable>(std::move(loaded).value());
        return table;
      }
      if (loaded.error().code != ErrorCode::kNotFound) return std::move(loaded).error();
      auto raw = raw_.GetRawTable(table.name);
      if (raw) {
        table.raw = std::make_unique<catalog::RawTable>(std::move(raw).value());
        return table;
      }
      if (!reference.database.empty()) not_found = std::move(loaded).error();
    }
    DAYPART_TRY(table.view_sql, ReadView(reference.table));
    table.name = {reference.database.empty() ? options_.search_path.front() : reference.database,
                  reference.table};
    if (table.view_sql.empty()) return InvalidArgument(not_found.message);
    return table;
  }

  /// The text of <views>/NAME.sql; empty if there is none.
  Result<std::string> ReadView(const std::string& name) const {
    if (options_.views_directory.empty() || name.find('/') != std::string::npos) {
      return std::string();
    }
    const auto path = std::filesystem::path(options_.views_directory) / (name + ".sql");
    std::ifstream file(path);
    if (!file) return std::string();
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.size() > kSqlFileBytesMax) return InvalidArgument(path.string() + " is too long");
    return text;
  }

  Status MakeSchemas(Session& session, const std::map<TableName, ResolvedTable>& tables) const {
    std::set<std::string> databases(options_.search_path.begin(), options_.search_path.end());
    for (const auto& [name, table] : tables) databases.insert(name.database);
    for (const std::string& database : databases) {
      DAYPART_RETURN_IF_ERROR(
          session.Execute("CREATE SCHEMA IF NOT EXISTS " + QuoteIdentifier(database)));
    }
    std::string path;
    for (const std::string& database : options_.search_path) {
      path += (path.empty() ? "" : ",") + QuoteIdentifier(database);
    }
    return session.Execute("SET search_path = " + QuoteText(path));
  }

  /// Plans the statement over empty tables; an unknown form of plan costs pruning, nothing else.
  Result<std::vector<PlannedScan>> PlanFilters(Session& session, const Statement& statement,
                                               const std::map<TableName, ResolvedTable>& tables,
                                               const std::vector<TableName>& order) const {
    std::vector<PlannedScan> scans;
    const bool is_prunable = std::all_of(tables.begin(), tables.end(), [](const auto& entry) {
      return entry.second.iceberg != nullptr || !entry.second.view_sql.empty();
    });
    if (!is_prunable || tables.empty() || !statement.show.empty()) return scans;
    std::string clean_up;
    for (const TableName& name : order) {
      const ResolvedTable& table = tables.at(name);
      if (table.iceberg != nullptr) {
        DAYPART_TRY(const std::string columns,
                    ColumnList(table.iceberg->metadata.current_schema()));
        DAYPART_RETURN_IF_ERROR(
            session.Execute("CREATE TABLE " + SqlName(name) + " (" + columns + ")"));
        clean_up = "DROP TABLE " + SqlName(name) + ';' + clean_up;
      } else {
        DAYPART_RETURN_IF_ERROR(
            session.Execute("CREATE VIEW " + SqlName(name) + " AS " + table.view_sql));
        clean_up = "DROP VIEW " + SqlName(name) + ';' + clean_up;
      }
    }
    // The tables are empty, which the optimiser must not make use of.
    DAYPART_RETURN_IF_ERROR(session.Execute("SET disabled_optimizers = 'statistics_propagation'"));
    auto plan = session.QueryText("EXPLAIN (FORMAT JSON) " + statement.select_sql, 1);
    DAYPART_RETURN_IF_ERROR(session.Execute("RESET disabled_optimizers"));
    if (plan) {
      auto planned = ScansOfPlan(*plan);
      if (planned) scans = std::move(planned).value();
    }
    DAYPART_RETURN_IF_ERROR(session.Execute(clean_up));
    return scans;
  }

  Status MakeView(Session& session, const ResolvedTable& table,
                  const std::vector<PlannedScan>& scans, std::vector<std::string>& paths,
                  std::vector<std::unique_ptr<source::BatchSource>>& sources,
                  ScanStatistics& statistics) {
    const auto create = [&](const std::string& select) {
      return session.Execute("CREATE VIEW " + SqlName(table.name) + " AS " + select);
    };
    if (!table.view_sql.empty()) return create(table.view_sql);
    if (table.iceberg != nullptr) {
      const iceberg::Schema& schema = table.iceberg->metadata.current_schema();
      const std::string scan_name = "memory." + table.name.database + '.' + table.name.table;
      DAYPART_TRY(const auto filter,
                  FilterOfTable(session, schema, scans, scan_name, table.references));
      DAYPART_TRY(const auto plan, lake::PlanScan(context_, *table.iceberg, filter));
      for (const auto& file : plan.files) {
        if (file.deletes.empty()) continue;
        return Unsupported("table " + ToString(table.name) +
                           " has row-level delete files, which this version does not read yet");
      }
      ++statistics.tables;
      statistics.files_total += plan.files_total;
      statistics.files_read += static_cast<int64_t>(plan.files.size());
      statistics.rows_in_files_read += plan.rows;
      DAYPART_TRY(const std::string sql, ScanSql(schema, plan, paths));
      return create(sql);
    }
    source::BatchSource* rows = table.bound;
    if (rows == nullptr) {
      DAYPART_TRY(auto opened, OpenRaw(*table.raw));
      rows = opened.get();
      sources.push_back(std::move(opened));
    }
    if (table.references > 1) {
      return Unsupported(ToString(table.name) +
                         " is read from its files as a stream, so a statement can name it once");
    }
    const std::string stream = "daypart_stream_" + std::to_string(streams_++);
    DAYPART_RETURN_IF_ERROR(BindSource(session, stream, *rows));
    // DuckDB makes the stream's view in the first schema of the search path.
    return create("SELECT * FROM " + QuoteIdentifier(options_.search_path.front()) + '.' +
                  QuoteIdentifier(stream));
  }

  /// The rows of a raw table's files, those that do not fit left out and counted.
  Result<std::unique_ptr<source::BatchSource>> OpenRaw(const catalog::RawTable& table) {
    if (table.format == catalog::RawFormat::kParquet) {
      return Unsupported(ToString(table.name) + ": raw Parquet files are not queried yet");
    }
    if (!table.partition_columns.empty()) {
      return Unsupported(ToString(table.name) + ": raw tables with partitions are not queried yet");
    }
    source::FileSourceOptions options;
    iceberg::Schema schema;
    for (const auto& column : table.columns) {
      schema.fields.push_back({.name = column.name, .type = column.type, .doc = ""});
      options.target.columns.push_back({.name = column.name, .source_name = column.source_name});
    }
    DAYPART_TRY(options.target.schema, lake::ToArrowSchema(iceberg::AssignFreshIds(schema)));
    if (table.format == catalog::RawFormat::kCsv) {
      decode::CsvOptions csv;
      csv.delimiter = table.delimiter;
      csv.quote = table.quote;
      csv.has_header = table.has_header;
      for (const auto& column : table.columns) csv.file_columns.push_back(column.source_name);
      options.format = std::move(csv);
    } else {
      options.format = decode::JsonOptions{};
    }
    DAYPART_TRY(const auto objects, ListFiles(table.location));
    for (const std::string& location : objects) options.files.push_back({.location = location});
    const source::RejectSink skip = [](const auto&, const auto&) { return Ok(); };
    progress_.push_back(std::make_unique<source::FileSourceProgress>());
    return source::OpenFiles(context_.store, std::move(options), skip, context_.cancel,
                             *progress_.back());
  }

  Result<std::vector<std::string>> ListFiles(const std::string& location) {
    std::vector<std::string> files;
    if (!location.ends_with('/')) {
      files.push_back(location);
      return files;
    }
    DAYPART_TRY(const auto objects, context_.store.List(location));
    for (const auto& object : objects) {
      const std::string_view rest = std::string_view(object.location).substr(location.size());
      if (rest.starts_with('_') || rest.find("/_") != std::string_view::npos) continue;
      files.push_back(object.location);
    }
    return files;
  }

  const lake::LakeContext& context_;
  catalog::RawCatalog& raw_;
  EngineOptions options_;
  std::map<TableName, source::BatchSource*> bound_;
  std::vector<std::unique_ptr<source::FileSourceProgress>> progress_;
  int streams_ = 0;
};

}  // namespace

Result<std::unique_ptr<Engine>> OpenEngine(const lake::LakeContext& context,
                                           catalog::RawCatalog& raw, EngineOptions options) {
  return std::unique_ptr<Engine>(
      std::make_unique<DuckdbEngine>(context, raw, std::move(options)));
}

}  // namespace daypart::query
