// SPDX-License-Identifier: Apache-2.0
//
// Statements that make, change or drop a table rather than its rows, in the words of Iceberg's
// Spark SQL: CREATE TABLE, DROP TABLE, ALTER TABLE and CALL system.…, taken apart by their clauses.
// What a clause means for the table is decided where it is carried out. Source: Iceberg
// documentation, "Spark DDL", "Spark Procedures".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "iceberg/schema_update.h"
#include "lake/table_refs.h"

namespace daypart::query {

/// {"user", "address", "city"}
using ColumnPath = std::vector<std::string>;

struct ColumnDefinition {
  ColumnPath path;
  iceberg::Type type;
  bool is_required = false;
  std::string comment;
  std::string default_text;  // an SQL literal; empty for none
  iceberg::ColumnPlace place;
};

struct CreateTableStatement {
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;
  std::string partition;  // the terms of PARTITIONED BY
  std::map<std::string, std::string> properties;
  std::string select;  // of AS SELECT; empty for none
};
struct DropTableStatement {
  bool if_exists = false;
  bool purges = false;
};
struct RenameTableStatement {
  std::string name;  // as written
};
struct AddColumnsStatement {
  std::vector<ColumnDefinition> columns;
};
struct DropColumnsStatement {
  std::vector<ColumnPath> columns;
};
struct RenameColumnStatement {
  ColumnPath column;
  std::string name;
};
/// One ALTER COLUMN; what is absent stays.
struct AlterColumnStatement {
  ColumnPath column;
  std::optional<iceberg::Type> type;
  std::optional<iceberg::ColumnPlace> place;
  std::optional<std::string> comment;
  std::optional<std::string> default_text;  // empty: DROP DEFAULT
  bool drops_not_null = false;
};
struct PropertiesStatement {
  std::map<std::string, std::string> set;
  std::vector<std::string> unset;
};
struct PartitionFieldStatement {
  std::string dropped;  // name or term; empty if none
  std::string added;    // term; empty if none
  std::string name;     // of the added one; empty for the usual
};
struct WriteOrderStatement {
  std::string order;  // empty: unordered
};
struct IdentifierStatement {
  std::vector<ColumnPath> columns;
  bool drops = false;  // these are no longer part of it
};
struct ChangeRefStatement {
  lake::RefChange change;
};
struct DropRefStatement {
  std::string name;
  iceberg::RefKind kind = iceberg::RefKind::kBranch;
  bool if_exists = false;
};
struct CallStatement {
  std::string procedure;
  /// Values as text; times as written. Given by position they are named "0", "1", …
  std::map<std::string, std::string> arguments;
};

struct TableStatement {
  std::string table;  // as written, quotes included; of CALL the argument
  std::variant<CreateTableStatement, DropTableStatement, RenameTableStatement, AddColumnsStatement,
               DropColumnsStatement, RenameColumnStatement, AlterColumnStatement,
               PropertiesStatement, PartitionFieldStatement, WriteOrderStatement,
               IdentifierStatement, ChangeRefStatement, DropRefStatement, CallStatement>
      action;
};

/// Whether the statement's first word is CREATE, DROP, ALTER or CALL.
bool is_table_statement(std::string_view sql);

/// errors: kInvalidArgument with the character position where something else was expected;
///   kUnsupported for another statement.
Result<TableStatement> ParseTableStatement(std::string_view sql);

}  // namespace daypart::query
