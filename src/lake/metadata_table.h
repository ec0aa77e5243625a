// SPDX-License-Identifier: Apache-2.0
//
// Metadata tables: what a table is made of as rows of tables of their own, `t$files` and so on.
// Columns are those that Iceberg's metadata tables have in Spark, so that queries written for these
// run here. A partition or metrics struct that would have no field is left out. Source: Iceberg
// documentation, "Spark Queries", "Inspecting tables".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

enum class MetadataTableKind {
  kSnapshots,
  kHistory,
  kRefs,
  kMetadataLogEntries,
  kManifests,
  kFiles,
  kDataFiles,
  kDeleteFiles,
  kEntries,
  kPartitions,
};

/// "viewership$files" -> "viewership" and kFiles; nullopt for a name without '$'.
/// errors: kInvalidArgument for a word after '$' that is none of these tables.
Result<std::optional<std::pair<std::string, MetadataTableKind>>> ParseMetadataTableName(
    std::string_view name);

/// Whether the table is of one snapshot, so that FOR VERSION AS OF makes sense with it.
bool is_of_snapshot(MetadataTableKind kind);

/// The metadata table's own columns. They depend on the table: partition fields of all its specs,
/// metrics of its columns.
Result<iceberg::Schema> MetadataTableSchema(const LoadedTable& table, MetadataTableKind kind);

/// Its rows, those of files and entries a manifest at a time. context must outlive the source.
Result<std::unique_ptr<source::BatchSource>> OpenMetadataTable(const LakeContext& context,
                                                               const LoadedTable& table,
                                                               MetadataTableKind kind);

}  // namespace daypart::lake
