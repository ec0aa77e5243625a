// SPDX-License-Identifier: Apache-2.0
//
// What every commit does for its table besides its change, so that the next commit costs no more:
// old snapshots dropped where the table asks for it, old metadata files deleted. All of it comes
// after the commit is certain, and none of it can make the commit fail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

/// Ids that the commit drops along with adding its own snapshot.
/// errors: kInvalidArgument for a property that is no number.
Result<std::vector<iceberg::SnapshotId>> PlanUpkeep(const iceberg::TableMetadata& base);

/// before: the table that the commit was built on; after: what it made of it.
void FinishUpkeep(const LakeContext& context, const LoadedTable& before,
                  const iceberg::TableMetadata& after,
                  const std::vector<iceberg::SnapshotId>& dropped);

/// Sets what a table created by Daypart has unless its creator says otherwise: see
/// docs/decisions/0031.
void SetDefaultProperties(std::map<std::string, std::string>& properties);

}  // namespace daypart::lake
