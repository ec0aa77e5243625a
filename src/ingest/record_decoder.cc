// SPDX-License-Identifier: Apache-2.0
//
// Buffers for the decoders, and the way back from a byte in a buffer to its record.
#include "ingest/record_decoder.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "decode/column_builder_text.h"
#include "decode/csv_record.h"
#include "ingest/csv_form.h"
#include "ingest/limits.h"
#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"

namespace daypart::ingest {
namespace {

std::string_view LineAt(std::string_view text, uint64_t offset) {
  const std::string_view rest = text.substr(offset);
  return rest.substr(0, rest.find('\n'));
}

/// As a whole, which the decoder's own copy of a long record is not; without its LF only.
std::string_view CsvRecordAt(std::string_view text, uint64_t offset, char delimiter) {
  const size_t end = decode::ScanRecord(text, offset, {.delimiter = delimiter}).end;
  return text.substr(offset, end - offset);
}

/// Puts the record into `text` so that the decoder sees its lines as told in the header.
void AppendRecord(std::string_view data, std::string& text) {
  while (!data.empty() && (data.back() == '\n' || data.back() == '\r')) data.remove_suffix(1);
  const size_t start = text.size();
  text.append(data);
  char* at = text.data() + start;
  char* const end = text.data() + text.size();
  while ((at = static_cast<char*>(std::memchr(at, '\n', static_cast<size_t>(end - at))))) {
    const char* before = at;
    while (before > text.data() + start && (before[-1] == ' ' || before[-1] == '\r')) --before;
    const char* after = at + 1;
    while (after < end && (*after == ' ' || *after == '\r' || *after == '\n')) ++after;
    const bool is_end = before > text.data() + start && before[-1] == '}' && after < end &&
                        *after == '{';
    // A carriage return is space between tokens and, as a line end is, an error within a text.
    if (!is_end) *at = '\r';
    ++at;
  }
  text += '\n';
}

std::string ToHex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

/// The columns that JSON and CSV can fill.
Result<decode::DecodeTarget> TargetOf(const DecoderOptions& options) {
  decode::DecodeTarget target;
  iceberg::Schema filled;
  for (const iceberg::NestedField& field : options.schema.fields) {
    DAYPART_TRY(const auto type, lake::ToArrowType(field.type));
    if (decode::MakeColumnBuilder(type) == nullptr) {
      if (!field.is_required) continue;
      return InvalidArgument("column " + field.name + " is required and of type " +
                             iceberg::ToString(field.type) + ", which streams cannot fill");
    }
    const auto named = options.source_names.keys.find(field.name);
    auto& column = target.columns.emplace_back();
    column.name = column.source_name = field.name;
    column.is_required = field.is_required;
    column.takes_scalars = options.source_names.takes_scalars.contains(field.name);
    if (named != options.source_names.keys.end()) {
      column.source_name = named->second.front();
      column.other_names.assign(named->second.begin() + 1, named->second.end());
    }
    filled.fields.push_back(field);
  }
  if (filled.fields.empty()) return InvalidArgument("the table has no column that streams fill");
  DAYPART_TRY(target.schema, lake::ToArrowSchema(filled));
  return target;
}

}  // namespace

int64_t InputRun::bytes_count() const {
  if (const auto* lines = std::get_if<source::LineRun>(&run)) {
    return static_cast<int64_t>(lines->text.size());
  }
  size_t bytes = 0;
  for (const auto& record : std::get<source::RecordRun>(run).records) bytes += record.data.size();
  return static_cast<int64_t>(bytes);
}

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<int32_t>& rows) {
  if (static_cast<int64_t>(rows.size()) == batch->num_rows()) return batch;
  const auto indices = std::make_shared<arrow::Int32Array>(static_cast<int64_t>(rows.size()),
                                                           arrow::Buffer::Wrap(rows));
  DAYPART_TRY(const auto taken,
              lake::FromArrow(arrow::compute::Take(arrow::Datum(batch), arrow::Datum(indices),
                                                   arrow::compute::TakeOptions::NoBoundsCheck())));
  return taken.record_batch();
}

RecordDecoder::RecordDecoder(Clock& clock, DecoderOptions options, decode::DecodeTarget target,
                             lake::BatchConformer conformer)
    : clock_(clock),
      options_(std::move(options)),
      time_column_(ColumnFor(options_.time_column)),
      target_(std::move(target)),
      conformer_(std::move(conformer)) {}

Result<std::unique_ptr<RecordDecoder>> RecordDecoder::Make(Clock& clock, DecoderOptions options) {
  DAYPART_TRY(auto target, TargetOf(options));
  DAYPART_TRY(auto conformer, lake::BatchConformer::Make(options.schema, *target.schema));
  return std::unique_ptr<RecordDecoder>(
      new RecordDecoder(clock, std::move(options), std::move(target), std::move(conformer)));
}

RecordDecoder::CsvKey RecordDecoder::KeyOf(const source::LineRun* lines) {
  if (lines == nullptr || lines->csv_columns == nullptr) return {};
  return {lines->csv_delimiter, *lines->csv_columns};
}

Result<std::unique_ptr<decode::Decoder>> RecordDecoder::Borrow(const source::LineRun* lines) {
  const bool is_csv = lines != nullptr && lines->csv_columns != nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[KeyOf(lines)];
    if (!idle.empty()) {
      auto decoder = std::move(idle.back());
      idle.pop_back();
      return decoder;
    }
  }
  if (!is_csv) {
    return decode::MakeJsonDecoder(target_, {.coerce_strings = options_.coerce_strings});
  }
  decode::CsvOptions csv;
  csv.file_columns = *lines->csv_columns;
  csv.delimiter = lines->csv_delimiter;
  return decode::MakeCsvDecoder(target_, csv);
}

void RecordDecoder::GiveBack(const source::LineRun* lines,
                             std::unique_ptr<decode::Decoder> decoder) {
  const std::lock_guard lock(mutex_);
  idle_[KeyOf(lines)].push_back(std::move(decoder));
}

Result<decode::DecodedChunk> RecordDecoder::DecodeChunk(const source::LineRun* lines,
                                                        const decode::Chunk& chunk) {
  DAYPART_TRY(auto decoder, Borrow(lines));
  auto decoded = decoder->Decode(chunk);
  if (!decoded) return decoded;
  {
    // A decoder tells a key once, so whatever it reads after that has the key perhaps: each run is
    // told all keys so far. Before the decoder may be used for another run.
    const std::lock_guard lock(mutex_);
    told_keys_.insert(decoded->unknown_keys.begin(), decoded->unknown_keys.end());
    decoded->unknown_keys.assign(told_keys_.begin(), told_keys_.end());
  }
  GiveBack(lines, std::move(decoder));
  return decoded;
}

// Rare, so the records are counted anew: row n is the n-th that is neither blank nor refused.
Status RecordDecoder::RefuseTimes(const source::LineRun* lines, const decode::Chunk& chunk,
                                  int64_t latest, decode::DecodedChunk& decoded) const {
  const bool is_csv = lines != nullptr && lines->csv_columns != nullptr;
  const bool has_header = lines != nullptr && lines->has_header;
  const auto column = decoded.rows->GetColumnByName(time_column_);
  const auto& times = static_cast<const arrow::TimestampArray&>(*column);
  std::set<uint64_t> refused;
  for (const auto& reject : decoded.rejects) refused.insert(reject.byte_offset);
  std::vector<int32_t> kept;
  int64_t row = 0;
  const std::string_view text = chunk.bytes;
  for (size_t at = 0; at < text.size() && row < times.length();) {
    const std::string_view line =
        is_csv ? CsvRecordAt(text, at, lines->csv_delimiter) : LineAt(text, at);
    const bool is_row = !(at == 0 && has_header) &&
                        line.find_first_not_of(" \t\r") != std::string_view::npos &&
                        !refused.contains(chunk.byte_offset + at);
    const bool is_wrong =
        is_row && times.IsValid(row) && (times.Value(row) < 0 || times.Value(row) > latest);
    if (is_wrong) {
      const int64_t hours = options_.ahead_micros_max / 3'600'000'000;
      decoded.rejects.push_back(
          {.byte_offset = chunk.byte_offset + at,
           .raw = std::string(line),
           .column = time_column_,
           .reason = "expected a time from 1970 to " + std::to_string(hours) +
                     " hours from now, found another: a wrong clock?"});
    } else if (is_row) {
      kept.push_back(static_cast<int32_t>(row));
    }
    if (is_row) ++row;
    at += line.size() + 1;
  }
  DAYPART_TRY(decoded.rows, TakeRows(decoded.rows, kept));
  return Ok();
}

Status RecordDecoder::CheckTimes(const source::LineRun* lines, const decode::Chunk& chunk,
                                 decode::DecodedChunk& decoded, DecodedRun& out) const {
  if (time_column_.empty() || decoded.rows->num_rows() == 0) return Ok();
  const auto column = decoded.rows->GetColumnByName(time_column_);
  if (column == nullptr || column->type_id() != arrow::Type::TIMESTAMP) return Ok();
  const auto& times = static_cast<const arrow::TimestampArray&>(*column);
  const int64_t now = clock_.Now().value();
  const int64_t latest = now + options_.ahead_micros_max;
  int64_t greatest = INT64_MIN;
  bool has_wrong = false;
  for (int64_t row = 0; row < times.length(); ++row) {
    if (times.IsNull(row)) continue;
    const int64_t time = times.Value(row);
    if (time < 0 || time > latest) has_wrong = true;
    if (time <= now + kSkewMicrosMax) greatest = std::max(greatest, time);
  }
  if (greatest >= 0) out.event_time_max = UtcMicros(greatest);
  if (!has_wrong) return Ok();
  return RefuseTimes(lines, chunk, latest, decoded);
}

std::vector<std::string> RecordDecoder::UnknownHeaders(
    const std::vector<std::string>& headers) const {
  std::vector<std::string> unknown;
  for (const std::string& header : headers) {
    const bool is_known = std::ranges::any_of(target_.columns, [&header](const auto& column) {
      return column.source_name == header ||
             std::ranges::find(column.other_names, header) != column.other_names.end();
    });
    if (!is_known && !header.empty()) unknown.push_back(header);
  }
  return unknown;
}

Result<DecodedRun> RecordDecoder::DecodeLines(InputRun&, source::LineRun& lines) {
  decode::Chunk chunk{.bytes = std::move(lines.text),
                      .byte_offset = lines.byte_offset,
                      .first_line = lines.csv_columns == nullptr || lines.has_header ? 1U : 2U,
                      .is_cut = lines.is_cut};
  DecodedRun out;
  auto decoded = DecodeChunk(&lines, chunk);
  Status checked = decoded ? CheckTimes(&lines, chunk, *decoded, out) : Ok();
  lines.text = std::move(chunk.bytes);
  if (!decoded) return std::move(decoded).error();
  DAYPART_RETURN_IF_ERROR(std::move(checked));
  DAYPART_TRY(out.rows, conformer_.Conform(*decoded->rows));
  out.unknown_keys = lines.csv_columns == nullptr ? std::move(decoded->unknown_keys)
                                                  : UnknownHeaders(*lines.csv_columns);
  std::shared_ptr<const std::string> raw_format;
  if (lines.csv_columns != nullptr && !decoded->rejects.empty()) {
    raw_format = std::make_shared<const std::string>(
        CsvFormToJson({.columns = lines.csv_columns, .delimiter = lines.csv_delimiter}));
  }
  for (decode::RejectedRow& reject : decoded->rejects) {
    reject.line = 0;  // Nobody counted the lines before the run.
    const uint64_t at = reject.byte_offset - lines.byte_offset;
    reject.raw = raw_format == nullptr ? LineAt(lines.text, at)
                                       : CsvRecordAt(lines.text, at, lines.csv_delimiter);
    // The record itself is the version: that of a file that grows depends on when it was looked at,
    // and what is read again, or by another sink, is to be the same reject.
    const auto hash = XXH3_64bits(reject.raw.data(), reject.raw.size());
    out.rejects.push_back(
        {.file = {.location = lines.file, .constants = {}, .version = "record-" + ToHex(hash)},
         .row = std::move(reject),
         .raw_format = raw_format});
  }
  return out;
}

Result<DecodedRun> RecordDecoder::DecodeRecords(InputRun& input, source::RecordRun& run) {
  decode::Chunk chunk;
  DecodedRun out;
  const std::string file = input.source_name + '/' + input.shard_id;
  std::vector<std::pair<uint64_t, size_t>> starts;  // in the buffer, of which record
  starts.reserve(run.records.size());
  chunk.bytes.reserve(static_cast<size_t>(input.bytes_count()) + run.records.size());
  for (size_t i = 0; i < run.records.size(); ++i) {
    const source::Record& record = run.records[i];
    if (static_cast<int64_t>(record.data.size()) > kRecordBytesMax) {
      out.rejects.push_back(
          {.file = {.location = file, .constants = {}, .version = std::string(record.position)},
           .row = {.raw = std::string(record.data.substr(0, kRecordBytesMax)),
                   .column = "",
                   .reason = "expected a record within the limit, found a longer one"}});
      continue;
    }
    starts.emplace_back(chunk.bytes.size(), i);
    AppendRecord(record.data, chunk.bytes);
  }
  DAYPART_TRY(auto decoded, DecodeChunk(nullptr, chunk));
  DAYPART_RETURN_IF_ERROR(CheckTimes(nullptr, chunk, decoded, out));
  DAYPART_TRY(out.rows, conformer_.Conform(*decoded.rows));
  out.unknown_keys = std::move(decoded.unknown_keys);
  for (decode::RejectedRow& reject : decoded.rejects) {
    const auto after = std::upper_bound(
        starts.begin(), starts.end(), reject.byte_offset,
        [](uint64_t offset, const auto& start) { return offset < start.first; });
    const auto& [start, index] = *(after - 1);
    const source::Record& record = run.records[index];
    const std::string_view line = LineAt(chunk.bytes, reject.byte_offset);
    // The record as it came, unless it was one of several in it.
    const bool is_whole = reject.byte_offset == start && line.size() + 1 >= record.data.size();
    reject.raw = is_whole ? record.data : line;
    reject.byte_offset -= start;
    reject.line = 0;
    out.rejects.push_back(
        {.file = {.location = file, .constants = {}, .version = std::string(record.position)},
         .row = std::move(reject)});
  }
  return out;
}

Result<DecodedRun> RecordDecoder::Decode(InputRun& run) {
  if (auto* lines = std::get_if<source::LineRun>(&run.run)) return DecodeLines(run, *lines);
  return DecodeRecords(run, std::get<source::RecordRun>(run.run));
}

}  // namespace daypart::ingest
