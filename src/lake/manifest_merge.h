// SPDX-License-Identifier: Apache-2.0
//
// Which manifests a commit merges. Manifests form tiers by their number of live files, each tier
// a fan-in times larger than the one below; a full tier becomes one manifest of the next. So a
// table of n commits has few manifests (fan-in times the tiers), and each entry is written again
// once a tier instead of once in every merge: n log n instead of n squared. See
// docs/decisions/0031.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"

namespace daypart::lake {

struct MergePolicy {
  bool is_enabled = true;     // commit.manifest-merge.enabled
  int64_t count_min = 16;     // commit.manifest.min-count-to-merge: the fan-in
  int64_t bytes_target = 0;   // commit.manifest.target-size-bytes
};

/// What the table's properties say. errors: kInvalidArgument for a value that is no number.
Result<MergePolicy> MergePolicyOf(const iceberg::TableMetadata& metadata);

/// Groups of places in `manifests`, each to become one manifest; within a group all are of one
/// content and partition spec, in their order. Those that `own` added are left alone: they are
/// written once and must serve a retry.
std::vector<std::vector<size_t>> PlanManifestMerge(std::span<const iceberg::ManifestFile> manifests,
                                                   const MergePolicy& policy,
                                                   iceberg::SnapshotId own);

}  // namespace daypart::lake
