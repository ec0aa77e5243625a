// SPDX-License-Identifier: Apache-2.0
//
// Structs, lists and maps are taken apart and put together again around projected children; only
// leaves whose type differs are copied.
#include "lake/column_projection.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "iceberg/literal_json.h"
#include "lake/arrow_io.h"
#include "lake/arrow_literal.h"
#include "lake/arrow_schema.h"

namespace daypart::lake {
namespace {

using ArrayPointer = std::shared_ptr<arrow::Array>;

Error DoesNotBecome(const arrow::DataType& type, const iceberg::NestedField& field) {
  return Unsupported("column " + field.name + " is " + type.ToString() +
                     " in the file, which does not become the table's " +
                     iceberg::ToString(field.type));
}

/// The part of the file's struct that is this field, by id, or by name in files without ids.
int PartOf(const arrow::DataType& type, const iceberg::NestedField& field) {
  bool has_ids = false;
  for (int i = 0; i < type.num_fields(); ++i) {
    const int32_t id = FieldIdOf(*type.field(i));
    if (id == field.id.value()) return i;
    has_ids |= id >= 0;
  }
  for (int i = 0; i < type.num_fields() && !has_ids; ++i) {
    if (type.field(i)->name() == field.name) return i;
  }
  return -1;
}

Result<ArrayPointer> ProjectStruct(const ArrayPointer& column, const arrow::DataType& file_type,
                                   const iceberg::NestedField& field) {
  // Children are sliced by the struct's offset, its validity bitmap is not: start at 0.
  ArrayPointer whole = column;
  if (column->offset() != 0) {
    DAYPART_TRY(whole, FromArrow(arrow::Concatenate({column})));
  }
  const auto& parts = static_cast<const arrow::StructArray&>(*whole);
  arrow::ArrayVector children;
  for (const auto& child : field.type.fields()) {
    const int part = PartOf(file_type, child);
    if (part < 0) {
      DAYPART_TRY(const auto value, InitialValue(child));
      DAYPART_TRY(auto constant, MakeConstantArray(value, child.type, whole->length()));
      children.push_back(std::move(constant));
      continue;
    }
    DAYPART_TRY(auto projected, ProjectColumn(parts.field(part), *file_type.field(part), child));
    children.push_back(std::move(projected));
  }
  DAYPART_TRY(auto type, ToArrowType(field.type));
  return ArrayPointer(
      std::make_shared<arrow::StructArray>(std::move(type), whole->length(), std::move(children),
                                           whole->null_bitmap(), whole->null_count()));
}

/// Other writers' files tell Arrow that their lists are large ones, or of one size.
Result<ArrayPointer> AsList(const ArrayPointer& column, const iceberg::NestedField& field) {
  switch (column->type_id()) {
    case arrow::Type::LIST: return column;
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto type = arrow::list(column->type()->field(0));
      auto cast = arrow::compute::Cast(*column, type, arrow::compute::CastOptions::Safe());
      if (cast.ok()) return std::move(cast).ValueUnsafe();
      return DoesNotBecome(*column->type(), field);
    }
    default: return DoesNotBecome(*column->type(), field);
  }
}

Result<ArrayPointer> ProjectList(const ArrayPointer& column, const arrow::DataType& file_type,
                                 const iceberg::NestedField& field) {
  DAYPART_TRY(const ArrayPointer lists, AsList(column, field));
  const auto& list = static_cast<const arrow::ListArray&>(*lists);
  DAYPART_TRY(auto values,
              ProjectColumn(list.values(), *file_type.field(0), field.type.fields().at(0)));
  DAYPART_TRY(auto type, ToArrowType(field.type));
  return ArrayPointer(std::make_shared<arrow::ListArray>(
      std::move(type), list.length(), list.value_offsets(), std::move(values), list.null_bitmap(),
      list.null_count(), list.offset()));
}

Result<ArrayPointer> ProjectMap(const ArrayPointer& column, const arrow::DataType& file_type,
                                const iceberg::NestedField& field) {
  const auto& map = static_cast<const arrow::MapArray&>(*column);
  const auto& map_type = static_cast<const arrow::MapType&>(file_type);
  DAYPART_TRY(auto keys,
              ProjectColumn(map.keys(), *map_type.key_field(), field.type.fields().at(0)));
  DAYPART_TRY(auto items,
              ProjectColumn(map.items(), *map_type.item_field(), field.type.fields().at(1)));
  DAYPART_TRY(auto type, ToArrowType(field.type));
  return ArrayPointer(std::make_shared<arrow::MapArray>(
      std::move(type), map.length(), map.value_offsets(), std::move(keys), std::move(items),
      map.null_bitmap(), map.null_count(), map.offset()));
}

}  // namespace

int32_t FieldIdOf(const arrow::Field& field) {
  const auto* metadata = field.metadata().get();
  if (metadata == nullptr) return -1;
  const auto text = metadata->Get("PARQUET:field_id");
  int32_t id = -1;
  if (text.ok()) (void)std::from_chars(text->data(), text->data() + text->size(), id);
  return id;
}

Result<iceberg::Literal> InitialValue(const iceberg::NestedField& field) {
  if (field.initial_default.empty()) return iceberg::Literal();
  auto value = iceberg::LiteralFromJson(field.initial_default, field.type);
  if (value) return value;
  return CorruptData("column " + field.name + ", initial-default: " + value.error().message);
}

Result<ArrayPointer> ProjectColumn(ArrayPointer column, const arrow::Field& file_field,
                                   const iceberg::NestedField& field) {
  const arrow::DataType& file_type = *file_field.type();
  switch (field.type.kind) {
    case iceberg::TypeKind::kStruct:
      if (column->type_id() != arrow::Type::STRUCT) return DoesNotBecome(*column->type(), field);
      return ProjectStruct(column, file_type, field);
    case iceberg::TypeKind::kList: return ProjectList(column, file_type, field);
    case iceberg::TypeKind::kMap:
      if (column->type_id() != arrow::Type::MAP) return DoesNotBecome(*column->type(), field);
      return ProjectMap(column, file_type, field);
    default: break;
  }
  DAYPART_TRY(const auto type, ToArrowType(field.type));
  const bool is_dictionary = column->type_id() == arrow::Type::DICTIONARY;
  if (is_dictionary && type->id() == arrow::Type::STRING) return column;
  if (column->type()->Equals(type)) return column;
  auto cast = arrow::compute::Cast(*column, type, arrow::compute::CastOptions::Safe());
  if (!cast.ok()) return DoesNotBecome(*column->type(), field);
  return std::move(cast).ValueUnsafe();
}

Result<std::shared_ptr<arrow::RecordBatch>> ProjectRows(
    const arrow::RecordBatch& rows, const arrow::Schema& written,
    const std::vector<iceberg::NestedField>& fields, const arrow::Schema& as) {
  arrow::ArrayVector columns;
  arrow::FieldVector kinds;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& written_fields = written.fields();
    const auto place = std::ranges::find_if(written_fields, [&](const auto& field) {
      return FieldIdOf(*field) == fields[i].id.value();
    });
    ArrayPointer column;
    if (place != written_fields.end()) {
      const auto index = static_cast<int>(place - written_fields.begin());
      DAYPART_TRY(column, ProjectColumn(rows.column(index), **place, fields[i]));
    } else {
      DAYPART_TRY(const auto value, InitialValue(fields[i]));
      DAYPART_TRY(column, MakeConstantArray(value, fields[i].type, rows.num_rows()));
    }
    kinds.push_back(as.field(static_cast<int>(i))->WithType(column->type()));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(kinds)), rows.num_rows(),
                                  std::move(columns));
}

}  // namespace daypart::lake
