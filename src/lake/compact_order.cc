// SPDX-License-Identifier: Apache-2.0
//
// Keys of rows as bytes.
#include "lake/compact_order.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

#include "lake/arrow_literal.h"
#include "lake/row_order.h"

namespace daypart::lake {
namespace {

using iceberg::NestedField;
using iceberg::SortField;

const NestedField* FieldOf(const iceberg::Schema& schema, iceberg::FieldId id) {
  const auto found = std::find_if(schema.fields.begin(), schema.fields.end(),
                                  [id](const NestedField& field) { return field.id == id; });
  return found == schema.fields.end() ? nullptr : &*found;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Result<SortField> ParseSortColumn(const iceberg::Schema& schema, const std::string& text) {
  std::istringstream words(text);
  std::string name;
  words >> name;
  const auto found = std::find_if(schema.fields.begin(), schema.fields.end(),
                                  [&](const NestedField& field) { return field.name == name; });
  if (found == schema.fields.end()) {
    return InvalidArgument("no column '" + name + "' in the table to order by");
  }
  if (!found->type.is_primitive()) {
    return InvalidArgument("column " + name + " is nested: rows are ordered by plain columns");
  }
  SortField field;
  field.source_id = found->id;
  std::string rest;
  for (std::string word; words >> word;) rest += (rest.empty() ? "" : " ") + Lower(word);
  field.is_descending = rest.starts_with("desc");
  field.is_nulls_last = field.is_descending;
  if (rest.ends_with("nulls last")) field.is_nulls_last = true;
  if (rest.ends_with("nulls first")) field.is_nulls_last = false;
  static const std::vector<std::string> kForms = {
      "",           "asc",  "asc nulls first",  "asc nulls last", "nulls first",
      "nulls last", "desc", "desc nulls first", "desc nulls last"};
  if (std::find(kForms.begin(), kForms.end(), rest) != kForms.end()) return field;
  return InvalidArgument("'COLUMN [asc|desc] [nulls first|last]' is expected, found '" + text +
                         "'");
}

/// Rank of a value among the sampled ones, spread over 16 bits.
class RankScale {
 public:
  void Add(std::string key) { sample_.push_back(std::move(key)); }
  void Finish() { std::sort(sample_.begin(), sample_.end()); }
  uint16_t RankOf(const std::string& key) const {
    if (sample_.empty()) return 0;
    const auto below = std::lower_bound(sample_.begin(), sample_.end(), key) - sample_.begin();
    const size_t rank = static_cast<size_t>(below) * 65'536 / sample_.size();
    return static_cast<uint16_t>(std::min<size_t>(rank, 65'535));
  }

 private:
  std::vector<std::string> sample_;
};

}  // namespace

Result<std::vector<SortField>> ParseSortColumns(const iceberg::Schema& schema,
                                                const std::vector<std::string>& columns) {
  std::vector<SortField> fields;
  for (const std::string& column : columns) {
    DAYPART_TRY(SortField field, ParseSortColumn(schema, column));
    const bool is_repeated = std::any_of(fields.begin(), fields.end(), [&](const SortField& known) {
      return known.source_id == field.source_id;
    });
    if (is_repeated) return InvalidArgument("column '" + column + "' is named twice to order by");
    fields.push_back(std::move(field));
  }
  return fields;
}

KeyFunction SortKeys(const iceberg::Schema& schema, std::vector<SortField> fields) {
  return [schema, fields = std::move(fields)](const arrow::RecordBatch& batch) -> Result<RowKeys> {
    RowKeys keys;
    keys.ends.reserve(static_cast<size_t>(batch.num_rows()));
    std::vector<std::shared_ptr<arrow::Array>> columns;
    std::vector<iceberg::Type> types;
    for (const SortField& field : fields) {
      const NestedField* column = FieldOf(schema, field.source_id);
      if (column == nullptr) return Unsupported("rows are ordered by columns of the table only");
      columns.push_back(batch.GetColumnByName(column->name));
      types.push_back(column->type);
      if (columns.back() == nullptr) return InvalidArgument("no column " + column->name);
    }
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      for (size_t i = 0; i < fields.size(); ++i) {
        iceberg::Literal value = LiteralAt(*columns[i], row);
        if (fields[i].transform.kind != iceberg::TransformKind::kIdentity) {
          DAYPART_TRY(value, iceberg::Apply(fields[i].transform, types[i], value));
        }
        AppendSortKey(value, fields[i], keys.bytes);
      }
      keys.ends.push_back(keys.bytes.size());
    }
    return keys;
  };
}

void AppendInterleaved(const std::vector<uint16_t>& ranks, std::string& key) {
  unsigned byte = 0;
  int bits = 0;
  for (int bit = 15; bit >= 0; --bit) {
    for (const uint16_t rank : ranks) {
      byte = byte << 1 | (static_cast<unsigned>(rank >> bit) & 1U);
      if (++bits < 8) continue;
      key += static_cast<char>(static_cast<unsigned char>(byte));
      byte = 0;
      bits = 0;
    }
  }
}

Result<KeyFunction> ZOrderKeys(const iceberg::Schema& schema, const std::vector<SortField>& fields,
                               source::BatchSource& sample, int64_t rows_count) {
  std::vector<RankScale> scales(fields.size());
  const int64_t step = std::max<int64_t>(1, rows_count / kZOrderSampleRows);
  DAYPART_TRY(const auto cursor, sample.NewCursor());
  int64_t next = 0;
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) break;
    for (; next < batch->num_rows(); next += step) {
      for (size_t i = 0; i < fields.size(); ++i) {
        std::string key;
        AppendSortKey(LiteralAt(*batch->column(static_cast<int>(i)), next), fields[i], key);
        scales[i].Add(std::move(key));
      }
    }
    next -= batch->num_rows();
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < fields.size(); ++i) {
    scales[i].Finish();
    const NestedField* column = FieldOf(schema, fields[i].source_id);
    if (column == nullptr) return Unsupported("rows are ordered by columns of the table only");
    names.push_back(column->name);
  }
  return KeyFunction([scales = std::move(scales), names,
                      fields](const arrow::RecordBatch& batch) -> Result<RowKeys> {
    RowKeys keys;
    std::vector<uint16_t> ranks(fields.size());
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (const std::string& name : names) columns.push_back(batch.GetColumnByName(name));
    std::string key;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      for (size_t i = 0; i < fields.size(); ++i) {
        key.clear();
        AppendSortKey(LiteralAt(*columns[i], row), fields[i], key);
        ranks[i] = scales[i].RankOf(key);
      }
      AppendInterleaved(ranks, keys.bytes);
      keys.ends.push_back(keys.bytes.size());
    }
    return keys;
  });
}

}  // namespace daypart::lake
