// SPDX-License-Identifier: Apache-2.0
//
// One loop over the values; nested arrays are walked by their child data, so that offsets and
// validity stay as they are.
#include "lake/fixed_bytes.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/type.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "iceberg/literal.h"
#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"

namespace daypart::lake {
namespace {

constexpr size_t kUuidBytes = 16;

bool has_fixed_bytes(const arrow::DataType& type) {
  if (type.id() == arrow::Type::FIXED_SIZE_BINARY) return true;
  return std::ranges::any_of(type.fields(),
                             [](const auto& field) { return has_fixed_bytes(*field->type()); });
}

/// The bytes of one value.
Result<std::string> BytesOf(std::string_view value, size_t width, bool is_text) {
  if (!is_text) {
    if (value.size() == width) return std::string(value);
    return InvalidArgument("a value of " + std::to_string(width) + " bytes is expected, found " +
                           std::to_string(value.size()));
  }
  DAYPART_TRY(auto parsed,
              iceberg::ParseLiteral(value, iceberg::Type::Of(iceberg::TypeKind::kUuid)));
  return std::get<std::string>(std::move(parsed));
}

template <typename Array>
Result<std::shared_ptr<arrow::Array>> Fixed(const Array& values, const arrow::Field& field) {
  const auto width =
      static_cast<size_t>(static_cast<const arrow::FixedSizeBinaryType&>(*field.type())
                              .byte_width());
  const bool is_string = arrow::is_string(values.type_id());
  arrow::FixedSizeBinaryBuilder builder(field.type());
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(builder.Reserve(values.length())));
  for (int64_t row = 0; row < values.length(); ++row) {
    if (values.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    DAYPART_TRY(const std::string bytes, BytesOf(values.GetView(row), width, is_string));
    builder.UnsafeAppend(bytes);
  }
  return FromArrow(builder.Finish());
}

std::shared_ptr<arrow::DataType> WithChildType(const arrow::DataType& type,
                                               const arrow::FieldVector& children) {
  if (type.id() == arrow::Type::STRUCT) return arrow::struct_(children);
  if (type.id() == arrow::Type::LIST) return arrow::list(children[0]);
  const auto& entry = *children[0]->type();
  return std::make_shared<arrow::MapType>(entry.field(0), entry.field(1));
}

}  // namespace

bool is_source_of_fixed(const arrow::DataType& from, const arrow::Field& field) {
  const auto& to = static_cast<const arrow::FixedSizeBinaryType&>(*field.type());
  return from.id() == arrow::Type::BINARY || from.id() == arrow::Type::LARGE_BINARY ||
         (from.id() == arrow::Type::STRING && is_uuid(field)) || from.Equals(to);
}

Result<std::shared_ptr<arrow::Array>> WithFixedBytes(std::shared_ptr<arrow::Array> array,
                                                     const arrow::Field& field) {
  const arrow::DataType& type = *array->type();
  if (field.type()->id() == arrow::Type::FIXED_SIZE_BINARY) {
    if (type.Equals(*field.type()) || !is_source_of_fixed(type, field)) return array;
    if (type.id() == arrow::Type::LARGE_BINARY) {
      return Fixed(static_cast<const arrow::LargeBinaryArray&>(*array), field);
    }
    return Fixed(static_cast<const arrow::BinaryArray&>(*array), field);
  }
  const bool is_same_shape =
      type.id() == field.type()->id() && type.num_fields() == field.type()->num_fields();
  if (!is_same_shape || !has_fixed_bytes(*field.type())) return array;
  const bool is_nested = type.id() == arrow::Type::STRUCT || type.id() == arrow::Type::LIST ||
                         type.id() == arrow::Type::MAP;
  if (!is_nested) return array;
  auto data = array->data()->Copy();
  arrow::FieldVector children;
  for (int i = 0; i < type.num_fields(); ++i) {
    const auto at = static_cast<size_t>(i);
    DAYPART_TRY(const auto child,
                WithFixedBytes(arrow::MakeArray(data->child_data[at]), *field.type()->field(i)));
    children.push_back(type.field(i)->WithType(child->type()));
    data->child_data[at] = child->data();
  }
  data->type = WithChildType(type, children);
  return arrow::MakeArray(std::move(data));
}

}  // namespace daypart::lake
