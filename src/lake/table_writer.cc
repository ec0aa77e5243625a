// SPDX-License-Identifier: Apache-2.0
//
// Fan-out of rows to the files of their partitions.
#include "lake/table_writer.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <utility>

#include "lake/batch_conformer.h"
#include "lake/row_partitioner.h"

namespace daypart::lake {
namespace {

/// Files that a thread keeps open; each holds a write buffer and Parquet's column writers.
constexpr size_t kOpenFilesMax = 48;
/// Threads that wait for the disk: file systems bring many files to it in one go (5.5 ms a file of
/// 1 MB one after the other, 0.9 ms with eight at a time).
constexpr int kPublishersCount = 8;
/// Complete files that wait for them; each holds a descriptor and a write buffer.
constexpr size_t kUnpublishedMax = 24;

}  // namespace

std::string DataLocation(const iceberg::TableMetadata& metadata) {
  return metadata.Property("write.data.path", metadata.location + "/data");
}

TableWriter::TableWriter(const LakeContext& context, const iceberg::TableMetadata& metadata,
                         std::shared_ptr<arrow::Schema> arrow_schema, TableWriterOptions options)
    : context_(context),
      metadata_(metadata),
      arrow_schema_(std::move(arrow_schema)),
      options_(options),
      metrics_config_(MetricsConfig::Of(metadata)) {}

TableWriter::~TableWriter() = default;

Result<std::unique_ptr<DataFileWriter>> TableWriter::NewFile(
    const iceberg::PartitionTuple& partition) const {
  DAYPART_TRY(
      const std::string path,
      iceberg::PartitionPath(metadata_.default_spec(), metadata_.current_schema(), partition));
  std::string location = DataLocation(metadata_) + '/';
  if (!path.empty()) location += path + '/';
  location += NewUuid(context_.random) + ".parquet";
  return std::make_unique<DataFileWriter>(context_.store, metadata_.current_schema(), arrow_schema_,
                                          DataFileOptions{.location = std::move(location),
                                                          .partition = partition,
                                                          .row_group_rows = options_.row_group_rows,
                                                          .zstd_level = options_.zstd_level,
                                                          .sort_order = SortOrderOf(),
                                                          .metrics = metrics_config_});
}

Result<TableWriter::OpenFiles::iterator> TableWriter::FileOf(
    const iceberg::PartitionTuple& partition) {
  const auto [begin, end] = open_.equal_range(partition);
  for (auto file = begin; file != end; ++file) {
    if (!file->second.is_busy) return file;
  }
  DAYPART_TRY(auto writer, NewFile(partition));
  OpenFile file;
  file.writer = std::move(writer);
  return open_.emplace(partition, std::move(file));
}

/// Null for an unsorted table, and where the place of each row must be known: a merge's staged
/// files are sorted when they are compacted.
const iceberg::SortOrder* TableWriter::SortOrderOf() const {
  if (options_.keeps_runs || options_.keeps_order) return nullptr;
  for (const iceberg::SortOrder& order : metadata_.sort_orders) {
    if (order.id == metadata_.default_sort_order_id && !order.fields.empty()) return &order;
  }
  return nullptr;
}

/// Writes what waits in the file; is_last, or if it has its size by then, completes it.
Status TableWriter::Encode(OpenFiles::iterator file, bool is_last,
                           std::unique_lock<std::mutex>& lock) {
  OpenFile& own = file->second;
  own.is_busy = true;
  lock.unlock();
  Status done = own.writer->Flush();
  Result<iceberg::DataFile> entry = iceberg::DataFile{};
  const bool closes = is_last || own.writer->written_bytes() >= options_.file_bytes_target;
  if (done && closes) {
    entry = own.writer->Complete();
    if (!entry) done = std::move(entry).error();
  }
  lock.lock();
  if (!done) return done;  // Nobody else is to go on with the half of a file.
  own.is_busy = false;
  if (!closes) return done;
  finished_.push_back({.file = std::move(entry).value(), .runs = std::move(own.runs)});
  auto writer = std::move(own.writer);
  open_.erase(file);
  return Publish(std::move(writer), lock);
}

Status TableWriter::Publish(std::unique_ptr<DataFileWriter> writer,
                            std::unique_lock<std::mutex>& lock) {
  if (options_.threads_count == 1) return writer->Publish();
  while (unpublished_.size() >= kUnpublishedMax) {
    auto oldest = std::move(unpublished_.front());
    unpublished_.pop_front();
    lock.unlock();
    DAYPART_RETURN_IF_ERROR(oldest.get());
    lock.lock();
  }
  if (publishers_ == nullptr) publishers_ = std::make_unique<store::TaskPool>(kPublishersCount);
  // Shared, because a task is copied.
  std::shared_ptr<DataFileWriter> shared = std::move(writer);
  unpublished_.push_back(publishers_->Submit([shared] { return shared->Publish(); }));
  return Ok();
}

Status TableWriter::KeepWithinBudget(std::unique_lock<std::mutex>& lock) {
  while (true) {
    int64_t waiting_bytes = 0;
    size_t open_files = 0;
    auto fullest = open_.end();
    auto largest_open = open_.end();
    auto quietest = open_.end();
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      const OpenFile& file = it->second;
      if (file.is_busy) continue;  // Its rows are on their way out.
      const int64_t waiting = file.writer->waiting_bytes();
      waiting_bytes += waiting;
      if (fullest == open_.end() || waiting > fullest->second.writer->waiting_bytes()) {
        fullest = it;
      }
      if (quietest == open_.end() || file.fed_at_bytes < quietest->second.fed_at_bytes) {
        quietest = it;
      }
      if (!file.writer->is_open()) continue;
      ++open_files;
      if (largest_open == open_.end() ||
          file.writer->written_bytes() > largest_open->second.writer->written_bytes()) {
        largest_open = it;
      }
    }
    const bool has_quiet = quietest != open_.end() && fed_bytes_ - quietest->second.fed_at_bytes >
                                                          options_.quiet_bytes_max;
    if (has_quiet) {
      DAYPART_RETURN_IF_ERROR(Encode(quietest, true, lock));
    } else if (open_files > kOpenFilesMax * static_cast<size_t>(options_.threads_count)) {
      DAYPART_RETURN_IF_ERROR(Encode(largest_open, true, lock));
    } else if (waiting_bytes > options_.buffer_bytes_max) {
      DAYPART_RETURN_IF_ERROR(Encode(fullest, false, lock));
    } else {
      return Ok();
    }
  }
}

Status TableWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch, uint64_t batch_index) {
  DAYPART_TRY(auto parts,
              SplitByPartition(batch, metadata_.current_schema(), metadata_.default_spec()));
  std::unique_lock lock(mutex_);
  for (PartitionRows& part : parts) {
    DAYPART_TRY(const auto file, FileOf(part.partition));
    const int64_t rows = part.rows->num_rows();
    fed_bytes_ += file->second.writer->Add(std::move(part.rows));
    file->second.fed_at_bytes = fed_bytes_;
    if (options_.keeps_runs) {
      file->second.runs.push_back(
          {.rows = rows, .batch_index = batch_index, .row_numbers = std::move(part.row_numbers)});
    }
    if (file->second.writer->is_group_full()) {
      DAYPART_RETURN_IF_ERROR(Encode(file, false, lock));
    }
  }
  return KeepWithinBudget(lock);
}

Status TableWriter::CloseFiles() {
  std::unique_lock lock(mutex_);
  while (true) {
    auto fullest = open_.end();  // first, so that the threads end at about the same time
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      if (it->second.is_busy) continue;
      if (fullest == open_.end() ||
          it->second.writer->waiting_bytes() > fullest->second.writer->waiting_bytes()) {
        fullest = it;
      }
    }
    if (fullest == open_.end()) return Ok();
    DAYPART_RETURN_IF_ERROR(Encode(fullest, true, lock));
  }
}

Result<std::vector<WrittenFile>> TableWriter::Finish() {
  const std::lock_guard lock(mutex_);
  for (; !unpublished_.empty(); unpublished_.pop_front()) {
    DAYPART_RETURN_IF_ERROR(unpublished_.front().get());
  }
  return std::move(finished_);
}

std::vector<std::string> TableWriter::finished_locations() {
  const std::lock_guard lock(mutex_);
  publishers_.reset();
  std::vector<std::string> locations;
  for (const WrittenFile& file : finished_) locations.push_back(file.file.location);
  return locations;
}

Status RunInParallel(int threads_count, const std::function<Status(int)>& work) {
  std::vector<Status> statuses(static_cast<size_t>(threads_count));
  std::vector<std::thread> threads;
  const auto run = [&](int index) {
    try {
      statuses[static_cast<size_t>(index)] = work(index);
    } catch (const std::exception& exception) {
      // Arrow and the standard library throw when memory runs out.
      statuses[static_cast<size_t>(index)] = ResourceExhausted(exception.what());
    }
  };
  for (int index = 1; index < threads_count; ++index) threads.emplace_back(run, index);
  run(0);
  for (std::thread& thread : threads) thread.join();
  for (Status& status : statuses) {
    if (!status) return std::move(status);
  }
  return Ok();
}

Result<std::vector<WrittenFile>> WriteDataFiles(const LakeContext& context,
                                                const iceberg::TableMetadata& metadata,
                                                source::BatchSource& rows,
                                                const WriteOptions& options, bool keeps_runs) {
  DAYPART_TRY(const BatchConformer conformer,
              BatchConformer::Make(metadata.current_schema(), *rows.schema()));
  std::atomic<bool> has_failed{false};
  const int threads_count = std::max(1, options.threads_count);
  TableWriter writer(context, metadata, conformer.schema(),
                     {.file_bytes_target = options.file_bytes_target,
                      .row_group_rows = options.row_group_rows,
                      .buffer_bytes_max = options.buffer_bytes_max,
                      .quiet_bytes_max = options.quiet_bytes_max,
                      .zstd_level = options.zstd_level,
                      .threads_count = threads_count,
                      .keeps_runs = keeps_runs,
                      .keeps_order = options.keeps_order});
  const auto write = [&]() -> Status {
    DAYPART_TRY(const auto cursor, rows.NewCursor());
    while (!has_failed.load(std::memory_order_relaxed)) {
      DAYPART_RETURN_IF_ERROR(context.cancel.Check());
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      DAYPART_TRY(const auto conformed, conformer.Conform(*batch));
      DAYPART_RETURN_IF_ERROR(writer.Write(conformed, cursor->batch_index()));
    }
    return Ok();
  };
  Status status = RunInParallel(threads_count, [&](int) -> Status {
    Status written = write();
    if (!written) has_failed.store(true, std::memory_order_relaxed);
    return written;
  });
  if (status) {
    status = RunInParallel(threads_count, [&](int) { return writer.CloseFiles(); });
  }
  if (status) {
    auto files = writer.Finish();
    if (files) return files;
    status = std::move(files).error();
  }
  RemoveUncommitted(context, writer.finished_locations());
  return std::move(status).error();
}

void RemoveUncommitted(const LakeContext& context, const std::vector<std::string>& locations) {
  for (const std::string& location : locations) {
    (void)context.store.Delete(
        location);  // an orphan at worst; the caller has its own error to tell
  }
}

}  // namespace daypart::lake
