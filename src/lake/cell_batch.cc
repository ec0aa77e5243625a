// SPDX-License-Identifier: Apache-2.0
//
// Cells into Arrow's builders.
#include "lake/cell_batch.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/table_builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include "lake/arrow_io.h"

namespace daypart::lake {
namespace {

using iceberg::Literal;

Error WrongType(const arrow::DataType& type) {
  return InvalidArgument("a value of type " + type.ToString() + " is expected, found another");
}

template <typename Builder, typename Value>
Status AppendAs(const Literal& literal, arrow::ArrayBuilder& builder) {
  const Value* value = std::get_if<Value>(&literal);
  if (value == nullptr) return WrongType(*builder.type());
  return StatusFromArrow(static_cast<Builder&>(builder).Append(*value));
}

Status AppendDecimal(const Literal& literal, arrow::ArrayBuilder& builder) {
  const auto* value = std::get_if<iceberg::Decimal>(&literal);
  if (value == nullptr) return WrongType(*builder.type());
  const arrow::Decimal128 unscaled(static_cast<int64_t>(value->unscaled >> 64),
                                   static_cast<uint64_t>(value->unscaled));
  return StatusFromArrow(static_cast<arrow::Decimal128Builder&>(builder).Append(unscaled));
}

Status AppendFixed(const Literal& literal, arrow::ArrayBuilder& builder) {
  auto& fixed = static_cast<arrow::FixedSizeBinaryBuilder&>(builder);
  const auto* value = std::get_if<std::string>(&literal);
  if (value == nullptr || static_cast<int32_t>(value->size()) != fixed.byte_width()) {
    return WrongType(*builder.type());
  }
  return StatusFromArrow(fixed.Append(reinterpret_cast<const uint8_t*>(value->data())));
}

Status AppendLiteral(const Literal& literal, arrow::ArrayBuilder& builder) {
  switch (builder.type()->id()) {
    case arrow::Type::BOOL: return AppendAs<arrow::BooleanBuilder, bool>(literal, builder);
    case arrow::Type::INT32: return AppendAs<arrow::Int32Builder, int32_t>(literal, builder);
    case arrow::Type::DATE32: return AppendAs<arrow::Date32Builder, int32_t>(literal, builder);
    case arrow::Type::INT64: return AppendAs<arrow::Int64Builder, int64_t>(literal, builder);
    case arrow::Type::TIME64: return AppendAs<arrow::Time64Builder, int64_t>(literal, builder);
    case arrow::Type::TIMESTAMP:
      return AppendAs<arrow::TimestampBuilder, int64_t>(literal, builder);
    case arrow::Type::FLOAT: return AppendAs<arrow::FloatBuilder, float>(literal, builder);
    case arrow::Type::DOUBLE: return AppendAs<arrow::DoubleBuilder, double>(literal, builder);
    case arrow::Type::STRING: return AppendAs<arrow::StringBuilder, std::string>(literal, builder);
    case arrow::Type::BINARY: return AppendAs<arrow::BinaryBuilder, std::string>(literal, builder);
    case arrow::Type::FIXED_SIZE_BINARY: return AppendFixed(literal, builder);
    case arrow::Type::DECIMAL128: return AppendDecimal(literal, builder);
    default: break;
  }
  return Unsupported("a single value of Arrow type " + builder.type()->ToString());
}

Status Append(const Cell& cell, arrow::ArrayBuilder& builder);

Status AppendList(const Cell& cell, arrow::ListBuilder& builder) {
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(builder.Append()));
  for (const Cell& part : cell.parts) {
    DAYPART_RETURN_IF_ERROR(Append(part, *builder.value_builder()));
  }
  return Ok();
}

Status AppendMap(const Cell& cell, arrow::MapBuilder& builder) {
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(builder.Append()));
  for (size_t i = 0; i + 1 < cell.parts.size(); i += 2) {
    DAYPART_RETURN_IF_ERROR(Append(cell.parts[i], *builder.key_builder()));
    DAYPART_RETURN_IF_ERROR(Append(cell.parts[i + 1], *builder.item_builder()));
  }
  return Ok();
}

Status AppendStruct(const Cell& cell, arrow::StructBuilder& builder) {
  if (static_cast<int>(cell.parts.size()) != builder.num_fields()) {
    return WrongType(*builder.type());
  }
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(builder.Append()));
  for (int i = 0; i < builder.num_fields(); ++i) {
    DAYPART_RETURN_IF_ERROR(
        Append(cell.parts[static_cast<size_t>(i)], *builder.field_builder(i)));
  }
  return Ok();
}

Status Append(const Cell& cell, arrow::ArrayBuilder& builder) {
  if (!cell.is_nested && is_null(cell.literal)) return StatusFromArrow(builder.AppendNull());
  if (!cell.is_nested) return AppendLiteral(cell.literal, builder);
  switch (builder.type()->id()) {
    case arrow::Type::LIST: return AppendList(cell, static_cast<arrow::ListBuilder&>(builder));
    case arrow::Type::MAP: return AppendMap(cell, static_cast<arrow::MapBuilder&>(builder));
    case arrow::Type::STRUCT:
      return AppendStruct(cell, static_cast<arrow::StructBuilder&>(builder));
    default: return WrongType(*builder.type());
  }
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> MakeCellBatch(
    const std::shared_ptr<arrow::Schema>& schema, const std::vector<CellRow>& rows) {
  DAYPART_TRY(const auto builder,
              FromArrow(arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool())));
  for (const CellRow& row : rows) {
    if (static_cast<int>(row.size()) != schema->num_fields()) {
      return InvalidArgument("a row of " + std::to_string(schema->num_fields()) +
                             " values is expected, found " + std::to_string(row.size()));
    }
    for (int i = 0; i < schema->num_fields(); ++i) {
      DAYPART_RETURN_IF_ERROR(Append(row[static_cast<size_t>(i)], *builder->GetField(i)));
    }
  }
  return FromArrow(builder->Flush());
}

}  // namespace daypart::lake
