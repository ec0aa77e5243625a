// SPDX-License-Identifier: Apache-2.0
//
// Facts against limits.
#include "lake/maintenance_policy.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "lake/manifest_lists.h"
#include "lake/manifest_merge.h"
#include "lake/snapshot_retention.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

/// A minute: as often as one wants small files of a stream looked at.
constexpr int64_t kIntervalMs = 60'000;
/// A quarter of the default file size: above it a rewrite gains little.
constexpr int64_t kSmallFileBytes = int64_t{64} << 20;
/// From twenty files on a partition's scan is bound by opening them.
constexpr int64_t kSmallFilesMin = 20;
constexpr int64_t kDeleteFilesMin = 10;
constexpr int64_t kManifestsMin = 100;
constexpr int64_t kOrphansIntervalMs = int64_t{24} * 3600 * 1000;

std::string Text(int64_t number) { return std::to_string(number); }

}  // namespace

Result<MaintenancePolicy> PolicyOf(const iceberg::TableMetadata& metadata) {
  MaintenancePolicy policy;
  DAYPART_TRY(policy.is_enabled, FlagProperty(metadata, "daypart.maintain.enabled", false));
  DAYPART_TRY(policy.interval_ms,
              NumberProperty(metadata, "daypart.maintain.interval-ms", kIntervalMs));
  DAYPART_TRY(policy.small_files_min,
              NumberProperty(metadata, "daypart.maintain.compact.small-files-min", kSmallFilesMin));
  DAYPART_TRY(policy.small_file_bytes,
              NumberProperty(metadata, "daypart.maintain.compact.small-file-bytes",
                             kSmallFileBytes));
  DAYPART_TRY(policy.delete_files_min,
              NumberProperty(metadata, "daypart.maintain.compact.delete-files-min",
                             kDeleteFilesMin));
  DAYPART_TRY(policy.manifests_min,
              NumberProperty(metadata, "daypart.maintain.manifests.count-min", kManifestsMin));
  DAYPART_TRY(policy.expires_snapshots,
              FlagProperty(metadata, "daypart.maintain.expire.enabled", true));
  DAYPART_TRY(policy.removes_orphans,
              FlagProperty(metadata, "daypart.maintain.orphans.enabled", false));
  if (!may_collect_garbage(metadata)) {
    policy.expires_snapshots = false;
    policy.removes_orphans = false;
  }
  DAYPART_TRY(policy.orphans_interval_ms,
              NumberProperty(metadata, "daypart.maintain.orphans.interval-ms",
                             kOrphansIntervalMs));
  return policy;
}

Result<TableFacts> GatherFacts(const LakeContext& context, const LoadedTable& table,
                               const MaintenancePolicy& policy) {
  TableFacts facts;
  const auto* snapshot = table.metadata.current_snapshot();
  if (snapshot == nullptr) return facts;
  DAYPART_TRY(const auto list, ReadManifestList(context, snapshot->manifest_list));
  DAYPART_TRY(const MergePolicy merge, MergePolicyOf(table.metadata));
  std::map<std::pair<iceberg::ManifestContent, iceberg::SpecId>, int64_t> bytes;
  for (const auto& manifest : *list) {
    ++facts.manifests;
    bytes[{manifest.content, manifest.spec_id}] += manifest.bytes;
    if (manifest.content == iceberg::ManifestContent::kDeletes) {
      facts.delete_files += int64_t{manifest.added_files_count} + manifest.existing_files_count;
    }
  }
  const int64_t target = std::max<int64_t>(1, merge.bytes_target);
  for (const auto& [kind, total] : bytes) facts.manifests_needed += (total + target - 1) / target;
  DAYPART_TRY(const ScanPlan plan, PlanScan(context, table, iceberg::Expression::True()));
  std::map<std::pair<iceberg::SpecId, iceberg::PartitionTuple>, int64_t> small;
  for (const ScanFile& file : plan.files) {
    facts.files_with_deletes += file.deletes.empty() ? 0 : 1;
    if (file.file.file_bytes >= policy.small_file_bytes) continue;
    ++facts.small_files;
    const int64_t count = ++small[{file.spec_id, file.file.partition}];
    facts.small_files_most = std::max(facts.small_files_most, count);
  }
  DAYPART_TRY(const auto kept, SnapshotsToKeep(table.metadata, context.clock.Now(), {}));
  facts.snapshots_to_expire =
      static_cast<int64_t>(table.metadata.snapshots.size() - kept.size());
  return facts;
}

std::string_view NameOf(MaintenanceKind kind) {
  switch (kind) {
    case MaintenanceKind::kCompact: return "compact";
    case MaintenanceKind::kManifests: return "manifests";
    case MaintenanceKind::kExpire: return "expire";
    case MaintenanceKind::kOrphans: return "orphans";
  }
  return "";
}

std::vector<MaintenanceAction> PlanMaintenance(const TableFacts& facts,
                                               const MaintenancePolicy& policy, UtcMicros now) {
  std::vector<MaintenanceAction> actions;
  if (!policy.is_enabled) return actions;
  const bool has_small =
      policy.small_files_min > 0 && facts.small_files_most >= policy.small_files_min;
  const bool has_deletes = policy.delete_files_min > 0 && facts.files_with_deletes > 0 &&
                           facts.delete_files >= policy.delete_files_min;
  if (has_small) {
    actions.push_back({MaintenanceKind::kCompact,
                       "a partition has " + Text(facts.small_files_most) + " files below " +
                           Text(policy.small_file_bytes) + " bytes (from " +
                           Text(policy.small_files_min) + " on they are joined)"});
  } else if (has_deletes) {
    actions.push_back({MaintenanceKind::kCompact,
                       Text(facts.delete_files) + " delete files concern " +
                           Text(facts.files_with_deletes) + " data files (from " +
                           Text(policy.delete_files_min) + " on they are applied)"});
  }
  if (policy.manifests_min > 0 && facts.manifests >= policy.manifests_min &&
      facts.manifests > facts.manifests_needed * 2) {
    actions.push_back({MaintenanceKind::kManifests,
                       Text(facts.manifests) + " manifests would fit into " +
                           Text(facts.manifests_needed)});
  }
  if (policy.expires_snapshots && facts.snapshots_to_expire > 0) {
    actions.push_back({MaintenanceKind::kExpire, Text(facts.snapshots_to_expire) +
                                                     " snapshots are older than "
                                                     "history.expire.max-snapshot-age-ms allows"});
  }
  const int64_t since_ms = (now.value() - facts.orphans_removed_at.value()) / 1000;
  if (policy.removes_orphans && since_ms >= policy.orphans_interval_ms) {
    actions.push_back({MaintenanceKind::kOrphans,
                       facts.orphans_removed_at.value() == 0
                           ? "orphans were not looked for yet"
                           : "orphans were looked for " + Text(since_ms / 1000) + " s ago"});
  }
  return actions;
}

}  // namespace daypart::lake
