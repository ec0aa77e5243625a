// SPDX-License-Identifier: Apache-2.0
//
// The CSV grammar by plain loops; see csv_record.h for what it is.
#include "decode/csv_record.h"

#include <cstring>
#include <unordered_set>

#include "decode/decoder.h"

namespace daypart::decode {
namespace {

constexpr size_t kNone = std::string_view::npos;

size_t FindByte(std::string_view text, size_t begin, char byte) {
  const size_t at = text.find(byte, begin);
  return at == kNone ? text.size() : at;
}

/// Whether a quoted field may end before `at`; moves past the CR of a CR LF.
bool is_field_end(std::string_view text, char delimiter, size_t* at) {
  if (*at == text.size() || text[*at] == delimiter || text[*at] == '\n') return true;
  if (text[*at] != '\r') return false;
  if (*at + 1 != text.size() && text[*at + 1] != '\n') return false;
  ++*at;
  return true;
}

}  // namespace

CsvField ScanField(std::string_view text, size_t begin, CsvSyntax syntax) {
  CsvField field;
  if (syntax.quote != '\0' && begin < text.size() && text[begin] == syntax.quote) {
    size_t at = begin + 1;
    while (true) {
      at = FindByte(text, at, syntax.quote);
      if (at == text.size()) {
        field.is_open = true;
        break;
      }
      ++at;
      if (at < text.size() && text[at] == syntax.quote) {
        ++at;
        continue;
      }
      if (is_field_end(text, syntax.delimiter, &at)) {
        field.end = at;
        return field;
      }
      break;
    }
    field.is_malformed = true;
    field.end = FindByte(text, begin, '\n');
    return field;
  }
  field.end = begin;
  while (field.end < text.size() && text[field.end] != syntax.delimiter &&
         text[field.end] != '\n') {
    ++field.end;
  }
  return field;
}

CsvRecord ScanRecord(std::string_view text, size_t begin, CsvSyntax syntax) {
  CsvRecord record;
  while (true) {
    const CsvField field = ScanField(text, begin, syntax);
    record.end = field.end;
    if (field.is_malformed) {
      record.open_quote = begin;
      record.is_malformed = true;
      record.is_open = field.is_open;
      return record;
    }
    if (field.end == text.size() || text[field.end] == '\n') return record;
    begin = field.end + 1;
  }
}

std::string_view UnquoteField(std::string_view field, char quote, std::string* scratch) {
  const std::string_view inner = field.substr(1, field.size() - 2);
  size_t at = inner.find(quote);
  if (at == kNone) return inner;
  scratch->clear();
  size_t begin = 0;
  for (; at != kNone; at = inner.find(quote, begin)) {
    scratch->append(inner, begin, at + 1 - begin);
    begin = at + 2;
  }
  if (begin < inner.size()) scratch->append(inner, begin);
  return *scratch;
}

std::vector<std::string> SplitCsvRecord(std::string_view record, char delimiter, char quote) {
  const CsvSyntax syntax{.delimiter = delimiter, .quote = quote};
  std::vector<std::string> cells;
  std::string scratch;
  size_t begin = 0;
  while (true) {
    const CsvField field = ScanField(record, begin, syntax);
    const bool is_last = field.end == record.size() || record[field.end] == '\n';
    std::string_view cell = record.substr(begin, field.end - begin);
    if (is_last && cell.ends_with('\r')) cell.remove_suffix(1);
    if (!field.is_malformed && quote != '\0' && cell.starts_with(quote)) {
      cell = UnquoteField(cell, quote, &scratch);
    }
    cells.emplace_back(cell);
    if (is_last) return cells;
    begin = field.end + 1;
  }
}

std::vector<std::string> UniqueColumnNames(std::vector<std::string> cells) {
  std::unordered_set<std::string> taken;
  for (const std::string& cell : cells) {
    if (!cell.empty()) taken.insert(cell);
  }
  std::unordered_set<std::string> given;
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool is_empty = cells[i].empty();
    std::string name = is_empty ? "column_" + std::to_string(i + 1) : cells[i];
    const std::string base = name;
    // A made-up name must not be one that a later cell has of its own.
    for (size_t n = 2; given.contains(name) || ((is_empty || n > 2) && taken.contains(name)); ++n) {
      name = base + "_" + std::to_string(n);
    }
    given.insert(name);
    cells[i] = std::move(name);
  }
  return cells;
}

}  // namespace daypart::decode
