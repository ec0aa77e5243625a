// SPDX-License-Identifier: Apache-2.0
//
// Chunks of raw files dealt out to cursors in file order; each cursor decodes on its own thread
// with a decoder for each shape of header it meets.
#include "source/file_source.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "decode/column_builder_text.h"
#include "decode/csv_dialect.h"

namespace daypart::source {
namespace {

using decode::Chunk;
using decode::CsvOptions;

/// Bytes of a file that its kind is judged by.
constexpr size_t kSampleBytes = size_t{64} << 10;
/// A batch's place in the source: the file above, the chunk in it below.
constexpr int kChunkIndexBits = 32;

/// Front-to-back view of an object that counts what it reads.
class ObjectBytes final : public decode::ByteSource {
 public:
  ObjectBytes(std::unique_ptr<store::ObjectReader> reader, std::atomic<uint64_t>& bytes_read)
      : reader_(std::move(reader)), bytes_read_(bytes_read) {}

  Result<size_t> Read(std::span<char> into) override {
    DAYPART_TRY(const size_t read, reader_->ReadAt(offset_, std::as_writable_bytes(into)));
    offset_ += read;
    bytes_read_.fetch_add(read, std::memory_order_relaxed);
    return read;
  }

 private:
  std::unique_ptr<store::ObjectReader> reader_;
  std::atomic<uint64_t>& bytes_read_;
  uint64_t offset_ = 0;
};

std::string DelimiterName(char delimiter) {
  if (delimiter == '\t') return "tab";
  if (delimiter == '\x01') return "Ctrl-A";
  return std::string("'") + delimiter + "'";
}

/// The text up to its first line end outside quotes; what a header may span is never that long.
std::string_view FirstRecord(std::string_view text, char quote) {
  bool is_quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == quote) is_quoted = !is_quoted;
    if (text[at] == '\n' && !is_quoted) return text.substr(0, at);
  }
  return text;
}

class FileSource final : public BatchSource {
 public:
  FileSource(store::ObjectStore& store, FileSourceOptions options, RejectSink rejects,
             const CancelToken& cancel, FileSourceProgress& progress)
      : store_(store),
        options_(std::move(options)),
        rejects_(std::move(rejects)),
        cancel_(cancel),
        progress_(progress) {
    arrow::FieldVector decoded = options_.target.schema->fields();
    decoded.resize(options_.target.columns.size());
    decoded_target_ = {.schema = arrow::schema(std::move(decoded)),
                       .columns = options_.target.columns};
  }

  Status Check() {
    const size_t fields = static_cast<size_t>(options_.target.schema->num_fields());
    if (fields != options_.target.columns.size() + options_.constant_columns.size()) {
      return InvalidArgument("the target has " + std::to_string(fields) + " fields, " +
                             std::to_string(options_.target.columns.size()) + " columns and " +
                             std::to_string(options_.constant_columns.size()) +
                             " constants were named");
    }
    for (const InputFile& file : options_.files) {
      DAYPART_TRY(const store::ObjectInfo info, store_.Head(file.location));
      progress_.bytes_total.fetch_add(info.bytes, std::memory_order_relaxed);
    }
    return Ok();
  }

  std::shared_ptr<arrow::Schema> schema() const override { return options_.target.schema; }
  Result<std::unique_ptr<BatchCursor>> NewCursor() override {
    return std::unique_ptr<BatchCursor>(std::make_unique<Cursor>(*this));
  }

 private:
  /// A chunk with all that decoding it needs.
  struct Turn {
    Chunk chunk;
    size_t file = 0;
    /// The file's columns; shared by the chunks of a file, equal for files of one shape.
    std::shared_ptr<const std::vector<std::string>> file_columns;
  };

  class Cursor final : public BatchCursor {
   public:
    explicit Cursor(FileSource& source) : source_(source) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override;
    uint64_t batch_index() const override { return index_; }

   private:
    Result<decode::Decoder*> DecoderFor(const std::vector<std::string>& file_columns);

    FileSource& source_;
    std::map<std::vector<std::string>, std::unique_ptr<decode::Decoder>> decoders_;
    uint64_t index_ = 0;
  };

  Result<std::optional<Turn>> NextTurn();
  Status OpenNextFile();
  Status StartCsv(const InputFile& file, const Chunk& first);
  Status TakeRejects(const InputFile& file, const std::vector<decode::RejectedRow>& rejects);
  Result<std::shared_ptr<arrow::RecordBatch>> WithConstants(
      std::shared_ptr<arrow::RecordBatch> batch, const InputFile& file) const;

  store::ObjectStore& store_;
  FileSourceOptions options_;
  RejectSink rejects_;
  const CancelToken& cancel_;
  FileSourceProgress& progress_;
  decode::DecodeTarget decoded_target_;  // without the constants

  std::mutex mutex_;  // guards the members down to the blank line
  size_t next_file_ = 0;
  std::unique_ptr<decode::Chunker> chunker_;
  bool has_failed_ = false;
  std::shared_ptr<const std::vector<std::string>> file_columns_;

  std::mutex reject_mutex_;  // guards calls of rejects_
};

Status FileSource::OpenNextFile() {
  const InputFile& file = options_.files[next_file_];
  DAYPART_TRY(auto reader, store_.OpenRead(file.location));
  std::string head(std::min<uint64_t>(kSampleBytes, reader->size_bytes()), '\0');
  DAYPART_TRY(const size_t read, reader->ReadAt(0, std::as_writable_bytes(std::span(head))));
  const decode::FileSignature signature =
      decode::DetectSignature(std::string_view(head).substr(0, read));
  const bool is_csv = std::holds_alternative<CsvOptions>(options_.format);
  if (signature.is_binary) {
    return InvalidArgument(std::string(is_csv ? "CSV" : "JSON lines") + " is expected, found " +
                           signature.binary_kind);
  }
  DAYPART_TRY(auto text, decode::OpenText(std::make_unique<ObjectBytes>(std::move(reader),
                                                                        progress_.bytes_read)));
  decode::ChunkOptions chunk_options;
  chunk_options.chunk_bytes = options_.chunk_bytes;
  chunk_options.quote = '\0';
  if (is_csv) {
    chunk_options.quote = std::get<CsvOptions>(options_.format).quote;
    chunk_options.delimiter = std::get<CsvOptions>(options_.format).delimiter;
  }
  chunker_ = std::make_unique<decode::Chunker>(std::move(text), chunk_options);
  file_columns_ = nullptr;
  return Ok();
}

Status FileSource::StartCsv(const InputFile& file, const Chunk& first) {
  const auto& csv = std::get<CsvOptions>(options_.format);
  if (!csv.has_header) {
    file_columns_ = std::make_shared<const std::vector<std::string>>(csv.file_columns);
    return Ok();
  }
  std::string_view header = FirstRecord(first.bytes, csv.quote);
  if (header.ends_with('\r')) header.remove_suffix(1);
  auto names = decode::UniqueColumnNames(decode::SplitCsvRecord(header, csv.delimiter, csv.quote));
  const bool has_any = std::any_of(
      options_.target.columns.begin(), options_.target.columns.end(), [&](const auto& column) {
        return std::find(names.begin(), names.end(), column.source_name) != names.end();
      });
  if (has_any) {
    file_columns_ = std::make_shared<const std::vector<std::string>>(std::move(names));
    return Ok();
  }
  std::string advice;
  const decode::CsvDialect guess =
      decode::DetectDialect(first.bytes.substr(0, kSampleBytes), {});
  const bool guess_fits = std::any_of(
      options_.target.columns.begin(), options_.target.columns.end(), [&](const auto& column) {
        return std::find(guess.columns.begin(), guess.columns.end(), column.source_name) !=
               guess.columns.end();
      });
  if (guess_fits && guess.delimiter != csv.delimiter) {
    advice = "; with the delimiter " + DelimiterName(guess.delimiter) + " it would fit";
  }
  (void)file;
  return InvalidArgument("a header with " + options_.target.columns.front().source_name +
                         " or another of the table's columns is expected (delimiter " +
                         DelimiterName(csv.delimiter) + "), found '" +
                         std::string(header.substr(0, 120)) + "'" + advice);
}

Result<std::optional<FileSource::Turn>> FileSource::NextTurn() {
  const std::lock_guard lock(mutex_);
  const bool is_csv = std::holds_alternative<CsvOptions>(options_.format);
  while (!has_failed_ && next_file_ < options_.files.size()) {
    const InputFile& file = options_.files[next_file_];
    const auto fail = [&](Error error) -> Error {
      has_failed_ = true;
      return std::move(error).WithContext(file.location);
    };
    const bool is_start = chunker_ == nullptr;
    if (is_start) {
      Status opened = OpenNextFile();
      if (!opened) return fail(std::move(opened).error());
    }
    auto chunk = chunker_->Next();
    if (!chunk) return fail(std::move(chunk).error());
    if (!*chunk) {
      const bool needs_header = is_csv && std::get<CsvOptions>(options_.format).has_header;
      if (is_start && needs_header) {
        return fail(InvalidArgument("a header line is expected, the file is empty"));
      }
      chunker_.reset();
      ++next_file_;
      continue;
    }
    if (is_csv && file_columns_ == nullptr) {
      Status started = StartCsv(file, **chunk);
      if (!started) return fail(std::move(started).error());
    }
    return std::optional(
        Turn{.chunk = **std::move(chunk), .file = next_file_, .file_columns = file_columns_});
  }
  return std::optional<Turn>();
}

Status FileSource::TakeRejects(const InputFile& file,
                               const std::vector<decode::RejectedRow>& rejects) {
  if (rejects.empty()) return Ok();
  const std::lock_guard lock(reject_mutex_);
  for (const decode::RejectedRow& reject : rejects) {
    DAYPART_RETURN_IF_ERROR(rejects_(file, reject));
    const uint64_t count = progress_.rejects.fetch_add(1, std::memory_order_relaxed) + 1;
    if (count > options_.rejects_max) {
      return InvalidArgument(file.location + ": more than " + std::to_string(options_.rejects_max) +
                             " row(s) do not fit, the last in line " + std::to_string(reject.line) +
                             (reject.column.empty() ? "" : ", column " + reject.column) + ": " +
                             reject.reason);
    }
  }
  return Ok();
}

/// `rows` times one value given as text.
Result<std::shared_ptr<arrow::Array>> RepeatText(const std::shared_ptr<arrow::DataType>& type,
                                                 const ConstantColumn& constant, int64_t rows) {
  const auto builder = decode::MakeColumnBuilder(type);
  if (builder == nullptr) {
    return Unsupported("a partition column of type " + type->ToString() +
                       " is not read from files");
  }
  if (constant.is_null) {
    builder->AppendNull();
  } else if (!builder->AppendText(constant.text)) {
    return InvalidArgument("partition column " + constant.name + " is " + builder->type_name() +
                           ", found '" + constant.text + "'");
  }
  const auto one = builder->Finish();
  if (one->type_id() == arrow::Type::DICTIONARY) {
    auto indices = arrow::MakeArrayFromScalar(arrow::Int32Scalar(0), rows);
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*one);
    if (constant.is_null) indices = arrow::MakeArrayOfNull(arrow::int32(), rows);
    if (!indices.ok()) return ResourceExhausted(indices.status().message());
    return std::shared_ptr<arrow::Array>(std::make_shared<arrow::DictionaryArray>(
        dictionary.type(), *indices, dictionary.dictionary()));
  }
  const auto scalar = one->GetScalar(0);
  if (!scalar.ok()) return CorruptData(scalar.status().message());
  auto repeated = arrow::MakeArrayFromScalar(**scalar, rows);
  if (!repeated.ok()) return ResourceExhausted(repeated.status().message());
  return std::move(repeated).ValueUnsafe();
}

Result<std::shared_ptr<arrow::RecordBatch>> FileSource::WithConstants(
    std::shared_ptr<arrow::RecordBatch> batch, const InputFile& file) const {
  if (options_.constant_columns.empty()) return batch;
  arrow::ArrayVector columns = batch->columns();
  for (const std::string& name : options_.constant_columns) {
    const auto found = std::find_if(file.constants.begin(), file.constants.end(),
                                    [&](const ConstantColumn& c) { return c.name == name; });
    const ConstantColumn constant = found == file.constants.end()
                                        ? ConstantColumn{.name = name, .text = "", .is_null = true}
                                        : *found;
    const auto& field = options_.target.schema->field(static_cast<int>(columns.size()));
    DAYPART_TRY(auto array, RepeatText(field->type(), constant, batch->num_rows()));
    columns.push_back(std::move(array));
  }
  const int64_t rows = batch->num_rows();
  arrow::FieldVector fields;
  for (size_t i = 0; i < columns.size(); ++i) {
    fields.push_back(
        options_.target.schema->field(static_cast<int>(i))->WithType(columns[i]->type()));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows, std::move(columns));
}

Result<decode::Decoder*> FileSource::Cursor::DecoderFor(
    const std::vector<std::string>& file_columns) {
  auto& decoder = decoders_[file_columns];
  if (decoder == nullptr) {
    if (const auto* csv = std::get_if<CsvOptions>(&source_.options_.format)) {
      CsvOptions options = *csv;
      options.file_columns = file_columns;
      DAYPART_TRY(decoder, decode::MakeCsvDecoder(source_.decoded_target_, options));
    } else {
      DAYPART_TRY(decoder,
                  decode::MakeJsonDecoder(source_.decoded_target_,
                                          std::get<decode::JsonOptions>(source_.options_.format)));
    }
  }
  return decoder.get();
}

Result<std::shared_ptr<arrow::RecordBatch>> FileSource::Cursor::Next() {
  static const std::vector<std::string> kNoColumns;
  while (true) {
    DAYPART_RETURN_IF_ERROR(source_.cancel_.Check());
    DAYPART_TRY(const auto turn, source_.NextTurn());
    if (!turn) return std::shared_ptr<arrow::RecordBatch>();
    const InputFile& file = source_.options_.files[turn->file];
    DAYPART_TRY(decode::Decoder * decoder,
                DecoderFor(turn->file_columns == nullptr ? kNoColumns : *turn->file_columns));
    auto decoded = decoder->Decode(turn->chunk);
    if (!decoded) return std::move(decoded).error().WithContext(file.location);
    DAYPART_RETURN_IF_ERROR(source_.TakeRejects(file, decoded->rejects));
    if (!decoded->unknown_keys.empty()) {
      source_.progress_.unknown_keys.Add(decoded->unknown_keys);
    }
    index_ = (static_cast<uint64_t>(turn->file) << kChunkIndexBits) | turn->chunk.index;
    if (decoded->rows == nullptr || decoded->rows->num_rows() == 0) continue;
    source_.progress_.rows.fetch_add(static_cast<uint64_t>(decoded->rows->num_rows()),
                                     std::memory_order_relaxed);
    return source_.WithConstants(std::move(decoded->rows), file);
  }
}

}  // namespace

void UnknownKeys::Add(const std::vector<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  for (const std::string& key : keys) {
    if (keys_.size() >= decode::kUnknownKeysMax) return;
    keys_.insert(key);
  }
}

std::vector<std::string> UnknownKeys::All() const {
  const std::lock_guard lock(mutex_);
  return {keys_.begin(), keys_.end()};
}

Result<std::unique_ptr<BatchSource>> OpenFiles(store::ObjectStore& store, FileSourceOptions options,
                                               const RejectSink& rejects, const CancelToken& cancel,
                                               FileSourceProgress& progress) {
  auto source = std::make_unique<FileSource>(store, std::move(options), rejects, cancel, progress);
  DAYPART_RETURN_IF_ERROR(source->Check());
  return std::unique_ptr<BatchSource>(std::move(source));
}

}  // namespace daypart::source
