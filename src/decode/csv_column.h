// SPDX-License-Identifier: Apache-2.0
//
// The second pass of the CSV decoder: the cells of one column of some hundred records -> the
// column's builder, in one loop that is compiled for the column's type. A cell that does not fit is
// noted and leaves a null; the decoder then takes the rows of the block back and appends the good
// ones again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decode/column_builder.h"
#include "decode/decoder.h"

namespace daypart::decode {

/// Records of a text that have the right number of fields, by their place in a CsvIndex.
struct CellBlock {
  const char* text = nullptr;         // kIndexPadding readable bytes behind
  const uint32_t* ends = nullptr;     // of the index
  std::span<const uint32_t> records;  // of each, the entry of `ends` before its first field
  bool has_quotes = true;             // whether a quoted field may be among the cells
  bool is_utf8 = false;               // whether all of the text was found to be valid UTF-8
};

enum class CellFaultKind { kNotOfType, kMissing, kNotUtf8 };

struct CellFault {
  uint32_t row = 0;  // index into CellBlock::records
  CellFaultKind kind = CellFaultKind::kNotOfType;
};

/// The texts that stand for null.
class NullTexts {
 public:
  explicit NullTexts(std::vector<std::string> texts);
  /// text: not empty.
  bool contains(std::string_view text) const {
    return (lengths_ >> (text.size() < 64 ? text.size() : 63) & 1) != 0 &&
           (heads_ >> (text[0] & 63) & 1) != 0 && is_listed(text);
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  bool is_listed(std::string_view text) const;

  std::vector<std::string> texts_;
  uint64_t lengths_ = 0;  // bit n: one has n bytes; bit 63: 63 or more
  uint64_t heads_ = 0;    // bit n: one begins with a byte whose low 6 bits are n
};

/// One column of the target.
class CsvColumn {
 public:
  /// field: number of the file's column, -1 if the file lacks it; fields_count: of the file.
  CsvColumn(std::unique_ptr<ColumnBuilder> builder, const TargetColumn& target, int32_t field,
            const CsvOptions& options);

  const std::string& name() const { return name_; }
  ColumnBuilder& builder() { return *builder_; }
  /// Appends a row a record. faults: appended to, in the order of rows.
  void Append(const CellBlock& block, std::vector<CellFault>* faults);
  /// What a reject says about the record whose entry of `ends` is `record`.
  std::string Reason(const CellBlock& block, uint32_t record, CellFaultKind kind) const;

 private:
  template <typename Column>
  void AppendTyped(Column& column, const CellBlock& block, std::vector<CellFault>* faults);
  template <typename Column>
  bool AppendUnusual(Column& column, std::string_view cell, CellFaultKind* kind);
  void AppendBytes(const CellBlock& block, std::vector<CellFault>* faults);
  void AppendMissing(const CellBlock& block, std::vector<CellFault>* faults);
  /// The bytes between the delimiters, without the CR of a line end.
  std::string_view Cell(const CellBlock& block, uint32_t record) const;

  std::unique_ptr<ColumnBuilder> builder_;
  std::string name_;
  std::string source_name_;
  NullTexts nulls_;
  int32_t field_ = -1;
  bool is_last_field_ = false;
  bool is_required_ = false;
  bool is_null_first_ = false;  // a null text could be taken for a value: look for nulls first
  char quote_ = '"';
  std::string scratch_;
};

}  // namespace daypart::decode
