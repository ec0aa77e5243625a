// SPDX-License-Identifier: Apache-2.0
//
// DataFileWriter: rows of one partition -> one Parquet file with field ids, and its manifest entry.
// Rows wait in memory until a row group is full and are then encoded column by column, so that a
// column's dictionary is known before its first page is written. PLAIN and dictionary encodings
// only: every Iceberg reader takes them (docs/decisions).
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/type.h"
#include "lake/file_metrics.h"
#include "lake/metrics_config.h"
#include "store/object_store.h"

namespace daypart::lake {

struct DataFileOptions {
  std::string location;
  iceberg::PartitionTuple partition;
  int64_t row_group_rows = 0;
  int zstd_level = 1;
  /// Order of the rows within each row group; null for that in which they come. Must outlive the
  /// writer.
  const iceberg::SortOrder* sort_order = nullptr;
  MetricsConfig metrics = {};
};

/// Not thread-safe. Destroyed before Finish it leaves no file behind.
class DataFileWriter {
 public:
  /// store, schema and arrow_schema must outlive the writer. arrow_schema: of `schema`, by
  /// ToArrowSchema. The file is opened with the first row group.
  DataFileWriter(store::ObjectStore& store, const iceberg::Schema& schema,
                 std::shared_ptr<arrow::Schema> arrow_schema, DataFileOptions options);
  ~DataFileWriter();
  DataFileWriter(DataFileWriter&&) = delete;

  /// Columns of `batch` are those of the schema, in order; utf8 ones may be dictionaries. Quick:
  /// the rows are only kept. returns: the bytes that are kept.
  int64_t Add(std::shared_ptr<arrow::RecordBatch> batch);
  /// Enough rows wait for a row group: Flush is due.
  bool is_group_full() const { return waiting_rows_ >= options_.row_group_rows; }
  /// Writes the waiting rows as a row group, whatever their number.
  /// errors: kInvalidArgument for a null in a required column; those of the store.
  Status Flush();
  /// Writes what waits and the footer, and tells the file's entry; the file is not there before
  /// Publish, the part that waits for the disk. errors: as Flush.
  Result<iceberg::DataFile> Complete();
  /// After Complete; may be called by another thread. errors: those of the store.
  Status Publish();
  const std::string& location() const { return options_.location; }

  int64_t waiting_bytes() const { return waiting_bytes_; }
  int64_t written_bytes() const;
  int64_t rows_count() const { return rows_count_; }
  bool is_open() const { return stream_ != nullptr; }

 private:
  struct ParquetStream;
  Status Open();
  int64_t WriteBatchRows() const;
  Result<std::vector<int64_t>> WaitingOrder() const;
  Status Measure(const arrow::RecordBatch& batch);

  store::ObjectStore& store_;
  const iceberg::Schema& schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  DataFileOptions options_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> waiting_;
  int64_t waiting_rows_ = 0;
  int64_t waiting_bytes_ = 0;
  int64_t rows_count_ = 0;
  FileMetrics metrics_;
  std::unique_ptr<ParquetStream> stream_;
};

}  // namespace daypart::lake
