// SPDX-License-Identifier: Apache-2.0
//
// DeleteFilter: which rows of a data file its delete files take away, as one bit a row. Reads all
// three kinds: position delete files, equality delete files and deletion vectors. Source: Iceberg
// table spec, "Row-level Deletes"; Puffin spec.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "iceberg/position_set.h"
#include "lake/row_bitmap.h"
#include "lake/table.h"

namespace daypart::lake {

/// Thread-safe. Keeps what it has read of position delete files, which often concern many data
/// files.
class DeleteFilter {
 public:
  /// context and metadata must outlive the filter.
  DeleteFilter(const LakeContext& context, const iceberg::TableMetadata& metadata)
      : context_(context), metadata_(metadata) {}

  /// The rows of `file` that `deletes` take away; null if there are no delete files.
  /// errors: kCorruptData for a delete file that is damaged or has a position beyond the file;
  ///   kUnsupported for equality on a nested column; those of the store.
  Result<std::unique_ptr<RowBitmap>> DeletedRows(const iceberg::DataFile& file,
                                                 iceberg::SpecId spec_id,
                                                 const std::vector<iceberg::DataFile>& deletes);

 private:
  using Positions = std::map<std::string, iceberg::PositionSet, std::less<>>;
  Result<std::shared_ptr<const Positions>> PositionsOf(const iceberg::DataFile& deleted);
  Status AddEquality(const iceberg::DataFile& file, iceberg::SpecId spec_id,
                     const iceberg::DataFile& deleted, RowBitmap& rows) const;

  const LakeContext& context_;
  const iceberg::TableMetadata& metadata_;
  std::mutex mutex_;  // guards positions_
  std::map<std::string, std::shared_ptr<const Positions>> positions_;
};

/// Positions of a deletion vector's or a position delete file's rows in one data file.
/// errors: as DeleteFilter::DeletedRows.
Result<iceberg::PositionSet> ReadDeletionVector(store::ObjectStore& store,
                                                const iceberg::DataFile& vector);

/// Columns of position delete files: file_path and pos with the ids that the spec reserves.
const iceberg::Schema& PositionDeleteSchema();

}  // namespace daypart::lake
