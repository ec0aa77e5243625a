// SPDX-License-Identifier: Apache-2.0
//
// The loops over the cells of a column. Limiting resource: instructions; bench/decode_csv.cc, 10
// columns of events (6 integers, 3 strings of few values, 1 timestamp): 960 MB/s a core with
// AVX-512, 870 with AVX2, of which four fifths are spent here.
#include "decode/csv_column.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "decode/column_builder_text.h"
#include "decode/csv_index.h"

namespace daypart::decode {
namespace {

static_assert(kCellPadding <= kIndexPadding);

constexpr size_t kShownBytesMax = 80;

std::string_view TrimSpaces(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// A cell for a message: cut, and with no bytes that would spoil a line of a log.
std::string Shown(std::string_view cell) {
  const bool is_cut = cell.size() > kShownBytesMax;
  std::string shown(cell.substr(0, kShownBytesMax));
  while (is_cut && !shown.empty() && (shown.back() & 0x80) != 0) shown.pop_back();
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return is_cut ? shown + "…" : shown;
}

bool is_quoted(std::string_view cell, char quote) {
  return quote != '\0' && cell.size() >= 2 && cell.front() == quote;
}

}  // namespace

NullTexts::NullTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
  for (const std::string& text : texts_) {
    if (text.empty()) continue;  // null anyway, and asked for before
    lengths_ |= uint64_t{1} << std::min<size_t>(text.size(), 63);
    heads_ |= uint64_t{1} << (text[0] & 63);
  }
}

bool NullTexts::is_listed(std::string_view text) const {
  return std::any_of(texts_.begin(), texts_.end(),
                     [text](const std::string& null_text) { return null_text == text; });
}

CsvColumn::CsvColumn(std::unique_ptr<ColumnBuilder> builder, const TargetColumn& target,
                     int32_t field, const CsvOptions& options)
    : builder_(std::move(builder)),
      name_(target.name),
      source_name_(target.source_name),
      nulls_(options.null_texts),
      field_(field),
      is_last_field_(field >= 0 && static_cast<size_t>(field) + 1 == options.file_columns.size()),
      is_required_(target.is_required),
      quote_(options.quote) {
  if (builder_->kind() == ColumnKind::kString || builder_->kind() == ColumnKind::kBinary) return;
  for (const std::string& text : nulls_.texts()) {
    is_null_first_ = is_null_first_ || (!text.empty() && builder_->AppendText(text));
  }
  builder_->TruncateTo(0);
}

std::string_view CsvColumn::Cell(const CellBlock& block, uint32_t record) const {
  const uint32_t* ends = block.ends + record + field_;
  const uint32_t begin = ends[0] + 1;
  std::string_view cell(block.text + begin, ends[1] - begin);
  if (is_last_field_ && cell.ends_with('\r')) cell.remove_suffix(1);
  return cell;
}

/// A typed cell that is quoted, padded with spaces, null or wrong. returns: false if it does not
/// fit.
template <typename Column>
bool CsvColumn::AppendUnusual(Column& column, std::string_view cell, CellFaultKind* kind) {
  if (is_quoted(cell, quote_)) cell = UnquoteField(cell, quote_, &scratch_);
  const std::string_view text = TrimSpaces(cell);
  if (text.empty() || nulls_.contains(cell) || nulls_.contains(text)) {
    column.PushNull();
    *kind = CellFaultKind::kMissing;
    return !is_required_;
  }
  if (column.template PushText<false>(text.data(), text.size())) return true;
  column.PushNull();
  *kind = CellFaultKind::kNotOfType;
  return false;
}

template <typename Column>
void CsvColumn::AppendTyped(Column& column, const CellBlock& block,
                            std::vector<CellFault>* faults) {
  column.Reserve(block.records.size());
  const char* const text = block.text;
  const uint32_t* const ends = block.ends + field_;
  const bool may_be_quoted = block.has_quotes && quote_ != '\0';
  for (uint32_t row = 0; row < block.records.size(); ++row) {
    const uint32_t* cell = ends + block.records[row];
    const char* begin = text + (cell[0] + 1);
    size_t size = cell[1] - (cell[0] + 1);
    if (is_last_field_ && size != 0 && begin[size - 1] == '\r') --size;
    const std::string_view whole(begin, size);
    if (may_be_quoted && size >= 2 && *begin == quote_) {
      ++begin;
      size -= 2;
    }
    if (size != 0 && !is_null_first_ && column.template PushText<true>(begin, size)) [[likely]] {
      continue;
    }
    CellFaultKind kind{};
    if (!AppendUnusual(column, whole, &kind)) faults->push_back({row, kind});
  }
}

void CsvColumn::AppendBytes(const CellBlock& block, std::vector<CellFault>* faults) {
  auto& column = static_cast<BytesColumn&>(*builder_);
  column.Reserve(block.records.size());
  const bool is_checked = block.is_utf8 || column.kind() == ColumnKind::kBinary;
  const bool may_be_quoted = block.has_quotes && quote_ != '\0';
  const uint32_t* const ends = block.ends + field_;
  for (uint32_t row = 0; row < block.records.size(); ++row) {
    const uint32_t* cell = ends + block.records[row];
    const char* begin = block.text + (cell[0] + 1);
    size_t size = cell[1] - (cell[0] + 1);
    if (is_last_field_ && size != 0 && begin[size - 1] == '\r') --size;
    if (!is_checked && !simdjson::validate_utf8(begin, size)) [[unlikely]] {
      column.PushNull();
      faults->push_back({row, CellFaultKind::kNotUtf8});
      continue;
    }
    if (may_be_quoted && size >= 2 && *begin == quote_) {
      ++begin;
      size -= 2;
      if (std::memchr(begin, quote_, size) == nullptr) {
        column.PushText<true>(begin, size);
      } else {
        const std::string_view value = UnquoteField({begin - 1, size + 2}, quote_, &scratch_);
        column.PushText<false>(value.data(), value.size());
      }
      continue;
    }
    if (size != 0 && !nulls_.contains({begin, size})) [[likely]] {
      column.PushText<true>(begin, size);
      continue;
    }
    column.PushNull();
    if (is_required_) faults->push_back({row, CellFaultKind::kMissing});
  }
}

void CsvColumn::AppendMissing(const CellBlock& block, std::vector<CellFault>* faults) {
  builder_->Reserve(block.records.size());
  for (uint32_t row = 0; row < block.records.size(); ++row) {
    builder_->PushNull();
    if (is_required_) faults->push_back({row, CellFaultKind::kMissing});
  }
}

void CsvColumn::Append(const CellBlock& block, std::vector<CellFault>* faults) {
  if (field_ < 0) return AppendMissing(block, faults);
  ColumnBuilder& column = *builder_;
  switch (column.kind()) {
    case ColumnKind::kBoolean:
      return AppendTyped(static_cast<BooleanColumn&>(column), block, faults);
    case ColumnKind::kInt32: return AppendTyped(static_cast<Int32Column&>(column), block, faults);
    case ColumnKind::kInt64: return AppendTyped(static_cast<Int64Column&>(column), block, faults);
    case ColumnKind::kFloat: return AppendTyped(static_cast<FloatColumn&>(column), block, faults);
    case ColumnKind::kDouble: return AppendTyped(static_cast<DoubleColumn&>(column), block, faults);
    case ColumnKind::kDecimal:
      return AppendTyped(static_cast<DecimalColumn&>(column), block, faults);
    case ColumnKind::kDate: return AppendTyped(static_cast<DateColumn&>(column), block, faults);
    case ColumnKind::kTimestamp:
      return AppendTyped(static_cast<TimestampColumn&>(column), block, faults);
    case ColumnKind::kTime: return AppendTyped(static_cast<TimeColumn&>(column), block, faults);
    case ColumnKind::kString:
    case ColumnKind::kBinary: return AppendBytes(block, faults);
  }
}

std::string CsvColumn::Reason(const CellBlock& block, uint32_t record, CellFaultKind kind) const {
  switch (kind) {
    case CellFaultKind::kMissing:
      if (field_ < 0)
        return fmt::format("expected a value, the file has no column '{}'", source_name_);
      return "expected a value, found none";
    case CellFaultKind::kNotUtf8:
      return fmt::format("expected {} in UTF-8, found bytes that are not", builder_->type_name());
    case CellFaultKind::kNotOfType: break;
  }
  return fmt::format("expected {}, found '{}'", builder_->type_name(), Shown(Cell(block, record)));
}

}  // namespace daypart::decode
