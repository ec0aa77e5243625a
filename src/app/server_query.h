// SPDX-License-Identifier: Apache-2.0
//
// A SELECT that the lake's running server answers, because it alone has the rows of streams that
// are not committed yet. See docs/decisions/0080.
#pragma once

#include <memory>
#include <string>

#include "app/lake_session.h"
#include "base/result.h"
#include "source/batch_source.h"

namespace daypart::app {

/// The server's rows; null if the lake has no streams, no server runs, or it is gone by now: then
/// the committed rows are all there is to read here.
/// errors: those that the server tells of the statement.
Result<std::unique_ptr<source::BatchSource>> QueryServer(LakeSession& session,
                                                         const std::string& sql);

}  // namespace daypart::app
