// SPDX-License-Identifier: Apache-2.0
//
// TableScan: data files as a BatchSource, a row group at a time, rows marked as dropped left out.
// Reading a table, and rewriting files without some of their rows, are both this.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "lake/row_bitmap.h"
#include "lake/table.h"

namespace daypart::lake {

struct FileToScan {
  iceberg::DataFile file;
  iceberg::SpecId spec_id;
  /// Rows to leave out; null for none. Must outlive the scan.
  const RowBitmap* dropped = nullptr;
  /// Delete files that apply to the file: their rows are left out as well.
  std::vector<iceberg::DataFile> deletes = {};
  /// Of the file's entry: what its rows inherit. Absent for a file that no commit names yet.
  std::optional<iceberg::SequenceNumber> sequence_number = std::nullopt;
};

/// Iceberg's metadata columns: the data file that a row is in, and its number there from 0.
inline constexpr char kFileColumn[] = "_file";
inline constexpr char kPositionColumn[] = "_pos";

/// context must outlive the source. columns: empty for all. With metadata by WithRowLineage the
/// rows have their lineage.
/// has_positions: the batches have `_file` (dictionary<int32, utf8>) and `_pos` (int64) at the end.
Result<std::unique_ptr<source::BatchSource>> MakeTableScan(const LakeContext& context,
                                                           iceberg::TableMetadata metadata,
                                                           std::vector<FileToScan> files,
                                                           std::vector<std::string> columns,
                                                           bool has_positions = false,
                                                           iceberg::Expression filter = {});

/// Like OpenScan, but row groups for which the filter cannot be true are left out: to other rows
/// it is not applied.
Result<std::unique_ptr<source::BatchSource>> OpenScanWhere(const LakeContext& context,
                                                           const LoadedTable& table, ScanPlan plan,
                                                           const std::vector<std::string>& columns,
                                                           bool has_positions,
                                                           iceberg::Expression filter);

/// The schema with `_file` and `_pos` at its end.
std::shared_ptr<arrow::Schema> WithPositionFields(const arrow::Schema& schema);

}  // namespace daypart::lake
