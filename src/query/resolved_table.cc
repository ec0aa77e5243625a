// SPDX-License-Identifier: Apache-2.0
//
// The columns that a statement sees of a table, those that only changes of rows ask for included.
#include "query/resolved_table.h"

namespace daypart::query {

Result<iceberg::Schema> SchemaOf(const ResolvedTable& table) {
  if (table.metadata_kind) return lake::MetadataTableSchema(*table.iceberg, *table.metadata_kind);
  return table.iceberg->metadata.current_schema();
}

Result<PlanTable> StandInOf(const ResolvedTable& table) {
  PlanTable stand_in{table.name.database, table.name.table, std::nullopt, {}, table.view_sql};
  if (table.iceberg == nullptr) return stand_in;
  DAYPART_TRY(stand_in.schema, SchemaOf(table));
  if (table.has_positions) stand_in.extras = {"_file VARCHAR", "_pos BIGINT"};
  const bool is_v3 = table.iceberg->metadata.format_version >= 3;
  if (table.has_lineage || (table.has_positions && is_v3)) {
    stand_in.extras.insert(stand_in.extras.end(),
                           {"_row_id BIGINT", "_last_updated_sequence_number BIGINT"});
  }
  return stand_in;
}

}  // namespace daypart::query
