// SPDX-License-Identifier: Apache-2.0
//
// DuckDB parses, the planner's converter understands.
#include "query/condition.h"

#include "query/duckdb_session.h"
#include "query/plan_filter.h"

namespace daypart::query {

Result<iceberg::Expression> ParseCondition(const iceberg::Schema& schema,
                                           const std::string& condition) {
  DAYPART_TRY(const auto session, Session::Open({}));
  DAYPART_TRY(auto expression, ToExpression(*session, schema, {condition}));
  if (expression.kind != iceberg::ExpressionKind::kTrue) return expression;
  return InvalidArgument(
      "a condition of columns and constants is expected (region = 'north' AND day >= DATE "
      "'2026-11-01'), found: " +
      condition);
}

}  // namespace daypart::query
