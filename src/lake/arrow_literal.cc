// SPDX-License-Identifier: Apache-2.0
//
// Arrow scalars as literals and back.
#include "lake/arrow_literal.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cstring>
#include <string>
#include <utility>

#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"

namespace daypart::lake {
namespace {

using iceberg::Literal;

arrow::Result<std::shared_ptr<arrow::Scalar>> ToScalar(
    const Literal& value, const std::shared_ptr<arrow::DataType>& type) {
  if (const auto* boolean = std::get_if<bool>(&value)) {
    return std::make_shared<arrow::BooleanScalar>(*boolean);
  }
  if (const auto* number = std::get_if<int32_t>(&value)) return arrow::MakeScalar(type, *number);
  if (const auto* number = std::get_if<int64_t>(&value)) return arrow::MakeScalar(type, *number);
  if (const auto* number = std::get_if<float>(&value)) return arrow::MakeScalar(type, *number);
  if (const auto* number = std::get_if<double>(&value)) return arrow::MakeScalar(type, *number);
  if (const auto* decimal = std::get_if<iceberg::Decimal>(&value)) {
    const arrow::Decimal128 unscaled(static_cast<int64_t>(decimal->unscaled >> 64),
                                     static_cast<uint64_t>(decimal->unscaled));
    return std::make_shared<arrow::Decimal128Scalar>(unscaled, type);
  }
  if (const auto* bytes = std::get_if<std::string>(&value)) {
    return arrow::MakeScalar(type, arrow::Buffer::FromString(*bytes));
  }
  return arrow::MakeNullScalar(type);
}

}  // namespace

Literal LiteralAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return {};
  switch (array.type_id()) {
    case arrow::Type::BOOL: return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::INT32:
    case arrow::Type::DATE32: return array.data()->GetValues<int32_t>(1)[row];
    case arrow::Type::INT64:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP: return array.data()->GetValues<int64_t>(1)[row];
    case arrow::Type::FLOAT: return array.data()->GetValues<float>(1)[row];
    case arrow::Type::DOUBLE: return array.data()->GetValues<double>(1)[row];
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return std::string(static_cast<const arrow::BinaryArray&>(array).GetView(row));
    case arrow::Type::FIXED_SIZE_BINARY:
      return std::string(static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(row));
    case arrow::Type::DECIMAL128: {
      iceberg::Decimal decimal;
      std::memcpy(&decimal.unscaled,
                  static_cast<const arrow::FixedSizeBinaryArray&>(array).GetValue(row),
                  sizeof(decimal.unscaled));
      return decimal;
    }
    case arrow::Type::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
      return LiteralAt(*dictionary.dictionary(), dictionary.GetValueIndex(row));
    }
    default: return {};
  }
}

Result<std::shared_ptr<arrow::Array>> MakeConstantArray(const Literal& value,
                                                        const iceberg::Type& type, int64_t rows) {
  DAYPART_TRY(const auto arrow_type, ToArrowType(type));
  if (is_null(value)) return FromArrow(arrow::MakeArrayOfNull(arrow_type, rows));
  DAYPART_TRY(const auto scalar, FromArrow(ToScalar(value, arrow_type)));
  return FromArrow(arrow::MakeArrayFromScalar(*scalar, rows));
}

}  // namespace daypart::lake
