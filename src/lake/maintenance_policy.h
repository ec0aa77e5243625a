// SPDX-License-Identifier: Apache-2.0
//
// What maintenance a table needs now: a policy from its properties, facts about it, and a pure
// function from both to actions with their reasons. See docs/maintenance.md for the properties.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/metadata.h"
#include "lake/table.h"

namespace daypart::lake {

struct MaintenancePolicy {
  bool is_enabled = false;             // daypart.maintain.enabled
  int64_t interval_ms = 0;             // daypart.maintain.interval-ms: between two looks
  int64_t small_files_min = 0;         // …compact.small-files-min: in one partition
  int64_t small_file_bytes = 0;        // …compact.small-file-bytes
  int64_t delete_files_min = 0;        // …compact.delete-files-min: in the table
  int64_t manifests_min = 0;           // …manifests.count-min
  bool expires_snapshots = true;       // …expire.enabled
  bool removes_orphans = false;        // …orphans.enabled: lists the whole folder
  int64_t orphans_interval_ms = 0;     // …orphans.interval-ms
};

/// errors: kInvalidArgument for a property of another form than its default.
Result<MaintenancePolicy> PolicyOf(const iceberg::TableMetadata& metadata);

struct TableFacts {
  int64_t small_files_most = 0;   // in the partition that has most of them
  int64_t small_files = 0;
  int64_t files_with_deletes = 0;
  int64_t delete_files = 0;
  int64_t manifests = 0;
  int64_t manifests_needed = 0;   // as many as their bytes fill
  int64_t snapshots_to_expire = 0;
  UtcMicros orphans_removed_at;   // 0: never
};

/// Reads the manifests of the current snapshot. errors: those of reading them.
Result<TableFacts> GatherFacts(const LakeContext& context, const LoadedTable& table,
                               const MaintenancePolicy& policy);

enum class MaintenanceKind { kCompact, kManifests, kExpire, kOrphans };
std::string_view NameOf(MaintenanceKind kind);

struct MaintenanceAction {
  MaintenanceKind kind;
  std::string reason;
};

/// In the order in which to do them: each leaves less to do for the next. Empty if the policy is
/// off.
std::vector<MaintenanceAction> PlanMaintenance(const TableFacts& facts,
                                               const MaintenancePolicy& policy, UtcMicros now);

}  // namespace daypart::lake
