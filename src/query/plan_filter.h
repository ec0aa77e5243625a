// SPDX-License-Identifier: Apache-2.0
//
// From a statement's optimised plan to what the file planner may prune by. DuckDB has then pushed
// every condition through joins, views and common table expressions down to the scan it applies to;
// its text there is parsed again by DuckDB itself. What is not understood stays out, which prunes
// less, never wrongly.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "iceberg/type.h"
#include "query/duckdb_session.h"

namespace daypart::query {

/// What a table is planned by: columns under names that no table and no statement has, which the
/// plan shows. Names of tables' columns would not do: DuckDB prints them without quotes, and in
/// some places prints what a subquery calls a column instead.
inline constexpr std::string_view kPlanColumnPrefix = "daypart_field_";

std::string PlanColumnName(const iceberg::NestedField& column);

/// One scan of a table in a plan: its conditions, all of which hold for every row that matters.
struct PlannedScan {
  std::string table;                        // as DuckDB prints it; then by PlanTableName
  std::vector<std::string> conditions;      // on columns by plan names
  std::vector<std::string> row_conditions;  // of the filter above, where aliases stand for columns
};

/// The scans of a statement, and which names in row conditions do not mean a column of the table.
struct PlannedScans {
  std::vector<PlannedScan> scans;
  std::set<std::string> aliases;  // lower case
  bool renames_columns = false;
};

/// errors: kUnsupported if `plan_json` (EXPLAIN (FORMAT JSON)) is of no form that is known.
Result<std::vector<PlannedScan>> ScansOfPlan(std::string_view plan_json);

/// The conjunction of the conditions as far as they are understood; kTrue if nothing is.
/// conditions: SQL over the columns of `schema` by their own names, quoted where needed.
Result<iceberg::Expression> ToExpression(Session& session, const iceberg::Schema& schema,
                                         const std::vector<std::string>& conditions);

/// What all scans of one table together may need: kTrue if there are fewer scans in the plan than
/// references in the statement, for then the optimiser has seen something that we have not.
Result<iceberg::Expression> FilterOfTable(Session& session, const iceberg::Schema& schema,
                                          const PlannedScans& planned, std::string_view table,
                                          size_t references_count);

}  // namespace daypart::query
