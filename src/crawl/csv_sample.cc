// SPDX-License-Identifier: Apache-2.0
//
// CSV samples. A part from the middle of a file may begin inside a quoted field; its records up to
// the next sound one then have another number of fields than the head's and are passed over.
#include <fmt/format.h>

#include "crawl/limits.h"
#include "crawl/text_sample.h"
#include "decode/csv_dialect.h"
#include "decode/csv_record.h"
#include "decode/decoder.h"

namespace daypart::crawl {
namespace {

/// Above this share of odd records the file is worth a warning.
constexpr double kOddShareMax = 0.1;

struct CsvCounts {
  uint64_t records = 0;
  uint64_t odd = 0;  // with another number of fields, or a quote not closed
};

std::string_view RecordAt(std::string_view text, size_t begin, const decode::CsvRecord& record) {
  std::string_view bytes = text.substr(begin, record.end - begin);
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  return bytes;
}

CsvCounts ProfileRecords(std::string_view text, bool skip_first, FileShape& shape) {
  CsvCounts counts;
  const decode::CsvSyntax syntax = {.delimiter = shape.delimiter, .quote = shape.quote};
  for (size_t begin = 0; begin < text.size();) {
    const decode::CsvRecord record = decode::ScanRecord(text, begin, syntax);
    const std::string_view bytes = RecordAt(text, begin, record);
    begin = record.end + 1;
    if (bytes.empty()) continue;
    if (skip_first) {
      skip_first = false;
      continue;
    }
    const auto cells = decode::SplitCsvRecord(bytes, shape.delimiter, shape.quote);
    if (record.is_malformed || cells.size() != shape.columns.size()) {
      ++counts.odd;
      continue;
    }
    ++counts.records;
    for (size_t i = 0; i < cells.size(); ++i) shape.columns[i].profile.AddCell(cells[i]);
  }
  return counts;
}

}  // namespace

std::string_view WholeLines(std::string_view piece, bool begins_file, bool ends_file) {
  if (!ends_file) {
    const size_t last = piece.rfind('\n');
    piece = last == std::string_view::npos ? std::string_view() : piece.substr(0, last + 1);
  }
  if (!begins_file) {
    const size_t first = piece.find('\n');
    piece.remove_prefix(first == std::string_view::npos ? piece.size() : first + 1);
  }
  return piece;
}

void ProfileCsv(const TextPieces& pieces, FileShape& shape) {
  const decode::CsvDialect dialect = decode::DetectDialect(
      pieces.head,
      {.delimiter = pieces.delimiter, .has_header = {}, .is_whole_file = pieces.is_whole_file});
  shape.format = catalog::RawFormat::kCsv;
  shape.delimiter = dialect.delimiter;
  shape.quote = dialect.quote;
  shape.has_header = dialect.has_header;
  for (const std::string& name : dialect.columns) {
    if (shape.columns.size() == kColumnsMax) break;
    shape.columns.push_back({.source_name = name, .profile = {}, .declared = {}});
  }
  const std::string_view head = WholeLines(pieces.head, true, pieces.is_whole_file);
  const CsvCounts counts = ProfileRecords(head, shape.has_header, shape);
  shape.records_count = counts.records;
  for (size_t i = 0; i < pieces.parts.size(); ++i) {
    const bool is_end = i + 1 == pieces.parts.size();
    shape.records_count +=
        ProfileRecords(WholeLines(pieces.parts[i], false, is_end), false, shape).records;
  }
  if (static_cast<double>(counts.odd) > kOddShareMax * static_cast<double>(counts.records)) {
    shape.warnings.push_back(
        fmt::format("expected {} fields, found another number in {} of {} "
                    "records at the head of the file",
                    shape.columns.size(), counts.odd, counts.odd + counts.records));
  }
}

}  // namespace daypart::crawl
