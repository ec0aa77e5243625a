// SPDX-License-Identifier: Apache-2.0
//
// ComputeStatistics: distinct counts of a table's columns as theta sketches in a Puffin file that
// the table's metadata names, for the planners of engines that read them. Source: Iceberg table
// spec, "Table Statistics"; Puffin spec.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

struct StatisticsOptions {
  /// Top-level primitive columns by name; empty for all of them.
  std::vector<std::string> columns;
  int threads_count = 2;
};

struct ColumnDistinct {
  std::string column;
  int64_t distinct_count = 0;  // estimated; nulls do not count
};

struct StatisticsReport {
  /// Absent if the table has no snapshot: there is nothing to count.
  std::optional<iceberg::SnapshotId> snapshot_id;
  std::string location;
  std::vector<ColumnDistinct> columns;
};

/// Reads the current snapshot's rows once, writes a statistics file and registers it in place of an
/// older one of the snapshot. errors: kInvalidArgument for a column that is not there or is nested;
///   those of reading and committing.
Result<StatisticsReport> ComputeStatistics(const LakeContext& context,
                                           const catalog::TableName& name,
                                           const StatisticsOptions& options);

/// What the statistics of the current snapshot, or else of its nearest ancestor that has some, tell
/// of distinct values, by field id.
std::map<iceberg::FieldId, int64_t> DistinctCounts(const iceberg::TableMetadata& metadata);

}  // namespace daypart::lake
