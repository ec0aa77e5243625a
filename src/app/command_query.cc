// SPDX-License-Identifier: Apache-2.0
//
// daypart query: SQL over the lake, the rows to standard output.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "app/commands.h"
#include "app/work_options.h"
#include "app/server_query.h"
#include "app/query_athena.h"
#include "app/uncommitted_rows.h"
#include "base/log.h"
#include "query/engine.h"
#include "query/execute_table_statement.h"
#include "query/execute_write.h"
#include "query/format.h"
#include "query/table_statement.h"

namespace daypart::app {

namespace {

nlohmann::json IdJson(const std::optional<iceberg::SnapshotId>& id) {
  return id ? nlohmann::json(id->value()) : nlohmann::json();
}

Result<int> RunTableStatement(LakeSession& session, const std::string& sql,
                              const query::EngineOptions& options, const lake::WriteOptions& write,
                              const OutputOptions& output) {
  DAYPART_TRY(const auto result,
              query::ExecuteTableStatement(session.context(), session.raw_catalog(), options, sql,
                                           write));
  if (output.is_json) {
    PrintLine(nlohmann::json{{"done", result.done},
                             {"rows_inserted", result.rows_added},
                             {"previous_snapshot_id", IdJson(result.previous_snapshot_id)},
                             {"current_snapshot_id", IdJson(result.current_snapshot_id)}}
                  .dump());
  } else if (!output.is_quiet) {
    PrintLine(result.done);
  }
  return kExitDone;
}

Result<int> RunWrite(LakeSession& session, const std::string& sql,
                     const query::EngineOptions& options, const OutputOptions& output) {
  const bool is_about_table = query::is_table_statement(sql);
  const lake::WriteOptions write = WriteOptionsOf(session.config());
  if (is_about_table) return RunTableStatement(session, sql, options, write, output);
  const UtcMicros start = session.clock().Now();
  DAYPART_TRY(const auto result,
              query::ExecuteWrite(session.context(), session.raw_catalog(), options, sql, write));
  const double seconds = static_cast<double>(session.clock().Now().value() - start.value()) / 1e6;
  const int64_t inserted = result.rows_added - result.rows_updated;
  const int64_t deleted = result.rows_deleted - result.rows_updated;
  if (output.is_json) {
    PrintLine(nlohmann::json{
        {"rows_inserted", inserted},
        {"rows_updated", result.rows_updated},
        {"rows_deleted", deleted},
        {"seconds", seconds},
        {"snapshot_id",
         result.snapshot_id ? nlohmann::json(result.snapshot_id->value()) : nlohmann::json()}}
                  .dump());
  } else if (!output.is_quiet) {
    PrintLine(Counted(inserted, "row") + " inserted, " + FormatCount(result.rows_updated) +
              " updated, " + FormatCount(deleted) + " deleted in " + FormatSeconds(seconds));
  }
  return kExitDone;
}

/// The SQL as given, of the file or of the saved query; that for Athena where there is one.
Result<std::string> StatementOf(const Config& config, const QueryArguments& arguments,
                                bool is_athena) {
  std::filesystem::path path = arguments.file;
  if (!arguments.saved.empty()) {
    const std::string name = arguments.saved + ".sql";
    std::error_code error;
    path = config.sql_directory / "athena" / name;
    if (!is_athena || !std::filesystem::exists(path, error)) {
      path = config.sql_directory / "queries" / name;
    }
  }
  std::string sql = arguments.sql;
  if (!path.empty()) {
    std::ifstream file(path);
    if (!file) {
      return NotFound(path.string() +
                      ": a file with SQL is expected, there is none; see daypart queries");
    }
    sql.assign(std::istreambuf_iterator<char>(file), {});
  }
  return sql;
}

/// "region | text | region of the viewer" -> its three parts.
std::vector<std::string> ColumnCells(const std::string& column) {
  std::vector<std::string> cells(3);
  size_t begin = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool is_last = i + 1 == cells.size();
    const size_t end = is_last ? std::string::npos : column.find(" | ", begin);
    cells[i] = column.substr(begin, end == std::string::npos ? end : end - begin);
    if (end == std::string::npos) break;
    begin = end + 3;
  }
  return cells;
}

std::string NotCommittedNote(int64_t rows_count) {
  if (rows_count == 0) return {};
  return ", " + Counted(rows_count, "row") + " of streams not committed yet";
}

/// Each line four columns to the right.
std::string Indented(const std::string& text) {
  std::string indented;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) indented += "    " + line + '\n';
  return indented;
}

}  // namespace

Result<int> RunQuery(LakeSession& session, const QueryArguments& arguments,
                     const OutputOptions& output) {
  const bool is_athena =
      (arguments.engine.empty() ? session.config().query_engine : arguments.engine) == "athena";
  DAYPART_TRY(const std::string sql, StatementOf(session.config(), arguments, is_athena));
  DAYPART_TRY(const auto format,
              query::ParseOutputFormat(output.is_json ? "json" : arguments.format));
  if (is_athena) return RunAthenaQuery(session, sql, format, arguments.is_write, output);
  query::EngineOptions options = EngineOptionsOf(session.config());
  options.views_directory = (session.config().sql_directory / "views").string();
  options.is_given_up = [&session] { return session.context().cancel.is_cancelled(); };
  if (arguments.is_write) return RunWrite(session, sql, options, output);
  const UtcMicros begin = session.clock().Now();
  DAYPART_TRY(const auto answered, QueryServer(session, sql));
  if (answered.rows != nullptr) {
    DAYPART_TRY(const int64_t rows_count, query::WriteRows(*answered.rows, format, stdout));
    if (!answered.tables_behind.empty()) {
      Log(LogLevel::kWarning, answered.tables_behind + ": the newest rows of streams may be left "
                              "out, which the server has not decoded yet; ask again, or see "
                              "daypart_stream_read_behind_seconds of its /metrics");
    }
    if (format == query::OutputFormat::kTable && !output.is_quiet) {
      const auto micros = static_cast<double>(session.clock().Now().value() - begin.value());
      PrintNotice(Counted(rows_count, "row") + " in " + FormatSeconds(micros / 1e6) +
                  " from the lake's server" + NotCommittedNote(answered.rows_not_committed));
    }
    return kExitDone;
  }
  UncommittedRows uncommitted(session, session.context().cancel);
  options.hot_tables = &uncommitted;
  DAYPART_TRY(const auto engine,
              query::OpenEngine(session.context(), session.raw_catalog(), std::move(options)));
  const UtcMicros start = session.clock().Now();
  DAYPART_TRY(const auto rows, engine->Query(sql));
  DAYPART_TRY(const int64_t count, query::WriteRows(*rows, format, stdout));
  if (format == query::OutputFormat::kTable && !output.is_quiet) {
    const double seconds = static_cast<double>(session.clock().Now().value() - start.value()) / 1e6;
    const auto& statistics = rows->statistics();
    std::string note = Counted(count, "row") + " in " + FormatSeconds(seconds);
    if (statistics.tables > 0) {
      note += ", " + FormatCount(statistics.files_read) + " of " +
              Counted(statistics.files_total, "file") + " read";
    }
    PrintNotice(note + NotCommittedNote(statistics.rows_not_committed));
  }
  return kExitDone;
}

Result<int> RunQueries(const Config& config, const OutputOptions& output) {
  std::set<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(config.sql_directory / "queries", error)) {
    if (entry.path().extension() == ".sql") paths.insert(entry.path());
  }
  nlohmann::json json = nlohmann::json::array();
  for (const auto& path : paths) {
    std::ifstream file(path);
    std::string line;
    std::string description;
    nlohmann::json columns = nlohmann::json::array();
    std::vector<std::vector<std::string>> cells;
    // The comment at the top: the description, then a line a column, "-- column: NAME | UNIT |
    // MEANING".
    while (std::getline(file, line) && line.starts_with("-- ")) {
      if (!line.starts_with("-- column: ")) {
        description += (description.empty() ? "" : " ") + line.substr(3);
        continue;
      }
      const std::string column = line.substr(11);
      cells.push_back(ColumnCells(column));
      const auto& cell = cells.back();
      columns.push_back({{"name", cell[0]}, {"unit", cell[1]}, {"meaning", cell[2]}});
    }
    const std::string name = path.stem().string();
    json.push_back({{"name", name}, {"description", description}, {"columns", columns}});
    if (output.is_json) continue;
    PrintLine((json.size() > 1 ? "\n" : "") + name + ": " + description);
    if (!cells.empty()) PrintLine(Indented(FormatTable(cells, {false, false, false})));
  }
  if (output.is_json) PrintLine(json.dump(2));
  if (output.is_json) return kExitDone;
  if (paths.empty()) {
    PrintLine("no saved queries in " + (config.sql_directory / "queries").string());
  } else if (!output.is_quiet) {
    PrintLine("\nrun one with: daypart query --saved " + paths.begin()->stem().string());
  }
  return kExitDone;
}

}  // namespace daypart::app
