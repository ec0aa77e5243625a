// SPDX-License-Identifier: Apache-2.0
//
// Column builders: values of one column -> an Arrow array, shared by the CSV and the JSON decoder.
// Each kind of column is a final class whose appends are inline: a hot loop switches on kind() once
// and casts (or is a template over the class); code that is not hot calls the virtual functions of
// ColumnBuilder. A rejected row is taken back with TruncateTo. One thread at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/column_parse.h"

namespace arrow {
class Array;
class Buffer;
class DataType;
class ResizableBuffer;
}  // namespace arrow

namespace daypart::decode {

/// Memory that grows and then becomes an Arrow buffer. It comes from Arrow's pool, so that the
/// pages of one chunk are used again by the next; running out of memory ends the process, as it
/// does for new.
class GrowingBuffer {
 public:
  GrowingBuffer();
  ~GrowingBuffer();
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  /// Makes room for `bytes` in all, keeping what is there.
  void Reserve(size_t bytes) {
    if (bytes > capacity_) Grow(bytes);
  }
  /// The first `bytes` as a buffer; leaves this one empty.
  std::shared_ptr<arrow::Buffer> Finish(size_t bytes);

 private:
  void Grow(size_t bytes);

  uint8_t* data_ = nullptr;
  size_t capacity_ = 0;
  std::unique_ptr<arrow::ResizableBuffer> buffer_;
};

enum class ColumnKind {
  kBoolean,
  kInt32,
  kInt64,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTimestamp,
  kTime,
  kString,
  kBinary,
};

class ColumnBuilder {
 public:
  virtual ~ColumnBuilder() = default;
  ColumnKind kind() const { return kind_; }
  /// For messages: "int", "decimal(18,4)", "timestamptz", as Iceberg names its types.
  const std::string& type_name() const { return type_name_; }
  size_t rows_count() const { return rows_; }
  size_t nulls_count() const { return nulls_; }

  /// Makes room for `rows` more. The appends below grow by themselves; the Push… of the final
  /// classes do not and need this before.
  virtual void Reserve(size_t rows) = 0;
  /// Each appends one value and returns true, or appends nothing and returns false where the value
  /// is not one of the column's type and range. Text is taken strictly (see column_parse.h) and
  /// must be valid UTF-8 for a string column; a number is taken by a column of its kind or a wider
  /// one.
  virtual bool AppendText(std::string_view text) = 0;
  virtual bool AppendInt64(int64_t value) = 0;
  virtual bool AppendDouble(double value) = 0;
  virtual bool AppendBool(bool value) = 0;
  void AppendNull() {
    Reserve(1);
    PushNull();
  }
  /// Appends a null without making room.
  virtual void PushNull() = 0;
  /// Takes back the newest rows until `rows` are left. rows: rows_count() at most.
  virtual void TruncateTo(size_t rows) = 0;
  /// The rows as an array of the column's type, or dictionary<int32, utf8> for a string column that
  /// has few distinct values; the builder is empty then and ready for the next chunk.
  virtual std::shared_ptr<arrow::Array> Finish() = 0;

 protected:
  ColumnBuilder(ColumnKind kind, std::shared_ptr<arrow::DataType> type);

  /// One bit a row, all set ahead: only a null touches it.
  void ReserveValidity(size_t rows_all);
  void MarkNull() {
    validity_.data()[rows_ / 8] &= static_cast<uint8_t>(~(1U << (rows_ % 8)));
    ++nulls_;
  }
  void TruncateValidity(size_t rows);
  /// The bitmap, or null where no row is null; resets rows and nulls.
  std::shared_ptr<arrow::Buffer> FinishValidity();

  size_t rows_ = 0;
  const std::shared_ptr<arrow::DataType> type_;  // shared because Arrow shares its types

 private:
  ColumnKind kind_;
  std::string type_name_;
  GrowingBuffer validity_;
  size_t validity_rows_ = 0;  // rows whose bits are set up
  size_t nulls_ = 0;
};

/// A column of values of one width. Format: the type's Value, and how text and numbers become it.
template <typename Format>
class FixedColumn final : public ColumnBuilder {
 public:
  using Value = typename Format::Value;
  FixedColumn(Format format, std::shared_ptr<arrow::DataType> type);

  Format& format() { return format_; }
  /// Appends without making room.
  void Push(Value value) { values()[rows_++] = value; }
  void PushNull() override {
    MarkNull();
    values()[rows_++] = Value{};
  }
  /// Parses and appends without making room. kPadded: see column_parse.h.
  template <bool kPadded>
  bool PushText(const char* text, size_t size) {
    Value& value = values()[rows_];
    if (!format_.template Parse<kPadded>(text, size, &value)) return false;
    ++rows_;
    return true;
  }

  void Reserve(size_t rows) override {
    if (rows_ + rows > capacity_) Grow(rows_ + rows);
  }
  bool AppendText(std::string_view text) override {
    Reserve(1);
    return PushText<false>(text.data(), text.size());
  }
  bool AppendInt64(int64_t number) override {
    Reserve(1);
    if (!format_.FromInt64(number, &values()[rows_])) return false;
    ++rows_;
    return true;
  }
  bool AppendDouble(double number) override {
    Reserve(1);
    if (!format_.FromDouble(number, &values()[rows_])) return false;
    ++rows_;
    return true;
  }
  bool AppendBool(bool truth) override {
    Reserve(1);
    if (!format_.FromBool(truth, &values()[rows_])) return false;
    ++rows_;
    return true;
  }
  void TruncateTo(size_t rows) override {
    TruncateValidity(rows);
    rows_ = rows;
  }
  std::shared_ptr<arrow::Array> Finish() override;

 private:
  Value* values() { return reinterpret_cast<Value*>(values_.data()); }
  void Grow(size_t rows_all);

  Format format_;
  GrowingBuffer values_;
  size_t capacity_ = 0;  // rows that values_ and the validity have room for
};

/// What most formats refuse; each format hides what it takes.
template <typename T>
struct RefusingFormat {
  using Value = T;
  bool FromInt64(int64_t, T*) { return false; }
  bool FromDouble(double, T*) { return false; }
  bool FromBool(bool, T*) { return false; }
};

struct BooleanFormat : RefusingFormat<uint8_t> {  // a byte a row, packed to bits in Finish
  template <bool kPadded>
  bool Parse(const char* text, size_t size, uint8_t* value) {
    bool truth = false;
    const bool is_good = ParseBoolean({text, size}, &truth);
    *value = truth ? 1 : 0;
    return is_good;
  }
  bool FromBool(bool truth, uint8_t* value) {
    *value = truth ? 1 : 0;
    return true;
  }
};

template <typename T>
struct IntegerFormat : RefusingFormat<T> {
  template <bool kPadded>
  bool Parse(const char* text, size_t size, T* value) {
    return ParseInteger<T, kPadded>(text, size, value);
  }
  bool FromInt64(int64_t number, T* value) {
    *value = static_cast<T>(number);
    return *value == number;
  }
};
using Int32Format = IntegerFormat<int32_t>;
using Int64Format = IntegerFormat<int64_t>;

/// An integer that is no exact value of the type is refused; a double is rounded to float.
struct FloatFormat : RefusingFormat<float> {
  template <bool kPadded>
  bool Parse(const char* text, size_t size, float* value) {
    return ParseFloatSlow({text, size}, value);
  }
  bool FromInt64(int64_t number, float* value) {
    *value = static_cast<float>(number);
    return number >= -(int64_t{1} << 24) && number <= (int64_t{1} << 24);
  }
  bool FromDouble(double number, float* value);
};

struct DoubleFormat : RefusingFormat<double> {
  template <bool kPadded>
  bool Parse(const char* text, size_t size, double* value) {
    return ParseDouble<kPadded>(text, size, value);
  }
  bool FromInt64(int64_t number, double* value) {
    *value = static_cast<double>(number);
    return number >= -(int64_t{1} << 53) && number <= (int64_t{1} << 53);
  }
  bool FromDouble(double number, double* value) {
    *value = number;
    return true;
  }
};

/// A double is refused: its text is needed for an exact decimal, so pass that to AppendText.
struct DecimalFormat : RefusingFormat<__int128> {
  int32_t precision = 38;
  int32_t scale = 0;
  template <bool kPadded>
  bool Parse(const char* text, size_t size, __int128* value) {
    // The usual "123.45": digits as one integer, then zeros up to the scale.
    const bool is_negative = size != 0 && text[0] == '-';
    const char* digits = text + (is_negative ? 1 : 0);
    const size_t digits_size = size - (is_negative ? 1 : 0);
    size_t whole = 0;
    while (whole < digits_size && digits[whole] != '.') ++whole;
    const size_t fraction = whole < digits_size ? digits_size - whole - 1 : 0;
    const size_t places = static_cast<size_t>(scale);
    uint64_t high = 0;
    uint32_t low = 0;
    if (whole >= 1 && fraction >= 1 && fraction <= 8 && fraction <= places && places <= 8 &&
        whole + places <= 18 && whole + places <= static_cast<size_t>(precision) &&
        ParseDigits<kPadded>(digits, whole, &high) &&
        ParseShortDigits<kPadded>(digits + whole + 1, fraction, &low)) {
      constexpr int64_t kPowers[9] = {1,       10,        100,        1'000,      10'000,
                                      100'000, 1'000'000, 10'000'000, 100'000'000};
      const int64_t magnitude =
          static_cast<int64_t>(high) * kPowers[places] + int64_t{low} * kPowers[places - fraction];
      *value = is_negative ? -magnitude : magnitude;
      return true;
    }
    return ParseDecimal({text, size}, precision, scale, value);
  }
  bool FromInt64(int64_t number, __int128* value);
};

struct DateFormat : RefusingFormat<int32_t> {
  DateParser dates;
  template <bool kPadded>
  bool Parse(const char* text, size_t size, int32_t* value) {
    return size == 10 && dates.ParseTen(text, value);
  }
};

/// With or without zone alike: a text without a zone is UTC, one with a zone is converted to UTC.
struct TimestampFormat : RefusingFormat<int64_t> {
  DateParser dates;
  template <bool kPadded>
  bool Parse(const char* text, size_t size, int64_t* value) {
    return ParseTimestamp<kPadded>(dates, text, size, value);
  }
};

struct TimeFormat : RefusingFormat<int64_t> {
  template <bool kPadded>
  bool Parse(const char* text, size_t size, int64_t* value) {
    if (size == 8) return ParseClock(text, value);
    return ParseTimeMicros({text, size}, value);
  }
};

using BooleanColumn = FixedColumn<BooleanFormat>;
using Int32Column = FixedColumn<Int32Format>;
using Int64Column = FixedColumn<Int64Format>;
using FloatColumn = FixedColumn<FloatFormat>;
using DoubleColumn = FixedColumn<DoubleFormat>;
using DecimalColumn = FixedColumn<DecimalFormat>;
using DateColumn = FixedColumn<DateFormat>;
using TimestampColumn = FixedColumn<TimestampFormat>;
using TimeColumn = FixedColumn<TimeFormat>;

}  // namespace daypart::decode
