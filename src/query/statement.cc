// SPDX-License-Identifier: Apache-2.0
//
// The walk over DuckDB's syntax tree (json_serialize_sql).
#include "query/statement.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "query/limits.h"

namespace daypart::query {
namespace {

using nlohmann::json;

/// Table functions that compute from their arguments alone. All others are refused: a function that
/// a later DuckDB brings is so too.
constexpr std::array<std::string_view, 14> kAllowedFunctions = {"generate_series",
                                                                "generate_subscripts",
                                                                "icu_calendar_names",
                                                                "json_each",
                                                                "json_tree",
                                                                "pg_timezone_names",
                                                                "range",
                                                                "repeat",
                                                                "repeat_row",
                                                                "unnest",
                                                                "duckdb_functions",
                                                                "duckdb_keywords",
                                                                "duckdb_types",
                                                                "regexp_split_to_table"};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Position of the first character at or after `position` that is neither white space nor comment.
size_t SkipBlank(std::string_view sql, size_t position) {
  while (position < sql.size()) {
    if (std::isspace(static_cast<unsigned char>(sql[position]))) {
      ++position;
    } else if (sql.substr(position, 2) == "--") {
      position = std::min(sql.find('\n', position), sql.size());
    } else if (sql.substr(position, 2) == "/*") {
      const size_t end = sql.find("*/", position + 2);
      position = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      break;
    }
  }
  return position;
}

/// Position after `word` if it stands at `position` (any case), else nullopt.
std::optional<size_t> SkipWord(std::string_view sql, size_t position, std::string_view word) {
  if (Lower(sql.substr(position, word.size())) != word) return std::nullopt;
  const size_t end = position + word.size();
  if (end < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[end])) || sql[end] == '_')) {
    return std::nullopt;
  }
  return SkipBlank(sql, end);
}

/// Collects tables and refuses what may not be called. Scopes are those of common table
/// expressions: one is seen by the expressions after it and by the query it stands before, and by
/// itself if recursive.
class TreeWalk {
 public:
  explicit TreeWalk(Statement& statement) : statement_(statement) {}

  Status Visit(const json& node, const std::set<std::string>& scope) {
    if (node.is_array()) {
      for (const json& element : node) DAYPART_RETURN_IF_ERROR(Visit(element, scope));
      return Ok();
    }
    if (!node.is_object()) return Ok();
    VisitNames(node);
    const std::string type = Text(node, "type");
    if (type == "BASE_TABLE") DAYPART_RETURN_IF_ERROR(VisitTable(node, scope));
    if (type == "TABLE_FUNCTION") DAYPART_RETURN_IF_ERROR(VisitFunction(node));
    if (type == "SHOW_REF" && !node.contains("query")) {
      DAYPART_RETURN_IF_ERROR(VisitShow(Text(node, "table_name")));
    }
    std::set<std::string> inner = scope;
    if (type == "RECURSIVE_CTE_NODE") inner.insert(Lower(Text(node, "cte_name")));
    if (const auto ctes = node.find("cte_map"); ctes != node.end() && ctes->contains("map")) {
      for (const json& entry : (*ctes)["map"]) {
        DAYPART_RETURN_IF_ERROR(Visit(entry["value"], inner));
        inner.insert(Lower(Text(entry, "key")));
      }
    }
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map") DAYPART_RETURN_IF_ERROR(Visit(child, inner));
    }
    return Ok();
  }

 private:
  void VisitNames(const json& node) {
    constexpr std::array<std::string_view, 3> kRenamingTypes = {"SET_OPERATION_NODE",
                                                                "RECURSIVE_CTE_NODE", "PIVOT"};
    constexpr std::array<const char*, 4> kRenamingKeys = {"column_name_alias", "aliases",
                                                          "rename_list", "replace_list"};
    const std::string alias = Lower(Text(node, "alias"));
    if (!alias.empty()) statement_.aliases.insert(alias);
    // The alias of COLUMNS('(.*)') is a pattern of names.
    if (alias.find('\\') != std::string::npos) statement_.renames_columns = true;
    if (std::ranges::find(kRenamingTypes, Text(node, "type")) != kRenamingTypes.end() ||
        std::ranges::any_of(kRenamingKeys, [&](const char* key) { return node.contains(key); })) {
      statement_.renames_columns = true;
    }
  }

  Status VisitTable(const json& node, const std::set<std::string>& scope) {
    TableReference reference{Text(node, "schema_name"), Text(node, "table_name")};
    if (node.contains("at_clause")) {
      return Unsupported("time travel (AT …) is not supported yet: " + ToString(reference));
    }
    if (const std::string catalog = Text(node, "catalog_name"); !catalog.empty()) {
      return InvalidArgument("a table is named DATABASE.TABLE, found three parts: " + catalog +
                             "." + ToString(reference));
    }
    if (reference.database.empty() && scope.contains(Lower(reference.table))) return Ok();
    const std::string database = Lower(reference.database);
    if (database == "information_schema" || database == "pg_catalog") return Ok();
    statement_.tables.push_back(std::move(reference));
    return Ok();
  }

  static Status VisitFunction(const json& node) {
    const auto function = node.find("function");
    const std::string name = function == node.end() ? "" : Lower(Text(*function, "function_name"));
    if (std::ranges::find(kAllowedFunctions, name) != kAllowedFunctions.end()) return Ok();
    return Unsupported("table function " + name +
                       "() is not allowed in a query; files are read as tables of the catalog");
  }

  Status VisitShow(std::string name) {
    std::erase(name, '"');
    if (name == "tables" || name == "databases" || name == "schemas" ||
        name == "__show_tables_expanded") {
      statement_.show = name == "__show_tables_expanded" ? "tables" : name;
      return Ok();
    }
    if (name == "variables") return Unsupported("SHOW VARIABLES is not supported");
    statement_.tables.push_back({"", name});
    return Ok();
  }

  Statement& statement_;
};

/// DuckDB's own words for a text that does not parse: they show the line and a mark under the
/// place.
Error SyntaxError(Session& session, const std::string& sql, const std::string& fallback) {
  duckdb_extracted_statements extracted = nullptr;
  const idx_t count = duckdb_extract_statements(session.connection(), sql.c_str(), &extracted);
  const char* text = count == 0 ? duckdb_extract_statements_error(extracted) : nullptr;
  std::string message = text == nullptr || *text == '\0' ? fallback : text;
  duckdb_destroy_extracted(&extracted);
  return InvalidArgument(std::move(message));
}

/// Takes EXPLAIN [ANALYZE] [(…)] off the front.
size_t SkipExplain(std::string_view sql) {
  size_t position = SkipBlank(sql, 0);
  const auto after = SkipWord(sql, position, "explain");
  if (!after) return 0;
  position = *after;
  if (position < sql.size() && sql[position] == '(') {
    const size_t end = sql.find(')', position);
    position = end == std::string_view::npos ? sql.size() : SkipBlank(sql, end + 1);
  }
  return SkipWord(sql, position, "analyze").value_or(position);
}

}  // namespace

std::string ToString(const TableReference& reference) {
  return reference.database.empty() ? reference.table : reference.database + "." + reference.table;
}

Result<Statement> ParseStatement(Session& session, std::string_view sql) {
  if (sql.size() > kStatementBytesMax) {
    return InvalidArgument("statement has " + std::to_string(sql.size()) + " bytes, at most " +
                           std::to_string(kStatementBytesMax) + " are taken");
  }
  Statement statement;
  const size_t begin = SkipExplain(sql);
  statement.is_explain = begin > 0;
  statement.select_sql = std::string(sql.substr(begin));
  DAYPART_TRY(const std::string text,
              session.QueryText(
                  "SELECT json_serialize_sql(?::VARCHAR, skip_empty := true, skip_null := true, "
                  "skip_default := true)::VARCHAR",
                  statement.select_sql));
  const json tree = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!tree.is_object()) return InvalidArgument("DuckDB told nothing of the statement's syntax");
  if (tree.value("error", true)) {
    const std::string message = Text(tree, "error_message");
    if (Text(tree, "error_type") == "not implemented") {
      return Unsupported(
          "only queries are run here (SELECT, WITH, VALUES, FROM, DESCRIBE, SHOW, "
          "EXPLAIN): nothing that changes data, settings or files");
    }
    return SyntaxError(session, statement.select_sql, message);
  }
  const json& statements = tree["statements"];
  if (statements.size() != 1) {
    return InvalidArgument("expected one statement, found " + std::to_string(statements.size()));
  }
  DAYPART_RETURN_IF_ERROR(TreeWalk(statement).Visit(statements[0], {}));
  return statement;
}

}  // namespace daypart::query
