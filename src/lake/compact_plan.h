// SPDX-License-Identifier: Apache-2.0
//
// What a compaction rewrites: groups of files of one partition, each rewritten by itself.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "lake/maintenance.h"

namespace daypart::lake {

/// A partition of one partition spec.
using CompactPlace = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;

struct CompactGroup {
  CompactPlace place;
  std::vector<ScanFile> files;
  int64_t bytes = 0;
};

/// Files below this size are joined with others.
int64_t SmallFileBytesOf(const CompactOptions& options);

/// Groups in the order in which to rewrite them: those of the smallest files first, which gain the
/// most. For bin-packing a group is what becomes one file, else it is a whole partition.
/// done: partitions that are left out.
Result<std::vector<CompactGroup>> PlanCompaction(const LakeContext& context,
                                                 const LoadedTable& table,
                                                 const CompactOptions& options,
                                                 const std::set<CompactPlace>& done);

}  // namespace daypart::lake
