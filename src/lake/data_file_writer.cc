// SPDX-License-Identifier: Apache-2.0
//
// Row groups through Arrow's Parquet writer, column metrics beside it.
#include "lake/data_file_writer.h"

#include <arrow/array.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/chunked_array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"
#include "lake/row_lineage.h"
#include "lake/row_order.h"

namespace daypart::lake {
namespace {

/// Values looked at to decide whether a column is worth a dictionary, and the share of distinct
/// ones above which it is not: a page of mostly new values costs a hash a row and saves nothing.
constexpr int64_t kSampleRows = 4096;
constexpr size_t kSampleDistinctMax = 2048;
/// A column whose dictionary outgrows this falls back to PLAIN in the middle of a row group.
constexpr int64_t kDictionaryBytesMax = int64_t{2} << 20;

/// How many of the sampled values differ: a table with room for twice the sample.
class DistinctSample {
 public:
  void Add(uint64_t value) {
    // A mark is never the 0 of a free slot; two values that differ in the lowest bit only share
    // one, which a guess can bear.
    const uint64_t mark = ((value ^ (value >> 32)) * 0x9E3779B97F4A7C15ULL) | 1;
    size_t at = mark >> (64 - kSlotBits);
    while (slots_[at] != 0 && slots_[at] != mark) at = (at + 1) % slots_.size();
    distinct_ += slots_[at] == 0 ? 1 : 0;
    slots_[at] = mark;
  }
  size_t distinct() const { return distinct_; }

 private:
  static constexpr int kSlotBits = 13;
  std::array<uint64_t, size_t{1} << kSlotBits> slots_ = {};
  size_t distinct_ = 0;
};
static_assert(size_t{kSampleRows} * 2 <= size_t{1} << 13);

/// Adds every step-th value. returns: how many; -1 for a type that gets no dictionary.
int64_t AddSample(const arrow::Array& array, int64_t step, DistinctSample& sample) {
  int64_t sampled = 0;
  const auto add = [&](auto value_at) {
    for (int64_t row = 0; row < array.length(); row += step) {
      if (array.IsNull(row)) continue;
      sample.Add(static_cast<uint64_t>(value_at(row)));
      ++sampled;
    }
  };
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const auto& bytes = static_cast<const arrow::BinaryArray&>(array);
      add([&](int64_t row) { return std::hash<std::string_view>{}(bytes.GetView(row)); });
      return sampled;
    }
    case arrow::Type::INT32:
    case arrow::Type::DATE32: {
      const auto* values = array.data()->GetValues<int32_t>(1);
      add([&](int64_t row) { return values[row]; });
      return sampled;
    }
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME64:
    case arrow::Type::DOUBLE: {
      const auto* values = array.data()->GetValues<int64_t>(1);
      add([&](int64_t row) { return values[row]; });
      return sampled;
    }
    default: return -1;
  }
}

/// Whether the column's values repeat enough for a dictionary, by a sample of all its rows.
bool is_repetitive(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches, int column) {
  int64_t rows = 0;
  for (const auto& batch : batches) rows += batch->num_rows();
  DistinctSample sample;
  int64_t sampled = 0;
  // Each batch adds a value more than its share at most, hence less than the sample's room.
  const auto batches_count = static_cast<int64_t>(batches.size());
  const int64_t step = rows / std::max<int64_t>(1, kSampleRows - batches_count) + 1;
  const int64_t batch_step = batches_count / kSampleRows + 1;
  for (int64_t i = 0; i < batches_count; i += batch_step) {
    const auto& array = *batches[static_cast<size_t>(i)]->column(column);
    if (array.type_id() == arrow::Type::DICTIONARY) return true;
    const int64_t added = AddSample(array, step, sample);
    if (added < 0) return false;
    sampled += added;
  }
  return sample.distinct() * kSampleRows <= kSampleDistinctMax * static_cast<size_t>(sampled);
}

/// The chunks of one column as the encoder likes them best: dictionary chunks under one dictionary.
/// The decoders' dictionaries only grow, so the last one serves all; others are unified.
Result<std::shared_ptr<arrow::ChunkedArray>> ColumnOf(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches, int column) {
  arrow::ArrayVector chunks;
  chunks.reserve(batches.size());
  bool has_dictionary = false;
  bool has_plain = false;
  for (const auto& batch : batches) {
    chunks.push_back(batch->column(column));
    const bool is_dictionary = chunks.back()->type_id() == arrow::Type::DICTIONARY;
    has_dictionary |= is_dictionary;
    has_plain |= !is_dictionary;
  }
  if (!has_dictionary) return std::make_shared<arrow::ChunkedArray>(std::move(chunks));
  if (has_plain) {
    // The column turned out to have many values half-way: the early chunks are spelled out.
    for (auto& chunk : chunks) {
      if (chunk->type_id() != arrow::Type::DICTIONARY) continue;
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*chunk);
      DAYPART_TRY(chunk,
                  FromArrow(arrow::compute::Take(*dictionary.dictionary(), *dictionary.indices())));
    }
    return std::make_shared<arrow::ChunkedArray>(std::move(chunks));
  }
  const auto& last = static_cast<const arrow::DictionaryArray&>(*chunks.back()).dictionary();
  for (auto& chunk : chunks) {
    const auto& own = static_cast<const arrow::DictionaryArray&>(*chunk);
    const auto& words = own.dictionary();
    if (words.get() == last.get()) continue;
    if (words->length() > last->length() || !words->RangeEquals(*last, 0, words->length(), 0)) {
      auto chunked = std::make_shared<arrow::ChunkedArray>(chunks);
      return FromArrow(arrow::DictionaryUnifier::UnifyChunkedArray(chunked));
    }
    chunk = std::make_shared<arrow::DictionaryArray>(own.type(), own.indices(), last);
  }
  return std::make_shared<arrow::ChunkedArray>(std::move(chunks));
}

}  // namespace

struct DataFileWriter::ParquetStream {
  std::unique_ptr<store::ObjectWriter> object;
  std::shared_ptr<arrow::io::OutputStream> output;
  std::unique_ptr<parquet::arrow::FileWriter> parquet;
};

DataFileWriter::DataFileWriter(store::ObjectStore& store, const iceberg::Schema& schema,
                               std::shared_ptr<arrow::Schema> arrow_schema, DataFileOptions options)
    : store_(store),
      schema_(schema),
      arrow_schema_(std::move(arrow_schema)),
      options_(std::move(options)),
      metrics_(schema, options_.metrics) {}

DataFileWriter::~DataFileWriter() = default;

int64_t DataFileWriter::written_bytes() const {
  return stream_ == nullptr ? 0 : static_cast<int64_t>(stream_->object->written_bytes());
}

int64_t DataFileWriter::Add(std::shared_ptr<arrow::RecordBatch> batch) {
  if (batch->num_rows() == 0) return 0;
  int64_t bytes = 0;
  for (const auto& array : batch->columns()) {
    // A shared dictionary counts once, with the indices of the column.
    bytes += array->type_id() == arrow::Type::DICTIONARY
                          ? array->length() * int64_t{sizeof(int32_t)}
                          : arrow::util::ReferencedBufferSize(*array).ValueOr(array->length() * 16);
  }
  waiting_rows_ += batch->num_rows();
  rows_count_ += batch->num_rows();
  waiting_bytes_ += bytes;
  waiting_.push_back(std::move(batch));
  return bytes;
}

Status DataFileWriter::Measure(const arrow::RecordBatch& batch) {
  for (int column = 0; column < batch.num_columns(); ++column) {
    const auto& field = schema_.fields[static_cast<size_t>(column)];
    DAYPART_RETURN_IF_ERROR(metrics_.Add(field, *batch.column(column)));
    if (field.is_required && batch.column(column)->null_count() > 0) {
      return InvalidArgument("column " + field.name + " is required, found " +
                             std::to_string(batch.column(column)->null_count()) +
                             " null(s) in it");
    }
  }
  return Ok();
}

/// Values that the writer takes between two looks at a page's size: as many as make 128 KiB, so
/// that the look costs nothing and a page of long texts is still no larger than it should be.
int64_t DataFileWriter::WriteBatchRows() const {
  constexpr int64_t kBytes = int64_t{128} << 10;
  const int64_t row_bytes = waiting_bytes_ / std::max<int64_t>(1, waiting_rows_) + 1;
  return std::clamp<int64_t>(kBytes / row_bytes, 64, 16 << 10);
}

Status DataFileWriter::Open() {
  parquet::WriterProperties::Builder builder;
  builder.compression(parquet::Compression::ZSTD)
      ->compression_level(options_.zstd_level)
      ->dictionary_pagesize_limit(kDictionaryBytesMax)
      ->max_row_group_length(INT64_MAX)
      ->write_batch_size(WriteBatchRows())
      ->version(parquet::ParquetVersion::PARQUET_2_6)
      ->created_by("daypart");
  for (int column = 0; column < arrow_schema_->num_fields(); ++column) {
    if (!is_repetitive(waiting_, column)) {
      builder.disable_dictionary(arrow_schema_->field(column)->name());
    }
  }
  auto stream = std::make_unique<ParquetStream>();
  DAYPART_TRY(stream->object, store_.OpenWrite(options_.location, store::WriteMode::kIfAbsent));
  stream->output = MakeArrowStream(*stream->object);
  DAYPART_TRY(stream->parquet,
              FromArrow(parquet::arrow::FileWriter::Open(
                  *WithParquetUuids(*arrow_schema_), arrow::default_memory_pool(), stream->output,
                  builder.build())));
  stream_ = std::move(stream);
  return Ok();
}

Result<std::vector<int64_t>> DataFileWriter::WaitingOrder() const {
  std::vector<SortColumn> columns;
  for (const iceberg::SortField& field : options_.sort_order->fields) {
    const auto found =
        std::find_if(schema_.fields.begin(), schema_.fields.end(),
                     [&](const auto& candidate) { return candidate.id == field.source_id; });
    if (found == schema_.fields.end()) {
      return Unsupported(
          "the table is sorted by a nested or dropped column, which is not done yet");
    }
    const auto column = static_cast<int>(found - schema_.fields.begin());
    DAYPART_TRY(const auto chunked, ColumnOf(waiting_, column));
    DAYPART_TRY(auto values, FromArrow(arrow::Concatenate(chunked->chunks())));
    columns.push_back({.values = std::move(values), .type = found->type, .field = field});
  }
  return OrderOfRows(columns);
}

Status DataFileWriter::Flush() {
  if (waiting_rows_ == 0) return Ok();
  for (const auto& batch : waiting_) DAYPART_RETURN_IF_ERROR(Measure(*batch));
  if (!is_open()) DAYPART_RETURN_IF_ERROR(Open());
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(stream_->parquet->NewRowGroup()));
  std::shared_ptr<arrow::Array> order;
  if (options_.sort_order != nullptr) {
    DAYPART_TRY(const auto numbers, WaitingOrder());
    arrow::Int64Builder builder;
    DAYPART_RETURN_IF_ERROR(StatusFromArrow(builder.AppendValues(numbers)));
    DAYPART_TRY(order, FromArrow(builder.Finish()));
  }
  for (int column = 0; column < arrow_schema_->num_fields(); ++column) {
    DAYPART_TRY(auto values, ColumnOf(waiting_, column));
    if (order != nullptr) {
      DAYPART_TRY(const auto sorted,
                  FromArrow(arrow::compute::Take(arrow::Datum(values), arrow::Datum(order))));
      values = sorted.chunked_array();
    }
    DAYPART_RETURN_IF_ERROR(StatusFromArrow(stream_->parquet->WriteColumnChunk(values)));
  }
  waiting_.clear();
  waiting_rows_ = 0;
  waiting_bytes_ = 0;
  return Ok();
}

Status DataFileWriter::Publish() { return stream_->object->Finish(); }

Result<iceberg::DataFile> DataFileWriter::Complete() {
  DAYPART_RETURN_IF_ERROR(Flush());
  iceberg::DataFile file;
  file.location = options_.location;
  file.partition = options_.partition;
  file.record_count = rows_count_;
  if (!is_open()) return InvalidArgument("a data file needs at least one row, found none");
  DAYPART_RETURN_IF_ERROR(StatusFromArrow(stream_->parquet->Close()));
  file.file_bytes = written_bytes();
  const std::shared_ptr<parquet::FileMetaData> footer = stream_->parquet->metadata();
  // Sorted row groups are no sorted file, unless there is one.
  if (options_.sort_order != nullptr && footer->num_row_groups() == 1) {
    file.sort_order_id = options_.sort_order->id;
  }
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    const auto row_group = footer->RowGroup(group);
    file.split_offsets.push_back(row_group->file_offset());
  }
  DAYPART_RETURN_IF_ERROR(metrics_.Fill(*footer, file));
  return file;
}

}  // namespace daypart::lake
