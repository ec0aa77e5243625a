// SPDX-License-Identifier: Apache-2.0
//
// SqlReader: the clauses of a statement, taken word by word. What DuckDB is to parse (conditions,
// values, sources) is handed on as text.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/sql_tokens.h"

namespace daypart::query {

class SqlReader {
 public:
  /// errors: those of Tokenize; kInvalidArgument for more than one statement. sql must outlive the
  /// reader.
  static Result<SqlReader> Open(std::string_view sql);

  bool is_at_end() const { return next_ == tokens_.size(); }
  bool is_next(std::string_view word) const;
  /// Words are given in capitals, and compared without regard to case.
  bool Take(std::string_view word);
  /// All of them or none.
  bool TakeAll(std::initializer_list<std::string_view> words);
  Status Expect(std::string_view word);
  Status ExpectAll(std::initializer_list<std::string_view> words);
  Status ExpectEnd() const;
  /// "… is expected at character …, found …".
  Error Expected(const std::string& what) const;

  bool is_name() const;
  /// name or name.name…, quotes kept.
  Result<std::string> Name();
  /// One name without quotes.
  Result<std::string> Identifier();
  /// 'text' without quotes.
  Result<std::string> Text();
  Result<int64_t> Number();
  /// [AS] alias, if the next word is none of `stops`.
  std::string Alias(std::initializer_list<std::string_view> stops);
  /// Text up to one of the words, or to the end; empty if there is none. Words within brackets or
  /// CASE … END do not count.
  std::string Until(std::initializer_list<std::string_view> stops);
  std::string Rest() { return Until({}); }
  /// The text between brackets, which the reader stands before; it stands behind them afterwards.
  Result<std::string> Bracketed();

 private:
  SqlReader(std::string_view sql, std::vector<Token> tokens)
      : sql_(sql), tokens_(std::move(tokens)) {}
  std::string_view Span(size_t first, size_t end) const;

  std::string_view sql_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

/// "media"."viewership" or media.viewership -> its parts without quotes.
std::vector<std::string> NameParts(std::string_view name);

}  // namespace daypart::query
