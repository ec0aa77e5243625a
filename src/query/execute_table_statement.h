// SPDX-License-Identifier: Apache-2.0
//
// Carries out a statement that makes, changes or drops a table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/table.h"
#include "query/engine.h"

namespace daypart::query {

struct TableStatementResult {
  std::string done;  // for people: "table media.t created with 3 rows"
  /// Of CALL and of CREATE TABLE … AS: the snapshots before and after.
  std::optional<iceberg::SnapshotId> previous_snapshot_id;
  std::optional<iceberg::SnapshotId> current_snapshot_id;
  int64_t rows_added = 0;
};

/// errors: those of ParseTableStatement; kNotFound and kAlreadyExists for the table; those of the
///   change, in which case the table is as it was.
Result<TableStatementResult> ExecuteTableStatement(const lake::LakeContext& context,
                                                   catalog::RawCatalog& raw,
                                                   const EngineOptions& options,
                                                   std::string_view sql,
                                                   const lake::WriteOptions& write);

}  // namespace daypart::query
