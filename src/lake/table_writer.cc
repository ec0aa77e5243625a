// SPDX-License-Identifier: Apache-2.0
//
// Fan-out of rows to the files of their partitions.
#include "lake/table_writer.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "lake/batch_conformer.h"
#include "lake/row_partitioner.h"

namespace daypart::lake {
namespace {

/// Files that one writer keeps open; each holds a write buffer and Parquet's column writers.
constexpr size_t kOpenFilesMax = 48;

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

Result<TableWriter::OpenFile*> TableWriter::FileOf(const iceberg::PartitionTuple& partition) {
  const auto found = open_.find(partition);
  if (found != open_.end()) return &found->second;
  DAYPART_TRY(
      const std::string path,
      iceberg::PartitionPath(metadata_.default_spec(), metadata_.current_schema(), partition));
  std::string location = DataLocation(metadata_) + '/';
  if (!path.empty()) location += path + '/';
  location += NewUuid(context_.random) + ".parquet";
  OpenFile file;
  file.writer =
      std::make_unique<DataFileWriter>(context_.store, metadata_.current_schema(), arrow_schema_,
                                       DataFileOptions{.location = std::move(location),
                                                       .partition = partition,
                                                       .row_group_rows = options_.row_group_rows,
                                                       .zstd_level = options_.zstd_level,
                                                       .sort_order = SortOrderOf(),
                                                       .metrics = metrics_config_});
  return &open_.emplace(partition, std::move(file)).first->second;
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

Status TableWriter::Close(OpenFile& file) {
  DAYPART_TRY(auto data_file, file.writer->Finish());
  finished_.push_back({.file = std::move(data_file), .runs = std::move(file.runs)});
  return Ok();
}

Status TableWriter::KeepWithinBudget() {
  while (true) {
    int64_t waiting_bytes = 0;
    size_t open_files = 0;
    auto fullest = open_.begin();
    auto largest_open = open_.end();
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      waiting_bytes += it->second.writer->waiting_bytes();
      if (it->second.writer->waiting_bytes() > fullest->second.writer->waiting_bytes()) {
        fullest = it;
      }
      if (!it->second.writer->is_open()) continue;
      ++open_files;
      if (largest_open == open_.end() ||
          it->second.writer->written_bytes() > largest_open->second.writer->written_bytes()) {
        largest_open = it;
      }
    }
    if (open_files > kOpenFilesMax) {
      DAYPART_RETURN_IF_ERROR(Close(largest_open->second));
      open_.erase(largest_open);
    } else if (waiting_bytes > options_.buffer_bytes_max) {
      DAYPART_RETURN_IF_ERROR(fullest->second.writer->Flush());
    } else {
      return Ok();
    }
  }
}

Status TableWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch, uint64_t batch_index) {
  DAYPART_TRY(auto parts,
              SplitByPartition(batch, metadata_.current_schema(), metadata_.default_spec()));
  for (PartitionRows& part : parts) {
    DAYPART_TRY(OpenFile * file, FileOf(part.partition));
    const int64_t rows = part.rows->num_rows();
    DAYPART_RETURN_IF_ERROR(file->writer->Add(std::move(part.rows)));
    if (options_.keeps_runs) {
      file->runs.push_back(
          {.rows = rows, .batch_index = batch_index, .row_numbers = std::move(part.row_numbers)});
    }
    if (file->writer->written_bytes() >= options_.file_bytes_target) {
      DAYPART_RETURN_IF_ERROR(Close(*file));
      open_.erase(part.partition);
    }
  }
  return KeepWithinBudget();
}

Result<std::vector<WrittenFile>> TableWriter::Finish() {
  while (!open_.empty()) {
    DAYPART_RETURN_IF_ERROR(Close(open_.begin()->second));
    open_.erase(open_.begin());
  }
  return std::move(finished_);
}

std::vector<std::string> TableWriter::finished_locations() const {
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
  std::mutex mutex;  // guards files, locations
  std::vector<WrittenFile> files;
  std::vector<std::string> locations;
  std::atomic<bool> has_failed{false};
  const int threads_count = std::max(1, options.threads_count);
  const auto write = [&](TableWriter& writer) -> Status {
    DAYPART_TRY(const auto cursor, rows.NewCursor());
    while (!has_failed.load(std::memory_order_relaxed)) {
      DAYPART_RETURN_IF_ERROR(context.cancel.Check());
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      DAYPART_TRY(const auto conformed, conformer.Conform(*batch));
      DAYPART_RETURN_IF_ERROR(writer.Write(conformed, cursor->batch_index()));
    }
    DAYPART_TRY(auto written, writer.Finish());
    const std::lock_guard lock(mutex);
    for (WrittenFile& file : written) locations.push_back(file.file.location);
    std::move(written.begin(), written.end(), std::back_inserter(files));
    return Ok();
  };
  auto status = RunInParallel(threads_count, [&](int) -> Status {
    TableWriter writer(context, metadata, conformer.schema(),
                       {.file_bytes_target = options.file_bytes_target,
                        .row_group_rows = options.row_group_rows,
                        .buffer_bytes_max = options.buffer_bytes_max / threads_count,
                        .zstd_level = options.zstd_level,
                        .keeps_runs = keeps_runs,
                        .keeps_order = options.keeps_order});
    auto result = write(writer);
    if (!result) {
      has_failed.store(true, std::memory_order_relaxed);
      const std::lock_guard lock(mutex);
      const auto own = writer.finished_locations();
      locations.insert(locations.end(), own.begin(), own.end());
    }
    return result;
  });
  if (!status) {
    RemoveUncommitted(context, locations);
    return std::move(status).error();
  }
  return files;
}

void RemoveUncommitted(const LakeContext& context, const std::vector<std::string>& locations) {
  for (const std::string& location : locations) {
    (void)context.store.Delete(
        location);  // an orphan at worst; the caller has its own error to tell
  }
}

}  // namespace daypart::lake
