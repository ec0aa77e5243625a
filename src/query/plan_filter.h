// SPDX-License-Identifier: Apache-2.0
//
// From a statement's optimised plan to what the file planner may prune by. DuckDB has then pushed
// every condition through joins, views and common table expressions down to the scan it applies to;
// its text there is parsed again by DuckDB itself. What is not understood stays out, which prunes
// less, never wrongly.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "iceberg/type.h"
#include "query/duckdb_session.h"

namespace daypart::query {

/// One scan of a table in a plan: its conditions, all of which hold for every row that matters.
struct PlannedScan {
  std::string table;  // "memory.media.viewership"
  std::vector<std::string> conditions;
};

/// errors: kUnsupported if `plan_json` (EXPLAIN (FORMAT JSON)) is of no form that is known.
Result<std::vector<PlannedScan>> ScansOfPlan(std::string_view plan_json);

/// The conjunction of the conditions as far as they are understood; kTrue if nothing is.
/// conditions: SQL over the columns of `schema`, as DuckDB prints them.
Result<iceberg::Expression> ToExpression(Session& session, const iceberg::Schema& schema,
                                         const std::vector<std::string>& conditions);

/// What all scans of one table together may need: kTrue if there are fewer scans in the plan than
/// references in the statement, for then the optimiser has seen something that we have not.
Result<iceberg::Expression> FilterOfTable(Session& session, const iceberg::Schema& schema,
                                          const std::vector<PlannedScan>& scans,
                                          std::string_view table, size_t references_count);

}  // namespace daypart::query
