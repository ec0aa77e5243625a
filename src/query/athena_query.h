// SPDX-License-Identifier: Apache-2.0
//
// A statement in Athena from start to end: started, waited for with growing pauses, stopped there
// when the user stops here. The rows are athena_rows.h's.
#pragma once

#include <string>

#include "aws/athena.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

namespace daypart::query {

/// Whether the statement only reads: SELECT, WITH, VALUES, TABLE, SHOW, DESCRIBE, EXPLAIN or one of
/// them in brackets. EXPLAIN ANALYZE runs its statement and reads no less.
/// errors: kInvalidArgument for an empty statement or a quote that is not closed.
Result<bool> IsReadingStatement(const std::string& sql);

/// Waits until the statement has ended.
///
/// errors: kInvalidArgument with Athena's reason if it failed; kUnavailable if Athena says that it
///   may be tried again; kCancelled once `cancel` is: the statement is stopped then.
Result<aws::AthenaStatement> WaitInAthena(aws::Athena& athena, Clock& clock,
                                          const CancelToken& cancel, const std::string& id);

/// Starts the statement and waits. errors: also those of Athena::Start.
Result<aws::AthenaStatement> RunInAthena(aws::Athena& athena, Clock& clock,
                                         const CancelToken& cancel, const std::string& sql);

}  // namespace daypart::query
