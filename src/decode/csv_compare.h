// SPDX-License-Identifier: Apache-2.0
//
// For tests and fuzzing only: decodes a text in chunks of any size with the real chunker and
// decoder, and again with the reference reader, and tells the first difference. Three columns:
// `name` (string), `count` (int) and `tag` (string, required), so that every kind of reject can
// happen.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "decode/csv_reference.h"
#include "decode/decoder.h"

namespace daypart::decode::reference {

class MemorySource final : public ByteSource {
 public:
  /// bytes: must outlive the source. step: bytes that one Read gives at most.
  explicit MemorySource(std::string_view bytes, size_t step = 1 << 20)
      : bytes_(bytes), step_(step) {}
  Result<size_t> Read(std::span<char> into) override {
    const size_t count = std::min({into.size(), bytes_.size(), step_});
    if (count != 0) std::memcpy(into.data(), bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  size_t step_;
};

/// A decoded or expected row as one line of text, so that a difference prints itself.
struct Lines {
  std::vector<std::string> rows;
  std::vector<std::string> rejects;
};

inline std::string RejectLine(uint64_t line, uint64_t offset, const std::string& column,
                              const std::string& raw, const std::string& reason) {
  return fmt::format("line {} offset {} column '{}' raw [{}] {}", line, offset, column, raw,
                     reason);
}

inline std::string StringAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "null";
  if (array.type_id() == arrow::Type::DICTIONARY) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
    return "'" +
           static_cast<const arrow::StringArray&>(*dictionary.dictionary())
               .GetString(dictionary.GetValueIndex(row)) +
           "'";
  }
  return "'" + static_cast<const arrow::StringArray&>(array).GetString(row) + "'";
}

inline DecodeTarget CompareTarget() {
  DecodeTarget target;
  target.schema =
      arrow::schema({arrow::field("name", arrow::utf8()), arrow::field("count", arrow::int32()),
                     arrow::field("tag", arrow::utf8())});
  target.columns = {{"name", "name", false}, {"count", "count", false}, {"tag", "tag", true}};
  return target;
}

inline CsvOptions CompareOptions() {
  CsvOptions options;
  options.file_columns = {"name", "count", "tag"};
  options.has_header = false;
  return options;
}

inline std::string ExpectedReason(const Record& record, std::string* column) {
  if (record.is_malformed) return "malformed";
  if (record.cells.size() != 3) {
    return fmt::format("row has {} field{}, the file has 3 columns", record.cells.size(),
                       record.cells.size() == 1 ? "" : "s");
  }
  const auto is_null = [](const std::string& text) {
    return text.empty() || text == "NULL" || text == "null" || text == "\\N";
  };
  *column = "name";
  if (!is_utf8(record.cells[0].text)) return "expected string in UTF-8, found bytes that are not";
  *column = "count";
  const std::string& count = record.cells[1].text;
  const size_t begin = count.find_first_not_of(" \t");
  const std::string trimmed = begin == std::string::npos
                                  ? ""
                                  : count.substr(begin, count.find_last_not_of(" \t") - begin + 1);
  if (!is_null(trimmed) && !ReadInt(trimmed)) return "expected int";
  *column = "tag";
  if (!is_utf8(record.cells[2].text)) return "expected string in UTF-8, found bytes that are not";
  if (!record.cells[2].is_quoted && is_null(record.cells[2].text)) {
    return "expected a value, found none";
  }
  return "";
}

inline Lines Expected(std::string_view text) {
  const auto string_cell = [](const Cell& cell) -> std::string {
    const bool is_null = !cell.is_quoted && (cell.text.empty() || cell.text == "NULL" ||
                                             cell.text == "null" || cell.text == "\\N");
    return is_null ? "null" : "'" + cell.text + "'";
  };
  Lines lines;
  for (const Record& record : ReadAll(text, ',', '"')) {
    std::string column;
    const std::string reason = ExpectedReason(record, &column);
    if (!reason.empty()) {
      lines.rejects.push_back(
          RejectLine(record.line, record.byte_offset, column, record.raw, reason));
      continue;
    }
    const auto count = ReadInt(record.cells[1].text);
    lines.rows.push_back(string_cell(record.cells[0]) + " " +
                         (count ? std::to_string(*count) : "null") + " " +
                         string_cell(record.cells[2]));
  }
  return lines;
}

inline Lines Actual(std::string_view text, size_t chunk_bytes, size_t step) {
  Lines lines;
  auto decoder = MakeCsvDecoder(CompareTarget(), CompareOptions());
  Chunker chunker(std::make_unique<MemorySource>(text, step), {.chunk_bytes = chunk_bytes});
  while (true) {
    auto chunk = chunker.Next();
    if (!chunk || !*chunk) return lines;
    auto decoded = (*decoder)->Decode(**chunk);
    if (!decoded || !decoded->rows->ValidateFull().ok()) {
      lines.rejects.push_back("decoding failed, or gave an invalid batch");
      return lines;
    }
    for (int64_t row = 0; row < decoded->rows->num_rows(); ++row) {
      const auto& counts = static_cast<const arrow::Int32Array&>(*decoded->rows->column(1));
      lines.rows.push_back(StringAt(*decoded->rows->column(0), row) + " " +
                           (counts.IsNull(row) ? "null" : std::to_string(counts.Value(row))) + " " +
                           StringAt(*decoded->rows->column(2), row));
    }
    for (const RejectedRow& reject : decoded->rejects) {
      // The reason's words beyond what the reference knows are left out.
      std::string reason = reject.reason;
      if (reason.starts_with("expected int, ")) reason = "expected int";
      if (reason.find("closing quote") != std::string::npos) reason = "malformed";
      lines.rejects.push_back(
          RejectLine(reject.line, reject.byte_offset, reject.column, reject.raw, reason));
    }
  }
}

/// Empty if both readers agree, else the first difference.
inline std::string Difference(std::string_view text, size_t chunk_bytes, size_t step) {
  const Lines expected = Expected(text);
  const Lines actual = Actual(text, chunk_bytes, step);
  const auto first = [](const std::vector<std::string>& want, const std::vector<std::string>& got,
                        std::string_view what) -> std::string {
    for (size_t i = 0; i < std::max(want.size(), got.size()); ++i) {
      const std::string left = i < want.size() ? want[i] : "nothing";
      const std::string right = i < got.size() ? got[i] : "nothing";
      if (left != right) return fmt::format("{} {}: expected {}, found {}", what, i, left, right);
    }
    return "";
  };
  const std::string rows = first(expected.rows, actual.rows, "row");
  return rows.empty() ? first(expected.rejects, actual.rejects, "reject") : rows;
}

}  // namespace daypart::decode::reference
