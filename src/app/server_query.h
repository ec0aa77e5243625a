// SPDX-License-Identifier: Apache-2.0
//
// A SELECT that the lake's running server answers, because it alone has the rows of streams that
// are not committed yet. See docs/decisions/0080.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/lake_session.h"
#include "base/result.h"
#include "source/batch_source.h"

namespace daypart::app {

struct ServerAnswer {
  std::unique_ptr<source::BatchSource> rows;
  /// Rows of streams that the answer was made of and no commit held yet.
  int64_t rows_not_committed = 0;
  /// Names of tables whose newest acknowledged rows it may lack; empty for none.
  std::string tables_behind;
};

/// The server's rows; null if the lake has no streams, no server runs, or it is gone by now: then
/// the committed rows are all there is to read here.
/// errors: those that the server tells of the statement.
Result<ServerAnswer> QueryServer(LakeSession& session, const std::string& sql);

}  // namespace daypart::app
