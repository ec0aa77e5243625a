// SPDX-License-Identifier: Apache-2.0
//
// What a statement is before anything of it runs: one SELECT (or what DuckDB makes of WITH, VALUES,
// FROM, DESCRIBE, SHOW, SUMMARIZE), perhaps under EXPLAIN; the tables it names; and the proof that
// it calls no table function that could reach outside. Told from DuckDB's own syntax tree, not from
// text.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/duckdb_session.h"

namespace daypart::query {

/// A table as the statement names it.
struct TableReference {
  std::string database;  // empty if the name stands alone
  std::string table;
  friend bool operator==(const TableReference&, const TableReference&) = default;
};

std::string ToString(const TableReference& reference);

struct Statement {
  /// The SELECT without EXPLAIN, comments and ';' as they were.
  std::string select_sql;
  bool is_explain = false;
  /// One a place in the statement, so that a table named twice is here twice. Without common table
  /// expressions and DuckDB's own information_schema.
  std::vector<TableReference> tables;
  /// Names that the statement gives by AS, lower case: in it such a name may mean another column
  /// than the table's column of that name.
  std::set<std::string> aliases;
  /// Whether columns get names in other ways too: UNION by position, lists of names, RENAME, PIVOT.
  bool renames_columns = false;
  /// "tables", "databases", …: what a bare SHOW wants to see; empty for other statements.
  std::string show;
};

/// errors: kInvalidArgument with DuckDB's words and position if it does not parse, or is none or
/// more
///   than one statement; kUnsupported if it is not a query, calls a table function that is not
///   allowed, or travels in time.
Result<Statement> ParseStatement(Session& session, std::string_view sql);

}  // namespace daypart::query
