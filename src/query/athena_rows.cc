// SPDX-License-Identifier: Apache-2.0
//
// Texts to columns. Forms: Amazon Athena User Guide, "Data types in Amazon Athena" and "Query
// results"; checked against what GetQueryResults shows of each type.
#include "query/athena_rows.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/value_parsing.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "lake/arrow_io.h"

namespace daypart::query {
namespace {

/// One ranged read of a result object.
constexpr size_t kReadBytes = size_t{4} << 20;

Error WrongCell(const aws::AthenaColumn& column, const std::string& text) {
  return CorruptData("Athena: a value of type " + column.type + " is expected in column " +
                     column.name + ", found '" + text.substr(0, 100) + "'");
}

/// "2026-11-24 20:00:00.123 UTC" -> microseconds, by an offset "+02:00" or "UTC" or neither.
Result<int64_t> MicrosOf(const aws::AthenaColumn& column, const std::string& text) {
  std::string_view rest = text;
  int64_t shift_minutes = 0;
  if (rest.size() > 19) {
    const size_t zone = rest.find(' ', 11);
    if (zone != std::string_view::npos) {
      const std::string_view name = rest.substr(zone + 1);
      rest = rest.substr(0, zone);
      const bool is_offset = name.size() == 6 && (name[0] == '+' || name[0] == '-');
      if (is_offset) {
        int hours = 0;
        int minutes = 0;
        (void)std::from_chars(name.data() + 1, name.data() + 3, hours);
        (void)std::from_chars(name.data() + 4, name.data() + 6, minutes);
        shift_minutes = (name[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
      } else if (name != "UTC" && name != "Z") {
        return Unsupported("Athena: column " + column.name + " has times in the zone " +
                           std::string(name) + "; write " + column.name + " AT TIME ZONE 'UTC'");
      }
    }
  }
  int64_t micros = 0;
  if (!arrow::internal::ParseTimestampISO8601(rest.data(), rest.size(), arrow::TimeUnit::MICRO,
                                              &micros)) {
    return WrongCell(column, text);
  }
  return micros - shift_minutes * 60'000'000;
}

/// "de ad be ef" -> its bytes.
Result<std::string> BytesOf(const aws::AthenaColumn& column, const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    unsigned value = 0;
    const auto end = text.data() + std::min(text.size(), i + 2);
    const auto parsed = std::from_chars(text.data() + i, end, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 2) {
      return WrongCell(column, text);
    }
    bytes += static_cast<char>(value);
    i += 2;
  }
  return bytes;
}

using Append = std::function<Status(const std::string&)>;

/// An appender for the types that Arrow's own parser knows in Athena's form.
template <typename Type>
Append ParsedBy(const aws::AthenaColumn& column, arrow::ArrayBuilder& builder) {
  auto& typed = static_cast<typename arrow::TypeTraits<Type>::BuilderType&>(builder);
  return [&column, &typed](const std::string& text) -> Status {
    typename Type::c_type value{};
    if (!arrow::internal::ParseValue<Type>(text.data(), text.size(), &value)) {
      return WrongCell(column, text);
    }
    return lake::StatusFromArrow(typed.Append(value));
  };
}

Append DoubleAppend(const aws::AthenaColumn& column, arrow::ArrayBuilder& builder) {
  return [&column, &builder](const std::string& text) -> Status {
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      return WrongCell(column, text);
    }
    const bool is_float = builder.type()->id() == arrow::Type::FLOAT;
    return lake::StatusFromArrow(
        is_float ? static_cast<arrow::FloatBuilder&>(builder).Append(static_cast<float>(value))
                 : static_cast<arrow::DoubleBuilder&>(builder).Append(value));
  };
}

Append DecimalAppend(const aws::AthenaColumn& column, arrow::ArrayBuilder& builder) {
  auto& typed = static_cast<arrow::Decimal128Builder&>(builder);
  return [&column, &typed](const std::string& text) -> Status {
    const auto& type = static_cast<const arrow::Decimal128Type&>(*typed.type());
    arrow::Decimal128 value;
    int32_t precision = 0;
    int32_t scale = 0;
    if (!arrow::Decimal128::FromString(text, &value, &precision, &scale).ok()) {
      return WrongCell(column, text);
    }
    auto scaled = value.Rescale(scale, type.scale());
    if (!scaled.ok() || !scaled->FitsInPrecision(type.precision())) {
      return WrongCell(column, text);
    }
    return lake::StatusFromArrow(typed.Append(*scaled));
  };
}

Append AppendFor(const aws::AthenaColumn& column, arrow::ArrayBuilder& builder) {
  switch (builder.type()->id()) {
    case arrow::Type::BOOL: {
      auto& typed = static_cast<arrow::BooleanBuilder&>(builder);
      return [&column, &typed](const std::string& text) -> Status {
        if (text != "true" && text != "false") return WrongCell(column, text);
        return lake::StatusFromArrow(typed.Append(text == "true"));
      };
    }
    case arrow::Type::INT8: return ParsedBy<arrow::Int8Type>(column, builder);
    case arrow::Type::INT16: return ParsedBy<arrow::Int16Type>(column, builder);
    case arrow::Type::INT32: return ParsedBy<arrow::Int32Type>(column, builder);
    case arrow::Type::INT64: return ParsedBy<arrow::Int64Type>(column, builder);
    case arrow::Type::DATE32: return ParsedBy<arrow::Date32Type>(column, builder);
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: return DoubleAppend(column, builder);
    case arrow::Type::DECIMAL128: return DecimalAppend(column, builder);
    case arrow::Type::TIMESTAMP: {
      auto& typed = static_cast<arrow::TimestampBuilder&>(builder);
      return [&column, &typed](const std::string& text) -> Status {
        DAYPART_TRY(const int64_t micros, MicrosOf(column, text));
        return lake::StatusFromArrow(typed.Append(micros));
      };
    }
    case arrow::Type::BINARY: {
      auto& typed = static_cast<arrow::BinaryBuilder&>(builder);
      return [&column, &typed](const std::string& text) -> Status {
        DAYPART_TRY(const std::string bytes, BytesOf(column, text));
        return lake::StatusFromArrow(typed.Append(bytes));
      };
    }
    default: break;  // ArrowTypeOfAthena makes no others but text
  }
  auto& typed = static_cast<arrow::StringBuilder&>(builder);
  return [&typed](const std::string& text) { return lake::StatusFromArrow(typed.Append(text)); };
}

std::shared_ptr<arrow::Schema> SchemaOf(const std::vector<aws::AthenaColumn>& columns) {
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    fields.push_back(arrow::field(column.name, ArrowTypeOfAthena(column)));
  }
  return arrow::schema(std::move(fields));
}

/// A SELECT's result begins with the columns' names.
bool is_header(const std::vector<aws::AthenaColumn>& columns, const std::vector<AthenaCell>& row) {
  return std::equal(columns.begin(), columns.end(), row.begin(), row.end(),
                    [](const auto& column, const auto& cell) { return cell == column.name; });
}

/// The object's rows, a read at a time.
class CsvCursor final : public source::BatchCursor {
 public:
  CsvCursor(std::unique_ptr<store::ObjectReader> reader,
            const std::vector<aws::AthenaColumn>& columns)
      : reader_(std::move(reader)), columns_(columns) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::vector<std::vector<AthenaCell>> rows;
    while (rows.empty()) {
      if (offset_ == reader_->size_bytes()) {
        DAYPART_RETURN_IF_ERROR(csv_.Finish());
        return std::shared_ptr<arrow::RecordBatch>();
      }
      buffer_.resize(std::min<uint64_t>(kReadBytes, reader_->size_bytes() - offset_));
      DAYPART_TRY(const size_t count,
                  reader_->ReadAt(offset_, std::as_writable_bytes(std::span(buffer_))));
      if (count == 0) return CorruptData("Athena's result object ended early");
      offset_ += count;
      DAYPART_RETURN_IF_ERROR(csv_.Feed(std::string_view(buffer_.data(), count), rows));
      if (is_first_ && !rows.empty()) {
        is_first_ = false;
        if (is_header(columns_, rows.front())) rows.erase(rows.begin());
      }
    }
    return BatchOfAthena(columns_, rows);
  }

 private:
  std::unique_ptr<store::ObjectReader> reader_;
  const std::vector<aws::AthenaColumn>& columns_;
  AthenaCsv csv_;
  std::string buffer_;
  uint64_t offset_ = 0;
  bool is_first_ = true;
};

/// Pages of the API, the first of which is there.
class PageCursor final : public source::BatchCursor {
 public:
  PageCursor(aws::Athena& athena, std::string id, aws::AthenaPage first)
      : athena_(athena), id_(std::move(id)), page_(std::move(first)), columns_(page_.columns) {
    if (!page_.rows.empty() && is_header(columns_, page_.rows.front())) {
      page_.rows.erase(page_.rows.begin());
    }
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (page_.rows.empty() && !page_.next_token.empty()) {
      DAYPART_TRY(page_, athena_.Page(id_, page_.next_token));
    }
    if (page_.rows.empty()) return std::shared_ptr<arrow::RecordBatch>();
    const auto rows = std::exchange(page_.rows, {});
    return BatchOfAthena(columns_, rows);
  }

 private:
  aws::Athena& athena_;
  const std::string id_;
  aws::AthenaPage page_;
  const std::vector<aws::AthenaColumn> columns_;
};

class AthenaRows final : public source::BatchSource {
 public:
  AthenaRows(aws::Athena& athena, store::ObjectStore& store, aws::AthenaStatement statement,
             aws::AthenaPage first)
      : athena_(athena),
        store_(store),
        statement_(std::move(statement)),
        first_(std::move(first)),
        columns_(first_.columns) {}

  std::shared_ptr<arrow::Schema> schema() const override { return SchemaOf(columns_); }

  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    const bool has_object = statement_.type == "DML" && statement_.output.ends_with(".csv");
    if (has_object && !first_.next_token.empty()) {
      auto reader = store_.OpenRead(statement_.output);
      if (reader) {
        return std::unique_ptr<source::BatchCursor>(
            std::make_unique<CsvCursor>(std::move(reader).value(), columns_));
      }
      // Who may not read the bucket may still page; other trouble is told.
      if (reader.error().code != ErrorCode::kPermissionDenied &&
          reader.error().code != ErrorCode::kNotFound) {
        return std::move(reader).error();
      }
    }
    return std::unique_ptr<source::BatchCursor>(
        std::make_unique<PageCursor>(athena_, statement_.id, first_));
  }

 private:
  aws::Athena& athena_;
  store::ObjectStore& store_;
  const aws::AthenaStatement statement_;
  const aws::AthenaPage first_;
  const std::vector<aws::AthenaColumn> columns_;
};

}  // namespace

std::shared_ptr<arrow::DataType> ArrowTypeOfAthena(const aws::AthenaColumn& column) {
  const std::string_view type = column.type;
  if (type == "boolean") return arrow::boolean();
  if (type == "tinyint") return arrow::int8();
  if (type == "smallint") return arrow::int16();
  if (type == "integer" || type == "int") return arrow::int32();
  if (type == "bigint") return arrow::int64();
  if (type == "float" || type == "real") return arrow::float32();
  if (type == "double") return arrow::float64();
  if (type == "date") return arrow::date32();
  if (type == "timestamp") return arrow::timestamp(arrow::TimeUnit::MICRO);
  if (type == "timestamp with time zone") {
    return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  }
  if (type == "varbinary") return arrow::binary();
  const bool is_decimal = type == "decimal" && column.precision >= 1 && column.precision <= 38 &&
                          column.scale >= 0 && column.scale <= column.precision;
  if (is_decimal) return arrow::decimal128(column.precision, column.scale);
  return arrow::utf8();
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchOfAthena(
    const std::vector<aws::AthenaColumn>& columns,
    const std::vector<std::vector<AthenaCell>>& rows) {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < columns.size(); ++i) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    DAYPART_RETURN_IF_ERROR(lake::StatusFromArrow(arrow::MakeBuilder(
        arrow::default_memory_pool(), ArrowTypeOfAthena(columns[i]), &builder)));
    const Append append = AppendFor(columns[i], *builder);
    for (const auto& row : rows) {
      if (row.size() != columns.size()) {
        return CorruptData("Athena: a row of " + std::to_string(columns.size()) +
                           " values is expected, found " + std::to_string(row.size()));
      }
      DAYPART_RETURN_IF_ERROR(row[i] ? append(*row[i])
                                     : lake::StatusFromArrow(builder->AppendNull()));
    }
    DAYPART_TRY(auto array, lake::FromArrow(builder->Finish()));
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(SchemaOf(columns), static_cast<int64_t>(rows.size()),
                                  std::move(arrays));
}

void AthenaCsv::EndCell() {
  const bool is_null = !is_quoted_ && cell_.empty();
  row_.push_back(is_null ? std::nullopt : AthenaCell(std::move(cell_)));
  cell_.clear();
  is_quoted_ = false;
  state_ = State::kCellBegin;
}

Status AthenaCsv::Feed(std::string_view bytes, std::vector<std::vector<AthenaCell>>& rows) {
  for (const char c : bytes) {
    ++offset_;
    if (state_ == State::kQuoted) {
      if (c == '"') {
        state_ = State::kQuoteInQuoted;
      } else {
        cell_ += c;
      }
      continue;
    }
    if (c == '"') {
      if (state_ == State::kCellBegin && !cell_.empty()) {
        return CorruptData("Athena's result: a quote within a bare value, byte " +
                           std::to_string(offset_));
      }
      // The second of two quotes is one of the text.
      if (state_ == State::kQuoteInQuoted) cell_ += c;
      state_ = State::kQuoted;
      is_quoted_ = is_row_open_ = true;
      continue;
    }
    if (c == '\n') {
      EndCell();
      rows.push_back(std::exchange(row_, {}));
      is_row_open_ = false;
      continue;
    }
    is_row_open_ = true;
    if (c == ',') {
      EndCell();
    } else if (state_ == State::kQuoteInQuoted) {
      return CorruptData("Athena's result: a comma is expected after a quote, byte " +
                         std::to_string(offset_));
    } else {
      cell_ += c;
    }
  }
  return Ok();
}

Status AthenaCsv::Finish() const {
  if (!is_row_open_) return Ok();
  return CorruptData("Athena's result ends within a row, byte " + std::to_string(offset_));
}

Result<std::unique_ptr<source::BatchSource>> RowsOfAthena(aws::Athena& athena,
                                                          store::ObjectStore& store,
                                                          aws::AthenaStatement statement) {
  DAYPART_TRY(auto first, athena.Page(statement.id, ""));
  return std::unique_ptr<source::BatchSource>(
      std::make_unique<AthenaRows>(athena, store, std::move(statement), std::move(first)));
}

}  // namespace daypart::query
