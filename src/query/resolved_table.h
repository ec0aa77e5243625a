// SPDX-License-Identifier: Apache-2.0
//
// A table of a statement once it is known what it is: an Iceberg table at a snapshot, rows about
// one, a raw table, rows that somebody bound, or a view file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/hot_rows.h"
#include "lake/metadata_table.h"
#include "lake/raw_files.h"
#include "lake/table.h"
#include "query/plan_tables.h"
#include "source/batch_source.h"

namespace daypart::query {

struct ResolvedTable {
  catalog::TableName name;
  size_t references = 0;
  std::unique_ptr<lake::LoadedTable> iceberg;
  /// Rows beyond that snapshot; null for none. Shared with the functions that read them.
  std::shared_ptr<const lake::HotRows> hot;
  bool may_lack_rows = false;  // acknowledged ones, because a stream is behind
  std::unique_ptr<catalog::RawTable> raw;
  std::optional<std::vector<lake::RawFile>> raw_files;  // that stand for `raw`; else all of it
  bool has_positions = false;  // `_file` and `_pos` are columns too
  bool has_lineage = false;    // so are those of the row lineage
  std::optional<lake::MetadataTableKind> metadata_kind;  // rows about `iceberg`
  source::BatchSource* bound = nullptr;
  std::string view_sql;  // of a view file

  /// Rows of an Iceberg table: the same however often they are read.
  bool is_snapshot() const { return iceberg != nullptr && hot == nullptr && !metadata_kind; }
};

/// Columns of a table that has `iceberg`.
Result<iceberg::Schema> SchemaOf(const ResolvedTable& table);

/// What the statement is planned over in place of a table that has `iceberg` or is a view.
Result<PlanTable> StandInOf(const ResolvedTable& table);

}  // namespace daypart::query
