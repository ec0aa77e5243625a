// SPDX-License-Identifier: Apache-2.0
//
// The background job that looks after the tables as their properties say (docs/maintenance.md).
#pragma once

#include "lake/maintenance_scheduler.h"
#include "serve/background_jobs.h"
#include "serve/metrics.h"

namespace daypart::serve {

/// context and metrics must outlive the job. How often a table is looked at is in its properties;
/// the job only asks whether one is due.
BackgroundJob MaintenanceJob(const lake::LakeContext& context, lake::WriteOptions write,
                             Metrics& metrics);

}  // namespace daypart::serve
