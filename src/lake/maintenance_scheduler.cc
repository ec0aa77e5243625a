// SPDX-License-Identifier: Apache-2.0
//
// One table after the other, one action after the other.
#include "lake/maintenance_scheduler.h"

#include <utility>

#include "lake/maintenance.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

/// Until a table that could not be looked at is tried again.
constexpr int64_t kRetryMs = 60'000;
/// Compactions of a running lake commit every so many files, so that little is lost to a conflict.
constexpr int64_t kGroupsPerCommit = 8;

}  // namespace

Result<std::vector<MaintenanceAction>> MaintenanceScheduler::PlanOf(
    const LoadedTable& table, const MaintenancePolicy& policy) {
  if (!policy.is_enabled) return std::vector<MaintenanceAction>();
  DAYPART_TRY(TableFacts facts, GatherFacts(context_, table, policy));
  facts.orphans_removed_at = looks_[table.name].orphans_removed_at;
  return PlanMaintenance(facts, policy, context_.clock.Now());
}

Result<std::vector<MaintenanceAction>> MaintenanceScheduler::Plan(const catalog::TableName& name) {
  DAYPART_TRY(const LoadedTable table, LoadTable(context_, name));
  DAYPART_TRY(const MaintenancePolicy policy, PolicyOf(table.metadata));
  return PlanOf(table, policy);
}

Status MaintenanceScheduler::Do(const LoadedTable& table, const MaintenancePolicy& policy,
                                const MaintenanceAction& action) {
  const auto done = [](const auto& report) {
    return report ? Ok() : Status(Error(report.error()));
  };
  switch (action.kind) {
    case MaintenanceKind::kCompact: {
      CompactOptions options;
      options.small_file_bytes = policy.small_file_bytes;
      options.groups_per_commit = kGroupsPerCommit;
      options.write = write_;
      DAYPART_TRY(options.write.file_bytes_target,
                  NumberProperty(table.metadata, "write.target-file-size-bytes",
                                 write_.file_bytes_target));
      return done(Compact(context_, table.name, options));
    }
    case MaintenanceKind::kManifests: return done(RewriteManifests(context_, table.name, {}));
    case MaintenanceKind::kExpire: return done(ExpireSnapshots(context_, table.name, {}));
    case MaintenanceKind::kOrphans: {
      Status status = done(RemoveOrphans(context_, table.name, {}));
      if (status) looks_[table.name].orphans_removed_at = context_.clock.Now();
      return status;
    }
  }
  return Ok();
}

Result<std::vector<MaintenanceAction>> MaintenanceScheduler::Run(const catalog::TableName& name) {
  DAYPART_TRY(const LoadedTable table, LoadTable(context_, name));
  DAYPART_TRY(const MaintenancePolicy policy, PolicyOf(table.metadata));
  DAYPART_TRY(auto actions, PlanOf(table, policy));
  Status first;
  for (const MaintenanceAction& action : actions) {
    Status status = Do(table, policy, action);
    if (!status && first) first = std::move(status).WithContext(NameOf(action.kind));
  }
  if (!first) return std::move(first).error();
  return actions;
}

Status MaintenanceScheduler::TickTable(const catalog::TableName& name,
                                       std::vector<MaintenanceEvent>& events) {
  Look& look = looks_[name];
  const UtcMicros now = context_.clock.Now();
  if (now < look.next) return Ok();
  look.next = UtcMicros(now.value() + kRetryMs * 1000);
  DAYPART_TRY(const LoadedTable table, LoadTable(context_, name));
  DAYPART_TRY(const MaintenancePolicy policy, PolicyOf(table.metadata));
  look.next = UtcMicros(now.value() + policy.interval_ms * 1000);
  DAYPART_TRY(const auto actions, PlanOf(table, policy));
  for (const MaintenanceAction& action : actions) {
    DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
    events.push_back({.table = name, .action = action, .status = Do(table, policy, action)});
  }
  return Ok();
}

Result<std::vector<MaintenanceEvent>> MaintenanceScheduler::Tick() {
  std::vector<MaintenanceEvent> events;
  DAYPART_TRY(const auto databases, context_.catalog.ListDatabases());
  for (const std::string& database : databases) {
    DAYPART_TRY(const auto tables, context_.catalog.ListTables(database));
    for (const catalog::TableName& name : tables) {
      DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
      Status status = TickTable(name, events);
      if (status) continue;
      events.push_back({.table = name,
                        .action = {.kind = MaintenanceKind::kCompact,
                                   .reason = "the table could not be looked at"},
                        .status = std::move(status)});
    }
  }
  return events;
}

}  // namespace daypart::lake
