// SPDX-License-Identifier: Apache-2.0
//
// Delimiter and header by counting over a sample; see csv_dialect.h for the rules.
#include "decode/csv_dialect.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "decode/column_parse.h"
#include "decode/csv_record.h"
#include "decode/decoder.h"

namespace daypart::decode {
namespace {

constexpr size_t kSampleRecords = 1000;
constexpr size_t kNameBytesMax = 149;  // Glue's limit is 150 as well
constexpr char kDelimiters[] = {',', '|', '\t', ';', '\x01'};

using Cells = std::vector<std::string>;

struct Sample {
  std::vector<Cells> records;
  size_t fields_count = 0;      // of most records
  size_t regular_count = 0;     // records that have so many
  bool has_odd_quotes = false;  // malformed fields, or quotes inside unquoted ones
};

/// Whether quotes stand anywhere but around fields, as they do under a wrong delimiter.
bool has_odd_quotes(std::string_view record, CsvSyntax syntax) {
  for (size_t begin = 0; begin <= record.size();) {
    const CsvField field = ScanField(record, begin, syntax);
    if (field.is_malformed) return true;
    const std::string_view text = record.substr(begin, field.end - begin);
    if (!text.starts_with(syntax.quote) && text.find(syntax.quote) != std::string_view::npos) {
      return true;
    }
    begin = field.end + 1;
  }
  return false;
}

Sample TakeSample(std::string_view head, CsvSyntax syntax, bool is_whole_file) {
  Sample sample;
  std::map<size_t, size_t> counts;
  for (size_t begin = 0; begin < head.size() && sample.records.size() < kSampleRecords;) {
    const CsvRecord record = ScanRecord(head, begin, syntax);
    const bool is_cut = record.end == head.size() && !is_whole_file && !sample.records.empty();
    if (is_cut || (record.is_open && !is_whole_file && !sample.records.empty())) break;
    const std::string_view text = head.substr(begin, record.end - begin);
    begin = record.end + 1;
    if (text.empty() || text == "\r") continue;
    sample.has_odd_quotes = sample.has_odd_quotes || has_odd_quotes(text, syntax);
    sample.records.push_back(SplitCsvRecord(text, syntax.delimiter, syntax.quote));
    ++counts[sample.records.back().size()];
  }
  for (const auto& [fields, count] : counts) {
    if (count >= sample.regular_count) {
      sample.fields_count = fields;
      sample.regular_count = count;
    }
  }
  return sample;
}

/// How well a delimiter explains the sample: records of one width, quotes in their places.
double Regularity(const Sample& sample) {
  if (sample.records.empty()) return 0;
  const double share =
      static_cast<double>(sample.regular_count) / static_cast<double>(sample.records.size());
  return sample.has_odd_quotes ? share * 0.9 : share;
}

bool is_better(const Sample& candidate, const Sample& best) {
  if (candidate.fields_count < 2) return false;
  if (best.fields_count < 2) return Regularity(candidate) >= 0.5;
  const double difference = Regularity(candidate) - Regularity(best);
  // A few ragged rows are no reason to prefer a delimiter that splits less.
  if (difference > 0.02 || difference < -0.02) return difference > 0;
  return candidate.fields_count > best.fields_count;
}

bool is_value(const std::string& cell) {
  double number = 0;
  bool truth = false;
  return ParseDoubleSlow(cell, &number) || ParseBoolean(cell, &truth) ||
         ParseDate(cell).has_value() || ParseTimestampMicros(cell).has_value();
}

bool is_name_like(const std::string& cell) {
  if (cell.empty() || cell.size() > kNameBytesMax || is_value(cell)) return false;
  const auto first = static_cast<unsigned char>(cell[0]);
  const bool is_letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                         first == '_' || first >= 0x80;
  return is_letter && cell.find_first_of("\n\r@{}[]<>\\|\"") == std::string::npos &&
         cell.find("://") == std::string::npos;
}

std::string WithoutDigits(const std::string& cell) {
  std::string shape = cell;
  std::replace_if(shape.begin(), shape.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
  return shape;
}

/// Whether a column holds numbers or the like: then a first row of names that comes again is a
/// header that was copied with its file, and not a row of data.
bool has_typed_column(const std::vector<Cells>& records) {
  for (size_t column = 0; column < records[0].size(); ++column) {
    size_t values = 0;
    size_t others = 0;
    for (const Cells& record : records) {
      if (record.size() != records[0].size() || record == records[0]) continue;
      ++(is_value(record[column]) ? values : others);
    }
    if (values > others) return true;
  }
  return false;
}

/// Whether the first cell of a column is one of its values by the looks of the others.
bool is_like_data(const std::vector<Cells>& records, size_t column, bool may_header_repeat) {
  const Cells& first = records[0];
  const std::string shape = WithoutDigits(first[column]);
  const bool has_digits = first[column].find_first_of("0123456789") != std::string::npos;
  size_t same_shape = 0;
  size_t data = 0;
  for (size_t row = 1; row < records.size(); ++row) {
    if (records[row].size() != first.size()) continue;
    if (may_header_repeat && records[row] == first) continue;
    const std::string& cell = records[row][column];
    if (cell == first[column]) return true;
    ++data;
    if (WithoutDigits(cell) == shape) ++same_shape;
  }
  return has_digits && data != 0 && same_shape * 2 > data;
}

bool has_header_row(const std::vector<Cells>& records, size_t fields_count) {
  if (records.empty() || records[0].size() != fields_count) return false;
  const bool may_header_repeat = has_typed_column(records);
  std::unordered_set<std::string> names;
  for (size_t column = 0; column < fields_count; ++column) {
    const std::string& cell = records[0][column];
    // An exported index has an empty name above it; other holes are data.
    const bool is_index = cell.empty() && column == 0 && fields_count > 1;
    if (!is_index && (!is_name_like(cell) || is_like_data(records, column, may_header_repeat))) {
      return false;
    }
    if (!names.insert(cell).second) return false;
  }
  return true;
}

}  // namespace

CsvDialect DetectDialect(std::string_view head, const DialectOptions& options) {
  CsvDialect dialect;
  dialect.quote = options.quote;
  Sample best;
  if (options.delimiter) {
    dialect.delimiter = *options.delimiter;
  } else {
    for (const char delimiter : kDelimiters) {
      Sample sample = TakeSample(head, {delimiter, options.quote}, options.is_whole_file);
      if (is_better(sample, best)) {
        best = std::move(sample);
        dialect.delimiter = delimiter;
      }
    }
  }
  if (best.fields_count < 2) {
    best = TakeSample(head, {dialect.delimiter, options.quote}, options.is_whole_file);
  }
  if (best.records.empty()) {
    dialect.has_header = options.has_header.value_or(false);
    return dialect;
  }
  dialect.regular_share =
      static_cast<double>(best.regular_count) / static_cast<double>(best.records.size());
  dialect.has_header = options.has_header.value_or(has_header_row(best.records, best.fields_count));
  Cells names = dialect.has_header ? best.records[0] : Cells(best.fields_count);
  dialect.columns = UniqueColumnNames(std::move(names));
  return dialect;
}

}  // namespace daypart::decode
