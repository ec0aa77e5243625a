// SPDX-License-Identifier: Apache-2.0
//
// BatchList: a few batches of one schema in memory as a source of rows, for what is written once
// and is small.
#pragma once

#include <arrow/type_fwd.h>

#include <atomic>
#include <memory>
#include <vector>

#include "base/result.h"
#include "source/batch_source.h"

namespace daypart::lake {

class BatchList : public source::BatchSource {
 public:
  explicit BatchList(std::shared_ptr<arrow::Schema> schema) : schema_(std::move(schema)) {}

  /// Before the first cursor.
  void Add(std::shared_ptr<arrow::RecordBatch> batch) { batches_.push_back(std::move(batch)); }
  void Clear() { batches_.clear(); }
  size_t batches_count() const { return batches_.size(); }
  /// All rows as one batch, dictionaries made one; null if there are no batches.
  Result<std::shared_ptr<arrow::RecordBatch>> Concatenate() const;

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override;

 private:
  class Cursor;

  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::atomic<size_t> next_{0};
};

}  // namespace daypart::lake
