// SPDX-License-Identifier: Apache-2.0
//
// Maintenance of a table: small files made large ones, old snapshots dropped, objects that nothing
// refers to removed. Each tells first what it would do (dry run) and never deletes what a snapshot
// needs.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

enum class CompactStrategy {
  kBinPack,  // small files and files with deletes, joined as their rows come
  kSort,     // all files of a partition, in the order of columns
  kZOrder,   // likewise along a Z-order curve over the columns
};

struct CompactOptions {
  CompactStrategy strategy = CompactStrategy::kBinPack;
  /// kSort: "region", "event_time desc nulls last", …; none for the table's own sort order.
  /// kZOrder: at least two names.
  std::vector<std::string> columns;
  /// Only files that may hold such rows.
  iceberg::Expression where = iceberg::Expression::True();
  /// Commits each time this many groups (bins, or partitions of a sort) are rewritten, those of the
  /// smallest files first, so that what is done stays done. 0: one commit at the end.
  int64_t groups_per_commit = 0;
  /// Files below this size are joined with others; those above are left alone unless they have
  /// deletes. 0: three quarters of the write's target size.
  int64_t small_file_bytes = 0;
  /// A partition is rewritten from this many small files on.
  int64_t files_min = 2;
  bool dry_run = false;
  WriteOptions write;
};

struct CompactReport {
  int64_t partitions = 0;
  int64_t files_before = 0;  // that were or would be rewritten
  int64_t files_small = 0;   // of those, below small_file_bytes
  int64_t files_with_deletes = 0;  // likewise
  int64_t small_file_bytes = 0;    // what counted as small
  int64_t files_after = 0;         // 0 in a dry run
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  int64_t rows = 0;                  // written
  int64_t rows_deleted_applied = 0;  // taken away by delete files before, gone from the files now
  std::optional<iceberg::SnapshotId> snapshot_id;  // of the last commit
  int64_t commits = 0;
  int64_t plans = 0;  // more than one if others changed the same files meanwhile
};

/// Rewrites files, partition by partition, into files of the target size, in commits of operation
/// "replace". Commits of others meanwhile do not disturb it unless they take away one of the files
/// that are rewritten or delete rows of one: then it plans again. Memory is bounded by the write's
/// buffer: a sort of more spills to temporary files.
/// errors: kInvalidArgument for columns that cannot be ordered by; kConflict if others came in
///   between too often (what was committed by then stays); those of reading and writing.
Result<CompactReport> Compact(const LakeContext& context, const catalog::TableName& name,
                              const CompactOptions& options);

struct ExpireOptions {
  /// Snapshots older than this go. By default history.expire.max-snapshot-age-ms, or 5 days.
  std::optional<std::chrono::milliseconds> age_max;
  /// The newest of each branch that stay whatever their age: history.expire.min-snapshots-to-keep,
  /// or 1.
  std::optional<int64_t> snapshots_min;
  bool dry_run = false;
};

struct ExpireReport {
  std::vector<std::string> refs;               // too old branches and tags, that went or would go
  std::vector<iceberg::SnapshotId> snapshots;  // that went or would go
  std::vector<std::string> files;              // likewise
  int64_t bytes = 0;                           // of the files that could be looked at
  int64_t files_failed = 0;                    // that could not be deleted and are orphans now
  /// Deleted besides: files of snapshots that commits dropped, whose grace time is over.
  int64_t files_of_commits = 0;
};

/// Drops snapshots and then deletes the files that only they needed. Snapshots that a branch or tag
/// points to, and their newest ancestors, stay.
Result<ExpireReport> ExpireSnapshots(const LakeContext& context, const catalog::TableName& name,
                                     const ExpireOptions& options);

struct ManifestOptions {
  bool dry_run = false;
};

struct ManifestReport {
  int64_t manifests_before = 0;  // that were or would be rewritten
  int64_t manifests_after = 0;   // in a dry run as many as their bytes are expected to fill
  int64_t bytes_before = 0;
  std::optional<iceberg::SnapshotId> snapshot_id;
};

/// Writes the manifests anew, entries sorted by partition and packed to
/// commit.manifest.target-size-bytes, so that a filter on partitions reads few of them. Entries
/// keep their snapshot, sequence numbers and row ids. Does nothing where the manifests are as few
/// as can be already. errors: as CommitSnapshot.
Result<ManifestReport> RewriteManifests(const LakeContext& context, const catalog::TableName& name,
                                        const ManifestOptions& options);

struct DeletesOptions {
  bool dry_run = false;
};

struct DeletesReport {
  int64_t delete_files = 0;             // that the table has, deletion vectors each for itself
  std::vector<std::string> dangling;    // locations that went or would go
  int64_t rows = 0;                     // that the dangling ones name
  std::optional<iceberg::SnapshotId> snapshot_id;
};

/// Takes delete files out of the table that take no row away any more: the files that they were
/// about are gone, or none is as old as they are. Readers else open them for nothing.
/// errors: kConflict if others committed in between too often.
Result<DeletesReport> RemoveDanglingDeletes(const LakeContext& context,
                                            const catalog::TableName& name,
                                            const DeletesOptions& options);

struct OrphanOptions {
  /// Younger objects are left alone: a commit under way may be about to name them.
  std::chrono::milliseconds age_min = std::chrono::hours(72);
  bool dry_run = false;
};

struct OrphanReport {
  std::vector<std::string> files;  // that went or would go
  int64_t bytes = 0;
  int64_t files_failed = 0;
};

/// Deletes objects below the table's location that neither its metadata nor a snapshot refers to.
Result<OrphanReport> RemoveOrphans(const LakeContext& context, const catalog::TableName& name,
                                   const OrphanOptions& options);

}  // namespace daypart::lake
