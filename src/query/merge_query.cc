// SPDX-License-Identifier: Apache-2.0
//
// Clauses are numbered from 1; a CASE over the join finds the number of the first that holds, and
// one CASE a column gives the value that it sets.
#include "query/merge_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "query/limits.h"
#include "query/sql_reader.h"
#include "query/sql_tokens.h"
#include "query/view_sql.h"

namespace daypart::query {
namespace {

using Match = MergeClause::Match;
using Action = MergeClause::Action;

/// Helper columns: true for each source row, and the number of the clause that holds.
constexpr char kIsSource[] = "_daypart_is_source";
constexpr char kClause[] = "_daypart_clause";

std::string LastName(const std::string& name) { return NameParts(name).back(); }

bool has_clause(const WriteStatement& statement, Match match) {
  return std::ranges::any_of(statement.clauses,
                             [match](const MergeClause& clause) { return clause.match == match; });
}

class Planner {
 public:
  Planner(const WriteStatement& statement, const iceberg::TableMetadata& target)
      : statement_(statement),
        schema_(target.current_schema()),
        has_lineage_(target.format_version >= 3),
        target_alias_(QuoteIdentifier(
            LastName(statement.alias.empty() ? statement.table : statement.alias))),
        source_alias_(QuoteIdentifier(LastName(
            statement.source_alias.empty() ? statement.source : statement.source_alias))) {}

  Result<MergeQuery> Plan() const {
    if (target_alias_ == source_alias_) {
      return InvalidArgument("target and source are expected to have different names, both are " +
                             target_alias_ + "; name one by AS");
    }
    MergeQuery query;
    query.source = "SELECT *, TRUE AS " + std::string(kIsSource) + "\nFROM " + statement_.source +
                   " AS " + source_alias_;
    query.is_name = !statement_.source.starts_with('(');
    DAYPART_TRY(query.rows, Rows());
    if (!has_clause(statement_, Match::kNotMatchedBySource)) {
      query.keys = Keys();
      if (reads_other_columns()) {
        query.touched = "SELECT DISTINCT " + target_alias_ + "._file" + From("JOIN");
      }
    }
    const auto matched = std::ranges::count_if(statement_.clauses, [](const MergeClause& clause) {
      return clause.match == Match::kMatched;
    });
    query.may_repeat = matched == 1 && std::ranges::any_of(statement_.clauses, [](const auto& c) {
                         return c.match == Match::kMatched && c.action == Action::kDelete &&
                                c.condition.empty();
                       });
    return query;
  }

 private:
  std::string From(const std::string& join) const {
    return "\nFROM " + std::string(kMergeTarget) + " AS " + target_alias_ + ' ' + join + ' ' +
           kMergeSource + " AS " + source_alias_ + " ON (" + statement_.on + "\n)";
  }

  std::string Join() const {
    const bool keeps_source = has_clause(statement_, Match::kNotMatched);
    const bool keeps_target = has_clause(statement_, Match::kNotMatchedBySource);
    if (keeps_source && keeps_target) return "FULL JOIN";
    if (keeps_target) return "LEFT JOIN";
    return keeps_source ? "RIGHT JOIN" : "JOIN";
  }

  /// Number of the first clause for such a pair whose condition holds, 0 if none does.
  std::string ClauseOf(Match match) const {
    std::string cases;
    for (size_t i = 0; i < statement_.clauses.size(); ++i) {
      const MergeClause& clause = statement_.clauses[i];
      if (clause.match != match) continue;
      const std::string number = std::to_string(i + 1);
      if (clause.condition.empty()) {
        return cases.empty() ? number : "CASE" + cases + " ELSE " + number + " END";
      }
      cases += " WHEN (" + clause.condition + "\n) THEN " + number;
    }
    return cases.empty() ? "0" : "CASE" + cases + " ELSE 0 END";
  }

  std::string Clause() const {
    return "CASE WHEN " + source_alias_ + '.' + kIsSource + " IS NULL THEN " +
           ClauseOf(Match::kNotMatchedBySource) + " WHEN " + target_alias_ +
           "._pos IS NULL THEN " + ClauseOf(Match::kNotMatched) + " ELSE " +
           ClauseOf(Match::kMatched) + " END";
  }

  /// The actions' numbers are those of lake::RowAction.
  std::string ActionCase() const {
    std::string cases;
    for (size_t i = 0; i < statement_.clauses.size(); ++i) {
      const Action action = statement_.clauses[i].action;
      const char* number = action == Action::kDelete ? "0" : action == Action::kUpdate ? "1" : "2";
      cases += " WHEN " + std::to_string(i + 1) + " THEN " + number;
    }
    return std::string("CAST(CASE ") + kClause + cases + " END AS INTEGER)";
  }

  /// A lone name means the source's column in an INSERT, since the row has no target.
  std::string Qualified(const MergeClause& clause, const std::string& expression) const {
    if (clause.match == Match::kMatched) return '(' + expression + "\n)";
    const auto reader = SqlReader::Open(expression);
    const bool is_lone = reader && reader->is_name() && NameParts(expression).size() == 1 &&
                         std::ranges::all_of(expression, [](char c) {
                           return is_word_char(c) || c == '"' || c == ' ';
                         });
    constexpr std::array<std::string_view, 4> kWords = {"NULL", "TRUE", "FALSE", "DEFAULT"};
    if (!is_lone || std::ranges::find(kWords, Upper(expression)) != kWords.end()) {
      return '(' + expression + "\n)";
    }
    const bool has_source = clause.match == Match::kNotMatched;
    return (has_source ? source_alias_ : target_alias_) + '.' + expression;
  }

  /// What the clause lets the column be; empty for null.
  Result<std::string> ValueOf(const MergeClause& clause, const iceberg::NestedField& field) const {
    if (clause.action == Action::kDelete) return std::string();
    const std::string name = QuoteIdentifier(field.name);
    DAYPART_TRY(const std::string type, SqlType(field.type));
    const auto cast = [&](const std::string& expression) {
      return "CAST(" + expression + " AS " + type + ')';
    };
    if (clause.is_all) return cast(source_alias_ + '.' + name);
    for (const auto& [column, expression] : clause.assignments) {
      DAYPART_TRY(const auto* assigned, FindColumn(schema_, column));
      if (assigned->id == field.id) return cast(Qualified(clause, expression));
    }
    if (clause.action == Action::kUpdate) return target_alias_ + '.' + name;
    if (field.write_default.empty()) return std::string();
    const auto& value = field.write_default;
    if (!field.type.is_primitive()) {
      return Unsupported("column " + field.name + " has a default of a nested type; give a value");
    }
    const bool is_text = value.front() == '"' && value.size() >= 2;
    return cast(QuoteText(is_text ? value.substr(1, value.size() - 2) : value));
  }

  Result<std::string> Values() const {
    std::string values;
    for (const auto& field : schema_.fields) {
      std::string cases;
      for (size_t i = 0; i < statement_.clauses.size(); ++i) {
        DAYPART_TRY(const std::string value, ValueOf(statement_.clauses[i], field));
        if (!value.empty()) cases += " WHEN " + std::to_string(i + 1) + " THEN " + value;
      }
      DAYPART_TRY(const std::string type, SqlType(field.type));
      values += cases.empty() ? ",\nCAST(NULL AS " + type + ')'
                              : std::string(",\nCASE ") + kClause + cases + " END";
      values += " AS " + QuoteIdentifier(field.name);
    }
    return values;
  }

  Result<std::string> Rows() const {
    // An alias of the same SELECT costs nothing, but may not stand for a subquery.
    const bool has_subquery =
        std::ranges::any_of(statement_.clauses, [](const MergeClause& other) {
          return Upper(other.condition).find("SELECT") != std::string::npos;
        });
    const std::string clause = Clause() + " AS " + kClause;
    std::string select = "SELECT " + (has_subquery ? std::string(kClause) : clause) + ", " +
                         target_alias_ + "._file AS _file, " + target_alias_ + "._pos AS _pos, " +
                         ActionCase() + " AS _action";
    const bool has_rows = std::ranges::any_of(
        statement_.clauses, [](const auto& other) { return other.action != Action::kDelete; });
    if (has_rows) {
      DAYPART_TRY(const std::string values, Values());
      select += values;
      if (has_lineage_) select += ", " + target_alias_ + "._row_id AS _row_id";
    }
    select += From(Join());
    if (has_subquery) select += ", LATERAL (SELECT " + clause + ") AS daypart_clauses";
    return "SELECT * EXCLUDE (" + std::string(kClause) + ") FROM (" + select +
           ") AS changes WHERE " + kClause + " > 0";
  }

  /// Whether an update takes over columns of the target's row, so that reading only the files that
  /// have such rows spares something.
  bool reads_other_columns() const {
    return std::ranges::any_of(statement_.clauses, [this](const MergeClause& clause) {
      return clause.action == Action::kUpdate && !clause.is_all &&
             clause.assignments.size() < schema_.fields.size();
    });
  }

  /// Conditions of the form alias.column = alias.column. Where OR or BETWEEN is about, an AND may
  /// not be what it looks like, and none are looked for.
  std::vector<MergeKey> Keys() const {
    std::vector<MergeKey> keys;
    auto in = SqlReader::Open(statement_.on);
    if (!in) return keys;
    const auto tokens = Tokenize(statement_.on);
    for (const Token& token : *tokens) {
      const std::string word = Upper(token.text);
      if (word == "OR" || word == "BETWEEN" || word == "NOT" || word == "CASE") return keys;
    }
    while (!in->is_at_end()) {
      const std::string conjunct = in->Until({"AND"});
      (void)in->Take("AND");
      if (auto key = KeyOf(conjunct)) keys.push_back(*std::move(key));
      if (conjunct.empty() && !in->is_at_end()) return keys;
    }
    return keys;
  }

  std::optional<MergeKey> KeyOf(const std::string& conjunct) const {
    auto in = SqlReader::Open(conjunct);
    if (!in) return std::nullopt;
    auto left = in->Name();
    if (!left || !in->Take("=")) return std::nullopt;
    auto right = in->Name();
    if (!right || !in->is_at_end()) return std::nullopt;
    auto left_parts = NameParts(*left);
    auto right_parts = NameParts(*right);
    if (left_parts.size() != 2 || right_parts.size() != 2) return std::nullopt;
    const auto is = [](const std::string& part, const std::string& alias) {
      return Upper(part) == Upper(NameParts(alias).front());
    };
    if (is(right_parts[0], target_alias_)) std::swap(left_parts, right_parts);
    if (!is(left_parts[0], target_alias_) || !is(right_parts[0], source_alias_)) {
      return std::nullopt;
    }
    const auto column = FindColumn(schema_, left_parts[1]);
    if (!column) return std::nullopt;
    return MergeKey{.target = (*column)->name, .source = right_parts[1]};
  }

  const WriteStatement& statement_;
  const iceberg::Schema& schema_;
  bool has_lineage_;
  std::string target_alias_;
  std::string source_alias_;
};

Status CheckColumns(const WriteStatement& statement, const iceberg::Schema& schema) {
  for (const MergeClause& clause : statement.clauses) {
    for (const auto& [column, expression] : clause.assignments) {
      DAYPART_RETURN_IF_ERROR(FindColumn(schema, column));
    }
  }
  return Ok();
}

/// Whether values of the source's type compare with the column's as values of the column's type do.
bool is_comparable(const std::string& source_type, const std::string& column_type) {
  constexpr std::array<std::string_view, 8> kIntegers = {"TINYINT",  "SMALLINT",  "INTEGER",
                                                         "BIGINT",   "UTINYINT",  "USMALLINT",
                                                         "UINTEGER", "UBIGINT"};
  const auto is_integer = [&](const std::string& type) {
    return std::ranges::find(kIntegers, type) != kIntegers.end();
  };
  return source_type == column_type || (is_integer(source_type) && is_integer(column_type));
}

}  // namespace

Result<const iceberg::NestedField*> FindColumn(const iceberg::Schema& schema,
                                               const std::string& name) {
  for (const auto& field : schema.fields) {
    if (field.name == name) return &field;
  }
  for (const auto& field : schema.fields) {
    if (Upper(field.name) == Upper(name)) return &field;
  }
  return InvalidArgument("column " + name + " to set is not in the table");
}

Result<MergeQuery> PlanMerge(const WriteStatement& statement,
                             const iceberg::TableMetadata& target) {
  DAYPART_RETURN_IF_ERROR(CheckColumns(statement, target.current_schema()));
  return Planner(statement, target).Plan();
}

Status GatherSource(Session& session, const MergeQuery& merge, const std::string& source_sql,
                    bool is_table) {
  const std::string kind = is_table ? "VIEW " : "TABLE ";
  DAYPART_RETURN_IF_ERROR(
      session.Execute("CREATE TEMP " + kind + kMergeSource + " AS " + source_sql));
  std::set<std::string> columns;  // named alike but for the case, one is enough for both
  std::string select;
  for (const MergeKey& key : merge.keys) {
    if (!columns.insert(Upper(key.source)).second) continue;
    select += (select.empty() ? "SELECT " : ", ") + QuoteIdentifier(key.source);
  }
  if (select.empty()) return Ok();
  const std::string keys_kind = is_table ? "TABLE " : "VIEW ";
  return session.Execute("CREATE TEMP " + keys_kind + kMergeKeys + " AS " + select + " FROM " +
                         kMergeSource);
}

Result<std::vector<std::string>> KeyConditions(Session& session, const iceberg::Schema& schema,
                                               const std::vector<MergeKey>& keys) {
  std::vector<std::string> conditions;
  for (const MergeKey& key : keys) {
    DAYPART_TRY(const auto* column, FindColumn(schema, key.target));
    DAYPART_TRY(const std::string type, SqlType(column->type));
    const std::string name = QuoteIdentifier(key.source);
    const std::string from = " FROM " + std::string(kMergeKeys);
    DAYPART_TRY(const std::string count,
                session.QueryText("SELECT CAST(count(" + name + ") AS VARCHAR)" + from));
    if (count == "0") return std::vector<std::string>{"FALSE"};
    DAYPART_TRY(const std::string source_type,
                session.QueryText("SELECT typeof(any_value(" + name + "))" + from));
    if (!is_comparable(source_type, type)) continue;
    // The constants as text, for the condition to be read as any other.
    const auto constant = [&](const std::string& value) {
      const std::string quoted =
          "'''' || replace(CAST(" + value + " AS VARCHAR), '''', '''''') || ''''";
      return type == "VARCHAR" ? quoted : "'CAST(' || " + quoted + " || ' AS " + type + ")'";
    };
    const std::string target = QuoteText(QuoteIdentifier(key.target));
    std::string condition = target + " || ' >= ' || " + constant("min(" + name + ")") +
                            " || ' AND ' || " + target + " || ' <= ' || " +
                            constant("max(" + name + ")");
    uint64_t rows = 0;
    (void)std::from_chars(count.data(), count.data() + count.size(), rows);  // DuckDB wrote it
    if (rows <= kPlannedValuesMax) {
      condition = target + " || ' IN (' || string_agg(DISTINCT " + constant(name) + ", ', ') " +
                  "FILTER (" + name + " IS NOT NULL) || ')'";
    }
    DAYPART_TRY(std::string text, session.QueryText("SELECT " + condition + from));
    conditions.push_back(std::move(text));
  }
  return conditions;
}

}  // namespace daypart::query
