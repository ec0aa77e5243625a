// SPDX-License-Identifier: Apache-2.0
//
// The CSV decoder: chunk -> blocks of some hundred records that stay in the second-level cache; in
// each, one pass finds the fields (csv_index), then one loop a column fills the builders
// (csv_column). Rows that do not fit leave all columns together, so that no half row is ever seen.
#include <arrow/array.h>
#include <arrow/array/array_base.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "decode/column_builder_text.h"
#include "decode/csv_column.h"
#include "decode/csv_index.h"
#include "decode/decoder.h"

namespace daypart::decode {
namespace {

/// Text and its index stay in the second-level cache. 32 to 128 KiB measured alike (970 MB/s), 256
/// and 512 KiB 4 % slower; the larger of the equals gives wide rows longer loops.
constexpr size_t kBlockBytes = size_t{128} << 10;
constexpr size_t kRawBytesMax = size_t{64} << 10;
/// Positions in a chunk are kept in 32 bits, offsets of Arrow strings in 31.
constexpr size_t kChunkBytesMax = (size_t{1} << 31) - 2 * kIndexPadding;

enum class RecordFaultKind { kFieldsCount, kMalformed, kTooLong, kCell };

/// A record that is to be rejected.
struct RecordFault {
  uint32_t first = 0;  // entry of CsvIndex::ends before its first field
  uint32_t last = 0;   // entry of its last field's end
  RecordFaultKind kind = RecordFaultKind::kCell;
  size_t column = 0;  // with kCell
  CellFaultKind cell_kind = CellFaultKind::kNotOfType;
};

class CsvDecoder final : public Decoder {
 public:
  CsvDecoder(std::shared_ptr<arrow::Schema> schema, std::vector<CsvColumn> columns,
             const CsvOptions& options)
      : schema_(std::move(schema)),
        columns_(std::move(columns)),
        syntax_{.delimiter = options.delimiter, .quote = options.quote},
        fields_count_(options.file_columns.size()),
        has_header_(options.has_header) {}

  Result<DecodedChunk> Decode(const Chunk& chunk) override;

 private:
  /// A piece of the chunk that begins at a record's start.
  struct Piece {
    const char* text = nullptr;
    size_t size = 0;
    bool is_end = false;  // of the chunk; the last record ends in LF, if need be one put there
    size_t offset = 0;    // in the chunk
  };

  size_t HeaderBytes(const Chunk& chunk) const;
  Piece CutPiece(std::string_view bytes, size_t begin, size_t piece_bytes);
  void FindRecords(const Piece& piece, bool is_last_cut);
  void FillColumns(CellBlock& block);
  void NoteCellFaults(size_t column, const std::vector<CellFault>& faults);
  void Reject(const Chunk& chunk, const Piece& piece, const CellBlock& block, DecodedChunk* out);
  std::string Reason(const Piece& piece, const CellBlock& block, const RecordFault& fault) const;
  Result<std::shared_ptr<arrow::RecordBatch>> FinishRows();

  std::shared_ptr<arrow::Schema> schema_;  // of the target; shared because Arrow shares its schemas
  std::shared_ptr<arrow::Schema> batch_schema_;  // of the last batch, strings as they came then
  std::vector<CsvColumn> columns_;
  CsvSyntax syntax_;
  size_t fields_count_;
  bool has_header_;
  // Reused from block to block.
  CsvIndex index_;
  std::string tail_;
  std::vector<uint32_t> rows_;
  std::vector<RecordFault> faults_;
  uint64_t line_ = 1;  // of the chunk's byte line_bytes_
  size_t line_bytes_ = 0;
};

/// Bytes of blank lines and the first record after them.
size_t CsvDecoder::HeaderBytes(const Chunk& chunk) const {
  if (!has_header_ || chunk.first_line != 1) return 0;
  const std::string_view bytes = chunk.bytes;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = ScanRecord(bytes, begin, syntax_).end;
    const std::string_view record = bytes.substr(begin, end - begin);
    begin = std::min(end + 1, bytes.size());
    if (!record.empty() && record != "\r") return begin;
  }
  return bytes.size();
}

/// The next bytes as they are, or for the last ones a copy with room behind it and an LF at its
/// end.
CsvDecoder::Piece CsvDecoder::CutPiece(std::string_view bytes, size_t begin, size_t piece_bytes) {
  const size_t rest = bytes.size() - begin;
  if (rest > piece_bytes + kIndexPadding) {
    return {.text = bytes.data() + begin, .size = piece_bytes, .is_end = false, .offset = begin};
  }
  tail_.assign(bytes.substr(begin));
  if (!tail_.ends_with('\n')) tail_ += '\n';
  const size_t size = tail_.size();
  tail_.append(kIndexPadding, '\0');
  return {.text = tail_.data(), .size = size, .is_end = true, .offset = begin};
}

/// Sorts the records of the index into rows_ and faults_, without blank lines.
void CsvDecoder::FindRecords(const Piece& piece, bool is_last_cut) {
  rows_.clear();
  faults_.clear();
  const uint32_t* ends = index_.ends.data();
  auto malformed = index_.malformed.begin();
  uint32_t first = 0;
  for (uint32_t record = 0; record < index_.records_count; ++record) {
    const uint32_t last = index_.lasts[record];
    const uint32_t count = last - first;
    const bool is_malformed = malformed != index_.malformed.end() && *malformed == record;
    if (is_malformed) ++malformed;
    const uint32_t begin = ends[first] + 1;
    const uint32_t size = ends[last] - begin;
    const bool is_blank = count == 1 && (size == 0 || (size == 1 && piece.text[begin] == '\r'));
    if (is_last_cut && record + 1 == index_.records_count) {
      faults_.push_back({first, last, RecordFaultKind::kTooLong, 0, {}});
    } else if (is_malformed) {
      faults_.push_back({first, last, RecordFaultKind::kMalformed, 0, {}});
    } else if (count == fields_count_ && !is_blank) [[likely]] {
      rows_.push_back(first);
    } else if (!is_blank) {
      faults_.push_back({first, last, RecordFaultKind::kFieldsCount, 0, {}});
    }
    first = last;
  }
}

void CsvDecoder::NoteCellFaults(size_t column, const std::vector<CellFault>& faults) {
  for (const CellFault& fault : faults) {
    const uint32_t first = rows_[fault.row];
    faults_.push_back({first, static_cast<uint32_t>(first + fields_count_), RecordFaultKind::kCell,
                       column, fault.kind});
  }
}

/// Appends the rows; those with a cell that does not fit end up in faults_ and in no column.
void CsvDecoder::FillColumns(CellBlock& block) {
  const size_t rows_before = columns_.empty() ? 0 : columns_[0].builder().rows_count();
  const size_t faults_before = faults_.size();
  std::vector<CellFault> cell_faults;
  for (size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].Append(block, &cell_faults);
    NoteCellFaults(i, cell_faults);
    cell_faults.clear();
  }
  if (faults_.size() == faults_before) return;
  // Of a row's faults the one in the first column is told.
  const auto begin = faults_.begin() + static_cast<std::ptrdiff_t>(faults_before);
  std::stable_sort(begin, faults_.end(),
                   [](const RecordFault& a, const RecordFault& b) { return a.first < b.first; });
  faults_.erase(
      std::unique(begin, faults_.end(),
                  [](const RecordFault& a, const RecordFault& b) { return a.first == b.first; }),
      faults_.end());
  auto fault = faults_.begin() + static_cast<std::ptrdiff_t>(faults_before);
  std::erase_if(rows_, [&](uint32_t first) {
    if (fault == faults_.end() || fault->first != first) return false;
    ++fault;
    return true;
  });
  block.records = rows_;
  for (CsvColumn& column : columns_) {
    column.builder().TruncateTo(rows_before);
    column.Append(block, &cell_faults);
  }
}

std::string CsvDecoder::Reason(const Piece& piece, const CellBlock& block,
                               const RecordFault& fault) const {
  switch (fault.kind) {
    case RecordFaultKind::kFieldsCount: {
      const uint32_t count = fault.last - fault.first;
      return fmt::format("row has {} field{}, the file has {} column{}", count,
                         count == 1 ? "" : "s", fields_count_, fields_count_ == 1 ? "" : "s");
    }
    case RecordFaultKind::kMalformed: {
      const CsvRecord record =
          ScanRecord({piece.text, piece.size}, index_.ends[fault.first] + 1, syntax_);
      return record.is_open ? "expected a closing quote, found none"
                            : "expected a delimiter or line end after a closing quote, found text";
    }
    case RecordFaultKind::kTooLong:
      return "expected a shorter record, found one over the limit of bytes, cut off";
    case RecordFaultKind::kCell: break;
  }
  return columns_[fault.column].Reason(block, fault.first, fault.cell_kind);
}

void CsvDecoder::Reject(const Chunk& chunk, const Piece& piece, const CellBlock& block,
                        DecodedChunk* out) {
  std::sort(faults_.begin(), faults_.end(),
            [](const RecordFault& a, const RecordFault& b) { return a.first < b.first; });
  const std::string_view bytes = chunk.bytes;
  for (const RecordFault& fault : faults_) {
    const uint32_t begin_in_piece = index_.ends[fault.first] + 1;
    const size_t begin = piece.offset + begin_in_piece;
    line_ += CountByte(bytes.substr(line_bytes_, begin - line_bytes_), '\n');
    line_bytes_ = begin;
    std::string_view raw = bytes.substr(begin, index_.ends[fault.last] - begin_in_piece);
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    RejectedRow reject{.line = line_,
                       .byte_offset = chunk.byte_offset + begin,
                       .raw = std::string(raw.substr(0, kRawBytesMax)),
                       .column = {},
                       .reason = Reason(piece, block, fault)};
    if (fault.kind == RecordFaultKind::kCell) reject.column = columns_[fault.column].name();
    out->rejects.push_back(std::move(reject));
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> CsvDecoder::FinishRows() {
  const auto rows = static_cast<int64_t>(columns_.empty() ? 0 : columns_[0].builder().rows_count());
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  bool is_same_schema = batch_schema_ != nullptr;
  for (size_t i = 0; i < columns_.size(); ++i) {
    arrays.push_back(columns_[i].builder().Finish());
    is_same_schema = is_same_schema && batch_schema_->field(static_cast<int>(i))->type()->id() ==
                                           arrays.back()->type_id();
  }
  if (!is_same_schema) {
    arrow::FieldVector fields;
    for (size_t i = 0; i < arrays.size(); ++i) {
      fields.push_back(schema_->field(static_cast<int>(i))->WithType(arrays[i]->type()));
    }
    batch_schema_ = arrow::schema(std::move(fields), schema_->metadata());
  }
  return arrow::RecordBatch::Make(batch_schema_, rows, std::move(arrays));
}

Result<DecodedChunk> CsvDecoder::Decode(const Chunk& chunk) {
  if (chunk.bytes.size() > kChunkBytesMax) {
    return InvalidArgument(fmt::format("expected a chunk of {} bytes at most, found {}",
                                       kChunkBytesMax, chunk.bytes.size()));
  }
  DecodedChunk out;
  const std::string_view bytes = chunk.bytes;
  const bool is_utf8 = simdjson::validate_utf8(bytes.data(), bytes.size());
  line_ = chunk.first_line;
  line_bytes_ = 0;
  size_t piece_bytes = kBlockBytes;
  for (size_t begin = HeaderBytes(chunk); begin < bytes.size();) {
    const Piece piece = CutPiece(bytes, begin, piece_bytes);
    IndexRecords(piece.text, piece.size, syntax_, piece.is_end, &index_);
    if (index_.bytes == 0) {  // one record fills the piece: look at more
      piece_bytes *= 2;
      continue;
    }
    FindRecords(piece, chunk.is_cut && piece.is_end);
    CellBlock block{.text = piece.text,
                    .ends = index_.ends.data(),
                    .records = rows_,
                    .has_quotes = index_.has_quotes,
                    .is_utf8 = is_utf8};
    FillColumns(block);
    out.records_count += rows_.size() + faults_.size();
    if (!faults_.empty()) Reject(chunk, piece, block, &out);
    begin += index_.bytes;
    piece_bytes = kBlockBytes;
  }
  // One giant record must not make the decoder large for good.
  if (index_.ends.size() > 8 * kBlockBytes) index_ = CsvIndex{};
  if (tail_.capacity() > 8 * kBlockBytes) tail_ = std::string();
  DAYPART_TRY(out.rows, FinishRows());
  return out;
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeCsvDecoder(const DecodeTarget& target,
                                                const CsvOptions& options) {
  const auto is_reserved = [](char c) {
    return c == '\n' || c == '\r' || static_cast<unsigned char>(c) >= 0x80;
  };
  if (options.delimiter == '\0' || options.delimiter == options.quote ||
      is_reserved(options.delimiter) || is_reserved(options.quote)) {
    return InvalidArgument("expected two different ASCII bytes as delimiter and quote");
  }
  if (options.file_columns.empty())
    return InvalidArgument("expected the file's columns, found none");
  if (static_cast<size_t>(target.schema->num_fields()) != target.columns.size()) {
    return InvalidArgument(fmt::format("schema has {} fields, the target has {} columns",
                                       target.schema->num_fields(), target.columns.size()));
  }
  std::vector<CsvColumn> columns;
  for (size_t i = 0; i < target.columns.size(); ++i) {
    const auto& type = target.schema->field(static_cast<int>(i))->type();
    auto builder = MakeColumnBuilder(type);
    if (builder == nullptr) {
      return Unsupported(fmt::format("column '{}': text is not decoded to {}",
                                     target.columns[i].name, type->ToString()));
    }
    auto at = std::find(options.file_columns.begin(), options.file_columns.end(),
                        target.columns[i].source_name);
    if (at == options.file_columns.end()) {
      const auto& names = target.columns[i].other_names;
      at = std::find_first_of(options.file_columns.begin(), options.file_columns.end(),
                              names.begin(), names.end());
    }
    const auto field = at == options.file_columns.end() ? -1 : at - options.file_columns.begin();
    columns.emplace_back(std::move(builder), target.columns[i], static_cast<int32_t>(field),
                         options);
  }
  return std::unique_ptr<Decoder>(
      std::make_unique<CsvDecoder>(target.schema, std::move(columns), options));
}

}  // namespace daypart::decode
