// SPDX-License-Identifier: Apache-2.0
//
// Splits a batch into the rows of each partition. Values are compared as numbers, columns at a
// time; a literal is made once a partition, not once a row.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"

namespace daypart::lake {

struct PartitionRows {
  iceberg::PartitionTuple partition;
  std::shared_ptr<arrow::RecordBatch> rows;
  /// Which rows of the split batch these are, rising; empty if all of them.
  std::vector<uint32_t> row_numbers;
};

/// batch:   columns of the schema's top-level fields, in order.
/// returns: one element a partition, in order of first appearance; the one element is the batch
/// itself
///          where all rows are of one partition, or the spec has no fields.
/// errors:  kUnsupported if a source column is nested or the transform unknown.
Result<std::vector<PartitionRows>> SplitByPartition(
    const std::shared_ptr<arrow::RecordBatch>& batch, const iceberg::Schema& schema,
    const iceberg::PartitionSpec& spec);

}  // namespace daypart::lake
