// SPDX-License-Identifier: Apache-2.0
//
// A tokenizer that knows texts, quoted names, comments and brackets, and a reader of clauses on
// top.
#include "query/write_statement.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <optional>

#include "query/sql_tokens.h"

namespace daypart::query {
namespace {

class Reader {
 public:
  Reader(std::string_view sql, std::vector<Token> tokens) : sql_(sql), tokens_(std::move(tokens)) {}

  bool is_at_end() const { return next_ == tokens_.size(); }
  bool is_next(std::string_view word) const {
    return !is_at_end() && Upper(tokens_[next_].text) == word;
  }
  bool Take(std::string_view word) {
    if (!is_next(word)) return false;
    ++next_;
    return true;
  }
  Status Expect(std::string_view word) {
    if (Take(word)) return Ok();
    return Expected(std::string(word));
  }
  Error Expected(const std::string& what) const {
    const std::string found =
        is_at_end() ? "the end" : "'" + std::string(tokens_[next_].text) + "'";
    const size_t at = is_at_end() ? sql_.size() : tokens_[next_].begin;
    return InvalidArgument(what + " is expected at character " + std::to_string(at + 1) +
                           ", found " + found);
  }
  bool is_name() const {
    if (is_at_end()) return false;
    const char first = tokens_[next_].text.front();
    return first == '"' ||
           (is_word_char(first) && std::isdigit(static_cast<unsigned char>(first)) == 0);
  }
  /// name or name.name…
  Result<std::string> Name() {
    std::string name;
    do {
      if (!is_name()) return Expected("a name");
      name += (name.empty() ? "" : ".") + std::string(tokens_[next_++].text);
    } while (Take("."));
    return name;
  }
  /// [AS] alias, if the next word is none of `stops`.
  std::string Alias(std::initializer_list<std::string_view> stops) {
    const bool has_as = Take("AS");
    const bool is_stop = std::any_of(stops.begin(), stops.end(),
                                     [&](std::string_view stop) { return is_next(stop); });
    if (!is_name() || (is_stop && !has_as)) return "";
    return std::string(tokens_[next_++].text);
  }
  /// Text up to one of the words outside brackets, or to the end; empty if there is none.
  std::string Until(std::initializer_list<std::string_view> stops) {
    const size_t first = next_;
    while (!is_at_end()) {
      const bool is_stop = tokens_[next_].depth == 0 &&
                           std::any_of(stops.begin(), stops.end(),
                                       [&](std::string_view stop) { return is_next(stop); });
      if (is_stop) break;
      ++next_;
    }
    if (next_ == first) return "";
    const size_t begin = tokens_[first].begin;
    const Token& last = tokens_[next_ - 1];
    return std::string(sql_.substr(begin, last.begin + last.text.size() - begin));
  }
  std::string Rest() { return Until({}); }

 private:
  std::string_view sql_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

Status ReadWhere(Reader& in, WriteStatement& statement) {
  if (in.is_at_end()) return Ok();
  DAYPART_RETURN_IF_ERROR(in.Expect("WHERE"));
  statement.where = in.Rest();
  if (statement.where.empty()) return in.Expected("a condition");
  return Ok();
}

Status ReadInsert(Reader& in, WriteStatement& statement) {
  DAYPART_RETURN_IF_ERROR(in.Expect("INTO"));
  DAYPART_TRY(statement.table, in.Name());
  if (in.Take("(")) {
    do {
      DAYPART_TRY(const std::string column, in.Name());
      statement.columns.push_back(NameParts(column).back());
    } while (in.Take(","));
    DAYPART_RETURN_IF_ERROR(in.Expect(")"));
  }
  if (!in.is_next("SELECT") && !in.is_next("WITH") && !in.is_next("VALUES")) {
    return in.Expected("SELECT, WITH or VALUES");
  }
  statement.select = in.Rest();
  return Ok();
}

Status ReadUpdate(Reader& in, WriteStatement& statement) {
  DAYPART_TRY(statement.table, in.Name());
  statement.alias = in.Alias({"SET"});
  DAYPART_RETURN_IF_ERROR(in.Expect("SET"));
  do {
    DAYPART_TRY(const std::string column, in.Name());
    DAYPART_RETURN_IF_ERROR(in.Expect("="));
    std::string expression = in.Until({",", "WHERE"});
    if (expression.empty()) return in.Expected("a value for " + column);
    statement.assignments.emplace_back(NameParts(column).back(), std::move(expression));
  } while (in.Take(","));
  return ReadWhere(in, statement);
}

}  // namespace

std::vector<std::string> NameParts(std::string_view name) {
  std::vector<std::string> parts(1);
  bool is_quoted = false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '"' && is_quoted && i + 1 < name.size() && name[i + 1] == '"') {
      parts.back() += name[i++];
    } else if (name[i] == '"') {
      is_quoted = !is_quoted;
    } else if (name[i] == '.' && !is_quoted) {
      parts.emplace_back();
    } else {
      parts.back() += name[i];
    }
  }
  return parts;
}

Result<WriteStatement> ParseWriteStatement(std::string_view sql) {
  DAYPART_TRY(auto tokens, Tokenize(sql));
  for (const Token& token : tokens) {
    if (token.text != ";") continue;
    return InvalidArgument("one statement is expected, another begins after the ';' at character " +
                           std::to_string(token.begin + 1));
  }
  Reader in(sql, std::move(tokens));
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
  return Unsupported("INSERT INTO … SELECT, DELETE FROM or UPDATE is expected with --write");
}

}  // namespace daypart::query
