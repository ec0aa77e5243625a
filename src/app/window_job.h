// SPDX-License-Identifier: Apache-2.0
//
// The background job that keeps the lake's windows: what was done goes to the log and the metrics.
#pragma once

#include "app/lake_session.h"
#include "app/window_keeping.h"
#include "serve/background_jobs.h"
#include "serve/metrics.h"

namespace daypart::app {

/// All must outlive the job. A window that fails is told once for each reason and tried again.
serve::BackgroundJob WindowJob(LakeSession& session, KeepAllOptions options,
                               serve::Metrics& metrics);

}  // namespace daypart::app
