// SPDX-License-Identifier: Apache-2.0
//
// Batches dealt out to cursors in order.
#include "lake/batch_list.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/compute/api.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "lake/arrow_io.h"

namespace daypart::lake {

class BatchList::Cursor final : public source::BatchCursor {
 public:
  explicit Cursor(BatchList& list) : list_(list) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    index_ = list_.next_.fetch_add(1);
    if (index_ >= list_.batches_.size()) return std::shared_ptr<arrow::RecordBatch>();
    return list_.batches_[index_];
  }
  uint64_t batch_index() const override { return index_; }

 private:
  BatchList& list_;
  size_t index_ = 0;
};

Result<std::unique_ptr<source::BatchCursor>> BatchList::NewCursor() {
  return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*this));
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchList::Concatenate() const {
  if (batches_.empty()) return std::shared_ptr<arrow::RecordBatch>();
  int64_t rows = 0;
  for (const auto& batch : batches_) rows += batch->num_rows();
  arrow::ArrayVector columns;
  for (int i = 0; i < schema_->num_fields(); ++i) {
    arrow::ArrayVector parts;
    for (const auto& batch : batches_) {
      std::shared_ptr<arrow::Array> part = batch->column(i);
      // Batches differ in whether a text column has a dictionary.
      if (part->type_id() == arrow::Type::DICTIONARY) {
        DAYPART_TRY(const arrow::Datum plain,
                    FromArrow(arrow::compute::Cast(part, schema_->field(i)->type())));
        part = plain.make_array();
      }
      parts.push_back(std::move(part));
    }
    DAYPART_TRY(auto whole, FromArrow(arrow::Concatenate(parts)));
    columns.push_back(std::move(whole));
  }
  return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
}

}  // namespace daypart::lake
