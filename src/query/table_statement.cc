// SPDX-License-Identifier: Apache-2.0
//
// CREATE TABLE, DROP TABLE and CALL; ALTER TABLE is in alter_statement.cc.
#include "query/table_statement.h"

#include <utility>

#include "query/alter_statement.h"
#include "query/column_clauses.h"
#include "query/sql_reader.h"

namespace daypart::query {
namespace {

Result<TableStatement> ReadCreate(SqlReader& in) {
  TableStatement statement;
  CreateTableStatement create;
  DAYPART_RETURN_IF_ERROR(in.Expect("TABLE"));
  create.if_not_exists = in.TakeAll({"IF", "NOT", "EXISTS"});
  DAYPART_TRY(statement.table, in.Name());
  if (in.is_next("(")) {
    DAYPART_TRY(const std::string columns, in.Bracketed());
    DAYPART_TRY(create.columns, ReadColumns(columns));
  }
  while (!in.is_at_end()) {
    if (in.Take("USING")) {
      DAYPART_RETURN_IF_ERROR(in.Expect("ICEBERG"));
    } else if (in.TakeAll({"PARTITIONED", "BY"})) {
      DAYPART_TRY(create.partition, in.Bracketed());
    } else if (in.Take("TBLPROPERTIES")) {
      DAYPART_TRY(create.properties, ReadProperties(in));
    } else if (in.Take("COMMENT")) {
      DAYPART_TRY(create.properties["comment"], in.Text());
    } else if (in.Take("AS")) {
      create.select = in.Rest();
      if (create.select.empty()) return in.Expected("SELECT, WITH or VALUES");
    } else {
      return in.Expected("PARTITIONED BY, TBLPROPERTIES, COMMENT, AS or the end");
    }
  }
  if (create.columns.empty() == create.select.empty()) {
    return InvalidArgument("CREATE TABLE wants either a list of columns or AS SELECT");
  }
  statement.action = std::move(create);
  return statement;
}

Result<TableStatement> ReadDrop(SqlReader& in) {
  TableStatement statement;
  DropTableStatement drop;
  DAYPART_RETURN_IF_ERROR(in.Expect("TABLE"));
  drop.if_exists = in.TakeAll({"IF", "EXISTS"});
  DAYPART_TRY(statement.table, in.Name());
  drop.purges = in.Take("PURGE");
  statement.action = drop;
  return statement;
}

/// 'text', a number, or TIMESTAMP 'text'.
Result<std::string> ReadArgument(SqlReader& in) {
  std::string value = in.Until({","});
  if (value.empty()) return in.Expected("a value");
  DAYPART_TRY(SqlReader inner, SqlReader::Open(value));
  (void)inner.Take("TIMESTAMP");  // optional before a time's text
  auto text = inner.Text();
  if (text && inner.is_at_end()) return std::move(text).value();
  return value;
}

Result<TableStatement> ReadCall(SqlReader& in) {
  DAYPART_TRY(const std::string name, in.Name());
  const auto parts = NameParts(name);
  if (parts.size() < 2 || Upper(parts[parts.size() - 2]) != "SYSTEM") {
    return InvalidArgument("CALL system.PROCEDURE(…) is expected, found CALL " + name);
  }
  CallStatement call;
  call.procedure = Upper(parts.back());
  DAYPART_TRY(const std::string list, in.Bracketed());
  DAYPART_TRY(SqlReader inner, SqlReader::Open(list));
  size_t position = 0;
  do {
    std::string key = std::to_string(position++);
    if (inner.is_name()) {
      DAYPART_TRY(const std::string written, inner.Identifier());
      if (inner.TakeAll({"=", ">"})) {
        key = written;
      } else if (Upper(written) != "TIMESTAMP") {
        return inner.Expected("=>");
      }
    }
    DAYPART_TRY(call.arguments[key], ReadArgument(inner));
  } while (inner.Take(","));
  DAYPART_RETURN_IF_ERROR(inner.ExpectEnd());
  TableStatement statement;
  for (const char* table : {"table", "0"}) {
    const auto found = call.arguments.find(table);
    if (found == call.arguments.end() || !statement.table.empty()) continue;
    statement.table = found->second;
  }
  if (statement.table.empty()) {
    return InvalidArgument("CALL system." + parts.back() + " wants table => 'database.table'");
  }
  statement.action = std::move(call);
  return statement;
}

Result<TableStatement> ReadStatement(SqlReader& in) {
  if (in.Take("CREATE")) return ReadCreate(in);
  if (in.Take("DROP")) return ReadDrop(in);
  if (in.Take("CALL")) return ReadCall(in);
  if (in.TakeAll({"ALTER", "TABLE"})) return ReadAlter(in);
  return Unsupported("CREATE TABLE, DROP TABLE, ALTER TABLE or CALL is expected");
}

}  // namespace

bool is_table_statement(std::string_view sql) {
  const auto in = SqlReader::Open(sql);
  return in && (in->is_next("CREATE") || in->is_next("DROP") || in->is_next("ALTER") ||
                in->is_next("CALL"));
}

Result<TableStatement> ParseTableStatement(std::string_view sql) {
  DAYPART_TRY(SqlReader in, SqlReader::Open(sql));
  DAYPART_TRY(TableStatement statement, ReadStatement(in));
  DAYPART_RETURN_IF_ERROR(in.ExpectEnd());
  return statement;
}

}  // namespace daypart::query
