// SPDX-License-Identifier: Apache-2.0
//
// Delete files are Parquet of their own small schemas, deletion vectors are blobs of Puffin files.
#include "lake/delete_filter.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "iceberg/deletion_vector.h"
#include "lake/arrow_literal.h"
#include "lake/data_file_reader.h"
#include "lake/row_order.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::FileContent;
using iceberg::PositionSet;

/// Reserved field ids of the spec.
constexpr int32_t kFilePathId = 2147483546;
constexpr int32_t kPositionId = 2147483545;
/// A vector of more is taken for damage: 512 MiB hold billions of positions.
constexpr int64_t kVectorBytesMax = int64_t{512} << 20;

/// The table's metadata with another schema: how delete files are read as tables.
iceberg::TableMetadata WithSchema(const iceberg::TableMetadata& metadata, iceberg::Schema schema) {
  iceberg::TableMetadata changed = metadata;
  changed.schemas.assign(1, std::move(schema));
  changed.current_schema_id = changed.schemas.front().id;
  changed.properties.erase("schema.name-mapping.default");
  return changed;
}

/// The column of the id, also one that has left the schema since: its newest form, by a name of its
/// own. Null if no schema has it at the top.
std::optional<iceberg::NestedField> ColumnEver(const iceberg::TableMetadata& metadata,
                                               iceberg::FieldId id) {
  const auto find = [id](const iceberg::Schema& schema) -> std::optional<iceberg::NestedField> {
    const auto found = std::ranges::find(schema.fields, id, &iceberg::NestedField::id);
    return found == schema.fields.end() ? std::nullopt : std::optional(*found);
  };
  if (auto column = find(metadata.current_schema())) return column;
  for (auto schema = metadata.schemas.rbegin(); schema != metadata.schemas.rend(); ++schema) {
    auto column = find(*schema);
    if (!column) continue;
    column->name = "dropped " + std::to_string(id.value());
    return column;
  }
  return std::nullopt;
}

/// The text at `row`, dictionaries looked through.
std::string_view TextAt(const arrow::Array& column, int64_t row) {
  if (column.type_id() != arrow::Type::DICTIONARY) {
    return static_cast<const arrow::StringArray&>(column).GetView(row);
  }
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(column);
  return static_cast<const arrow::StringArray&>(*encoded.dictionary())
      .GetView(encoded.GetValueIndex(row));
}

/// The values of a row as one text; null is a value like others here.
std::string KeyOf(const arrow::RecordBatch& batch, int64_t row) {
  std::string key;
  for (const auto& column : batch.columns()) AppendSortKey(LiteralAt(*column, row), {}, key);
  return key;
}

Status SetRows(const PositionSet& positions, const DataFile& file, const std::string& source,
               RowBitmap& rows) {
  bool is_inside = true;
  positions.ForEach([&](uint64_t position) {
    if (position >= static_cast<uint64_t>(file.record_count)) {
      is_inside = false;
      return;
    }
    (void)rows.Set(static_cast<int64_t>(position));
  });
  if (is_inside) return Ok();
  return CorruptData(source + " deletes rows beyond the " + std::to_string(file.record_count) +
                     " of " + file.location);
}

}  // namespace

const iceberg::Schema& PositionDeleteSchema() {
  static const iceberg::Schema schema = [] {
    iceberg::Schema made;
    made.fields = {{.id = iceberg::FieldId(kFilePathId),
                    .name = "file_path",
                    .is_required = true,
                    .type = iceberg::Type::Of(iceberg::TypeKind::kString)},
                   {.id = iceberg::FieldId(kPositionId),
                    .name = "pos",
                    .is_required = true,
                    .type = iceberg::Type::Of(iceberg::TypeKind::kLong)}};
    return made;
  }();
  return schema;
}

Result<PositionSet> ReadDeletionVector(store::ObjectStore& store, const DataFile& vector) {
  const auto refuse = [&](const std::string& what) {
    return CorruptData("deletion vector in " + vector.location + ": " + what);
  };
  if (!vector.content_offset || !vector.content_bytes || *vector.content_offset < 0 ||
      *vector.content_bytes < 0 || *vector.content_bytes > kVectorBytesMax) {
    return refuse("its manifest entry needs content_offset and content_size_in_bytes");
  }
  DAYPART_TRY(const auto reader, store.OpenRead(vector.location));
  std::string blob(static_cast<size_t>(*vector.content_bytes), '\0');
  DAYPART_TRY(const size_t read, reader->ReadAt(static_cast<uint64_t>(*vector.content_offset),
                                                std::as_writable_bytes(std::span<char>(blob))));
  if (read != blob.size()) return refuse("the file ends before the vector does");
  auto positions = iceberg::DecodeDeletionVector(blob);
  if (!positions) return std::move(positions).error().WithContext(vector.location);
  if (positions->count() != static_cast<uint64_t>(vector.record_count)) {
    return refuse("its manifest entry says " + std::to_string(vector.record_count) +
                  " positions, found " + std::to_string(positions->count()));
  }
  return positions;
}

Result<std::shared_ptr<const DeleteFilter::Positions>> DeleteFilter::PositionsOf(
    const DataFile& deleted) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = positions_.find(deleted.location);
    if (known != positions_.end()) return known->second;
  }
  auto positions = std::make_shared<Positions>();
  const iceberg::TableMetadata metadata = WithSchema(metadata_, PositionDeleteSchema());
  DAYPART_TRY(const auto reader, DataFileReader::Open(context_.store, metadata, deleted, {}, {}));
  for (int group = 0; group < reader->row_groups_count(); ++group) {
    DAYPART_TRY(const auto batch, reader->ReadRowGroup(group));
    const auto& rows = static_cast<const arrow::Int64Array&>(*batch->column(1));
    if (batch->column(0)->null_count() > 0 || rows.null_count() > 0) {
      return CorruptData(deleted.location + ": file_path and pos may not be null");
    }
    Positions::iterator last = positions->end();
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      const std::string_view path = TextAt(*batch->column(0), row);
      if (last == positions->end() || last->first != path) {
        last = positions->try_emplace(std::string(path)).first;
      }
      if (rows.Value(row) < 0) return CorruptData(deleted.location + ": a position is below 0");
      last->second.Add(static_cast<uint64_t>(rows.Value(row)));
    }
  }
  const std::lock_guard lock(mutex_);
  return positions_.try_emplace(deleted.location, std::move(positions)).first->second;
}

Status DeleteFilter::AddEquality(const DataFile& file, iceberg::SpecId spec_id,
                                 const DataFile& deleted, RowBitmap& rows) const {
  std::vector<std::string> columns;
  iceberg::Schema schema = metadata_.current_schema();
  bool has_dropped = false;
  for (const iceberg::FieldId id : deleted.equality_ids) {
    const auto column = ColumnEver(metadata_, id);
    if (!column || !column->type.is_primitive()) {
      return Unsupported(deleted.location + ": equality on field " + std::to_string(id.value()) +
                         ", which is nested or in no schema of the table, is not read");
    }
    has_dropped = has_dropped || schema.FindField(id) == nullptr;
    if (schema.FindField(id) == nullptr) schema.fields.push_back(*column);
    columns.push_back(column->name);
  }
  if (columns.empty()) return CorruptData(deleted.location + ": no equality ids in its entry");
  std::optional<iceberg::TableMetadata> widened;
  if (has_dropped) {
    widened = metadata_;
    widened->schemas.assign(1, std::move(schema));
  }
  const iceberg::TableMetadata& metadata = widened ? *widened : metadata_;
  std::unordered_set<std::string> keys;
  DAYPART_TRY(const auto values,
              DataFileReader::Open(context_.store, metadata, deleted, spec_id, columns));
  for (int group = 0; group < values->row_groups_count(); ++group) {
    DAYPART_TRY(const auto batch, values->ReadRowGroup(group));
    for (int64_t row = 0; row < batch->num_rows(); ++row) keys.insert(KeyOf(*batch, row));
  }
  DAYPART_TRY(const auto reader,
              DataFileReader::Open(context_.store, metadata, file, spec_id, columns));
  for (int group = 0; group < reader->row_groups_count(); ++group) {
    DAYPART_TRY(const auto batch, reader->ReadRowGroup(group));
    const int64_t first_row = reader->first_row_of_group(group);
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (keys.contains(KeyOf(*batch, row))) (void)rows.Set(first_row + row);
    }
  }
  return Ok();
}

Result<std::unique_ptr<RowBitmap>> DeleteFilter::DeletedRows(const DataFile& file,
                                                             iceberg::SpecId spec_id,
                                                             const std::vector<DataFile>& deletes) {
  if (deletes.empty()) return std::unique_ptr<RowBitmap>();
  auto rows = std::make_unique<RowBitmap>(file.record_count);
  for (const DataFile& deleted : deletes) {
    if (deleted.content == FileContent::kEqualityDeletes) {
      DAYPART_RETURN_IF_ERROR(AddEquality(file, spec_id, deleted, *rows));
    } else if (deleted.content_offset) {
      DAYPART_TRY(const PositionSet positions, ReadDeletionVector(context_.store, deleted));
      DAYPART_RETURN_IF_ERROR(SetRows(positions, file, deleted.location, *rows));
    } else {
      DAYPART_TRY(const auto positions, PositionsOf(deleted));
      const auto found = positions->find(file.location);
      if (found == positions->end()) continue;
      DAYPART_RETURN_IF_ERROR(SetRows(found->second, file, deleted.location, *rows));
    }
  }
  return rows;
}

}  // namespace daypart::lake
