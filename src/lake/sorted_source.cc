// SPDX-License-Identifier: Apache-2.0
//
// Runs in memory or in files, merged a bound at a time: of each run's batch in hand go the rows
// that are not above the smallest last key of them all, since no later batch can hold a smaller.
#include "lake/sorted_source.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/concatenate.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "lake/arrow_io.h"
#include "lake/table_writer.h"
#include "source/shared_source.h"

namespace daypart::lake {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;

/// Rows of one batch of a run: a hundred runs of wide rows are then about 150 MB at the merge.
constexpr int64_t kRunBatchRows = 16 * 1024;
/// Rows of one batch that is given out.
constexpr int64_t kOutputRows = 128 * 1024;

/// Dictionaries spelled out: runs of many batches have no dictionary in common.
Result<Batch> WithoutDictionaries(const Batch& batch) {
  arrow::ArrayVector columns = batch->columns();
  arrow::FieldVector fields = batch->schema()->fields();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->type_id() == arrow::Type::DICTIONARY) {
      const auto& encoded = static_cast<const arrow::DictionaryArray&>(*columns[i]);
      DAYPART_TRY(columns[i],
                  FromArrow(arrow::compute::Take(*encoded.dictionary(), *encoded.indices())));
    }
    fields[i] = fields[i]->WithType(columns[i]->type());
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch->num_rows(),
                                  std::move(columns));
}

/// Rows with their keys, sorted.
struct KeyedRows {
  Batch rows;
  RowKeys keys;
};

/// Joins pieces and puts their rows in the keys' order.
Result<KeyedRows> SortTogether(const std::vector<KeyedRows>& pieces) {
  struct Row {
    std::string_view key;
    int64_t number;
  };
  std::vector<Row> order;
  int64_t number = 0;
  std::vector<arrow::ArrayVector> chunks(static_cast<size_t>(pieces[0].rows->num_columns()));
  for (const KeyedRows& piece : pieces) {
    for (size_t row = 0; row < piece.keys.size(); ++row) {
      order.push_back({piece.keys[row], number++});
    }
    for (size_t i = 0; i < chunks.size(); ++i) {
      chunks[i].push_back(piece.rows->column(static_cast<int>(i)));
    }
  }
  std::sort(order.begin(), order.end(), [](const Row& left, const Row& right) {
    const int compared = left.key.compare(right.key);
    return compared != 0 ? compared < 0 : left.number < right.number;
  });
  KeyedRows sorted;
  arrow::Int64Builder numbers;
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(numbers.Reserve(number)));
  for (const Row& row : order) {
    numbers.UnsafeAppend(row.number);
    sorted.keys.bytes += row.key;
    sorted.keys.ends.push_back(sorted.keys.bytes.size());
  }
  DAYPART_TRY(const auto take, FromArrow(numbers.Finish()));
  arrow::ArrayVector columns;
  for (const arrow::ArrayVector& column : chunks) {
    DAYPART_TRY(const auto whole, FromArrow(arrow::Concatenate(column)));
    DAYPART_TRY(auto taken, FromArrow(arrow::compute::Take(*whole, *take)));
    columns.push_back(std::move(taken));
  }
  sorted.rows = arrow::RecordBatch::Make(pieces[0].rows->schema(), number, std::move(columns));
  return sorted;
}

KeyedRows Slice(const KeyedRows& rows, size_t begin, size_t end) {
  KeyedRows slice;
  slice.rows =
      rows.rows->Slice(static_cast<int64_t>(begin), static_cast<int64_t>(end - begin));
  const size_t first = begin == 0 ? 0 : rows.keys.ends[begin - 1];
  for (size_t row = begin; row < end; ++row) {
    slice.keys.ends.push_back(rows.keys.ends[row] - first);
  }
  if (end > begin) slice.keys.bytes = rows.keys.bytes.substr(first, slice.keys.ends.back());
  return slice;
}

/// A temporary file that is deleted with its owner.
class RunFile {
 public:
  explicit RunFile(std::string path) : path_(std::move(path)) {}
  ~RunFile() {
    std::error_code ignored;  // the system clears its temporary files in time
    std::filesystem::remove(path_, ignored);
  }
  RunFile(const RunFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Sorted rows, a batch at a time, from memory or from a file.
class Run {
 public:
  explicit Run(KeyedRows rows) : current_(std::move(rows)) {}
  explicit Run(std::unique_ptr<RunFile> file) : file_(std::move(file)) {}

  static Result<Run> Spill(const KeyedRows& rows, const std::string& path) {
    auto file = std::make_unique<RunFile>(path);
    arrow::BinaryBuilder keys;
    for (size_t row = 0; row < rows.keys.size(); ++row) {
      DAYPART_RETURN_IF_ERROR(StatusFromArrow(keys.Append(rows.keys[row])));
    }
    DAYPART_TRY(auto column, FromArrow(keys.Finish()));
    DAYPART_TRY(const auto keyed,
                FromArrow(rows.rows->AddColumn(0, arrow::field("", arrow::binary()), column)));
    DAYPART_TRY(const auto out, FromArrow(arrow::io::FileOutputStream::Open(path)));
    DAYPART_TRY(const auto writer, FromArrow(arrow::ipc::MakeFileWriter(out, keyed->schema())));
    for (int64_t at = 0; at < keyed->num_rows(); at += kRunBatchRows) {
      DAYPART_RETURN_IF_ERROR(
          StatusFromArrow(writer->WriteRecordBatch(*keyed->Slice(at, kRunBatchRows))));
    }
    DAYPART_RETURN_IF_ERROR(StatusFromArrow(writer->Close()));
    DAYPART_RETURN_IF_ERROR(StatusFromArrow(out->Close()));
    return Run(std::move(file));
  }

  /// Makes sure that there are rows in hand, if there are any left.
  Status Fill() {
    if (file_ == nullptr || position_ < current_.keys.size()) return Ok();
    if (reader_ == nullptr) {
      DAYPART_TRY(const auto input, FromArrow(arrow::io::ReadableFile::Open(file_->path())));
      DAYPART_TRY(reader_, FromArrow(arrow::ipc::RecordBatchFileReader::Open(input)));
    }
    position_ = 0;
    current_ = {};
    if (next_batch_ >= reader_->num_record_batches()) return Ok();
    DAYPART_TRY(const auto batch, FromArrow(reader_->ReadRecordBatch(next_batch_++)));
    const auto& keys = static_cast<const arrow::BinaryArray&>(*batch->column(0));
    for (int64_t row = 0; row < keys.length(); ++row) {
      current_.keys.bytes += keys.GetView(row);
      current_.keys.ends.push_back(current_.keys.bytes.size());
    }
    DAYPART_TRY(current_.rows, FromArrow(batch->RemoveColumn(0)));
    return Ok();
  }

  bool is_at_end() const { return position_ >= current_.keys.size(); }
  /// The last key of the limited number of rows that one step may take.
  std::string_view last_key() const { return current_.keys[StepEnd() - 1]; }
  /// Whether rows follow those of this step.
  bool has_more() const {
    return StepEnd() < current_.keys.size() ||
           (reader_ != nullptr && next_batch_ < reader_->num_record_batches());
  }
  /// Takes the rows not above the bound.
  KeyedRows TakeUpTo(const std::optional<std::string>& bound) {
    const size_t limit = StepEnd();
    size_t end = position_;
    if (!bound) {
      end = limit;
    } else {
      size_t above = limit;
      while (end < above) {
        const size_t middle = end + (above - end) / 2;
        if (current_.keys[middle] <= *bound) {
          end = middle + 1;
        } else {
          above = middle;
        }
      }
    }
    KeyedRows taken = Slice(current_, position_, end);
    position_ = end;
    return taken;
  }

 private:
  size_t StepEnd() const {
    return std::min(current_.keys.size(), position_ + static_cast<size_t>(kOutputRows));
  }

  std::unique_ptr<RunFile> file_;  // null for a run in memory
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader_;
  int next_batch_ = 0;
  KeyedRows current_;
  size_t position_ = 0;
};

/// One thread's rows to runs.
class RunMaker {
 public:
  RunMaker(const KeyFunction& keys, std::filesystem::path folder, Random& random,
           int64_t bytes_max)
      : keys_(keys), folder_(std::move(folder)), random_(random), bytes_max_(bytes_max) {}

  Status Add(const Batch& batch) {
    DAYPART_TRY(auto plain, WithoutDictionaries(batch));
    KeyedRows piece;
    DAYPART_TRY(piece.keys, keys_(*plain));
    waiting_bytes_ += arrow::util::ReferencedBufferSize(*plain).ValueOr(plain->num_rows() * 64) +
                      static_cast<int64_t>(piece.keys.bytes.size() + piece.keys.size() * 8);
    piece.rows = std::move(plain);
    waiting_.push_back(std::move(piece));
    if (waiting_bytes_ < bytes_max_) return Ok();
    has_spilled_ = true;
    return Flush();
  }

  Result<std::vector<Run>> Finish() && {
    DAYPART_RETURN_IF_ERROR(Flush());
    return std::move(runs_);
  }

 private:
  Status Flush() {
    if (waiting_.empty()) return Ok();
    DAYPART_TRY(KeyedRows sorted, SortTogether(waiting_));
    waiting_.clear();
    waiting_bytes_ = 0;
    if (!has_spilled_) {
      runs_.emplace_back(std::move(sorted));
      return Ok();
    }
    const auto path = folder_ / ("daypart-run-" + NewUuid(random_) + ".arrow");
    DAYPART_TRY(Run run, Run::Spill(sorted, path.string()));
    runs_.push_back(std::move(run));
    return Ok();
  }

  const KeyFunction& keys_;
  const std::filesystem::path folder_;
  Random& random_;
  const int64_t bytes_max_;
  std::vector<KeyedRows> waiting_;
  int64_t waiting_bytes_ = 0;
  bool has_spilled_ = false;
  std::vector<Run> runs_;
};

class SortedSource final : public source::SharedSource {
 public:
  SortedSource(std::shared_ptr<arrow::Schema> schema, std::vector<Run> runs)
      : SharedSource(std::move(schema)), runs_(std::move(runs)) {}

 private:
  Result<Batch> NextBatch() override {
    std::vector<KeyedRows> pieces;
    std::optional<std::string> bound;
    for (Run& run : runs_) {
      DAYPART_RETURN_IF_ERROR(run.Fill());
      if (run.is_at_end() || !run.has_more()) continue;
      if (!bound || run.last_key() < *bound) bound = std::string(run.last_key());
    }
    for (Run& run : runs_) {
      if (run.is_at_end()) continue;
      KeyedRows piece = run.TakeUpTo(bound);
      if (piece.rows->num_rows() > 0) pieces.push_back(std::move(piece));
    }
    if (pieces.empty()) return Batch();
    if (pieces.size() == 1) return pieces.front().rows;
    DAYPART_TRY(const KeyedRows merged, SortTogether(pieces));
    return merged.rows;
  }

  std::vector<Run> runs_;
};

}  // namespace

Result<std::unique_ptr<source::BatchSource>> MakeSortedSource(source::BatchSource& rows,
                                                              const KeyFunction& keys,
                                                              Random& random,
                                                              const SortedSourceOptions& options) {
  std::error_code error;
  const std::filesystem::path folder = options.folder.empty()
                                           ? std::filesystem::temp_directory_path(error)
                                           : std::filesystem::path(options.folder);
  if (error) return SystemError("finding the folder for temporary files", error.value());
  const int threads_count = std::max(1, options.threads_count);
  // Sorting holds the rows twice for a moment, once unsorted and once in order.
  const int64_t budget = std::max<int64_t>(1, options.buffer_bytes_max / threads_count / 2);
  std::mutex mutex;  // guards runs
  std::vector<Run> runs;
  Status read = RunInParallel(threads_count, [&](int) -> Status {
    RunMaker maker(keys, folder, random, budget);
    DAYPART_TRY(const auto cursor, rows.NewCursor());
    while (true) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      DAYPART_RETURN_IF_ERROR(maker.Add(batch));
    }
    DAYPART_TRY(auto made, std::move(maker).Finish());
    const std::lock_guard lock(mutex);
    std::move(made.begin(), made.end(), std::back_inserter(runs));
    return Ok();
  });
  if (!read) return std::move(read).error();
  arrow::FieldVector fields;
  for (const auto& field : rows.schema()->fields()) {
    const auto& type = *field->type();
    const bool is_dictionary = type.id() == arrow::Type::DICTIONARY;
    if (!is_dictionary) {
      fields.push_back(field);
      continue;
    }
    fields.push_back(
        field->WithType(static_cast<const arrow::DictionaryType&>(type).value_type()));
  }
  return std::unique_ptr<source::BatchSource>(
      std::make_unique<SortedSource>(arrow::schema(std::move(fields)), std::move(runs)));
}

}  // namespace daypart::lake
