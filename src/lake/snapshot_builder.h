// SPDX-License-Identifier: Apache-2.0
//
// SnapshotBuilder: one attempt's manifests and manifest list on a given base. What it wrote is
// deleted again when the attempt is known to have failed.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "lake/commit.h"

namespace daypart::lake {

struct BuiltSnapshot {
  iceberg::Snapshot snapshot;
  int64_t files_removed = 0;
  int64_t rows_removed = 0;
};

class SnapshotBuilder {
 public:
  /// All must outlive the builder.
  SnapshotBuilder(const LakeContext& context, const SnapshotChange& change,
                  iceberg::SnapshotId snapshot_id);

  /// Writes manifests and manifest list for the change on top of `base`.
  /// errors: kConflict if a file to be removed is not there.
  Result<BuiltSnapshot> Build(const iceberg::TableMetadata& base);

  /// Deletes what the last Build wrote for its own base; the manifest of added files stays for the
  /// next.
  void DiscardAttempt();
  /// Deletes everything written by any Build.
  void DiscardAll();

 private:
  Result<std::string> PutManifest(const iceberg::TableMetadata& base,
                                  const iceberg::ManifestHeader& header,
                                  std::span<const iceberg::ManifestEntry> entries,
                                  iceberg::SequenceNumber sequence_number,
                                  iceberg::ManifestFile& listed);
  Status PutAddedManifest(const iceberg::TableMetadata& base, iceberg::SpecId spec_id,
                          iceberg::ManifestContent content,
                          const std::vector<const iceberg::DataFile*>& files,
                          iceberg::SequenceNumber sequence_number);
  Status AddAddedManifests(const iceberg::TableMetadata& base,
                           iceberg::SequenceNumber sequence_number);
  /// Format v3: a first row id to each data manifest that has none. Source: spec, "Row Lineage".
  void AssignRowIds(const iceberg::TableMetadata& base, iceberg::Snapshot& snapshot);
  Status CarryOver(const iceberg::TableMetadata& base, const iceberg::ManifestFile& listed,
                   iceberg::SequenceNumber sequence_number);
  /// Puts live entries into manifests of the target size, by partition spec and then partition.
  Status SortManifests(const iceberg::TableMetadata& base, iceberg::SequenceNumber sequence_number);
  Status MergeSmallManifests(const iceberg::TableMetadata& base,
                             iceberg::SequenceNumber sequence_number);
  std::map<std::string, std::string> Summarize(const iceberg::TableMetadata& base) const;

  const LakeContext& context_;
  const SnapshotChange& change_;
  iceberg::SnapshotId snapshot_id_;
  std::unordered_set<std::string_view> removed_;
  std::vector<iceberg::ManifestFile> manifests_;  // of the attempt, in the list's order
  std::vector<iceberg::ManifestFile> added_;      // of files of the change; written once
  std::vector<std::string> attempt_locations_;
  int64_t files_removed_ = 0;
  int64_t rows_removed_ = 0;
  int64_t bytes_removed_ = 0;
  int64_t delete_files_removed_ = 0;
  int64_t position_deletes_removed_ = 0;
  int64_t equality_deletes_removed_ = 0;
};

}  // namespace daypart::lake
