// SPDX-License-Identifier: Apache-2.0
//
// RecordDecoder: runs of records -> batches in a table's columns, and the records that do not fit
// with where they stand. A run reaches the JSON or CSV decoder as one buffer; nothing is done
// record by record but noting where each begins. Records within one that end in '}' and are
// followed by '{' on the next line count as records of their own, other line ends in a record as
// space.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "decode/decoder.h"
#include "iceberg/type.h"
#include "ingest/source_names.h"
#include "lake/batch_conformer.h"
#include "source/file_source.h"
#include "source/record_source.h"

namespace daypart::ingest {

struct InputRun {
  std::string source_name;
  std::string shard_id;
  std::variant<source::LineRun, source::RecordRun> run;

  int64_t bytes_count() const;
};

/// A record that does not fit: `file` is what quarantine knows it by.
struct RejectedRecord {
  source::InputFile file;
  decode::RejectedRow row;
  /// CsvFormToJson of its file; null for JSON. Shared by the rejects of a run.
  std::shared_ptr<const std::string> raw_format;
};

struct DecodedRun {
  /// Columns of the table, in order; utf8 ones may be dictionaries.
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<RejectedRecord> rejects;
  /// Keys without a column that this run or an earlier one of the decoder has.
  std::vector<std::string> unknown_keys;
  std::optional<UtcMicros> event_time_max;
  int64_t repeated_count = 0;  // rows left out since, as StreamTail tells
};

struct DecoderOptions {
  iceberg::Schema schema;
  SourceNameMap source_names;
  /// Key of event times; empty for none.
  std::string time_column;
  /// Rows whose event time is further ahead of the clock than this, or before 1970, are refused: a
  /// wrong clock would otherwise make partitions of its own.
  int64_t ahead_micros_max = 0;
  bool coerce_strings = false;
};

/// Thread-safe.
class RecordDecoder {
 public:
  /// clock must outlive the decoder. errors: kInvalidArgument if a required column's type cannot be
  /// decoded or no column can.
  static Result<std::unique_ptr<RecordDecoder>> Make(Clock& clock, DecoderOptions options);

  /// Leaves `run` as it was, for decoding it again under another schema.
  Result<DecodedRun> Decode(InputRun& run);

  const iceberg::Schema& schema() const { return options_.schema; }
  /// The column that a record's key fills; empty if none does.
  std::string ColumnFor(std::string_view key) const {
    return ColumnOf(options_.schema, options_.source_names, key);
  }
  const std::shared_ptr<arrow::Schema>& arrow_schema() const { return conformer_.schema(); }

 private:
  RecordDecoder(Clock& clock, DecoderOptions options, decode::DecodeTarget target,
                lake::BatchConformer conformer);
  using CsvKey = std::pair<char, std::vector<std::string>>;  // delimiter, columns
  static CsvKey KeyOf(const source::LineRun* lines);
  Result<std::unique_ptr<decode::Decoder>> Borrow(const source::LineRun* lines);
  void GiveBack(const source::LineRun* lines, std::unique_ptr<decode::Decoder> decoder);
  /// Of a CSV file: those that no column takes.
  std::vector<std::string> UnknownHeaders(const std::vector<std::string>& headers) const;
  Result<DecodedRun> DecodeLines(InputRun& input, source::LineRun& lines);
  Result<DecodedRun> DecodeRecords(InputRun& input, source::RecordRun& records);
  Result<decode::DecodedChunk> DecodeChunk(const source::LineRun* lines,
                                           const decode::Chunk& chunk);
  /// Moves rows whose time is out of bounds to the chunk's rejects and fills event_time_max.
  Status CheckTimes(const source::LineRun* lines, const decode::Chunk& chunk,
                    decode::DecodedChunk& decoded, DecodedRun& out) const;
  Status RefuseTimes(const source::LineRun* lines, const decode::Chunk& chunk, int64_t latest,
                     decode::DecodedChunk& decoded) const;

  Clock& clock_;
  const DecoderOptions options_;
  const std::string time_column_;  // the column that options_.time_column fills
  const decode::DecodeTarget target_;
  const lake::BatchConformer conformer_;
  std::mutex mutex_;  // guards what follows
  std::set<std::string> told_keys_;
  /// Decoders that no thread uses; the key has no columns for JSON.
  std::map<CsvKey, std::vector<std::unique_ptr<decode::Decoder>>> idle_;
};

/// Keeps these rows of the batch. rows: rising.
Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<int32_t>& rows);

}  // namespace daypart::ingest
