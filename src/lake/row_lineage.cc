// SPDX-License-Identifier: Apache-2.0
//
// Two appended columns, and nulls replaced by what the entry says.
#include "lake/row_lineage.h"

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "lake/arrow_io.h"

namespace daypart::lake {
namespace {

/// Reserved field ids of the spec.
constexpr int32_t kRowIdFieldId = 2147483540;
constexpr int32_t kLastUpdatedFieldId = 2147483539;

template <typename ValueOf>
Result<std::shared_ptr<arrow::Array>> FilledUp(const arrow::Array& column, const ValueOf& value) {
  const auto& numbers = static_cast<const arrow::Int64Array&>(column);
  arrow::Int64Builder builder;
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(builder.Reserve(column.length())));
  for (int64_t row = 0; row < column.length(); ++row) {
    builder.UnsafeAppend(numbers.IsValid(row) ? numbers.Value(row) : value(row));
  }
  return FromArrow(builder.Finish());
}

}  // namespace

bool is_lineage(iceberg::FieldId id) {
  return id.value() == kRowIdFieldId || id.value() == kLastUpdatedFieldId;
}

iceberg::TableMetadata WithRowLineage(const iceberg::TableMetadata& metadata) {
  iceberg::TableMetadata extended = metadata;
  if (metadata.format_version < 3) return extended;
  for (iceberg::Schema& schema : extended.schemas) {
    if (schema.id != extended.current_schema_id) continue;
    for (const auto& [id, name] : {std::pair(kRowIdFieldId, kRowIdColumn),
                                   std::pair(kLastUpdatedFieldId, kLastUpdatedColumn)}) {
      schema.fields.push_back({.id = iceberg::FieldId(id),
                               .name = name,
                               .is_required = false,
                               .type = iceberg::Type::Of(iceberg::TypeKind::kLong)});
    }
  }
  return extended;
}

Result<std::shared_ptr<arrow::RecordBatch>> InheritLineage(
    std::shared_ptr<arrow::RecordBatch> batch, const InheritedLineage& inherited,
    int64_t first_row) {
  // A row without an id has no history either.
  if (!inherited.first_row_id) return batch;
  const int ids = batch->schema()->GetFieldIndex(kRowIdColumn);
  const int updates = batch->schema()->GetFieldIndex(kLastUpdatedColumn);
  if (ids >= 0 && batch->column(ids)->null_count() > 0) {
    const int64_t first_id = *inherited.first_row_id + first_row;
    DAYPART_TRY(auto filled, FilledUp(*batch->column(ids),
                                      [first_id](int64_t row) { return first_id + row; }));
    DAYPART_TRY(batch, FromArrow(batch->SetColumn(ids, batch->schema()->field(ids), filled)));
  }
  if (updates >= 0 && inherited.sequence_number && batch->column(updates)->null_count() > 0) {
    const int64_t number = inherited.sequence_number->value();
    DAYPART_TRY(auto filled,
                FilledUp(*batch->column(updates), [number](int64_t) { return number; }));
    DAYPART_TRY(batch,
                FromArrow(batch->SetColumn(updates, batch->schema()->field(updates), filled)));
  }
  return batch;
}

}  // namespace daypart::lake
