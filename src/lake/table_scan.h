// SPDX-License-Identifier: Apache-2.0
//
// TableScan: data files as a BatchSource, a row group at a time, rows marked as dropped left out.
// Reading a table, and rewriting files without some of their rows, are both this.
#pragma once

#include <memory>
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
};

/// context and metadata must outlive the source. columns: empty for all.
Result<std::unique_ptr<source::BatchSource>> MakeTableScan(const LakeContext& context,
                                                           iceberg::TableMetadata metadata,
                                                           std::vector<FileToScan> files,
                                                           std::vector<std::string> columns);

}  // namespace daypart::lake
