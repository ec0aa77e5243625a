// SPDX-License-Identifier: Apache-2.0
//
// Whether a change that was planned on one snapshot still holds on a later one: what others
// committed since is looked at file by file, so that an append to other partitions, or to rows that
// the change did not look at, forces nobody to plan again. Source: Iceberg's RowDelta and
// OverwriteFiles validations; isolation levels "serializable" and "snapshot".
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "iceberg/expression.h"
#include "iceberg/metadata.h"
#include "lake/table.h"

namespace daypart::lake {

/// What a change takes for granted.
struct ChangeAssumption {
  using Place = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;

  iceberg::TableMetadata planned_on;
  /// Rows that the change looked at: files added since may have none of them. Absent at isolation
  /// level snapshot, where new rows do not matter.
  std::optional<iceberg::Expression> filter;
  /// Data files whose rows the change takes away or moves: they are still there, and nobody has
  /// deleted rows of theirs.
  std::map<std::string, Place> touched;
  /// Partitions in which nothing was added or deleted since.
  std::set<Place> partitions;
};

/// errors: kConflict, telling what was committed, if the assumption does not hold any more or that
///   cannot be told because snapshots in between are gone.
Status CheckAssumption(const LakeContext& context, const iceberg::TableMetadata& now,
                       const ChangeAssumption& assumption);

/// The table's isolation level under a property such as write.delete.isolation-level.
/// errors: kInvalidArgument for another value than serializable, which is the default, or snapshot.
Result<bool> is_serializable(const iceberg::TableMetadata& metadata, const char* property);

}  // namespace daypart::lake
