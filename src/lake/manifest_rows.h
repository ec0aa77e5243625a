// SPDX-License-Identifier: Apache-2.0
//
// Rows of those metadata tables that are read from a snapshot's manifests: `t$manifests`,
// `t$files`, `t$entries` and `t$partitions`. Fields tells the columns that the rows have.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "lake/cell_batch.h"
#include "lake/file_cells.h"
#include "lake/table.h"

namespace daypart::lake {

struct ManifestRows {
  static std::vector<iceberg::NestedField> Fields();
  static Result<std::vector<CellRow>> Of(const iceberg::TableMetadata& metadata,
                                         std::span<const iceberg::ManifestFile> manifests);
};

struct EntryRows {
  static std::vector<iceberg::NestedField> FileFields(const FileCells& cells);
  static std::vector<iceberg::NestedField> EntryFields(const FileCells& cells);
  /// The live files of a manifest, or all its entries, deleted ones too.
  static Result<std::vector<CellRow>> Of(const LakeContext& context,
                                         const iceberg::ManifestFile& listed,
                                         const FileCells& cells, bool has_entries);
};

struct PartitionRows {
  static std::vector<iceberg::NestedField> Fields(const FileCells& cells);
  /// One row a partition, files of several specs under one row where their values agree.
  static Result<std::vector<CellRow>> Of(const LakeContext& context,
                                         const iceberg::TableMetadata& metadata,
                                         std::span<const iceberg::ManifestFile> manifests);
};

}  // namespace daypart::lake
