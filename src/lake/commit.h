// SPDX-License-Identifier: Apache-2.0
//
// Commit: from added and removed files to a new snapshot that the catalog points to. Optimistic:
// build on the table as loaded, compare-and-swap, and on a lost race load again and repeat. A
// manifest of added files is written once and serves every attempt, since its entries inherit their
// sequence number; only what depends on the parent is written anew. Source: Iceberg table spec,
// "Optimistic Concurrency", "Sequence Numbers".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "lake/table.h"

namespace daypart::lake {

/// A delete file with the partition spec of the data files it is about.
struct AddedDeleteFile {
  iceberg::DataFile file;
  iceberg::SpecId spec_id;
};

struct SnapshotChange {
  /// The branch that the snapshot goes on top of; it must be there.
  std::string branch = std::string(iceberg::kMainBranch);
  /// "append", "overwrite", "delete" or "replace".
  std::string operation;
  /// Of the table's default spec at the time they were written.
  std::vector<iceberg::DataFile> added;
  iceberg::SpecId added_spec_id;
  /// Locations that leave the table; each must be in the base snapshot (else kConflict).
  std::vector<std::string> removed;
  std::vector<AddedDeleteFile> added_deletes;
  /// Data files whose deletion vectors leave the table, because one of added_deletes holds their
  /// rows.
  std::set<std::string> replaced_vectors;
  /// Locations of delete files in Parquet that leave the table, because they concern no row of it.
  std::set<std::string> removed_deletes;
  /// Instead of `removed`: all files that the table has at the time of the commit.
  bool removes_all = false;
  /// All manifests are written anew, their entries sorted by partition; files stay as they are.
  bool rewrites_manifests = false;
  /// The snapshot the change was planned on. If set and the table has moved on, the commit is
  /// refused with kConflict before anything is written, so that the caller plans again.
  std::optional<std::optional<iceberg::SnapshotId>> planned_on;
  /// The table that the files were written for. If another one has its name by now, the commit is
  /// refused with kConflict. Empty: not checked.
  std::string table_uuid;
  /// Called in each attempt with the table that it builds on: an error gives the commit up.
  std::function<Status(const iceberg::TableMetadata&)> check;
  /// At least so many attempts, whatever commit.retry.num-retries says: a compaction has minutes of
  /// work to lose beside a writer that never pauses.
  int attempts_min = 0;
  std::map<std::string, std::string> summary;
  std::map<std::string, std::string> properties;
};

struct CommitOutcome {
  iceberg::SnapshotId snapshot_id;
  int attempts = 0;
  int64_t files_removed = 0;
  int64_t rows_removed = 0;
};

/// errors: kConflict if planned_on no longer holds, a removed file is gone, or retries ran out;
///   kCommitUnknown if it cannot be told whether the commit took place. Data files are never
///   deleted here: see whether the error is kCommitUnknown before doing so.
Result<CommitOutcome> CommitSnapshot(const LakeContext& context, const catalog::TableName& name,
                                     const SnapshotChange& change);

/// The metadata as seen from a branch: its head is the current snapshot.
/// errors: kNotFound if there is no such branch, kInvalidArgument for a tag.
Result<iceberg::TableMetadata> OnBranch(iceberg::TableMetadata metadata, const std::string& branch);

/// Commits changes of metadata that need no snapshot (properties, schema, spec).
/// make: from the metadata as loaded to the updates; called once an attempt.
Status CommitUpdates(
    const LakeContext& context, const catalog::TableName& name,
    const std::function<Result<std::vector<iceberg::TableUpdate>>(const iceberg::TableMetadata&)>&
        make);

/// <location>/metadata, or what write.metadata.path says.
std::string MetadataDirectory(const iceberg::TableMetadata& metadata);

/// <directory>/00007-<uuid>.metadata.json, one above the version that `previous` tells (0 if
/// empty).
std::string NextMetadataLocation(const iceberg::TableMetadata& metadata, std::string_view previous,
                                 Random& random);

}  // namespace daypart::lake
