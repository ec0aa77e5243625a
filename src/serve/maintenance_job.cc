// SPDX-License-Identifier: Apache-2.0
//
// Ticks the scheduler; what was done goes to the log and the metrics.
#include "serve/maintenance_job.h"

#include <memory>
#include <utility>

#include "base/log.h"

namespace daypart::serve {
namespace {

constexpr char kActions[] = "daypart_maintenance_actions_total";
constexpr std::chrono::milliseconds kTickInterval{500};

}  // namespace

BackgroundJob MaintenanceJob(const lake::LakeContext& context, lake::WriteOptions write,
                             Metrics& metrics) {
  metrics.Describe(kActions, MetricKind::kCounter,
                   "What the maintenance policies of tables had done, by outcome");
  // Shared, because a std::function has to be copyable; there is one job.
  auto scheduler = std::make_shared<lake::MaintenanceScheduler>(context, std::move(write));
  const auto run = [scheduler, &metrics]() -> Status {
    DAYPART_TRY(const auto events, scheduler->Tick());
    for (const auto& event : events) {
      const std::string what(lake::NameOf(event.action.kind));
      metrics.Add(kActions, {{"table", ToString(event.table)},
                             {"action", what},
                             {"outcome", event.status ? "done" : "failed"}});
      const std::string told = ToString(event.table) + ": " + what + ": " + event.action.reason;
      if (event.status) {
        Log(LogLevel::kInfo, told);
      } else if (event.status.error().code != ErrorCode::kCancelled) {
        Log(LogLevel::kError, told + ": " + event.status.error().message);
      }
    }
    return Ok();
  };
  return {.name = "maintenance", .interval = kTickInterval, .run = run, .gives_way = true};
}

}  // namespace daypart::serve
