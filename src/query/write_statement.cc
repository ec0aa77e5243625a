// SPDX-License-Identifier: Apache-2.0
//
// Clause by clause, over SqlReader.
#include "query/write_statement.h"

#include "query/sql_reader.h"

namespace daypart::query {
namespace {

Status ReadWhere(SqlReader& in, WriteStatement& statement) {
  if (in.is_at_end()) return Ok();
  DAYPART_RETURN_IF_ERROR(in.Expect("WHERE"));
  statement.where = in.Rest();
  if (statement.where.empty()) return in.Expected("a condition");
  return Ok();
}

/// (a, b, c)
Result<std::vector<std::string>> ReadColumns(SqlReader& in) {
  std::vector<std::string> columns;
  DAYPART_RETURN_IF_ERROR(in.Expect("("));
  do {
    DAYPART_TRY(std::string column, in.Identifier());
    columns.push_back(std::move(column));
  } while (in.Take(","));
  DAYPART_RETURN_IF_ERROR(in.Expect(")"));
  return columns;
}

Status ReadInsert(SqlReader& in, WriteStatement& statement) {
  if (in.Take("OVERWRITE")) {
    statement.kind = WriteKind::kOverwrite;
    if (!in.Take("INTO")) (void)in.Take("TABLE");
  } else {
    DAYPART_RETURN_IF_ERROR(in.Expect("INTO"));
  }
  DAYPART_TRY(statement.table, in.Name());
  if (in.is_next("(")) {
    DAYPART_TRY(statement.columns, ReadColumns(in));
  }
  if (!in.is_next("SELECT") && !in.is_next("WITH") && !in.is_next("VALUES") &&
      !in.is_next("FROM")) {
    return in.Expected("SELECT, WITH, VALUES or FROM");
  }
  statement.select = in.Rest();
  return Ok();
}

/// Whether a column's qualifier means the statement's table and not a column of structs.
bool is_target(const WriteStatement& statement, const std::string& qualifier) {
  const std::string& name = statement.alias.empty() ? statement.table : statement.alias;
  return Upper(NameParts(name).back()) == Upper(qualifier);
}

/// a = x, t.b = y, … up to the word.
Status ReadAssignments(SqlReader& in, std::string_view stop, const WriteStatement& statement,
                       std::vector<Assignment>& assignments) {
  do {
    DAYPART_TRY(const std::string column, in.Name());
    const auto parts = NameParts(column);
    if (parts.size() > 1 && !is_target(statement, parts[parts.size() - 2])) {
      return Unsupported("a column of the table is expected to be set, found " + column +
                         "; to change a field of a struct, set the whole struct");
    }
    DAYPART_RETURN_IF_ERROR(in.Expect("="));
    std::string expression = in.Until({",", stop});
    if (expression.empty()) return in.Expected("a value for " + column);
    for (const Assignment& other : assignments) {
      if (Upper(other.first) != Upper(parts.back())) continue;
      return InvalidArgument("each column is expected to be set once, " + column +
                             " is set twice");
    }
    assignments.emplace_back(parts.back(), std::move(expression));
  } while (in.Take(","));
  return Ok();
}

Status ReadUpdate(SqlReader& in, WriteStatement& statement) {
  DAYPART_TRY(statement.table, in.Name());
  statement.alias = in.Alias({"SET"});
  DAYPART_RETURN_IF_ERROR(in.Expect("SET"));
  DAYPART_RETURN_IF_ERROR(ReadAssignments(in, "WHERE", statement, statement.assignments));
  return ReadWhere(in, statement);
}

/// INSERT * or INSERT (columns) VALUES (expressions)
Status ReadMergeInsert(SqlReader& in, MergeClause& clause) {
  clause.action = MergeClause::Action::kInsert;
  clause.is_all = in.Take("*");
  if (clause.is_all) return Ok();
  DAYPART_TRY(const auto columns, ReadColumns(in));
  DAYPART_RETURN_IF_ERROR(in.ExpectAll({"VALUES", "("}));
  for (const std::string& column : columns) {
    if (!clause.assignments.empty()) DAYPART_RETURN_IF_ERROR(in.Expect(","));
    std::string expression = in.Until({","});
    if (expression.empty()) return in.Expected("a value for " + column);
    clause.assignments.emplace_back(column, std::move(expression));
  }
  return in.Expect(")");
}

Result<MergeClause> ReadMergeClause(SqlReader& in, const WriteStatement& statement) {
  MergeClause clause;
  DAYPART_RETURN_IF_ERROR(in.Expect("WHEN"));
  if (in.Take("NOT")) clause.match = MergeClause::Match::kNotMatched;
  DAYPART_RETURN_IF_ERROR(in.Expect("MATCHED"));
  if (clause.match == MergeClause::Match::kNotMatched) {
    if (in.TakeAll({"BY", "SOURCE"})) clause.match = MergeClause::Match::kNotMatchedBySource;
    (void)in.TakeAll({"BY", "TARGET"});
  }
  if (in.Take("AND")) {
    clause.condition = in.Until({"THEN"});
    if (clause.condition.empty()) return in.Expected("a condition");
  }
  DAYPART_RETURN_IF_ERROR(in.Expect("THEN"));
  const bool is_new = clause.match == MergeClause::Match::kNotMatched;
  if (is_new) {
    DAYPART_RETURN_IF_ERROR(in.Expect("INSERT"));
    DAYPART_RETURN_IF_ERROR(ReadMergeInsert(in, clause));
    return clause;
  }
  if (in.Take("DELETE")) {
    clause.action = MergeClause::Action::kDelete;
    return clause;
  }
  if (!in.TakeAll({"UPDATE", "SET"})) return in.Expected("UPDATE SET or DELETE");
  clause.is_all = clause.match == MergeClause::Match::kMatched && in.Take("*");
  if (!clause.is_all) {
    DAYPART_RETURN_IF_ERROR(ReadAssignments(in, "WHEN", statement, clause.assignments));
  }
  return clause;
}

Status ReadMerge(SqlReader& in, WriteStatement& statement) {
  DAYPART_RETURN_IF_ERROR(in.Expect("INTO"));
  DAYPART_TRY(statement.table, in.Name());
  statement.alias = in.Alias({"USING"});
  DAYPART_RETURN_IF_ERROR(in.Expect("USING"));
  if (in.is_next("(")) {
    DAYPART_TRY(const std::string select, in.Bracketed());
    statement.source = '(' + select + "\n)";
  } else {
    DAYPART_TRY(statement.source, in.Name());
  }
  statement.source_alias = in.Alias({"ON"});
  const bool is_select = statement.source.front() == '(';
  if (is_select && statement.source_alias.empty()) return in.Expected("a name for the source rows");
  DAYPART_RETURN_IF_ERROR(in.Expect("ON"));
  statement.on = in.Until({"WHEN"});
  if (statement.on.empty()) return in.Expected("a condition");
  do {
    DAYPART_TRY(auto clause, ReadMergeClause(in, statement));
    statement.clauses.push_back(std::move(clause));
  } while (!in.is_at_end());
  return Ok();
}

}  // namespace

Result<WriteStatement> ParseWriteStatement(std::string_view sql) {
  DAYPART_TRY(SqlReader in, SqlReader::Open(sql));
  WriteStatement statement;
  if (in.Take("DELETE")) {
    DAYPART_RETURN_IF_ERROR(in.Expect("FROM"));
    DAYPART_TRY(statement.table, in.Name());
    statement.alias = in.Alias({"WHERE"});
    DAYPART_RETURN_IF_ERROR(ReadWhere(in, statement));
    return statement;
  }
  if (in.Take("UPDATE")) {
    statement.kind = WriteKind::kUpdate;
    DAYPART_RETURN_IF_ERROR(ReadUpdate(in, statement));
    return statement;
  }
  if (in.Take("INSERT")) {
    statement.kind = WriteKind::kInsert;
    DAYPART_RETURN_IF_ERROR(ReadInsert(in, statement));
    return statement;
  }
  if (in.Take("MERGE")) {
    statement.kind = WriteKind::kMerge;
    DAYPART_RETURN_IF_ERROR(ReadMerge(in, statement));
    return statement;
  }
  return Unsupported("INSERT, UPDATE, DELETE or MERGE INTO is expected with --write");
}

}  // namespace daypart::query
