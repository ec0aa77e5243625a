// SPDX-License-Identifier: Apache-2.0
//
// Row lineage of format v3: the id that a row keeps for life and the commit that changed it last.
// Files hold the two columns only for rows that moved or were updated; all other rows inherit them
// from their file's manifest entry. Source: Iceberg table spec, "Row Lineage".
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "iceberg/ids.h"
#include "iceberg/metadata.h"

namespace daypart::lake {

inline constexpr char kRowIdColumn[] = "_row_id";
inline constexpr char kLastUpdatedColumn[] = "_last_updated_sequence_number";
/// Whether the field is one of both: a manifest's metrics have no place for them.
bool is_lineage(iceberg::FieldId id);

/// The metadata with both columns, optional longs, at the end of its current schema: what rows that
/// move are read and written as. Below format v3 the metadata as it is.
iceberg::TableMetadata WithRowLineage(const iceberg::TableMetadata& metadata);

/// What the rows of a file inherit.
struct InheritedLineage {
  std::optional<int64_t> first_row_id;  // absent before the table's first commit as v3
  std::optional<iceberg::SequenceNumber> sequence_number;
};

/// Fills the nulls of both columns, where the batch has them, from the file's entry.
/// first_row: number of the batch's first row in its file.
Result<std::shared_ptr<arrow::RecordBatch>> InheritLineage(
    std::shared_ptr<arrow::RecordBatch> batch, const InheritedLineage& inherited,
    int64_t first_row);

}  // namespace daypart::lake
