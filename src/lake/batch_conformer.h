// SPDX-License-Identifier: Apache-2.0
//
// BatchConformer: batches as a source gives them -> batches as the table has its columns: matched
// by name, in the schema's order, of the schema's types, missing optional columns null.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace daypart::lake {

class BatchConformer {
 public:
  /// errors: kInvalidArgument if `source` has a column that the table lacks, lacks one that the
  /// table
  ///   requires, or has one of a type that does not convert without loss.
  static Result<BatchConformer> Make(const iceberg::Schema& table, const arrow::Schema& source);

  /// errors: kInvalidArgument if a value does not fit, naming the column.
  Result<std::shared_ptr<arrow::RecordBatch>> Conform(const arrow::RecordBatch& batch) const;

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

 private:
  std::shared_ptr<arrow::Schema> schema_;   // the table's; shared because Arrow shares its schemas
  std::vector<int> source_columns_;         // one a table column, -1 where the source has none
  std::vector<iceberg::Type> types_;        // of the table's columns
  std::vector<iceberg::Literal> defaults_;  // write defaults; null for none
};

}  // namespace daypart::lake
