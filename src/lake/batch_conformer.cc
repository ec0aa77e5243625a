// SPDX-License-Identifier: Apache-2.0
//
// Column matching and safe casts.
#include "lake/batch_conformer.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <set>
#include <utility>

#include "iceberg/literal_json.h"
#include "lake/arrow_io.h"
#include "lake/arrow_literal.h"
#include "lake/arrow_schema.h"
#include "lake/fixed_bytes.h"

namespace daypart::lake {
namespace {

bool is_string_dictionary(const arrow::DataType& type) {
  if (type.id() != arrow::Type::DICTIONARY) return false;
  const auto& dictionary = static_cast<const arrow::DictionaryType&>(type);
  return dictionary.index_type()->id() == arrow::Type::INT32 &&
         dictionary.value_type()->id() == arrow::Type::STRING;
}

/// Whether the value types can be cast at all; each value is checked when it is.
bool is_castable(const arrow::DataType& from, const arrow::Field& field) {
  const arrow::DataType& to = *field.type();
  if (from.Equals(to) || from.id() == arrow::Type::NA) return true;
  const auto& plain_from = from.id() == arrow::Type::DICTIONARY
                               ? *static_cast<const arrow::DictionaryType&>(from).value_type()
                               : from;
  if (to.id() == arrow::Type::FIXED_SIZE_BINARY) return is_source_of_fixed(plain_from, field);
  const bool is_text_target = to.id() == arrow::Type::STRING;
  const bool is_text_source = arrow::is_base_binary_like(plain_from.id());
  if (is_text_target != is_text_source && to.id() != arrow::Type::BINARY) return false;
  const bool is_temporal_mix = arrow::is_temporal(plain_from.id()) != arrow::is_temporal(to.id());
  if (is_temporal_mix) return false;
  return arrow::compute::CanCast(plain_from, to);
}

/// What a row without the column gets: its write default, or null.
Result<iceberg::Literal> WriteDefault(const iceberg::NestedField& field) {
  if (field.write_default.empty()) return iceberg::Literal();
  auto value = iceberg::LiteralFromJson(field.write_default, field.type);
  if (value) return value;
  return CorruptData("column " + field.name + ", write-default: " + value.error().message);
}

}  // namespace

Result<BatchConformer> BatchConformer::Make(const iceberg::Schema& table,
                                            const arrow::Schema& source) {
  BatchConformer conformer;
  DAYPART_TRY(conformer.schema_, ToArrowSchema(table));
  std::set<int> used;
  for (const iceberg::NestedField& table_field : table.fields) {
    const auto& field = conformer.schema_->field(static_cast<int>(conformer.defaults_.size()));
    const int column = source.GetFieldIndex(field->name());
    conformer.source_columns_.push_back(column);
    conformer.types_.push_back(table_field.type);
    DAYPART_TRY(auto value, WriteDefault(table_field));
    const bool has_default = !iceberg::is_null(value);
    conformer.defaults_.push_back(std::move(value));
    if (column < 0) {
      if (!field->nullable() && !has_default) {
        return InvalidArgument("the table requires column " + field->name() +
                               ", the rows do not have it");
      }
      continue;
    }
    used.insert(column);
    const arrow::DataType& type = *source.field(column)->type();
    if (!is_castable(type, *field)) {
      return InvalidArgument("column " + field->name() + " of the table is " +
                             field->type()->ToString() + ", in the rows it is " + type.ToString());
    }
  }
  for (int column = 0; column < source.num_fields(); ++column) {
    if (used.contains(column)) continue;
    return InvalidArgument("the rows have a column " + source.field(column)->name() +
                           " that the table does not have: add it to the table or leave it out");
  }
  return conformer;
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchConformer::Conform(
    const arrow::RecordBatch& batch) const {
  arrow::ArrayVector columns;
  columns.reserve(source_columns_.size());
  for (size_t column = 0; column < source_columns_.size(); ++column) {
    const auto& field = schema_->field(static_cast<int>(column));
    if (source_columns_[column] < 0) {
      DAYPART_TRY(auto values,
                  MakeConstantArray(defaults_[column], types_[column], batch.num_rows()));
      columns.push_back(std::move(values));
      continue;
    }
    std::shared_ptr<arrow::Array> array = batch.column(source_columns_[column]);
    auto fixed = WithFixedBytes(std::move(array), *field);
    if (!fixed) return std::move(fixed).error().WithContext("column " + field->name());
    array = std::move(fixed).value();
    const bool is_string = field->type()->id() == arrow::Type::STRING;
    const bool fits =
        array->type()->Equals(field->type()) || (is_string && is_string_dictionary(*array->type()));
    if (!fits) {
      auto cast = arrow::compute::Cast(*array, field->type(), arrow::compute::CastOptions::Safe());
      if (!cast.ok()) {
        return InvalidArgument("column " + field->name() + " takes " + field->type()->ToString() +
                               ": " + cast.status().message());
      }
      array = std::move(cast).ValueUnsafe();
    }
    columns.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
}

}  // namespace daypart::lake
