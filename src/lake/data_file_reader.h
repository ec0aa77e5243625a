// SPDX-License-Identifier: Apache-2.0
//
// DataFileReader: row groups of one Parquet data file as batches of a table's schema. Columns are
// matched by field id, so that a file written before a rename, an added column or a widened type is
// read as the table is now. Source: Iceberg table spec, "Column Projection".
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "store/object_store.h"

namespace daypart::lake {

class DataFileReader {
 public:
  /// Opens the file and reads its footer. columns: names of the table's top-level columns to read,
  /// in that order; empty for all. Both the spec of the file's partition and the schema come from
  /// metadata, which must outlive the reader. errors: kCorruptData if the file is not Parquet or
  /// contradicts its manifest entry (length, rows);
  ///   kUnsupported for another format, or a column whose type cannot become the table's.
  static Result<std::unique_ptr<DataFileReader>> Open(store::ObjectStore& store,
                                                      const iceberg::TableMetadata& metadata,
                                                      const iceberg::DataFile& file,
                                                      iceberg::SpecId spec_id,
                                                      const std::vector<std::string>& columns);
  ~DataFileReader();

  int row_groups_count() const;
  int64_t rows_in_group(int row_group) const;
  /// Number of the row group's first row in the file.
  int64_t first_row_of_group(int row_group) const;
  /// Whether the row group may hold a row for which the expression is true, by the footer's
  /// statistics of whole numbers, dates and timestamps; those of other types are not looked at.
  bool MayMatch(int row_group, const iceberg::Expression& filter) const;
  /// All rows of a row group as one batch; utf8 columns may be dictionaries.
  Result<std::shared_ptr<arrow::RecordBatch>> ReadRowGroup(int row_group);

 private:
  struct State;
  explicit DataFileReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The Arrow schema that a read of these columns gives.
Result<std::shared_ptr<arrow::Schema>> ReadSchema(const iceberg::Schema& schema,
                                                  const std::vector<std::string>& columns);

}  // namespace daypart::lake
