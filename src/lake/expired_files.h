// SPDX-License-Identifier: Apache-2.0
//
// Files that only expired snapshots needed: which they are, and how they go. A commit that drops
// snapshots must not delete at once, since a reader may be in the middle of one of them: it writes
// the names down in <metadata>/expired/<micros>-<uuid>.json, and a later commit or expiry deletes
// them when the grace time (daypart.commit.expired-files-grace-ms, 1 hour) is over. A list lost in
// a crash leaves orphans, nothing worse.
//
//     {"table-uuid": "…", "files": ["file:///lake/media/t/metadata/snap-1-….avro", …]}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

/// Files that snapshots in `expired` need and no snapshot in `retained`, nor the metadata itself.
/// before: the table with all of these snapshots. Where expired is the oldest part of main's
/// history, data files are candidates only if an expired snapshot tells that it removed them, so
/// that appends cost no look into the manifests; every candidate is checked against all retained.
Result<std::vector<std::string>> FilesOnlyOf(const LakeContext& context, const LoadedTable& before,
                                             const std::vector<iceberg::SnapshotId>& expired,
                                             const std::vector<iceberg::SnapshotId>& retained);

/// Writes the names down for DeleteExpiredFiles. Nothing is written for none.
Status DeferDeletion(const LakeContext& context, const iceberg::TableMetadata& metadata,
                     const std::vector<std::string>& files);

struct ExpiredFilesReport {
  int64_t files_deleted = 0;
  int64_t files_failed = 0;   // could not be deleted, stay for the next time
  int64_t lists_waiting = 0;  // whose grace time is not over
};

/// Deletes what was written down longer than the grace time ago.
Result<ExpiredFilesReport> DeleteExpiredFiles(const LakeContext& context,
                                              const iceberg::TableMetadata& metadata);

/// Deletes; a file that is not there counts as deleted. returns: how many failed.
int64_t DeleteFiles(const LakeContext& context, const std::vector<std::string>& files);

}  // namespace daypart::lake
