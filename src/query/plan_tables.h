// SPDX-License-Identifier: Apache-2.0
//
// Learns a statement's conditions on its tables: DuckDB plans it over empty tables of the same
// columns, and the optimised plan says what it pushed down to each. The stand-ins are gone again
// when this returns; no row is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/type.h"
#include "query/duckdb_session.h"
#include "query/plan_filter.h"
#include "query/statement.h"

namespace daypart::query {

/// A table of the statement, or a view on such tables.
struct PlanTable {
  std::string database;
  std::string table;
  std::optional<iceberg::Schema> schema;  // of a table
  std::vector<std::string> extras;        // its columns besides, as "_pos BIGINT"
  std::string view_sql;                   // of a view
};

/// What FilterOfTable calls the table.
std::string PlanTableName(std::string_view database, std::string_view table);

/// tables: all of the statement, views after what they use; their schemas exist in the session.
/// returns: the scans; none for a plan of unknown form, which costs pruning, nothing else. Names
///   that views give are to be added to the result's by the caller.
Result<PlannedScans> PlanOverEmptyTables(Session& session, const Statement& statement,
                                         const std::vector<PlanTable>& tables);

}  // namespace daypart::query
