// SPDX-License-Identifier: Apache-2.0
//
// Minimum, maximum and counts of Arrow arrays. The number loops are written so that the compiler
// turns them into vector code where no value is null, which is the common case.
#include "lake/column_metrics.h"

#include <arrow/array.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

namespace daypart::lake {
namespace {

using iceberg::Literal;
using iceberg::TypeKind;

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes that the first `count` code points of UTF-8 `text` take.
size_t CodePointsPrefix(std::string_view text, size_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation_byte(text[at])) continue;
    if (count-- == 0) return at;
  }
  return at;
}

/// The code point; nullopt if the bytes are none, as text that was never checked may have them.
std::optional<char32_t> DecodeCodePoint(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (bytes.size() == 1) return lead < 0x80 ? std::optional<char32_t>(lead) : std::nullopt;
  if (bytes.size() > 4 || lead < 0xC0) return std::nullopt;
  char32_t point = lead & (0xFFU >> (bytes.size() + 1));
  for (size_t i = 1; i < bytes.size(); ++i) {
    point = (point << 6) | (static_cast<unsigned char>(bytes[i]) & 0x3FU);
  }
  return point;
}

void AppendCodePoint(std::string& text, char32_t point) {
  const auto append = [&text](char32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    append(point);
  } else if (point < 0x800) {
    append(0xC0 | (point >> 6));
    append(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    append(0xE0 | (point >> 12));
    append(0x80 | ((point >> 6) & 0x3F));
    append(0x80 | (point & 0x3F));
  } else {
    append(0xF0 | (point >> 18));
    append(0x80 | ((point >> 12) & 0x3F));
    append(0x80 | ((point >> 6) & 0x3F));
    append(0x80 | (point & 0x3F));
  }
}

/// The next code point that UTF-8 can hold; 0 if there is none. Surrogates are stepped over.
char32_t NextCodePoint(char32_t point) {
  if (point >= 0x10FFFF) return 0;
  return point + 1 == 0xD800 ? 0xE000 : point + 1;
}

std::optional<std::string> RaiseString(std::string text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && is_continuation_byte(text[start])) --start;
    const auto last = DecodeCodePoint(std::string_view(text).substr(start));
    const char32_t next = last ? NextCodePoint(*last) : 0;
    text.resize(start);
    if (next != 0) {
      AppendCodePoint(text, next);
      return text;
    }
  }
  return std::nullopt;
}

std::optional<std::string> RaiseBytes(std::string bytes) {
  while (!bytes.empty()) {
    if (static_cast<unsigned char>(bytes.back()) != 0xFF) {
      bytes.back() = static_cast<char>(bytes.back() + 1);
      return bytes;
    }
    bytes.pop_back();
  }
  return std::nullopt;
}

/// Whether bounds of the type may be shortened: a uuid's or fixed's must keep its length.
bool is_truncatable(const iceberg::Type& type) {
  return type.kind == TypeKind::kString || type.kind == TypeKind::kBinary;
}

}  // namespace

std::string TruncateLowerBound(std::string_view value, const iceberg::Type& type,
                               size_t length_max) {
  const size_t kept = type.kind == TypeKind::kString ? CodePointsPrefix(value, length_max)
                                                     : std::min(value.size(), length_max);
  return std::string(value.substr(0, kept));
}

std::optional<std::string> TruncateUpperBound(std::string_view value, const iceberg::Type& type,
                                              size_t length_max) {
  std::string front = TruncateLowerBound(value, type, length_max);
  if (front.size() == value.size()) return front;
  return type.kind == TypeKind::kString ? RaiseString(std::move(front))
                                        : RaiseBytes(std::move(front));
}

size_t ColumnMetrics::LengthMax() const {
  return mode_.kind == MetricsMode::Kind::kFull ? SIZE_MAX : mode_.length_max;
}

void ColumnMetrics::Widen(Literal low, Literal high) {
  if (is_null(lowest_) || iceberg::Compare(low, lowest_) < 0) lowest_ = std::move(low);
  if (is_null(highest_) || iceberg::Compare(high, highest_) > 0) highest_ = std::move(high);
}

template <typename ArrayType, typename Value>
void ColumnMetrics::AddNumbers(const arrow::Array& array) {
  const auto* values = static_cast<const ArrayType&>(array).raw_values();
  if (array.null_count() == array.length()) return;
  Value low = std::numeric_limits<Value>::max();
  Value high = std::numeric_limits<Value>::min();
  if (array.null_count() == 0) {
    for (int64_t row = 0; row < array.length(); ++row) {
      low = std::min<Value>(low, values[row]);
      high = std::max<Value>(high, values[row]);
    }
  } else {
    for (int64_t row = 0; row < array.length(); ++row) {
      if (array.IsNull(row)) continue;
      low = std::min<Value>(low, values[row]);
      high = std::max<Value>(high, values[row]);
    }
  }
  Widen(Literal(low), Literal(high));
}

template <typename ArrayType, typename Value>
void ColumnMetrics::AddFloats(const arrow::Array& array) {
  const auto* values = static_cast<const ArrayType&>(array).raw_values();
  bool has_value = false;
  Value low = 0;
  Value high = 0;
  // signbit decides between the two zeros, which compare equal.
  const auto is_below = [](Value a, Value b) {
    return a < b || (a == b && std::signbit(a) && !std::signbit(b));
  };
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) continue;
    const Value value = values[row];
    if (std::isnan(value)) {
      ++nan_count_;
      continue;
    }
    if (!has_value || is_below(value, low)) low = value;
    if (!has_value || is_below(high, value)) high = value;
    has_value = true;
  }
  if (has_value) Widen(Literal(low), Literal(high));
}

void ColumnMetrics::WidenBytes(std::string_view low, std::string_view high) {
  const auto* lowest = std::get_if<std::string>(&lowest_);
  if (lowest == nullptr || low < *lowest) lowest_ = std::string(low);
  const auto* highest = std::get_if<std::string>(&highest_);
  if (highest == nullptr || high > *highest) highest_ = std::string(high);
}

template <typename ArrayType>
void ColumnMetrics::AddBytes(const ArrayType& array) {
  bool has_value = false;
  std::string_view low;
  std::string_view high;
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) continue;
    const std::string_view value = array.GetView(row);
    if (!has_value || value < low) low = value;
    if (!has_value || value > high) high = value;
    has_value = true;
  }
  if (has_value) WidenBytes(low, high);
}

void ColumnMetrics::AddBooleans(const arrow::Array& array) {
  const auto& booleans = static_cast<const arrow::BooleanArray&>(array);
  const int64_t values = array.length() - array.null_count();
  if (values == 0) return;
  const int64_t trues = booleans.true_count();
  Widen(Literal(trues == values), Literal(trues > 0));
}

void ColumnMetrics::AddDecimals(const arrow::Array& array) {
  const auto& decimals = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  bool has_value = false;
  __int128 low = 0;
  __int128 high = 0;
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) continue;
    __int128 value;
    std::memcpy(&value, decimals.GetValue(row), sizeof(value));
    low = has_value ? std::min(low, value) : value;
    high = has_value ? std::max(high, value) : value;
    has_value = true;
  }
  if (has_value) Widen(Literal(iceberg::Decimal{low}), Literal(iceberg::Decimal{high}));
}

Status ColumnMetrics::AddDictionary(const arrow::Array& array) {
  const auto& dictionary_array = static_cast<const arrow::DictionaryArray&>(array);
  if (dictionary_array.indices()->type_id() != arrow::Type::INT32 ||
      dictionary_array.dictionary()->type_id() != arrow::Type::STRING) {
    return Unsupported("dictionary<int32, utf8> is expected, found " + array.type()->ToString());
  }
  const auto& words = static_cast<const arrow::StringArray&>(*dictionary_array.dictionary());
  const auto& indices = static_cast<const arrow::Int32Array&>(*dictionary_array.indices());
  // A dictionary may hold words that no row of this array uses: they must not widen the bounds.
  std::vector<char> is_used(static_cast<size_t>(words.length()), 0);
  for (int64_t row = 0; row < indices.length(); ++row) {
    if (indices.IsNull(row)) continue;
    is_used[static_cast<size_t>(indices.Value(row))] = 1;
  }
  for (int64_t word = 0; word < words.length(); ++word) {
    if (is_used[static_cast<size_t>(word)] == 0) continue;
    WidenBytes(words.GetView(word), words.GetView(word));
  }
  return Ok();
}

Status ColumnMetrics::Add(const arrow::Array& array) {
  value_count_ += array.length();
  null_count_ += array.null_count();
  // NaNs are counts, so floats are looked at in any mode.
  if (!mode_.has_bounds() && !nan_count()) return Ok();
  return AddValues(array);
}

Status ColumnMetrics::AddValues(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::BOOL: AddBooleans(array); return Ok();
    case arrow::Type::INT32: AddNumbers<arrow::Int32Array, int32_t>(array); return Ok();
    case arrow::Type::DATE32: AddNumbers<arrow::Date32Array, int32_t>(array); return Ok();
    case arrow::Type::INT64: AddNumbers<arrow::Int64Array, int64_t>(array); return Ok();
    case arrow::Type::TIME64: AddNumbers<arrow::Time64Array, int64_t>(array); return Ok();
    case arrow::Type::TIMESTAMP: AddNumbers<arrow::TimestampArray, int64_t>(array); return Ok();
    case arrow::Type::FLOAT: AddFloats<arrow::FloatArray, float>(array); return Ok();
    case arrow::Type::DOUBLE: AddFloats<arrow::DoubleArray, double>(array); return Ok();
    case arrow::Type::DECIMAL128: AddDecimals(array); return Ok();
    case arrow::Type::STRING: AddBytes(static_cast<const arrow::StringArray&>(array)); return Ok();
    case arrow::Type::BINARY: AddBytes(static_cast<const arrow::BinaryArray&>(array)); return Ok();
    case arrow::Type::FIXED_SIZE_BINARY:
      AddBytes(static_cast<const arrow::FixedSizeBinaryArray&>(array));
      return Ok();
    case arrow::Type::DICTIONARY: return AddDictionary(array);
    default:
      return Unsupported("no metrics for a column of Arrow type " + array.type()->ToString());
  }
}

std::optional<int64_t> ColumnMetrics::nan_count() const {
  if (type_.kind != TypeKind::kFloat && type_.kind != TypeKind::kDouble) return std::nullopt;
  return nan_count_;
}

Result<std::optional<std::string>> ColumnMetrics::LowerBound() const {
  if (is_null(lowest_) || !mode_.has_bounds()) return std::optional<std::string>();
  if (is_truncatable(type_)) {
    return std::optional(TruncateLowerBound(std::get<std::string>(lowest_), type_, LengthMax()));
  }
  DAYPART_TRY(std::string bytes, iceberg::SerializeLiteral(lowest_, type_));
  return std::optional(std::move(bytes));
}

Result<std::optional<std::string>> ColumnMetrics::UpperBound() const {
  if (is_null(highest_) || !mode_.has_bounds()) return std::optional<std::string>();
  if (is_truncatable(type_)) {
    return TruncateUpperBound(std::get<std::string>(highest_), type_, LengthMax());
  }
  DAYPART_TRY(std::string bytes, iceberg::SerializeLiteral(highest_, type_));
  return std::optional(std::move(bytes));
}

}  // namespace daypart::lake
