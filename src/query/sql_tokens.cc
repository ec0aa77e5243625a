// SPDX-License-Identifier: Apache-2.0
//
// One pass over the text.
#include "query/sql_tokens.h"

#include <algorithm>
#include <cctype>

namespace daypart::query {
namespace {

/// End of the quoted text that begins at `at`; a doubled quote stands for itself.
Result<size_t> EndOfQuoted(std::string_view sql, size_t at) {
  const char quote = sql[at];
  for (size_t end = at + 1; end < sql.size(); ++end) {
    if (sql[end] != quote) continue;
    if (end + 1 < sql.size() && sql[end + 1] == quote) {
      ++end;
      continue;
    }
    return end + 1;
  }
  return InvalidArgument(std::string("the ") + quote + " at character " + std::to_string(at + 1) +
                         " is not closed");
}

/// Where the comment that begins at `at` ends; `at` itself if none begins there.
size_t EndOfComment(std::string_view sql, size_t at) {
  if (sql.substr(at, 2) == "--") return std::min(sql.find('\n', at), sql.size());
  if (sql.substr(at, 2) != "/*") return at;
  const size_t end = sql.find("*/", at + 2);
  return end == std::string_view::npos ? sql.size() : end + 2;
}

}  // namespace

bool is_word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

Result<std::vector<Token>> Tokenize(std::string_view sql) {
  std::vector<Token> tokens;
  int depth = 0;
  for (size_t at = 0; at < sql.size();) {
    if (std::isspace(static_cast<unsigned char>(sql[at])) != 0) {
      ++at;
      continue;
    }
    if (const size_t end = EndOfComment(sql, at); end != at) {
      at = end;
      continue;
    }
    size_t end = at + 1;
    if (sql[at] == '\'' || sql[at] == '"') {
      DAYPART_TRY(end, EndOfQuoted(sql, at));
    } else if (is_word_char(sql[at])) {
      while (end < sql.size() && is_word_char(sql[end])) ++end;
    }
    const char c = sql[at];
    if (c == ')' || c == ']' || c == '}') --depth;
    tokens.push_back({.text = sql.substr(at, end - at), .begin = at, .depth = depth});
    if (c == '(' || c == '[' || c == '{') ++depth;
    at = end;
  }
  while (!tokens.empty() && tokens.back().text == ";") tokens.pop_back();
  return tokens;
}

}  // namespace daypart::query
