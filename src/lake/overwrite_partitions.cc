// SPDX-License-Identifier: Apache-2.0
//
// Dynamic partition overwrite: stage the rows, see which partitions they fall into, let the files
// of these go in the same commit.
#include <memory>
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/conflict_check.h"
#include "lake/table.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

constexpr int kOverwritePlansMax = 20;

/// The change that puts the staged files in place of what `table` has in their partitions.
Result<SnapshotChange> PlanOverwrite(const LakeContext& context, const LoadedTable& table,
                                     const std::vector<WrittenFile>& staged,
                                     const WriteOptions& options) {
  auto assumption = std::make_shared<ChangeAssumption>();
  assumption->planned_on = table.metadata;
  SnapshotChange change;
  change.operation = "overwrite";
  change.branch = table.branch;
  change.added_spec_id = table.metadata.default_spec_id;
  change.summary = options.summary;
  change.summary["replace-partitions"] = "true";
  change.properties = options.properties;
  for (const WrittenFile& file : staged) {
    assumption->partitions.insert({change.added_spec_id, file.file.partition});
    change.added.push_back(file.file);
  }
  // Without partitions the whole table is the one that is replaced, files of older specs too.
  const bool replaces_all = table.metadata.default_spec().is_unpartitioned();
  if (replaces_all) assumption->filter = iceberg::Expression::True();
  DAYPART_TRY(const ScanPlan plan, PlanScan(context, table, iceberg::Expression::True()));
  for (const ScanFile& file : plan.files) {
    const ChangeAssumption::Place place{file.spec_id, file.file.partition};
    if (!replaces_all && !assumption->partitions.contains(place)) continue;
    change.removed.push_back(file.file.location);
    assumption->touched.emplace(file.file.location, place);
  }
  // Shared, because a std::function has to be copyable.
  change.check = [&context, assumption](const iceberg::TableMetadata& now) {
    return CheckAssumption(context, now, *assumption);
  };
  return change;
}

Result<CommitResult> CommitOverwrite(const LakeContext& context, const LoadedTable& table,
                                     const std::vector<WrittenFile>& staged,
                                     const WriteOptions& options, bool replans) {
  CommitResult result;
  for (const WrittenFile& file : staged) {
    result.rows_added += file.file.record_count;
    result.bytes_added += file.file.file_bytes;
  }
  result.files_added = static_cast<int64_t>(staged.size());
  if (options.before_commit) DAYPART_RETURN_IF_ERROR(options.before_commit());
  LoadedTable base = table;
  for (int attempt = 1;; ++attempt) {
    DAYPART_TRY(const SnapshotChange change, PlanOverwrite(context, base, staged, options));
    if (change.added.empty() && change.removed.empty() && !options.commits_empty) return result;
    auto outcome = CommitSnapshot(context, table.name, change);
    if (outcome) {
      result.snapshot_id = outcome->snapshot_id;
      result.attempts = outcome->attempts;
      result.files_removed = outcome->files_removed;
      result.rows_deleted = outcome->rows_removed;
      return result;
    }
    const bool is_conflict = outcome.error().code == ErrorCode::kConflict;
    if (!is_conflict || !replans || attempt == kOverwritePlansMax) {
      return std::move(outcome).error();
    }
    Log(LogLevel::kInfo, "overwriting partitions of " + ToString(table.name) +
                             " is planned anew: " + outcome.error().message);
    DAYPART_TRY(base, LoadBranch(context, table.name, table.branch));
    if (base.metadata.table_uuid != table.metadata.table_uuid ||
        base.metadata.current_schema_id != table.metadata.current_schema_id ||
        base.metadata.default_spec_id != table.metadata.default_spec_id) {
      return std::move(outcome).error();
    }
  }
}

}  // namespace

Result<CommitResult> OverwritePartitions(const LakeContext& context, const LoadedTable& table,
                                         source::BatchSource& rows, const WriteOptions& options,
                                         bool replans) {
  DAYPART_TRY(const auto staged,
              WriteDataFiles(context, table.metadata, rows, options, /*keeps_runs=*/false));
  auto result = CommitOverwrite(context, table, staged, options, replans);
  if (!result && result.error().code != ErrorCode::kCommitUnknown) {
    std::vector<std::string> locations;
    for (const WrittenFile& file : staged) locations.push_back(file.file.location);
    RemoveUncommitted(context, locations);
  }
  return result;
}

}  // namespace daypart::lake
