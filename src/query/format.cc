// SPDX-License-Identifier: Apache-2.0
//
// Batches as text: each column is cast to text as a whole, then rows are put together.
#include "query/format.h"
#include "query/json_value.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/compute/cast.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "lake/arrow_io.h"

namespace daypart::query {
namespace {

/// A reader that has gone has seen what it wanted to see: `daypart query … | head`.
Error WriteError(int error_number) {
  Error error = SystemError("writing the result", error_number);
  if (error_number == EPIPE) error.code = ErrorCode::kCancelled;
  return error;
}

Status Put(std::FILE* out, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), out) == text.size()) return Ok();
  return WriteError(errno);
}

bool is_number(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
         arrow::is_decimal(type.id());
}

/// Bytes as text that shows each of them: printable ASCII as it is, the others and '\\' as \\xNN.
Result<std::shared_ptr<arrow::Array>> EscapeBytes(const arrow::Array& array) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const auto& bytes = static_cast<const arrow::BinaryArray&>(array);
  arrow::StringBuilder builder;
  std::string text;
  for (int64_t row = 0; row < bytes.length(); ++row) {
    text.clear();
    if (bytes.IsValid(row)) {
      for (const char c : bytes.GetView(row)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7F && c != '\\') {
          text += c;
        } else {
          text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xF]};
        }
      }
    }
    DAYPART_RETURN_IF_ERROR(
        lake::StatusFromArrow(bytes.IsValid(row) ? builder.Append(text) : builder.AppendNull()));
  }
  return lake::FromArrow(builder.Finish());
}

/// The columns of a batch as text arrays. Nested values come as JSON.
class TextColumns {
 public:
  static Result<TextColumns> Make(const arrow::RecordBatch& batch) {
    TextColumns columns;
    for (const auto& column : batch.columns()) {
      columns.is_timestamp_.push_back(column->type_id() == arrow::Type::TIMESTAMP);
      if (column->type_id() == arrow::Type::BINARY) {
        DAYPART_TRY(auto array, EscapeBytes(*column));
        columns.arrays_.push_back(std::move(array));
        continue;
      }
      if (arrow::is_nested(column->type_id())) {
        arrow::StringBuilder builder;
        for (int64_t row = 0; row < column->length(); ++row) {
          DAYPART_TRY(const std::string json, JsonOf(*column, row));
          DAYPART_RETURN_IF_ERROR(lake::StatusFromArrow(
              column->IsValid(row) ? builder.Append(json) : builder.AppendNull()));
        }
        DAYPART_TRY(auto array, lake::FromArrow(builder.Finish()));
        columns.arrays_.push_back(std::move(array));
        continue;
      }
      DAYPART_TRY(auto array, lake::FromArrow(arrow::compute::Cast(*column, arrow::utf8())));
      columns.arrays_.push_back(std::move(array));
    }
    return columns;
  }
  bool is_null(size_t column, int64_t row) const { return arrays_[column]->IsNull(row); }
  std::string Text(size_t column, int64_t row) const {
    std::string text(static_cast<const arrow::StringArray&>(*arrays_[column]).GetView(row));
    return is_timestamp_[column] ? IsoTimestamp(std::move(text)) : text;
  }
  size_t size() const { return arrays_.size(); }

 private:
  arrow::ArrayVector arrays_;
  std::vector<bool> is_timestamp_;
};

std::string CsvCell(const std::string& text) {
  const bool needs_quotes = text.empty() || text.find_first_of(",\"\r\n") != std::string::npos;
  if (!needs_quotes) return text;
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

/// Columns that the text takes on a terminal, by code points.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// Takes batches one by one and ends.
class Formatter {
 public:
  Formatter(const arrow::Schema& schema, std::FILE* out) : schema_(schema), out_(out) {}
  virtual ~Formatter() = default;
  virtual Status Begin() = 0;
  virtual Status Add(const arrow::RecordBatch& batch) = 0;
  virtual Status End() = 0;

 protected:
  const arrow::Schema& schema_;
  std::FILE* out_;
};

class CsvFormatter final : public Formatter {
 public:
  using Formatter::Formatter;
  Status Begin() override {
    std::string line;
    for (const auto& field : schema_.fields()) {
      line += (line.empty() ? "" : ",") + CsvCell(field->name());
    }
    return Put(out_, line + '\n');
  }
  Status Add(const arrow::RecordBatch& batch) override {
    DAYPART_TRY(const auto columns, TextColumns::Make(batch));
    std::string text;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      for (size_t column = 0; column < columns.size(); ++column) {
        if (column > 0) text += ',';
        if (!columns.is_null(column, row)) text += CsvCell(columns.Text(column, row));
      }
      text += '\n';
    }
    return Put(out_, text);
  }
  Status End() override { return Ok(); }
};

class JsonFormatter final : public Formatter {
 public:
  using Formatter::Formatter;
  Status Begin() override { return Put(out_, "["); }
  Status Add(const arrow::RecordBatch& batch) override {
    DAYPART_TRY(const auto columns, TextColumns::Make(batch));
    std::string text;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      text += is_first_ ? "\n{" : ",\n{";
      is_first_ = false;
      for (size_t column = 0; column < columns.size(); ++column) {
        const auto& field = *schema_.field(static_cast<int>(column));
        text += (column > 0 ? ", " : "") + JsonText(field.name()) + ": " +
                Value(*field.type(), columns, column, row);
      }
      text += '}';
    }
    return Put(out_, text);
  }
  Status End() override { return Put(out_, is_first_ ? "]\n" : "\n]\n"); }

 private:
  static std::string Value(const arrow::DataType& type, const TextColumns& columns, size_t column,
                           int64_t row) {
    if (columns.is_null(column, row)) return "null";
    std::string text = columns.Text(column, row);
    if (type.id() == arrow::Type::BOOL || arrow::is_nested(type.id())) return text;
    if (!is_number(type)) return JsonText(text);
    // JSON has no NaN and no infinity.
    const bool is_finite = text.find_first_of("nN") == std::string::npos;
    return is_finite ? text : "null";
  }
  bool is_first_ = true;
};

/// On one line: a value with line ends would tear the table apart.
std::string OnOneLine(const std::string& text) {
  std::string line;
  for (const char c : text) {
    switch (c) {
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      case '\x1B': line += "\\e"; break;  // A value is not to steer the terminal either.
      default: line += c;
    }
  }
  return line;
}

class TableFormatter final : public Formatter {
 public:
  using Formatter::Formatter;
  Status Begin() override { return Ok(); }
  Status Add(const arrow::RecordBatch& batch) override {
    rows_count_ += batch.num_rows();
    if (static_cast<int64_t>(rows_.size()) >= kTableRowsMax) return Ok();
    DAYPART_TRY(const auto columns, TextColumns::Make(batch));
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (static_cast<int64_t>(rows_.size()) >= kTableRowsMax) break;
      std::vector<std::string> cells;
      for (size_t column = 0; column < columns.size(); ++column) {
        cells.push_back(columns.is_null(column, row) ? "null"
                                                     : OnOneLine(columns.Text(column, row)));
      }
      rows_.push_back(std::move(cells));
    }
    return Ok();
  }
  Status End() override {
    std::vector<size_t> widths;
    std::vector<std::string> header;
    for (const auto& field : schema_.fields()) {
      header.push_back(OnOneLine(field->name()));
      widths.push_back(WidthOf(header.back()));
    }
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
    }
    std::string text = Line(header, widths);
    for (size_t i = 0; i < widths.size(); ++i) {
      text += (i > 0 ? "  " : "") + std::string(widths[i], '-');
    }
    text += '\n';
    for (const auto& row : rows_) text += Line(row, widths);
    const int64_t more = rows_count_ - static_cast<int64_t>(rows_.size());
    if (more > 0) text += "… " + std::to_string(more) + " more rows\n";
    return Put(out_, text);
  }

 private:
  std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - WidthOf(cells[i]), ' ');
      const bool is_right = is_number(*schema_.field(static_cast<int>(i))->type());
      if (i > 0) line += "  ";
      line += is_right ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
  }

  std::vector<std::vector<std::string>> rows_;
  int64_t rows_count_ = 0;
};

/// A stdio file as Arrow's output.
class StdioStream final : public arrow::io::OutputStream {
 public:
  explicit StdioStream(std::FILE* out) : out_(out) {}
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  int error_number() const { return error_number_; }
  arrow::Status Write(const void* data, int64_t bytes) override {
    const auto wanted = static_cast<size_t>(bytes);
    if (std::fwrite(data, 1, wanted, out_) != wanted) {
      error_number_ = errno;
      return arrow::Status::IOError("writing the result failed");
    }
    position_ += bytes;
    return arrow::Status::OK();
  }

 private:
  std::FILE* out_;
  int64_t position_ = 0;
  int error_number_ = 0;
};

Result<int64_t> WriteArrow(source::BatchSource& rows, std::FILE* out) {
  auto stream = std::make_shared<StdioStream>(out);
  DAYPART_TRY(const auto writer,
              lake::FromArrow(arrow::ipc::MakeStreamWriter(stream, rows.schema())));
  DAYPART_TRY(const auto cursor, rows.NewCursor());
  int64_t count = 0;
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) break;
    count += batch->num_rows();
    const arrow::Status written = writer->WriteRecordBatch(*batch);
    if (stream->error_number() != 0) return WriteError(stream->error_number());
    DAYPART_RETURN_IF_ERROR(lake::StatusFromArrow(written));
  }
  DAYPART_RETURN_IF_ERROR(lake::StatusFromArrow(writer->Close()));
  if (std::fflush(out) != 0) return WriteError(errno);
  return count;
}

}  // namespace

Result<OutputFormat> ParseOutputFormat(std::string_view name) {
  if (name == "table") return OutputFormat::kTable;
  if (name == "csv") return OutputFormat::kCsv;
  if (name == "json") return OutputFormat::kJson;
  if (name == "arrow") return OutputFormat::kArrow;
  return InvalidArgument("format table, csv, json or arrow is expected, found '" +
                         std::string(name) + "'");
}

Result<int64_t> WriteRows(source::BatchSource& rows, OutputFormat format, std::FILE* out) {
  if (format == OutputFormat::kArrow) return WriteArrow(rows, out);
  const auto schema = rows.schema();
  std::unique_ptr<Formatter> formatter;
  if (format == OutputFormat::kCsv) formatter = std::make_unique<CsvFormatter>(*schema, out);
  if (format == OutputFormat::kJson) formatter = std::make_unique<JsonFormatter>(*schema, out);
  if (format == OutputFormat::kTable) formatter = std::make_unique<TableFormatter>(*schema, out);
  DAYPART_RETURN_IF_ERROR(formatter->Begin());
  DAYPART_TRY(const auto cursor, rows.NewCursor());
  int64_t count = 0;
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) break;
    count += batch->num_rows();
    DAYPART_RETURN_IF_ERROR(formatter->Add(*batch));
  }
  DAYPART_RETURN_IF_ERROR(formatter->End());
  if (std::fflush(out) != 0) return WriteError(errno);
  return count;
}

}  // namespace daypart::query
