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

struct CompactOptions {
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
  int64_t files_after = 0;   // 0 in a dry run
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  int64_t rows = 0;                  // written
  int64_t rows_deleted_applied = 0;  // taken away by delete files before, gone from the files now
  std::optional<iceberg::SnapshotId> snapshot_id;
};

/// Rewrites small files and files with deletes, partition by partition, into files of the target
/// size, in one commit of operation "replace". Appends of others meanwhile do not disturb it; if
/// others rewrote the same files or added deletes, it plans again. errors: kConflict if that
/// happened too often; those of reading and writing.
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
