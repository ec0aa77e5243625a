// SPDX-License-Identifier: Apache-2.0
//
// TableWriter: rows -> data files of a table, not yet committed. Several threads share one, so that
// a partition's rows gather in one file whichever thread brings them; a file that is being encoded
// is passed over, and the partition gets another. WriteDataFiles runs the threads over a source.
// Memory is bounded by flushing the fullest partition's rows as a row group when all that wait
// exceed the budget, and by a limit on files open at a time. Where rows come in about the order of
// their partitions, files that get no more of them are completed on the way.
#pragma once

#include <arrow/type_fwd.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "lake/data_file_writer.h"
#include "lake/table.h"
#include "store/task_pool.h"

namespace daypart::lake {

/// Rows of a file that came from one batch of the source, in that batch's order.
struct SourceRun {
  int64_t rows = 0;
  uint64_t batch_index = 0;
  /// Their numbers in the batch, rising; empty if they are 0, 1, 2, …
  std::vector<uint32_t> row_numbers;
};

/// A data file and where its rows came from (only if asked for).
struct WrittenFile {
  iceberg::DataFile file;
  std::vector<SourceRun> runs;
};

struct TableWriterOptions {
  int64_t file_bytes_target = 0;
  int64_t row_group_rows = 0;
  int64_t buffer_bytes_max = 0;
  int64_t quiet_bytes_max = INT64_MAX;
  int zstd_level = 1;
  /// Threads that Write; with more than one, files are brought to disk by further threads.
  int threads_count = 1;
  bool keeps_runs = false;
  bool keeps_order = false;
};

class TableWriter {
 public:
  /// context and metadata must outlive the writer; metadata tells schema, spec and location.
  TableWriter(const LakeContext& context, const iceberg::TableMetadata& metadata,
              std::shared_ptr<arrow::Schema> arrow_schema, TableWriterOptions options);
  ~TableWriter();

  /// Thread-safe. batch: conformed to the table (see BatchConformer).
  Status Write(const std::shared_ptr<arrow::RecordBatch>& batch, uint64_t batch_index);
  /// Completes files until none is left that no other thread is at: for all threads at once, after
  /// the last Write.
  Status CloseFiles();
  /// After CloseFiles: waits until all files are on disk.
  Result<std::vector<WrittenFile>> Finish();
  /// Locations of all files that may be there, for removal when the write is given up. Waits for
  /// those under way.
  std::vector<std::string> finished_locations();

 private:
  struct OpenFile {
    std::unique_ptr<DataFileWriter> writer;
    std::vector<SourceRun> runs;
    int64_t fed_at_bytes = 0;  // fed_bytes_ as of its last rows
    bool is_busy = false;  // a thread encodes it without holding the mutex
  };
  using OpenFiles = std::multimap<iceberg::PartitionTuple, OpenFile>;

  const iceberg::SortOrder* SortOrderOf() const;
  Result<std::unique_ptr<DataFileWriter>> NewFile(const iceberg::PartitionTuple& partition) const;
  // With mutex_ held, which those with a lock give up while they encode.
  Result<OpenFiles::iterator> FileOf(const iceberg::PartitionTuple& partition);
  Status Encode(OpenFiles::iterator file, bool is_last, std::unique_lock<std::mutex>& lock);
  Status KeepWithinBudget(std::unique_lock<std::mutex>& lock);
  Status Publish(std::unique_ptr<DataFileWriter> writer, std::unique_lock<std::mutex>& lock);

  const LakeContext& context_;
  const iceberg::TableMetadata& metadata_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  TableWriterOptions options_;
  MetricsConfig metrics_config_;

  std::mutex mutex_;  // guards what follows
  OpenFiles open_;
  int64_t fed_bytes_ = 0;  // of all rows so far
  std::vector<WrittenFile> finished_;
  std::deque<std::future<Status>> unpublished_;
  std::unique_ptr<store::TaskPool> publishers_;  // last: its threads end before the rest goes
};

/// <location>/data, or what write.data.path says.
std::string DataLocation(const iceberg::TableMetadata& metadata);

/// Runs the source through options.threads_count writers. On error no file is left behind.
/// returns: the files in no particular order; none for an empty source.
Result<std::vector<WrittenFile>> WriteDataFiles(const LakeContext& context,
                                                const iceberg::TableMetadata& metadata,
                                                source::BatchSource& rows,
                                                const WriteOptions& options, bool keeps_runs);

/// Deletes files that no commit refers to. Failures are ignored: what stays is an orphan, no harm.
void RemoveUncommitted(const LakeContext& context, const std::vector<std::string>& locations);

/// Runs `work(index)` on `threads_count` threads and returns the first error by index, if any.
Status RunInParallel(int threads_count, const std::function<Status(int)>& work);

}  // namespace daypart::lake
