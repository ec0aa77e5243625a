// SPDX-License-Identifier: Apache-2.0
//
// A walk over the schema beside the arrays.
#include "lake/file_metrics.h"

#include <arrow/array.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "lake/arrow_io.h"
#include "lake/row_lineage.h"

namespace daypart::lake {
namespace {

using iceberg::FieldId;
using iceberg::NestedField;
using iceberg::TypeKind;

bool is_float(const iceberg::Type& type) {
  return type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble;
}

}  // namespace

FileMetrics::FileMetrics(const iceberg::Schema& schema, const MetricsConfig& config) {
  for (const NestedField& field : schema.fields) AddLeaves(field, config, /*is_repeated=*/false);
}

void FileMetrics::AddLeaves(const NestedField& field, const MetricsConfig& config,
                            bool is_repeated) {
  if (is_lineage(field.id)) return;
  if (field.type.is_primitive()) {
    const MetricsMode mode = config.ModeOf(field.id);
    leaves_.emplace(field.id, Leaf{.metrics = ColumnMetrics(field.type, mode),
                                   .mode = mode,
                                   .is_repeated = is_repeated});
    return;
  }
  const bool repeats = field.type.kind == TypeKind::kList || field.type.kind == TypeKind::kMap;
  for (const NestedField& child : field.type.fields()) {
    AddLeaves(child, config, is_repeated || repeats);
  }
}

bool FileMetrics::HasFloats(const NestedField& field) const {
  if (field.type.is_primitive()) {
    return is_float(field.type) && leaves_.at(field.id).mode.has_counts();
  }
  const auto& children = field.type.fields();
  return std::any_of(children.begin(), children.end(),
                     [this](const NestedField& child) { return HasFloats(child); });
}

Status FileMetrics::Add(const NestedField& field, const arrow::Array& column) {
  if (is_lineage(field.id)) return Ok();
  if (field.type.is_primitive()) {
    Leaf& leaf = leaves_.at(field.id);
    if (!leaf.mode.has_counts()) return Ok();
    return leaf.metrics.Add(column);
  }
  if (field.type.kind != TypeKind::kStruct) return AddRepeated(field, column);
  const auto& parts = static_cast<const arrow::StructArray&>(column);
  for (size_t i = 0; i < field.type.fields().size(); ++i) {
    // Flattened, a child is null wherever the struct is.
    DAYPART_TRY(const auto part, FromArrow(parts.GetFlattenedField(static_cast<int>(i))));
    DAYPART_RETURN_IF_ERROR(Add(field.type.fields()[i], *part));
  }
  return Ok();
}

/// Below lists and maps only NaNs are counted here: the footer does not know of them.
Status FileMetrics::AddRepeated(const NestedField& field, const arrow::Array& column) {
  if (!HasFloats(field)) return Ok();
  if (field.type.is_primitive()) return leaves_.at(field.id).metrics.Add(column);
  if (field.type.kind == TypeKind::kStruct) {
    const auto& parts = static_cast<const arrow::StructArray&>(column);
    for (size_t i = 0; i < field.type.fields().size(); ++i) {
      DAYPART_TRY(const auto part, FromArrow(parts.GetFlattenedField(static_cast<int>(i))));
      DAYPART_RETURN_IF_ERROR(AddRepeated(field.type.fields()[i], *part));
    }
    return Ok();
  }
  // A map is a list of key and value; flattened, what a null list may hide is left out.
  DAYPART_TRY(const auto items, FromArrow(static_cast<const arrow::ListArray&>(column).Flatten()));
  if (field.type.kind == TypeKind::kList) return AddRepeated(field.type.fields().at(0), *items);
  const auto& entries = static_cast<const arrow::StructArray&>(*items);
  DAYPART_RETURN_IF_ERROR(AddRepeated(field.type.fields().at(0), *entries.field(0)));
  return AddRepeated(field.type.fields().at(1), *entries.field(1));
}

Status FileMetrics::Fill(const parquet::FileMetaData& footer, iceberg::DataFile& file) const {
  std::map<FieldId, int64_t> footer_values;
  std::map<FieldId, int64_t> footer_nulls;
  std::set<FieldId> unknown_nulls;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    for (int column = 0; column < footer.num_columns(); ++column) {
      const FieldId id(footer.schema()->Column(column)->schema_node()->field_id());
      if (!leaves_.contains(id)) continue;
      const auto chunk = row_group->ColumnChunk(column);
      file.column_bytes[id] += chunk->total_compressed_size();
      footer_values[id] += chunk->num_values();
      const auto statistics = chunk->statistics();
      const bool is_known = statistics != nullptr && statistics->HasNullCount();
      if (is_known) footer_nulls[id] += statistics->null_count();
      if (!is_known) unknown_nulls.insert(id);
    }
  }
  for (const auto& [id, leaf] : leaves_) {
    if (!leaf.mode.has_counts()) continue;
    if (const auto nans = leaf.metrics.nan_count()) file.nan_value_counts[id] = *nans;
    if (leaf.is_repeated) {
      file.value_counts[id] = footer_values[id];
      if (!unknown_nulls.contains(id)) file.null_value_counts[id] = footer_nulls[id];
      continue;
    }
    file.value_counts[id] = leaf.metrics.value_count();
    file.null_value_counts[id] = leaf.metrics.null_count();
    DAYPART_TRY(auto lower, leaf.metrics.LowerBound());
    if (lower) file.lower_bounds[id] = *std::move(lower);
    DAYPART_TRY(auto upper, leaf.metrics.UpperBound());
    if (upper) file.upper_bounds[id] = *std::move(upper);
  }
  return Ok();
}

}  // namespace daypart::lake
