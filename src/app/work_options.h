// SPDX-License-Identifier: Apache-2.0
//
// How tables are written and asked, as daypart.toml says; commands change what is theirs.
#pragma once

#include "app/config.h"
#include "lake/table.h"
#include "query/engine_options.h"

namespace daypart::app {

lake::WriteOptions WriteOptionsOf(const Config& config);
query::EngineOptions EngineOptionsOf(const Config& config);

}  // namespace daypart::app
