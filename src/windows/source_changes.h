// SPDX-License-Identifier: Apache-2.0
//
// What happened to a window's source: its snapshots one after the other, and of each the rows that
// it added and took away. A snapshot that only moves rows (a compaction) changes nothing. An append
// is read from its own files; what else changes rows is compared with the snapshot before it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/table.h"
#include "query/engine_options.h"
#include "query/snapshot_diff.h"
#include "source/batch_source.h"

namespace daypart::windows {

/// The snapshots after `from`, oldest first; nullopt if `from` is not behind the current one any
/// more: expired or rolled back.
std::optional<std::vector<const iceberg::Snapshot*>> SnapshotsSince(
    const iceberg::TableMetadata& source, iceberg::SnapshotId from);

/// The table as it was at the snapshot, under the columns that it has now.
lake::LoadedTable AtSnapshot(const lake::LoadedTable& table, iceberg::SnapshotId id);

enum class ChangeKind { kNone, kAppend, kOther };
ChangeKind KindOf(const iceberg::Snapshot& snapshot);

/// The data files that the table's current snapshot added.
Result<lake::ScanPlan> AddedFiles(const lake::LakeContext& context,
                                  const lake::LoadedTable& table);

/// Greatest value of a timestamp column in the files that is not beyond `limit`; absent if there is
/// none. Bounds of the files are taken where they are below the limit.
Result<std::optional<UtcMicros>> GreatestTime(const lake::LakeContext& context,
                                              const lake::LoadedTable& table,
                                              const lake::ScanPlan& plan,
                                              const std::string& column, UtcMicros limit);

/// Rows of one snapshot's change; to be read once.
class Delta {
 public:
  /// table: at that snapshot. columns: read of an append; other changes come with all.
  static Result<Delta> Open(const lake::LakeContext& context, catalog::RawCatalog& raw,
                            const query::EngineOptions& engine, const lake::LoadedTable& table,
                            const std::vector<std::string>& columns);

  source::BatchSource& rows() { return diff_ ? diff_->rows() : *added_; }
  /// There are removed rows as well, told apart by the column `_change`.
  bool has_changes() const { return diff_.has_value(); }

 private:
  std::unique_ptr<source::BatchSource> added_;
  std::optional<query::SnapshotDiff> diff_;
};

}  // namespace daypart::windows
