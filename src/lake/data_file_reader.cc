// SPDX-License-Identifier: Apache-2.0
//
// Parquet through Arrow, projected by field id.
#include "lake/data_file_reader.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <exception>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lake/arrow_io.h"
#include "lake/arrow_literal.h"
#include "lake/arrow_schema.h"
#include "lake/column_projection.h"

namespace daypart::lake {
namespace {

using iceberg::FieldId;
using iceberg::NestedField;

/// Where one column of the table comes from in one file.
struct ColumnOrigin {
  NestedField field;
  int file_column = -1;       // top-level field of the file; -1: constant
  std::vector<int> leaves;    // Parquet columns below it
  iceberg::Literal constant;  // identity partition value, default, or null
};

/// Top-level names that schema.name-mapping.default gives to ids, for files without field ids.
std::map<std::string, FieldId> MappedNames(const iceberg::TableMetadata& metadata) {
  std::map<std::string, FieldId> ids;
  const std::string text = metadata.Property("schema.name-mapping.default", "");
  const auto mapping = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!mapping.is_array()) {
    for (const NestedField& field : metadata.current_schema().fields) ids[field.name] = field.id;
    return ids;
  }
  for (const auto& entry : mapping) {
    if (!entry.is_object() || !entry.contains("field-id") || !entry.contains("names")) continue;
    for (const auto& name : entry["names"]) {
      if (name.is_string() && entry["field-id"].is_number_integer()) {
        ids[name.get<std::string>()] = FieldId(entry["field-id"].get<int32_t>());
      }
    }
  }
  return ids;
}

void CollectLeaves(const parquet::arrow::SchemaField& field, std::vector<int>& leaves) {
  if (field.is_leaf()) leaves.push_back(field.column_index);
  for (const auto& child : field.children) CollectLeaves(child, leaves);
}

/// Top-level file columns by the table's field ids.
std::map<FieldId, int> FileColumns(const parquet::arrow::SchemaManifest& manifest,
                                   const iceberg::TableMetadata& metadata) {
  std::map<FieldId, int> columns;
  bool has_ids = false;
  for (size_t i = 0; i < manifest.schema_fields.size(); ++i) {
    const int32_t id = FieldIdOf(*manifest.schema_fields[i].field);
    if (id < 0) continue;
    has_ids = true;
    columns[FieldId(id)] = static_cast<int>(i);
  }
  if (has_ids) return columns;
  const auto names = MappedNames(metadata);
  for (size_t i = 0; i < manifest.schema_fields.size(); ++i) {
    const auto found = names.find(manifest.schema_fields[i].field->name());
    if (found != names.end()) columns[found->second] = static_cast<int>(i);
  }
  return columns;
}

/// The value of an identity partition field on this column: what a migrated file leaves out.
iceberg::Literal PartitionConstant(const iceberg::PartitionSpec* spec,
                                   const iceberg::DataFile& file, FieldId source_id) {
  if (spec == nullptr) return {};
  for (size_t i = 0; i < spec->fields.size() && i < file.partition.size(); ++i) {
    if (spec->fields[i].source_id == source_id &&
        spec->fields[i].transform.kind == iceberg::TransformKind::kIdentity) {
      return file.partition[i];
    }
  }
  return {};
}

Result<std::vector<NestedField>> SelectFields(const iceberg::Schema& schema,
                                              const std::vector<std::string>& columns) {
  if (columns.empty()) return schema.fields;
  std::vector<NestedField> fields;
  for (const std::string& column : columns) {
    const auto found = std::find_if(schema.fields.begin(), schema.fields.end(),
                                    [&](const NestedField& field) { return field.name == column; });
    if (found == schema.fields.end())
      return InvalidArgument("no column " + column + " in the table");
    fields.push_back(*found);
  }
  return fields;
}

/// Whether the column's repeated strings should come as a dictionary: where the file has one
/// anyway.
bool is_dictionary_encoded(const parquet::FileMetaData& footer, int leaf) {
  if (footer.num_row_groups() == 0) return false;
  const auto chunk = footer.RowGroup(0)->ColumnChunk(leaf);
  bool has_dictionary = false;
  for (const auto& page : chunk->encoding_stats()) {
    const bool is_data = page.page_type == parquet::PageType::DATA_PAGE ||
                         page.page_type == parquet::PageType::DATA_PAGE_V2;
    if (is_data && page.encoding != parquet::Encoding::PLAIN_DICTIONARY &&
        page.encoding != parquet::Encoding::RLE_DICTIONARY) {
      return false;
    }
    has_dictionary |= is_data;
  }
  return has_dictionary;
}

void CollectFields(const iceberg::Expression& filter, std::set<FieldId>& fields) {
  for (const auto& operand : filter.operands) CollectFields(operand, fields);
  if (filter.operands.empty()) fields.insert(filter.field);
}

/// The bounds of a column chunk in the form that a manifest has them; none if there are none, or if
/// the type is one whose statistics writers have disagreed on.
void AddBounds(const parquet::ColumnChunkMetaData& chunk, const NestedField& field,
               iceberg::DataFile& statistics) {
  if (!chunk.is_stats_set()) return;
  const auto told = chunk.statistics();
  if (told == nullptr || !told->HasMinMax()) return;
  const auto add = [&](const auto& min, const auto& max) {
    const auto lower = iceberg::SerializeLiteral(min, field.type);
    const auto upper = iceberg::SerializeLiteral(max, field.type);
    if (!lower || !upper) return;
    statistics.lower_bounds[field.id] = *lower;
    statistics.upper_bounds[field.id] = *upper;
  };
  using iceberg::TypeKind;
  switch (field.type.kind) {
    case TypeKind::kInt:
    case TypeKind::kDate: {
      if (chunk.type() != parquet::Type::INT32) return;
      const auto& values = static_cast<const parquet::Int32Statistics&>(*told);
      return add(iceberg::Literal(values.min()), iceberg::Literal(values.max()));
    }
    case TypeKind::kLong:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz: {
      if (chunk.type() != parquet::Type::INT64) return;
      const auto& values = static_cast<const parquet::Int64Statistics&>(*told);
      return add(iceberg::Literal(values.min()), iceberg::Literal(values.max()));
    }
    default: return;
  }
}

}  // namespace

struct DataFileReader::State {
  const iceberg::Schema* table_schema = nullptr;  // of the metadata, which outlives the reader
  std::map<FieldId, int> file_columns;
  std::unique_ptr<parquet::arrow::FileReader> parquet;
  std::vector<ColumnOrigin> origins;
  std::vector<int> leaves;  // all that are read, rising
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int64_t> first_rows;
  std::string location;
};

DataFileReader::DataFileReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
DataFileReader::~DataFileReader() = default;

Result<std::shared_ptr<arrow::Schema>> ReadSchema(const iceberg::Schema& schema,
                                                  const std::vector<std::string>& columns) {
  iceberg::Schema selected;
  DAYPART_TRY(selected.fields, SelectFields(schema, columns));
  return ToArrowSchema(selected);
}

namespace {

Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(store::ObjectStore& store,
                                                                const iceberg::DataFile& file) {
  DAYPART_TRY(auto object, store.OpenRead(file.location));
  if (object->size_bytes() != static_cast<uint64_t>(file.file_bytes)) {
    return CorruptData("its manifest entry says " + std::to_string(file.file_bytes) +
                       " bytes, the file has " + std::to_string(object->size_bytes()));
  }
  parquet::ReaderProperties properties;
  std::unique_ptr<parquet::ParquetFileReader> opened;
  try {
    opened = parquet::ParquetFileReader::Open(MakeArrowFile(std::move(object)), properties);
  } catch (const std::exception& exception) {
    return CorruptData(std::string("it does not read as Parquet: ") + exception.what());
  }
  if (opened->metadata()->num_rows() != file.record_count) {
    return CorruptData("its manifest entry says " + std::to_string(file.record_count) +
                       " rows, the file has " + std::to_string(opened->metadata()->num_rows()));
  }
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  const parquet::FileMetaData& footer = *opened->metadata();
  for (int leaf = 0; leaf < footer.num_columns(); ++leaf) {
    const auto* column = footer.schema()->Column(leaf);
    const bool is_string = column->logical_type()->is_string();
    if (is_string && column->max_repetition_level() == 0 &&
        column->path()->ToDotVector().size() == 1 && is_dictionary_encoded(footer, leaf)) {
      arrow_properties.set_read_dictionary(leaf, true);
    }
  }
  std::unique_ptr<parquet::arrow::FileReader> reader;
  DAYPART_TRY(reader, FromArrow(parquet::arrow::FileReader::Make(
                          arrow::default_memory_pool(), std::move(opened), arrow_properties)));
  return reader;
}

}  // namespace

Result<std::unique_ptr<DataFileReader>> DataFileReader::Open(
    store::ObjectStore& store, const iceberg::TableMetadata& metadata,
    const iceberg::DataFile& file, iceberg::SpecId spec_id,
    const std::vector<std::string>& columns) {
  if (file.format != "PARQUET" && file.format != "parquet") {
    return Unsupported(file.location + ": a Parquet data file is expected, found " + file.format);
  }
  auto state = std::make_unique<State>();
  state->location = file.location;
  auto parquet = OpenParquet(store, file);
  if (!parquet) return std::move(parquet).error().WithContext(file.location);
  state->parquet = std::move(parquet).value();
  const auto& manifest = state->parquet->manifest();
  state->table_schema = &metadata.current_schema();
  state->file_columns = FileColumns(manifest, metadata);
  const auto& file_columns = state->file_columns;
  DAYPART_TRY(const auto fields, SelectFields(metadata.current_schema(), columns));
  std::set<int> leaves;
  for (const NestedField& field : fields) {
    ColumnOrigin origin;
    origin.field = field;
    const auto found = file_columns.find(field.id);
    if (found != file_columns.end()) {
      origin.file_column = found->second;
      CollectLeaves(manifest.schema_fields[static_cast<size_t>(found->second)], origin.leaves);
      leaves.insert(origin.leaves.begin(), origin.leaves.end());
    } else {
      origin.constant = PartitionConstant(metadata.FindSpec(spec_id), file, field.id);
      if (iceberg::is_null(origin.constant)) {
        DAYPART_TRY(origin.constant, InitialValue(field));
      }
      if (field.is_required && iceberg::is_null(origin.constant)) {
        return CorruptData(file.location + ": a column with field id " +
                           std::to_string(field.id.value()) + " is expected, because " +
                           field.name + " is required; the file has none");
      }
    }
    state->origins.push_back(std::move(origin));
  }
  state->leaves.assign(leaves.begin(), leaves.end());
  DAYPART_TRY(state->schema, ReadSchema(metadata.current_schema(), columns));
  const auto footer = state->parquet->parquet_reader()->metadata();
  int64_t first_row = 0;
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    state->first_rows.push_back(first_row);
    first_row += footer->RowGroup(group)->num_rows();
  }
  return std::unique_ptr<DataFileReader>(new DataFileReader(std::move(state)));
}

bool DataFileReader::MayMatch(int row_group, const iceberg::Expression& filter) const {
  if (filter.kind == iceberg::ExpressionKind::kTrue) return true;
  const auto footer = state_->parquet->parquet_reader()->metadata();
  const auto group = footer->RowGroup(row_group);
  std::set<FieldId> fields;
  CollectFields(filter, fields);
  iceberg::DataFile statistics;  // as of a file with the rows of the group alone
  statistics.record_count = group->num_rows();
  for (const FieldId id : fields) {
    const auto found = state_->file_columns.find(id);
    const NestedField* field = state_->table_schema->FindField(id);
    if (found == state_->file_columns.end() || field == nullptr) continue;
    const auto& column =
        state_->parquet->manifest().schema_fields[static_cast<size_t>(found->second)];
    const auto type = ToArrowType(field->type);
    if (!type || !column.is_leaf() || !column.field->type()->Equals(**type)) continue;
    AddBounds(*group->ColumnChunk(column.column_index), *field, statistics);
  }
  return iceberg::MayMatch(filter, *state_->table_schema, statistics);
}

int DataFileReader::row_groups_count() const { return state_->parquet->num_row_groups(); }

int64_t DataFileReader::rows_in_group(int row_group) const {
  return state_->parquet->parquet_reader()->metadata()->RowGroup(row_group)->num_rows();
}

int64_t DataFileReader::first_row_of_group(int row_group) const {
  return state_->first_rows[static_cast<size_t>(row_group)];
}

namespace {

/// The column as one array.
Result<std::shared_ptr<arrow::Array>> Whole(const arrow::ChunkedArray& column) {
  if (column.num_chunks() == 1) return column.chunk(0);
  return FromArrow(arrow::Concatenate(column.chunks()));
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> DataFileReader::ReadRowGroup(int row_group) {
  const int64_t rows = rows_in_group(row_group);
  std::shared_ptr<arrow::Table> table;
  if (!state_->leaves.empty()) {
    auto read = FromArrow(state_->parquet->ReadRowGroup(row_group, state_->leaves));
    if (!read) return std::move(read).error().WithContext(state_->location);
    table = std::move(read).value();
  }
  arrow::ArrayVector columns;
  const auto& file_fields = state_->parquet->manifest().schema_fields;
  for (const ColumnOrigin& origin : state_->origins) {
    if (origin.file_column < 0) {
      DAYPART_TRY(auto constant, MakeConstantArray(origin.constant, origin.field.type, rows));
      columns.push_back(std::move(constant));
      continue;
    }
    const auto& name = file_fields[static_cast<size_t>(origin.file_column)].field->name();
    const auto column = table->GetColumnByName(name);
    if (column == nullptr) {
      return CorruptData(state_->location + ": two columns of the file are named " + name);
    }
    DAYPART_TRY(auto whole, Whole(*column));
    auto projected =
        ProjectColumn(std::move(whole), *file_fields[static_cast<size_t>(origin.file_column)].field,
                      origin.field);
    if (!projected) return std::move(projected).error().WithContext(state_->location);
    columns.push_back(std::move(projected).value());
  }
  return arrow::RecordBatch::Make(state_->schema, rows, std::move(columns));
}

}  // namespace daypart::lake
