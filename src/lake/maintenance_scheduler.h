// SPDX-License-Identifier: Apache-2.0
//
// MaintenanceScheduler: runs what the policies of a lake's tables ask for, a look at a time. It
// has no thread and no timer of its own: who owns it calls Tick() every so often (a thread of
// `serve`, `maintain auto`, a test with its own clock).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/maintenance_policy.h"
#include "lake/table.h"

namespace daypart::lake {

struct MaintenanceEvent {
  catalog::TableName table;
  MaintenanceAction action;
  Status status;  // how it went
};

/// Not thread-safe: one thread ticks.
class MaintenanceScheduler {
 public:
  /// context must outlive the scheduler. write: how compactions write; its target size is replaced
  /// by the table's write.target-file-size-bytes, where set.
  MaintenanceScheduler(const LakeContext& context, WriteOptions write)
      : context_(context), write_(std::move(write)) {}

  /// What the table's policy asks for now; nothing is done.
  Result<std::vector<MaintenanceAction>> Plan(const catalog::TableName& name);
  /// Does it. returns: what was done.
  /// errors: of the first action that failed; later ones are tried all the same.
  Result<std::vector<MaintenanceAction>> Run(const catalog::TableName& name);

  /// Looks at each table whose interval is over and does what is due. A table that fails is told in
  /// its event and looked at again after its interval; the others go on.
  /// errors: kCancelled; those of listing the tables.
  Result<std::vector<MaintenanceEvent>> Tick();

 private:
  struct Look {
    UtcMicros next;
    UtcMicros orphans_removed_at;
  };
  Result<std::vector<MaintenanceAction>> PlanOf(const LoadedTable& table,
                                                const MaintenancePolicy& policy);
  Status Do(const LoadedTable& table, const MaintenancePolicy& policy,
            const MaintenanceAction& action);
  Status TickTable(const catalog::TableName& name, std::vector<MaintenanceEvent>& events);

  const LakeContext& context_;
  WriteOptions write_;
  std::map<catalog::TableName, Look> looks_;
};

}  // namespace daypart::lake
