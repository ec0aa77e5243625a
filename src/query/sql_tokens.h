// SPDX-License-Identifier: Apache-2.0
//
// Words, texts, quoted names and brackets of a statement: enough to find clauses that DuckDB's
// parser does not know, without taking what stands in a text or comment for one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace daypart::query {

struct Token {
  std::string_view text;  // of the statement, which must outlive the token
  size_t begin = 0;
  int depth = 0;  // of brackets around it
};

/// The statement's tokens without comments and without semicolons at its end.
/// errors: kInvalidArgument for a quote that is not closed.
Result<std::vector<Token>> Tokenize(std::string_view sql);

/// Letters, digits, '_', '$' and all that is not ASCII.
bool is_word_char(char c);

/// The text in capitals, ASCII only: how keywords are compared.
std::string Upper(std::string_view text);

}  // namespace daypart::query
