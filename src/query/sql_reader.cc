// SPDX-License-Identifier: Apache-2.0
//
// A cursor over the tokens.
#include "query/sql_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace daypart::query {

Result<SqlReader> SqlReader::Open(std::string_view sql) {
  DAYPART_TRY(auto tokens, Tokenize(sql));
  for (const Token& token : tokens) {
    if (token.text != ";") continue;
    return InvalidArgument("one statement is expected, another begins after the ';' at character " +
                           std::to_string(token.begin + 1));
  }
  return SqlReader(sql, std::move(tokens));
}

bool SqlReader::is_next(std::string_view word) const {
  return !is_at_end() && Upper(tokens_[next_].text) == word;
}

bool SqlReader::Take(std::string_view word) {
  if (!is_next(word)) return false;
  ++next_;
  return true;
}

bool SqlReader::TakeAll(std::initializer_list<std::string_view> words) {
  const size_t first = next_;
  for (const std::string_view word : words) {
    if (Take(word)) continue;
    next_ = first;
    return false;
  }
  return true;
}

Status SqlReader::Expect(std::string_view word) {
  if (Take(word)) return Ok();
  return Expected(std::string(word));
}

Status SqlReader::ExpectAll(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) DAYPART_RETURN_IF_ERROR(Expect(word));
  return Ok();
}

Status SqlReader::ExpectEnd() const {
  if (is_at_end()) return Ok();
  return Expected("the end of the statement");
}

Error SqlReader::Expected(const std::string& what) const {
  const std::string found = is_at_end() ? "the end" : "'" + std::string(tokens_[next_].text) + "'";
  const size_t at = is_at_end() ? sql_.size() : tokens_[next_].begin;
  return InvalidArgument(what + " is expected at character " + std::to_string(at + 1) + ", found " +
                         found);
}

bool SqlReader::is_name() const {
  if (is_at_end()) return false;
  const char first = tokens_[next_].text.front();
  return first == '"' ||
         (is_word_char(first) && std::isdigit(static_cast<unsigned char>(first)) == 0);
}

Result<std::string> SqlReader::Name() {
  std::string name;
  do {
    if (!is_name()) return Expected("a name");
    name += (name.empty() ? "" : ".") + std::string(tokens_[next_++].text);
  } while (Take("."));
  return name;
}

Result<std::string> SqlReader::Identifier() {
  if (!is_name()) return Expected("a name");
  return NameParts(tokens_[next_++].text).front();
}

Result<std::string> SqlReader::Text() {
  if (is_at_end() || tokens_[next_].text.front() != '\'') return Expected("a text in quotes");
  const std::string_view quoted = tokens_[next_++].text;
  std::string text;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    text += quoted[i];
    if (quoted[i] == '\'') ++i;  // doubled
  }
  return text;
}

Result<int64_t> SqlReader::Number() {
  int64_t number = 0;
  if (is_at_end()) return Expected("a number");
  const std::string_view text = tokens_[next_].text;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return Expected("a number");
  }
  ++next_;
  return number;
}

std::string SqlReader::Alias(std::initializer_list<std::string_view> stops) {
  const bool has_as = Take("AS");
  const bool is_stop = std::any_of(stops.begin(), stops.end(),
                                   [&](std::string_view stop) { return is_next(stop); });
  if (!is_name() || (is_stop && !has_as)) return "";
  return std::string(tokens_[next_++].text);
}

std::string_view SqlReader::Span(size_t first, size_t end) const {
  if (first == end) return {};
  const size_t begin = tokens_[first].begin;
  const Token& last = tokens_[end - 1];
  return sql_.substr(begin, last.begin + last.text.size() - begin);
}

std::string SqlReader::Until(std::initializer_list<std::string_view> stops) {
  const size_t first = next_;
  if (is_next(")")) return "";
  int cases = 0;
  for (; !is_at_end(); ++next_) {
    const bool is_outside = tokens_[next_].depth == tokens_[first].depth;
    if (is_outside && cases == 0 &&
        std::any_of(stops.begin(), stops.end(),
                    [&](std::string_view stop) { return is_next(stop); })) {
      break;
    }
    if (tokens_[next_].depth < tokens_[first].depth) break;  // the bracket around it ends
    if (is_next("CASE")) ++cases;
    if (is_next("END") && cases > 0) --cases;
  }
  return std::string(Span(first, next_));
}

Result<std::string> SqlReader::Bracketed() {
  const int depth = is_at_end() ? 0 : tokens_[next_].depth;
  DAYPART_RETURN_IF_ERROR(Expect("("));
  const size_t first = next_;
  while (!is_at_end() && !(is_next(")") && tokens_[next_].depth == depth)) ++next_;
  std::string text(Span(first, next_));
  DAYPART_RETURN_IF_ERROR(Expect(")"));
  return text;
}

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

}  // namespace daypart::query
