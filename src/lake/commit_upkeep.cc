// SPDX-License-Identifier: Apache-2.0
//
// Failures here are logged and left to maintenance.
#include "lake/commit_upkeep.h"

#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "lake/expired_files.h"
#include "lake/snapshot_retention.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

using iceberg::SnapshotId;
using iceberg::TableMetadata;

void Warn(const LoadedTable& table, const std::string& what, const Error& error) {
  Log(LogLevel::kWarning, "table " + ToString(table.name) + ", after a commit: " + what + ": " +
                              error.message);
}

Status RemoveOldMetadata(const LakeContext& context, const TableMetadata& before,
                         const TableMetadata& after) {
  DAYPART_TRY(const bool is_asked_for, FlagProperty(after, kDeleteAfterCommitProperty, false));
  if (!is_asked_for) return Ok();
  std::unordered_set<std::string> logged;
  for (const auto& entry : after.metadata_log) logged.insert(entry.metadata_location);
  for (const auto& entry : before.metadata_log) {
    if (logged.contains(entry.metadata_location)) continue;
    DAYPART_RETURN_IF_ERROR(context.store.Delete(entry.metadata_location));
  }
  return Ok();
}

Status PutAwayFiles(const LakeContext& context, const LoadedTable& before,
                    const TableMetadata& after, const std::vector<SnapshotId>& dropped) {
  const std::unordered_set<SnapshotId> gone(dropped.begin(), dropped.end());
  std::vector<SnapshotId> retained;
  for (const auto& snapshot : before.metadata.snapshots) {
    if (!gone.contains(snapshot.id)) retained.push_back(snapshot.id);
  }
  DAYPART_TRY(const auto files, FilesOnlyOf(context, before, dropped, retained));
  DAYPART_RETURN_IF_ERROR(DeferDeletion(context, after, files));
  DAYPART_TRY(const auto report, DeleteExpiredFiles(context, after));
  if (report.files_deleted > 0) {
    Log(LogLevel::kDebug, "table " + ToString(before.name) + ": deleted " +
                              std::to_string(report.files_deleted) + " files of old snapshots");
  }
  return Ok();
}

}  // namespace

Result<std::vector<SnapshotId>> PlanUpkeep(const TableMetadata& base) {
  return SnapshotsOverLimit(base);
}

void FinishUpkeep(const LakeContext& context, const LoadedTable& before,
                  const TableMetadata& after, const std::vector<SnapshotId>& dropped) {
  const Status metadata = RemoveOldMetadata(context, before.metadata, after);
  if (!metadata) Warn(before, "old metadata files stay", metadata.error());
  if (dropped.empty()) return;
  const Status files = PutAwayFiles(context, before, after, dropped);
  if (!files) Warn(before, "files of dropped snapshots stay", files.error());
}

void SetDefaultProperties(std::map<std::string, std::string>& properties) {
  properties.emplace(kDeleteAfterCommitProperty, "true");
  properties.emplace(kSnapshotsMaxProperty, "500");
}

}  // namespace daypart::lake
