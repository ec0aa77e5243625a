// SPDX-License-Identifier: Apache-2.0
//
// Row groups dealt out to cursors in file order.
#include "lake/table_scan.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "lake/arrow_io.h"
#include "lake/data_file_reader.h"
#include "lake/delete_filter.h"
#include "lake/row_lineage.h"

namespace daypart::lake {
namespace {

/// Where the next row group is; shared by the cursors of a scan.
class Dealer {
 public:
  struct Turn {
    size_t file = 0;
    int row_group = 0;
    uint64_t index = 0;
  };

  /// The next row group that `row_groups_count(file)` says there is.
  template <typename CountOf>
  Result<std::optional<Turn>> Next(size_t files_count, const CountOf& row_groups_count) {
    const std::lock_guard lock(mutex_);
    while (file_ < files_count) {
      DAYPART_TRY(const int count, row_groups_count(file_));
      if (row_group_ < count) return std::optional(Turn{file_, row_group_++, index_++});
      ++file_;
      row_group_ = 0;
    }
    return std::optional<Turn>();
  }

 private:
  std::mutex mutex_;  // guards file_, row_group_, index_
  size_t file_ = 0;
  int row_group_ = 0;
  uint64_t index_ = 0;
};

class TableScan final : public source::BatchSource {
 public:
  TableScan(const LakeContext& context, iceberg::TableMetadata metadata,
            std::vector<FileToScan> files, std::vector<std::string> columns,
            std::shared_ptr<arrow::Schema> schema, bool has_positions,
            iceberg::Expression row_groups_filter)
      : context_(context),
        metadata_(std::move(metadata)),
        files_(std::move(files)),
        columns_(std::move(columns)),
        schema_(std::move(schema)),
        has_positions_(has_positions),
        row_groups_filter_(std::move(row_groups_filter)),
        filter_(context_, metadata_) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*this));
  }

 private:
  class Cursor final : public source::BatchCursor {
   public:
    explicit Cursor(TableScan& scan) : scan_(scan) {}

    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      DAYPART_TRY(const auto turn, NextTurn());
      if (!turn) return std::shared_ptr<arrow::RecordBatch>();
      index_ = turn->index;
      DAYPART_TRY(auto batch, reader_->ReadRowGroup(turn->row_group));
      const FileToScan& entry = scan_.files_[turn->file];
      const RowBitmap* dropped = entry.dropped;
      const int64_t first_row = reader_->first_row_of_group(turn->row_group);
      DAYPART_TRY(batch, InheritLineage(std::move(batch),
                                        {.first_row_id = entry.file.first_row_id,
                                         .sequence_number = entry.sequence_number},
                                        first_row));
      if (scan_.has_positions_) {
        DAYPART_TRY(batch, WithPositions(*batch, entry.file.location, first_row,
                                         scan_.schema_));
      }
      if (deleted_ != nullptr && dropped != nullptr) {
        return WithoutDropped(std::move(batch), first_row, [&](int64_t row) {
          return deleted_->Test(row) || dropped->Test(row);
        });
      }
      const RowBitmap* only = dropped != nullptr ? dropped : deleted_.get();
      if (only == nullptr) return batch;
      return WithoutDropped(std::move(batch), first_row,
                            [&](int64_t row) { return only->Test(row); });
    }
    uint64_t batch_index() const override { return index_; }

   private:
    /// The next row group that may have rows for the filter, its file open.
    Result<std::optional<Dealer::Turn>> NextTurn() {
      while (true) {
        DAYPART_RETURN_IF_ERROR(scan_.context_.cancel.Check());
        DAYPART_TRY(const auto turn,
                    scan_.dealer_.Next(scan_.files_.size(), [this](size_t file) -> Result<int> {
                      DAYPART_RETURN_IF_ERROR(OpenFile(file));
                      return reader_->row_groups_count();
                    }));
        if (!turn) return turn;
        DAYPART_RETURN_IF_ERROR(OpenFile(turn->file));
        if (reader_->MayMatch(turn->row_group, scan_.row_groups_filter_)) return turn;
      }
    }

    Status OpenFile(size_t file) {
      if (reader_ != nullptr && file_ == file) return Ok();
      const FileToScan& entry = scan_.files_[file];
      DAYPART_TRY(reader_, DataFileReader::Open(scan_.context_.store, scan_.metadata_, entry.file,
                                                entry.spec_id, scan_.columns_));
      DAYPART_TRY(deleted_, scan_.filter_.DeletedRows(entry.file, entry.spec_id, entry.deletes));
      file_ = file;
      return Ok();
    }

    static Result<std::shared_ptr<arrow::RecordBatch>> WithPositions(
        const arrow::RecordBatch& batch, const std::string& location, int64_t first_row,
        const std::shared_ptr<arrow::Schema>& schema) {
      arrow::StringBuilder words;
      arrow::Int64Builder positions;
      DAYPART_RETURN_IF_ERROR(StatusFromArrow(words.Append(location)));
      DAYPART_RETURN_IF_ERROR(StatusFromArrow(positions.Reserve(batch.num_rows())));
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        positions.UnsafeAppend(first_row + row);
      }
      arrow::ArrayVector columns = batch.columns();
      DAYPART_TRY(const auto indices,
                  FromArrow(arrow::MakeArrayFromScalar(arrow::Int32Scalar(0), batch.num_rows())));
      DAYPART_TRY(const auto word, FromArrow(words.Finish()));
      DAYPART_TRY(auto files, FromArrow(arrow::DictionaryArray::FromArrays(indices, word)));
      DAYPART_TRY(auto numbers, FromArrow(positions.Finish()));
      columns.push_back(std::move(files));
      columns.push_back(std::move(numbers));
      return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
    }

    template <typename IsDropped>
    static Result<std::shared_ptr<arrow::RecordBatch>> WithoutDropped(
        std::shared_ptr<arrow::RecordBatch> batch, int64_t first_row, const IsDropped& test) {
      arrow::BooleanBuilder keep;
      DAYPART_RETURN_IF_ERROR(StatusFromArrow(keep.Reserve(batch->num_rows())));
      bool keeps_all = true;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        const bool is_dropped = test(first_row + row);
        keep.UnsafeAppend(!is_dropped);
        keeps_all &= !is_dropped;
      }
      if (keeps_all) return batch;
      DAYPART_TRY(const auto mask, FromArrow(keep.Finish()));
      DAYPART_TRY(const auto kept,
                  FromArrow(arrow::compute::Filter(arrow::Datum(batch), arrow::Datum(mask))));
      return kept.record_batch();
    }

    TableScan& scan_;
    std::unique_ptr<DataFileReader> reader_;
    std::unique_ptr<RowBitmap> deleted_;  // of file_, by its delete files; null for none
    size_t file_ = 0;
    uint64_t index_ = 0;
  };

  const LakeContext& context_;
  iceberg::TableMetadata metadata_;
  std::vector<FileToScan> files_;
  std::vector<std::string> columns_;
  std::shared_ptr<arrow::Schema> schema_;
  bool has_positions_;
  iceberg::Expression row_groups_filter_;
  DeleteFilter filter_;
  Dealer dealer_;
};

}  // namespace

Result<std::unique_ptr<source::BatchSource>> MakeTableScan(const LakeContext& context,
                                                           iceberg::TableMetadata metadata,
                                                           std::vector<FileToScan> files,
                                                           std::vector<std::string> columns,
                                                           bool has_positions,
                                                           iceberg::Expression filter) {
  DAYPART_TRY(auto schema, ReadSchema(metadata.current_schema(), columns));
  if (has_positions) schema = WithPositionFields(*schema);
  return std::unique_ptr<source::BatchSource>(
      std::make_unique<TableScan>(context, std::move(metadata), std::move(files),
                                  std::move(columns), std::move(schema), has_positions,
                                  std::move(filter)));
}

Result<std::unique_ptr<source::BatchSource>> OpenScanWhere(const LakeContext& context,
                                                           const LoadedTable& table, ScanPlan plan,
                                                           const std::vector<std::string>& columns,
                                                           bool has_positions,
                                                           iceberg::Expression filter) {
  std::vector<FileToScan> files;
  for (ScanFile& file : plan.files) {
    files.push_back({.file = std::move(file.file),
                     .spec_id = file.spec_id,
                     .dropped = nullptr,
                     .deletes = std::move(file.deletes),
                     .sequence_number = file.sequence_number});
  }
  const bool has_lineage =
      has_positions || std::ranges::any_of(columns, [](const std::string& column) {
        return column == kRowIdColumn || column == kLastUpdatedColumn;
      });
  return MakeTableScan(context, has_lineage ? WithRowLineage(table.metadata) : table.metadata,
                       std::move(files), columns, has_positions, std::move(filter));
}

Result<std::unique_ptr<source::BatchSource>> OpenScan(const LakeContext& context,
                                                      const LoadedTable& table, ScanPlan plan,
                                                      const std::vector<std::string>& columns,
                                                      bool has_positions) {
  return OpenScanWhere(context, table, std::move(plan), columns, has_positions,
                       iceberg::Expression::True());
}

std::shared_ptr<arrow::Schema> WithPositionFields(const arrow::Schema& schema) {
  arrow::FieldVector fields = schema.fields();
  fields.push_back(arrow::field(kFileColumn, arrow::utf8()));
  fields.push_back(arrow::field(kPositionColumn, arrow::int64()));
  return arrow::schema(std::move(fields));
}

}  // namespace daypart::lake
