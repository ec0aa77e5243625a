// SPDX-License-Identifier: Apache-2.0
//
// Expiry and orphans: what stays is found first, what goes is the rest.
#include "lake/maintenance.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/reachable_files.h"

namespace daypart::lake {
namespace {

using iceberg::SnapshotId;
using iceberg::TableMetadata;

/// Defaults of the reference implementation.
constexpr int64_t kSnapshotAgeMaxMs = int64_t{5} * 24 * 3600 * 1000;
constexpr int64_t kSnapshotsMin = 1;

Result<int64_t> NumberProperty(const TableMetadata& metadata, const std::string& key,
                               int64_t fallback) {
  const std::string text = metadata.Property(key, "");
  if (text.empty()) return fallback;
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return number;
  return InvalidArgument("table property " + key + ": a number is expected, found '" + text + "'");
}

/// Snapshots that stay: what refs point to, and of a branch the newest `count` and the young ones.
Result<std::set<SnapshotId>> SnapshotsToKeep(const TableMetadata& metadata, UtcMicros now,
                                             const ExpireOptions& options) {
  DAYPART_TRY(const int64_t age_ms,
              NumberProperty(metadata, "history.expire.max-snapshot-age-ms", kSnapshotAgeMaxMs));
  DAYPART_TRY(const int64_t count,
              NumberProperty(metadata, "history.expire.min-snapshots-to-keep", kSnapshotsMin));
  std::set<SnapshotId> kept;
  for (const auto& [name, ref] : metadata.refs) {
    kept.insert(ref.snapshot_id);
    if (ref.kind != iceberg::RefKind::kBranch) continue;
    const int64_t branch_age =
        options.age_max ? options.age_max->count() : ref.max_snapshot_age_ms.value_or(age_ms);
    const int64_t branch_count = options.snapshots_min.value_or(ref.min_snapshots_to_keep.value_or(
        static_cast<int32_t>(std::min<int64_t>(count, INT32_MAX))));
    const int64_t oldest = now.value() - branch_age * 1000;
    int64_t place = 0;
    const auto* snapshot = metadata.FindSnapshot(ref.snapshot_id);
    while (snapshot != nullptr && (place < branch_count || snapshot->timestamp.value() >= oldest)) {
      kept.insert(snapshot->id);
      ++place;
      snapshot = snapshot->parent_id ? metadata.FindSnapshot(*snapshot->parent_id) : nullptr;
    }
  }
  // Snapshots of no branch: those of a commit that was rolled back, or staged. Age alone decides.
  const int64_t oldest = now.value() - (options.age_max ? options.age_max->count() : age_ms) * 1000;
  for (const auto& snapshot : metadata.snapshots) {
    if (snapshot.timestamp.value() >= oldest) kept.insert(snapshot.id);
  }
  return kept;
}

/// The locations that are not among the others, however these are written.
std::set<std::string> Without(const std::set<std::string>& locations,
                              const std::set<std::string>& others) {
  std::set<std::string> known;
  for (const std::string& other : others) known.insert(ComparableLocation(other));
  std::set<std::string> rest;
  for (const std::string& location : locations) {
    if (!known.contains(ComparableLocation(location))) rest.insert(location);
  }
  return rest;
}

int64_t DeleteFiles(const LakeContext& context, const std::vector<std::string>& files) {
  int64_t failed = 0;
  for (const std::string& file : files) {
    const Status deleted = context.store.Delete(file);
    if (deleted || deleted.error().code == ErrorCode::kNotFound) continue;
    Log(LogLevel::kWarning, "cannot delete " + file + ": " + deleted.error().message);
    ++failed;
  }
  return failed;
}

int64_t BytesOf(const LakeContext& context, const std::vector<std::string>& files) {
  int64_t bytes = 0;
  for (const std::string& file : files) {
    const auto info = context.store.Head(file);
    if (info) bytes += static_cast<int64_t>(info->bytes);
  }
  return bytes;
}

}  // namespace

Result<ExpireReport> ExpireSnapshots(const LakeContext& context, const catalog::TableName& name,
                                     const ExpireOptions& options) {
  ExpireReport report;
  std::set<std::string> only_expired;
  const auto plan =
      [&](const TableMetadata& metadata) -> Result<std::vector<iceberg::TableUpdate>> {
    report.snapshots.clear();
    DAYPART_TRY(const auto kept, SnapshotsToKeep(metadata, context.clock.Now(), options));
    for (const auto& snapshot : metadata.snapshots) {
      if (!kept.contains(snapshot.id)) report.snapshots.push_back(snapshot.id);
    }
    if (report.snapshots.empty()) return std::vector<iceberg::TableUpdate>();
    LoadedTable table{.name = name, .metadata_location = "", .metadata = metadata};
    DAYPART_TRY(auto expired, ReachableFiles(context, table, report.snapshots));
    DAYPART_TRY(auto remaining,
                ReachableFiles(context, table, std::vector<SnapshotId>(kept.begin(), kept.end())));
    remaining.merge(MetadataFiles(table));
    only_expired.clear();
    only_expired = Without(expired, remaining);
    return std::vector<iceberg::TableUpdate>{iceberg::RemoveSnapshots{report.snapshots}};
  };
  if (options.dry_run) {
    DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
    DAYPART_TRY(const auto updates, plan(table.metadata));
    (void)updates;
  } else {
    DAYPART_RETURN_IF_ERROR(CommitUpdates(context, name, plan));
  }
  report.files.assign(only_expired.begin(), only_expired.end());
  report.bytes = BytesOf(context, report.files);
  // The commit is certain here: nothing that a reader can load names these files any more.
  if (!options.dry_run) report.files_failed = DeleteFiles(context, report.files);
  return report;
}

Result<OrphanReport> RemoveOrphans(const LakeContext& context, const catalog::TableName& name,
                                   const OrphanOptions& options) {
  // Listed before the table is loaded: what a commit adds in between is then in the metadata.
  DAYPART_TRY(const LoadedTable before, LoadTable(context, name));
  DAYPART_TRY(const auto objects, context.store.List(before.metadata.location + '/'));
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  if (table.metadata.location != before.metadata.location) {
    return Conflict("table " + ToString(name) + " was moved meanwhile; run it again");
  }
  std::vector<SnapshotId> all;
  for (const auto& snapshot : table.metadata.snapshots) all.push_back(snapshot.id);
  DAYPART_TRY(auto referred, ReachableFiles(context, table, all));
  referred.merge(MetadataFiles(table));
  const int64_t youngest =
      context.clock.Now().value() -
      std::chrono::duration_cast<std::chrono::microseconds>(options.age_min).count();
  OrphanReport report;
  std::set<std::string> old;
  std::map<std::string, int64_t> bytes;
  for (const auto& object : objects) {
    if (object.modified.value() > youngest) continue;
    old.insert(object.location);
    bytes[object.location] = static_cast<int64_t>(object.bytes);
  }
  for (const std::string& location : Without(old, referred)) {
    report.files.push_back(location);
    report.bytes += bytes.at(location);
  }
  if (!options.dry_run) report.files_failed = DeleteFiles(context, report.files);
  return report;
}

}  // namespace daypart::lake
