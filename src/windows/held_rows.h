// SPDX-License-Identifier: Apache-2.0
//
// Rows held in memory as a source: what one statement found, for the next one to join with.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "source/batch_source.h"

namespace daypart::windows {

class HeldRows final : public source::BatchSource {
 public:
  explicit HeldRows(std::shared_ptr<arrow::Schema> schema) : schema_(std::move(schema)) {}

  void Add(std::shared_ptr<arrow::RecordBatch> batch) { batches_.push_back(std::move(batch)); }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  /// One cursor at a time; each gives all rows.
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*this));
  }

 private:
  class Cursor final : public source::BatchCursor {
   public:
    explicit Cursor(const HeldRows& rows) : rows_(rows) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (next_ == rows_.batches_.size()) return std::shared_ptr<arrow::RecordBatch>();
      return rows_.batches_[next_++];
    }

   private:
    const HeldRows& rows_;
    size_t next_ = 0;
  };

  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
};

}  // namespace daypart::windows
