// SPDX-License-Identifier: Apache-2.0
//
// Between the model's rows and Arrow batches: what the lake's functions take and give.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "lake/table.h"
#include "sim/table_model.h"

namespace daypart::sim {

/// Where a row was found.
struct RowPlace {
  std::string file;
  int64_t position = 0;
  std::optional<int64_t> row_id;  // from format v3 on
};

/// The rows as a batch of these columns; with places, `_file` and `_pos` come last, before
/// them `_row_id` if the places have it. `places` is empty or as long as rows.
std::shared_ptr<arrow::RecordBatch> BatchOf(const Rows& rows, const std::vector<Column>& columns,
                                            const std::vector<RowPlace>& places = {});

/// Batches as a source that is read once.
std::unique_ptr<source::BatchSource> SourceOf(
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches);

struct ReadRows {
  Rows rows;
  std::vector<RowPlace> places;  // only if asked for
};

/// Reads the planned files. errors: kCorruptData if the columns are not those expected.
Result<ReadRows> ReadPlan(const lake::LakeContext& context, const lake::LoadedTable& table,
                          lake::ScanPlan plan, const std::vector<Column>& columns,
                          bool has_places = false);

/// The predicate for the planner. Columns are found by name in the table's schema.
iceberg::Expression ExpressionOf(const Predicate& predicate, const std::vector<Column>& columns,
                                 const iceberg::Schema& schema);

iceberg::Type TypeOf(ColumnKind kind);

}  // namespace daypart::sim
