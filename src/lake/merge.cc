// SPDX-License-Identifier: Apache-2.0
//
// Copy-on-write merge: stage the source as data files, match keys, rewrite what lost rows, commit.
// If another writer commits meanwhile, matching is repeated against the table as it is then; the
// staged files stay good.
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/key_match.h"
#include "lake/row_lineage.h"
#include "lake/table.h"
#include "lake/table_scan.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

/// Times a merge is matched anew because the table changed under it.
constexpr int kMergePlansMax = 20;

std::vector<std::string> LocationsOf(const std::vector<WrittenFile>& files) {
  std::vector<std::string> locations;
  for (const WrittenFile& file : files) locations.push_back(file.file.location);
  return locations;
}

/// What one matching decided, as files.
struct MergePlan {
  SnapshotChange change;
  std::vector<std::string> rewritten;   // locations written for this plan
  std::vector<std::string> superseded;  // staged files that the plan does not use as they are
  CommitResult result;
};

Result<MergePlan> PlanMerge(const LakeContext& context, const LoadedTable& table,
                            const std::vector<WrittenFile>& staged, const MergeOptions& merge,
                            const WriteOptions& options) {
  MergePlan plan;
  LoadedTable matched_table = table;
  // Matched against no rows, the source is only freed of rows that repeat a key.
  if (merge.replaces_all) matched_table.metadata.current_snapshot_id.reset();
  DAYPART_TRY(const KeyMatchResult match,
              MatchKeys(context, matched_table, staged, merge, options.threads_count));
  std::vector<FileToScan> to_rewrite;
  int64_t rows_to_keep = 0;
  const auto add_rewrite = [&](const MatchedFile& matched) {
    const int64_t kept = matched.file.record_count - matched.dropped->count();
    rows_to_keep += kept;
    if (kept > 0) {
      to_rewrite.push_back(
          {.file = matched.file,
           .spec_id = matched.spec_id,
           .dropped = matched.dropped.get(),
           .sequence_number = matched.sequence_number});
    }
  };
  for (const MatchedFile& matched : match.target) {
    if (matched.dropped->count() == matched.deleted_before) continue;
    plan.change.removed.push_back(matched.file.location);
    add_rewrite(matched);
  }
  for (const MatchedFile& matched : match.source) {
    plan.result.rows_added += matched.file.record_count - matched.dropped->count();
    if (matched.dropped->count() == 0) {
      plan.change.added.push_back(matched.file);
    } else {
      plan.superseded.push_back(matched.file.location);
      add_rewrite(matched);
    }
  }
  if (!to_rewrite.empty()) {
    const iceberg::TableMetadata moved = WithRowLineage(table.metadata);
    DAYPART_TRY(const auto scan, MakeTableScan(context, moved, std::move(to_rewrite), {}));
    DAYPART_TRY(auto rewritten,
                WriteDataFiles(context, moved, *scan, options, /*keeps_runs=*/false));
    plan.rewritten = LocationsOf(rewritten);
    for (WrittenFile& file : rewritten) plan.change.added.push_back(std::move(file.file));
  }
  plan.change.removes_all = merge.replaces_all;
  const bool removes = merge.replaces_all || !plan.change.removed.empty();
  plan.change.operation = removes ? "overwrite" : "append";
  plan.change.added_spec_id = table.metadata.default_spec_id;
  plan.change.table_uuid = table.metadata.table_uuid;
  plan.change.planned_on = table.metadata.current_snapshot_id;
  plan.change.summary = options.summary;
  plan.change.properties = options.properties;
  plan.result.rows_updated = match.source_rows_matched;
  plan.result.rows_deleted = match.target_rows_dropped;
  plan.result.rows_skipped = match.source_rows_dropped;
  // Where the table's rows all go, none can be there twice.
  if (!merge.replaces_all) {
    plan.result.rows_without_key = match.source_rows_without_key;
    plan.result.null_key_columns.assign(match.null_key_columns.begin(),
                                        match.null_key_columns.end());
  }
  plan.result.files_added = static_cast<int64_t>(plan.change.added.size());
  for (const auto& file : plan.change.added) plan.result.bytes_added += file.file_bytes;
  return plan;
}

/// Whether files staged for one state of the table fit another: they hold its schema and
/// partitions.
bool IsStagedFor(const iceberg::TableMetadata& staged, const iceberg::TableMetadata& now) {
  return staged.current_schema_id == now.current_schema_id &&
         staged.default_spec_id == now.default_spec_id && staged.table_uuid == now.table_uuid;
}

Result<CommitResult> MatchAndCommit(const LakeContext& context, const LoadedTable& first,
                                    const std::vector<WrittenFile>& staged,
                                    const MergeOptions& merge, const WriteOptions& options) {
  for (int attempt = 0; attempt < kMergePlansMax; ++attempt) {
    DAYPART_TRY(const LoadedTable table, LoadTable(context, first.name));
    if (!IsStagedFor(first.metadata, table.metadata)) {
      return Conflict("table " + ToString(first.name) +
                      " changed its schema or partitioning during the merge; run it again");
    }
    DAYPART_TRY(MergePlan plan, PlanMerge(context, table, staged, merge, options));
    const bool is_nothing = plan.change.added.empty() && plan.change.removed.empty() &&
                            (!merge.replaces_all || table.metadata.current_snapshot() == nullptr);
    if (is_nothing && !options.commits_empty) {
      RemoveUncommitted(context, plan.superseded);
      return plan.result;
    }
    auto outcome = CommitSnapshot(context, first.name, plan.change);
    if (outcome) {
      plan.result.snapshot_id = outcome->snapshot_id;
      plan.result.attempts = attempt + outcome->attempts;
      plan.result.files_removed = outcome->files_removed;
      if (merge.replaces_all) plan.result.rows_deleted = outcome->rows_removed;
      RemoveUncommitted(context, plan.superseded);
      return plan.result;
    }
    if (outcome.error().code == ErrorCode::kCommitUnknown) return std::move(outcome).error();
    RemoveUncommitted(context, plan.rewritten);
    Log(LogLevel::kInfo,
        "merge into " + ToString(first.name) + " is matched anew: " + outcome.error().message);
    if (outcome.error().code != ErrorCode::kConflict) return std::move(outcome).error();
  }
  return Conflict("table " + ToString(first.name) + " was changed by others during each of " +
                  std::to_string(kMergePlansMax) +
                  " attempts to merge; run it again when they pause");
}

}  // namespace

Result<CommitResult> Merge(const LakeContext& context, const catalog::TableName& name,
                           source::BatchSource& rows, const MergeOptions& merge,
                           const WriteOptions& options) {
  if (merge.key_columns.empty()) {
    return InvalidArgument("a merge into " + ToString(name) + " needs at least one key column");
  }
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  std::vector<std::string> needed = merge.key_columns;
  if (!merge.order_column.empty()) needed.push_back(merge.order_column);
  for (const std::string& column : needed) {
    if (table.metadata.current_schema().FindField(column) == nullptr) {
      return InvalidArgument("column " + column + " to merge by is not in table " + ToString(name));
    }
  }
  DAYPART_TRY(const auto staged,
              WriteDataFiles(context, table.metadata, rows, options, /*keeps_runs=*/true));
  const auto staged_locations = LocationsOf(staged);
  if (options.before_commit) {
    Status status = options.before_commit();
    if (!status) {
      RemoveUncommitted(context, staged_locations);
      return std::move(status).error();
    }
  }
  auto result = MatchAndCommit(context, table, staged, merge, options);
  if (!result) {
    if (result.error().code != ErrorCode::kCommitUnknown) {
      RemoveUncommitted(context, staged_locations);
    }
    return result;
  }
  return result;
}

}  // namespace daypart::lake
