// SPDX-License-Identifier: Apache-2.0
//
// A stand-in is an empty table with plan names and, under the table's own name, a view that gives
// the columns their own names.
#include "query/plan_tables.h"

#include <utility>

#include "query/view_sql.h"

namespace daypart::query {
namespace {

std::string SqlName(const std::string& database, const std::string& table) {
  return QuoteIdentifier(database) + '.' + QuoteIdentifier(table);
}

/// A name that DuckDB prints as it is, whatever the table is called.
std::string StandInName(size_t index) { return "main.daypart_table_" + std::to_string(index); }

Result<std::string> CreateStandIn(const PlanTable& table, size_t index) {
  std::string columns;
  std::string names;
  const auto add = [](std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
  };
  for (const iceberg::NestedField& column : table.schema->fields) {
    DAYPART_TRY(const std::string type, SqlType(column.type));
    const std::string name = PlanColumnName(column);
    add(columns, name + ' ' + type);
    add(names, name + " AS " + QuoteIdentifier(column.name));
  }
  for (const std::string& extra : table.extras) {
    add(columns, extra);
    add(names, extra.substr(0, extra.find(' ')));
  }
  return "CREATE TABLE " + StandInName(index) + " (" + columns + "); CREATE VIEW " +
         SqlName(table.database, table.table) + " AS SELECT " + names + " FROM " +
         StandInName(index);
}

/// Scans of the stand-ins become those of the tables.
void NameScans(std::vector<PlannedScan>& scans, const std::vector<PlanTable>& tables) {
  for (PlannedScan& scan : scans) {
    for (size_t i = 0; i < tables.size(); ++i) {
      if (scan.table == "memory." + StandInName(i)) {
        scan.table = PlanTableName(tables[i].database, tables[i].table);
        break;
      }
    }
  }
}

}  // namespace

std::string PlanTableName(std::string_view database, std::string_view table) {
  return std::string(database) + '.' + std::string(table);
}

Result<PlannedScans> PlanOverEmptyTables(Session& session, const Statement& statement,
                                         const std::vector<PlanTable>& tables) {
  PlannedScans planned{
      .scans = {}, .aliases = statement.aliases, .renames_columns = statement.renames_columns};
  std::string clean_up;
  bool has_plan_names = statement.select_sql.find(kPlanColumnPrefix) != std::string::npos;
  for (size_t i = 0; i < tables.size(); ++i) {
    const PlanTable& table = tables[i];
    const std::string name = SqlName(table.database, table.table);
    clean_up = "DROP VIEW " + name + ';' + clean_up;
    if (table.schema) {
      clean_up += "DROP TABLE " + StandInName(i) + ';';
      DAYPART_TRY(const std::string create, CreateStandIn(table, i));
      DAYPART_RETURN_IF_ERROR(session.Execute(create));
      for (const auto& column : table.schema->fields) {
        has_plan_names = has_plan_names || column.name.starts_with(kPlanColumnPrefix);
      }
    } else {
      DAYPART_RETURN_IF_ERROR(session.Execute("CREATE VIEW " + name + " AS " + table.view_sql));
      has_plan_names =
          has_plan_names || table.view_sql.find(kPlanColumnPrefix) != std::string::npos;
    }
  }
  // The tables are empty, which the optimiser must not make use of.
  DAYPART_RETURN_IF_ERROR(session.Execute("SET disabled_optimizers = 'statistics_propagation'"));
  auto plan = session.QueryText("EXPLAIN (FORMAT JSON) " + statement.select_sql, 1);
  DAYPART_RETURN_IF_ERROR(session.Execute("RESET disabled_optimizers"));
  if (plan && !has_plan_names) {
    auto scans = ScansOfPlan(*plan);
    if (scans) planned.scans = std::move(scans).value();
    NameScans(planned.scans, tables);
  }
  DAYPART_RETURN_IF_ERROR(session.Execute(clean_up));
  return planned;
}

}  // namespace daypart::query
