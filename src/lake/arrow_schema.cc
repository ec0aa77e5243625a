// SPDX-License-Identifier: Apache-2.0
//
// The one table of which Iceberg type is which Arrow type, in both directions.
#include "lake/arrow_schema.h"

#include <arrow/extension/uuid.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace daypart::lake {
namespace {

using iceberg::NestedField;
using iceberg::Type;
using iceberg::TypeKind;

constexpr char kFieldIdKey[] = "PARQUET:field_id";
constexpr char kUuidMark[] = "daypart.uuid";

Result<std::shared_ptr<arrow::Field>> ToArrowField(const NestedField& field) {
  DAYPART_TRY(auto type, ToArrowType(field.type));
  auto metadata = arrow::key_value_metadata({kFieldIdKey}, {std::to_string(field.id.value())});
  auto made = arrow::field(field.name, std::move(type), !field.is_required, std::move(metadata));
  return field.type.kind == TypeKind::kUuid ? WithUuidMark(*made) : made;
}

arrow::FieldVector FieldsWithParquetUuids(const arrow::FieldVector& fields);

std::shared_ptr<arrow::Field> WithParquetUuid(const arrow::Field& field) {
  const auto& type = *field.type();
  if (type.id() == arrow::Type::FIXED_SIZE_BINARY && is_uuid(field)) {
    return field.WithType(arrow::extension::uuid());
  }
  if (type.id() == arrow::Type::STRUCT) {
    return field.WithType(arrow::struct_(FieldsWithParquetUuids(type.fields())));
  }
  if (type.id() == arrow::Type::LIST) {
    return field.WithType(arrow::list(WithParquetUuid(*type.field(0))));
  }
  if (type.id() != arrow::Type::MAP) return field.Copy();
  const auto& map = static_cast<const arrow::MapType&>(type);
  return field.WithType(std::make_shared<arrow::MapType>(WithParquetUuid(*map.key_field()),
                                                         WithParquetUuid(*map.item_field())));
}

arrow::FieldVector FieldsWithParquetUuids(const arrow::FieldVector& fields) {
  arrow::FieldVector marked;
  for (const auto& field : fields) marked.push_back(WithParquetUuid(*field));
  return marked;
}

Result<arrow::FieldVector> ToArrowFields(const std::vector<NestedField>& fields) {
  arrow::FieldVector arrow_fields;
  arrow_fields.reserve(fields.size());
  for (const NestedField& field : fields) {
    DAYPART_TRY(auto arrow_field, ToArrowField(field));
    arrow_fields.push_back(std::move(arrow_field));
  }
  return arrow_fields;
}

Result<std::vector<NestedField>> FromArrowFields(const arrow::FieldVector& fields);

Result<Type> FromArrowType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return Type::Of(TypeKind::kBoolean);
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::INT32: return Type::Of(TypeKind::kInt);
    case arrow::Type::UINT32:
    case arrow::Type::INT64: return Type::Of(TypeKind::kLong);
    case arrow::Type::FLOAT: return Type::Of(TypeKind::kFloat);
    case arrow::Type::DOUBLE: return Type::Of(TypeKind::kDouble);
    case arrow::Type::DATE32: return Type::Of(TypeKind::kDate);
    case arrow::Type::TIME64: return Type::Of(TypeKind::kTime);
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING: return Type::Of(TypeKind::kString);
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY: return Type::Of(TypeKind::kBinary);
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return Type::DecimalOf(decimal.precision(), decimal.scale());
    }
    case arrow::Type::FIXED_SIZE_BINARY:
      return Type::FixedOf(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      return Type::Of(timestamp.timezone().empty() ? TypeKind::kTimestamp : TypeKind::kTimestamptz);
    }
    case arrow::Type::DICTIONARY:
      return FromArrowType(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case arrow::Type::STRUCT: {
      DAYPART_TRY(auto fields, FromArrowFields(type.fields()));
      return Type::StructOf(std::move(fields));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      DAYPART_TRY(auto fields, FromArrowFields({map.key_field(), map.item_field()}));
      fields[0].name = "key";
      fields[0].is_required = true;
      fields[1].name = "value";
      return Type::MapOf(std::move(fields[0]), std::move(fields[1]));
    }
    case arrow::Type::LIST: {
      DAYPART_TRY(auto fields, FromArrowFields(type.fields()));
      fields[0].name = "element";
      return Type::ListOf(std::move(fields[0]));
    }
    default:
      return Unsupported("a column type that Iceberg can hold is expected, found Arrow's " +
                         type.ToString());
  }
}

Result<std::vector<NestedField>> FromArrowFields(const arrow::FieldVector& fields) {
  std::vector<NestedField> out;
  out.reserve(fields.size());
  for (const auto& field : fields) {
    auto type = is_uuid(*field) ? Result<Type>(Type::Of(TypeKind::kUuid))
                                : FromArrowType(*field->type());
    if (!type) return std::move(type).error().WithContext("column " + field->name());
    out.push_back({.id = iceberg::FieldId(0),
                   .name = field->name(),
                   .is_required = !field->nullable(),
                   .type = std::move(type).value(),
                   .doc = ""});
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<arrow::DataType>> ToArrowType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: return arrow::boolean();
    case TypeKind::kInt: return arrow::int32();
    case TypeKind::kLong: return arrow::int64();
    case TypeKind::kFloat: return arrow::float32();
    case TypeKind::kDouble: return arrow::float64();
    case TypeKind::kDecimal: return arrow::decimal128(type.precision, type.scale);
    case TypeKind::kDate: return arrow::date32();
    case TypeKind::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeKind::kTimestamp: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeKind::kTimestamptz: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeKind::kTimestampNs: return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeKind::kTimestamptzNs: return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
    case TypeKind::kString: return arrow::utf8();
    case TypeKind::kUuid: return arrow::fixed_size_binary(16);
    case TypeKind::kFixed: return arrow::fixed_size_binary(type.length);
    case TypeKind::kBinary: return arrow::binary();
    case TypeKind::kStruct: {
      DAYPART_TRY(auto fields, ToArrowFields(type.fields()));
      return arrow::struct_(std::move(fields));
    }
    case TypeKind::kList: {
      DAYPART_TRY(auto fields, ToArrowFields(type.fields()));
      return arrow::list(std::move(fields[0]));
    }
    case TypeKind::kMap: {
      DAYPART_TRY(auto fields, ToArrowFields(type.fields()));
      return std::shared_ptr<arrow::DataType>(
          std::make_shared<arrow::MapType>(std::move(fields[0]), std::move(fields[1])));
    }
  }
  return Unsupported("no Arrow type for " + iceberg::ToString(type));
}

Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const iceberg::Schema& schema) {
  DAYPART_TRY(auto fields, ToArrowFields(schema.fields));
  return arrow::schema(std::move(fields));
}

bool is_uuid(const arrow::Field& field) {
  return field.metadata() != nullptr && field.metadata()->Contains(kUuidMark);
}

std::shared_ptr<arrow::Field> WithUuidMark(const arrow::Field& field) {
  return field.WithMergedMetadata(arrow::key_value_metadata({kUuidMark}, {"true"}));
}

std::shared_ptr<arrow::Schema> WithParquetUuids(const arrow::Schema& schema) {
  return arrow::schema(FieldsWithParquetUuids(schema.fields()), schema.metadata());
}

Result<iceberg::Schema> FromArrowSchema(const arrow::Schema& schema) {
  iceberg::Schema out;
  DAYPART_TRY(out.fields, FromArrowFields(schema.fields()));
  return out;
}

}  // namespace daypart::lake
