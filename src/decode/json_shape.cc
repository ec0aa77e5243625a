// SPDX-License-Identifier: Apache-2.0
//
// Learning and reading lines of one shape.
#include "decode/json_shape.h"

#include <emmintrin.h>

#include <bit>
#include <cstring>

#include "decode/column_builder_text.h"

namespace daypart::decode {
namespace {

/// Where the text ends: at its closing quote; npos if an escape or a control character comes first,
/// or no quote at all. Sixteen bytes a step (SSE2, part of x86-64), the rest one by one.
size_t FindTextEnd(std::string_view line, size_t at) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i escape = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  for (; at + 16 <= line.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line.data() + at));
    // max(byte, 0x1F) == 0x1F exactly for the control characters 0x00 to 0x1F.
    const __m128i is_control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
    const __m128i stops = _mm_or_si128(
        is_control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, escape)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stops));
    if (mask != 0) {
      const size_t stop = at + static_cast<size_t>(std::countr_zero(mask));
      return line[stop] == '"' ? stop : std::string_view::npos;
    }
  }
  for (; at < line.size(); ++at) {
    if (line[at] == '"') return at;
    if (line[at] == '\\' || static_cast<unsigned char>(line[at]) < 0x20) break;
  }
  return std::string_view::npos;
}

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

/// Length of the JSON number at the front: -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?; 0 if there is
/// none.
size_t NumberLength(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const size_t whole_at = at;
  const size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

/// Reads an integer of at most 18 digits at the front. returns: its length; 0 if there is none, or
/// it has a leading zero, or more digits (then the parser is to decide).
size_t ReadInteger(std::string_view text, int64_t& number) {
  const bool is_negative = !text.empty() && text[0] == '-';
  size_t at = is_negative ? 1 : 0;
  const size_t start = at;
  int64_t value = 0;
  while (at < text.size() && is_digit(text[at]) && at - start < 19) {
    value = value * 10 + (text[at++] - '0');
    if (at - start == 18) break;
  }
  const size_t digits = at - start;
  if (digits == 0 || (digits > 1 && text[start] == '0')) return 0;
  if (is_negative && value == 0) return 0;  // -0 is an integer to some readers only
  number = is_negative ? -value : value;
  return at;
}

bool AppendText(ColumnBuilder& builder, std::string_view text) {
  switch (builder.kind()) {
    case ColumnKind::kString: return static_cast<BytesColumn&>(builder).AppendText(text);
    case ColumnKind::kTimestamp: return static_cast<TimestampColumn&>(builder).AppendText(text);
    case ColumnKind::kDate:
    case ColumnKind::kTime:
    case ColumnKind::kDecimal: return builder.AppendText(text);
    case ColumnKind::kBoolean:
    case ColumnKind::kInt32:
    case ColumnKind::kInt64:
    case ColumnKind::kFloat:
    case ColumnKind::kDouble:
    case ColumnKind::kBinary: return false;
  }
  return false;
}

/// Appends the number at the front of `text`. returns: its length; 0 to leave the line to the
/// parser.
size_t AppendNumber(ColumnBuilder& builder, std::string_view text) {
  int64_t number = 0;
  switch (builder.kind()) {
    case ColumnKind::kInt32: {
      const size_t length = ReadInteger(text, number);
      return static_cast<Int32Column&>(builder).AppendInt64(number) ? length : 0;
    }
    case ColumnKind::kInt64: {
      const size_t length = ReadInteger(text, number);
      return static_cast<Int64Column&>(builder).AppendInt64(number) ? length : 0;
    }
    case ColumnKind::kDouble:
    case ColumnKind::kDecimal: {
      const size_t length = NumberLength(text);
      return length > 0 && builder.AppendText(text.substr(0, length)) ? length : 0;
    }
    case ColumnKind::kBoolean:
    case ColumnKind::kFloat:
    case ColumnKind::kDate:
    case ColumnKind::kTimestamp:
    case ColumnKind::kTime:
    case ColumnKind::kString:
    case ColumnKind::kBinary: return 0;
  }
  return 0;
}

}  // namespace

bool LineShape::Scan(std::string_view line) {
  if (line.empty() || line[0] != '{') return false;
  size_t at = 0;  // of the bytes between the last value and the next
  while (true) {
    Step step;
    // From the last value on: its closing quote, '{' or ',', and the opening quote of the key.
    size_t key_quote = at;
    if (!steps_.empty() && steps_.back().is_text) ++key_quote;
    const char separator = steps_.empty() ? '{' : ',';
    if (key_quote + 1 >= line.size() || line[key_quote] != separator ||
        line[key_quote + 1] != '"') {
      break;
    }
    const size_t key = key_quote + 2;
    const size_t key_end = FindTextEnd(line, key);
    if (key_end == std::string_view::npos || key_end + 2 >= line.size() ||
        line[key_end + 1] != ':') {
      return false;
    }
    size_t value = key_end + 2;
    step.is_text = line[value] == '"';
    if (step.is_text) ++value;
    step.prefix = std::string(line.substr(at, value - at));
    step.key_at = key - at;
    step.key_bytes = key_end - key;
    at = step.is_text ? FindTextEnd(line, value) : value + NumberLength(line.substr(value));
    if (at == std::string_view::npos || (!step.is_text && at == value)) return false;
    steps_.push_back(std::move(step));
  }
  suffix_ = std::string(line.substr(at));
  return suffix_ == "}" || suffix_ == "\"}";
}

bool LineShape::Fills(int column) const {
  for (const Step& step : steps_) {
    if (step.column == column) return true;
  }
  return false;
}

bool LineShape::Read(std::string_view line,
                     std::span<const std::unique_ptr<ColumnBuilder>> builders) const {
  size_t at = 0;
  for (const Step& step : steps_) {
    if (line.size() - at < step.prefix.size() ||
        std::memcmp(line.data() + at, step.prefix.data(), step.prefix.size()) != 0) {
      return false;
    }
    at += step.prefix.size();
    if (step.is_text) {
      const size_t end = FindTextEnd(line, at);
      if (end == std::string_view::npos) return false;
      if (step.column >= 0 &&
          !AppendText(*builders[static_cast<size_t>(step.column)], line.substr(at, end - at))) {
        return false;
      }
      at = end;
    } else {
      const std::string_view rest = line.substr(at);
      const size_t length = step.column >= 0
                                ? AppendNumber(*builders[static_cast<size_t>(step.column)], rest)
                                : NumberLength(rest);
      if (length == 0) return false;
      at += length;
    }
  }
  return line.substr(at) == suffix_;
}

}  // namespace daypart::decode
