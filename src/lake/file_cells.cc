// SPDX-License-Identifier: Apache-2.0
//
// A file's numbers, maps and bounds as cells.
#include "lake/file_cells.h"

#include <algorithm>
#include <map>
#include <utility>

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::FieldId;
using iceberg::Literal;
using iceberg::Field;
using iceberg::NestedField;
using iceberg::PartitionField;
using iceberg::Type;
using iceberg::TypeKind;

NestedField MapField(std::string name, TypeKind value) {
  NestedField key = Field("key", TypeKind::kInt);
  key.is_required = true;
  return Field(std::move(name), Type::MapOf(std::move(key), Field("value", value)));
}

/// A column by id, in the current schema or, once dropped, in one that had it.
const NestedField* FindInAnySchema(const iceberg::TableMetadata& metadata, FieldId id) {
  if (const auto* field = metadata.current_schema().FindField(id)) return field;
  for (auto schema = metadata.schemas.rbegin(); schema != metadata.schemas.rend(); ++schema) {
    if (const auto* field = schema->FindField(id)) return field;
  }
  return nullptr;
}

template <typename Value>
Cell MapCell(const std::map<FieldId, Value>& values) {
  std::vector<Cell> parts;
  for (const auto& [id, value] : values) {
    parts.emplace_back(id.value());
    parts.emplace_back(value);
  }
  return values.empty() ? Cell() : Cell::Of(std::move(parts));
}

template <typename Value>
Cell Lookup(const std::map<FieldId, Value>& values, FieldId id) {
  const auto found = values.find(id);
  return found == values.end() ? Cell() : Cell(found->second);
}

Cell Bound(const std::map<FieldId, std::string>& bounds, FieldId id, const Type& type) {
  const auto found = bounds.find(id);
  if (found == bounds.end()) return {};
  auto value = iceberg::DeserializeLiteral(found->second, type);
  return value ? Cell(std::move(value).value()) : Cell();
}

}  // namespace

Result<FileCells> FileCells::Make(const iceberg::TableMetadata& metadata) {
  FileCells cells;
  cells.specs_ = metadata.partition_specs;
  // The newest spec's name counts. A field that a v1 table dropped lives on as void; what it was
  // before tells its type.
  std::map<FieldId, PartitionField> fields;
  for (auto spec = cells.specs_.rbegin(); spec != cells.specs_.rend(); ++spec) {
    for (const PartitionField& field : spec->fields) {
      const auto known = fields.find(field.field_id);
      if (known == fields.end()) {
        fields.emplace(field.field_id, field);
      } else if (known->second.transform.kind == iceberg::TransformKind::kVoid) {
        known->second = field;
      }
    }
  }
  for (const auto& [id, field] : fields) {
    const NestedField* source = FindInAnySchema(metadata, field.source_id);
    if (source == nullptr) continue;
    DAYPART_TRY(auto type, iceberg::ResultType(field.transform, source->type));
    cells.partition_fields_.push_back(field);
    cells.partition_types_.push_back(std::move(type));
  }
  cells.AddMetrics(metadata.current_schema().fields, "");
  return cells;
}

void FileCells::AddMetrics(const std::vector<NestedField>& fields, const std::string& prefix) {
  for (const NestedField& field : fields) {
    if (field.type.is_primitive()) {
      metrics_.push_back({prefix + field.name, field.id, field.type});
    } else {
      AddMetrics(field.type.fields(), prefix + field.name + '.');
    }
  }
}

std::vector<NestedField> FileCells::PartitionFields() const {
  std::vector<NestedField> fields;
  for (size_t i = 0; i < partition_fields_.size(); ++i) {
    fields.push_back(Field(partition_fields_[i].name, partition_types_[i]));
  }
  return fields;
}

std::vector<NestedField> FileCells::FileFields() const {
  std::vector<NestedField> fields = {Field("content", TypeKind::kInt),
                                     Field("file_path", TypeKind::kString),
                                     Field("file_format", TypeKind::kString),
                                     Field("spec_id", TypeKind::kInt)};
  if (!partition_fields_.empty()) {
    fields.push_back(Field("partition", Type::StructOf(PartitionFields())));
  }
  fields.push_back(Field("record_count", TypeKind::kLong));
  fields.push_back(Field("file_size_in_bytes", TypeKind::kLong));
  fields.push_back(MapField("column_sizes", TypeKind::kLong));
  fields.push_back(MapField("value_counts", TypeKind::kLong));
  fields.push_back(MapField("null_value_counts", TypeKind::kLong));
  fields.push_back(MapField("nan_value_counts", TypeKind::kLong));
  fields.push_back(MapField("lower_bounds", TypeKind::kBinary));
  fields.push_back(MapField("upper_bounds", TypeKind::kBinary));
  fields.push_back(Field("key_metadata", TypeKind::kBinary));
  fields.push_back(Field("split_offsets", Type::ListOf(Field("element", TypeKind::kLong))));
  fields.push_back(Field("equality_ids", Type::ListOf(Field("element", TypeKind::kInt))));
  fields.push_back(Field("sort_order_id", TypeKind::kInt));
  fields.push_back(Field("first_row_id", TypeKind::kLong));
  fields.push_back(Field("referenced_data_file", TypeKind::kString));
  fields.push_back(Field("content_offset", TypeKind::kLong));
  fields.push_back(Field("content_size_in_bytes", TypeKind::kLong));
  return fields;
}

CellRow FileCells::FileRow(const DataFile& file, iceberg::SpecId spec_id) const {
  CellRow row = {Cell(static_cast<int32_t>(file.content)), Cell(file.location), Cell(file.format),
                 Cell(spec_id.value())};
  if (!partition_fields_.empty()) row.push_back(PartitionCell(PartitionOf(file, spec_id)));
  row.emplace_back(file.record_count);
  row.emplace_back(file.file_bytes);
  row.push_back(MapCell(file.column_bytes));
  row.push_back(MapCell(file.value_counts));
  row.push_back(MapCell(file.null_value_counts));
  row.push_back(MapCell(file.nan_value_counts));
  row.push_back(MapCell(file.lower_bounds));
  row.push_back(MapCell(file.upper_bounds));
  row.emplace_back(file.key_metadata);
  const std::vector<Cell> offsets(file.split_offsets.begin(), file.split_offsets.end());
  row.push_back(offsets.empty() ? Cell() : Cell::Of(offsets));
  std::vector<Cell> ids;
  for (const FieldId id : file.equality_ids) ids.emplace_back(id.value());
  row.push_back(ids.empty() ? Cell() : Cell::Of(std::move(ids)));
  row.push_back(file.sort_order_id ? Cell(file.sort_order_id->value()) : Cell());
  row.emplace_back(file.first_row_id);
  row.emplace_back(file.referenced_data_file);
  row.emplace_back(file.content_offset);
  row.emplace_back(file.content_bytes);
  return row;
}

iceberg::PartitionTuple FileCells::PartitionOf(const DataFile& file,
                                               iceberg::SpecId spec_id) const {
  iceberg::PartitionTuple tuple(partition_fields_.size());
  const auto spec = std::find_if(specs_.begin(), specs_.end(),
                                 [&](const auto& known) { return known.id == spec_id; });
  if (spec == specs_.end()) return tuple;
  for (size_t i = 0; i < tuple.size(); ++i) {
    for (size_t place = 0; place < spec->fields.size() && place < file.partition.size(); ++place) {
      if (spec->fields[place].field_id != partition_fields_[i].field_id) continue;
      tuple[i] = iceberg::Promote(file.partition[place], partition_types_[i]);
    }
  }
  return tuple;
}

Cell FileCells::PartitionCell(const iceberg::PartitionTuple& partition) {
  return Cell::Of(std::vector<Cell>(partition.begin(), partition.end()));
}

std::vector<NestedField> FileCells::MetricsFields() const {
  std::vector<NestedField> fields;
  for (const Metric& metric : metrics_) {
    fields.push_back(
        Field(metric.name, Type::StructOf({Field("column_size", TypeKind::kLong),
                                           Field("value_count", TypeKind::kLong),
                                           Field("null_value_count", TypeKind::kLong),
                                           Field("nan_value_count", TypeKind::kLong),
                                           Field("lower_bound", metric.type),
                                           Field("upper_bound", metric.type)})));
  }
  return fields;
}

Cell FileCells::MetricsCell(const DataFile& file) const {
  std::vector<Cell> columns;
  for (const Metric& metric : metrics_) {
    columns.push_back(Cell::Of({Lookup(file.column_bytes, metric.id),
                                Lookup(file.value_counts, metric.id),
                                Lookup(file.null_value_counts, metric.id),
                                Lookup(file.nan_value_counts, metric.id),
                                Bound(file.lower_bounds, metric.id, metric.type),
                                Bound(file.upper_bounds, metric.id, metric.type)}));
  }
  return Cell::Of(std::move(columns));
}

}  // namespace daypart::lake
