// SPDX-License-Identifier: Apache-2.0
//
// SharedSource: the frame of sources that give one row of batches, whoever asks: a merge, a file
// that is read from its begin to its end, the rest of another cursor.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "source/batch_source.h"

namespace daypart::source {

class SharedSource : public BatchSource {
 public:
  std::shared_ptr<arrow::Schema> schema() const final { return schema_; }
  Result<std::unique_ptr<BatchCursor>> NewCursor() final {
    return std::unique_ptr<BatchCursor>(std::make_unique<Cursor>(*this));
  }

 protected:
  explicit SharedSource(std::shared_ptr<arrow::Schema> schema) : schema_(std::move(schema)) {}
  /// The next batch; null at the end, and again after it. Never called by two threads at a time.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() = 0;

 private:
  class Cursor final : public BatchCursor {
   public:
    explicit Cursor(SharedSource& source) : source_(source) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      const std::lock_guard lock(source_.mutex_);
      index_ = source_.next_index_++;
      return source_.NextBatch();
    }
    uint64_t batch_index() const override { return index_; }

   private:
    SharedSource& source_;
    uint64_t index_ = 0;
  };

  std::shared_ptr<arrow::Schema> schema_;
  std::mutex mutex_;  // guards next_index_, and what NextBatch works on
  uint64_t next_index_ = 0;
};

}  // namespace daypart::source
