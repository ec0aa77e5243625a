// SPDX-License-Identifier: Apache-2.0
//
// The rarer forms of numbers, times and truth values; what the inline parsers fall back to.
#include "decode/column_parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace daypart::decode {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_same_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(),
                                                   [](char a, char b) { return Lower(a) == b; });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <typename T>
bool ParseFloating(std::string_view text, T* value) {
  const bool is_negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  T magnitude = 0;
  if (!is_digit(text[0]) && text[0] != '.') {
    if (is_same_ignoring_case(text, "nan")) {
      magnitude = std::numeric_limits<T>::quiet_NaN();
    } else if (is_same_ignoring_case(text, "inf") || is_same_ignoring_case(text, "infinity")) {
      magnitude = std::numeric_limits<T>::infinity();
    } else {
      return false;
    }
  } else {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), magnitude);
    if (end != text.data() + text.size()) return false;
    if (code == std::errc::result_out_of_range) {
      // Too small is zero, too large is refused; from_chars does not tell which it was.
      const size_t exponent = text.find_first_of("eE");
      const bool is_small = exponent != std::string_view::npos
                                ? text.substr(exponent + 1).starts_with('-')
                                : text.starts_with("0.") || text.starts_with('.');
      if (!is_small) return false;
      magnitude = 0;
    } else if (code != std::errc{} || std::isinf(magnitude)) {
      return false;
    }
  }
  *value = is_negative ? -magnitude : magnitude;
  return true;
}

/// The exponent after 'e', at most four digits. returns: false for anything else.
bool ParseExponent(std::string_view text, int32_t* exponent) {
  const bool is_negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 4) return false;
  int32_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  *exponent = is_negative ? -value : value;
  return true;
}

}  // namespace

bool ParseDoubleSlow(std::string_view text, double* value) { return ParseFloating(text, value); }

bool ParseFloatSlow(std::string_view text, float* value) { return ParseFloating(text, value); }

bool ParseBoolean(std::string_view text, bool* value) {
  if (text.empty() || text.size() > 5) return false;
  for (const std::string_view word : {"true", "t", "1", "yes"}) {
    if (is_same_ignoring_case(text, word)) return *value = true;
  }
  *value = false;
  for (const std::string_view word : {"false", "f", "0", "no"}) {
    if (is_same_ignoring_case(text, word)) return true;
  }
  return false;
}

bool ParseDecimal(std::string_view text, int32_t precision, int32_t scale, __int128* value) {
  const bool is_negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  int32_t exponent = 0;
  if (const size_t at = text.find_first_of("eE"); at != std::string_view::npos) {
    if (!ParseExponent(text.substr(at + 1), &exponent)) return false;
    text = text.substr(0, at);
  }
  unsigned __int128 magnitude = 0;
  int32_t digits = 0;  // significant ones, at most 38
  int64_t places = 0;  // digits after the point, less the zeros held back
  int64_t zeros = 0;   // zeros held back: they count only when another digit follows
  bool is_after_point = false;
  bool has_digit = false;
  for (const char c : text) {
    if (c == '.' && !is_after_point) {
      is_after_point = true;
      continue;
    }
    if (!is_digit(c)) return false;
    has_digit = true;
    if (is_after_point) ++places;
    if (c == '0') {
      if (digits != 0) ++zeros;
      continue;
    }
    if (digits + zeros >= 38) return false;
    for (; zeros > 0; --zeros, ++digits) magnitude *= 10;
    magnitude = magnitude * 10 + static_cast<unsigned>(c - '0');
    ++digits;
  }
  if (!has_digit) return false;
  // value = magnitude * 10^zeros / 10^places * 10^exponent; the result is that times 10^scale.
  const int64_t shift = zeros - places + exponent + scale;
  if (digits != 0 && (shift < 0 || digits + shift > precision)) return false;
  for (int64_t i = 0; digits != 0 && i < shift; ++i) magnitude *= 10;
  *value = is_negative ? -static_cast<__int128>(magnitude) : static_cast<__int128>(magnitude);
  return true;
}

bool ParseTimeMicros(std::string_view text, int64_t* micros) {
  if (text.size() < 5) return false;
  // The date is only there to have the one parser of clock texts do the work.
  std::string stamp = "1970-01-01T";
  stamp += text;
  if (text.find_first_not_of("0123456789:.") != std::string_view::npos) return false;
  const auto parsed = ParseTimestampMicros(stamp);
  *micros = parsed.value_or(0);
  return parsed.has_value();
}

bool DateParser::ParseNew(const char* text, uint64_t head, uint16_t tail, int32_t* days) {
  const auto parsed = ParseDate({text, 10});
  if (!parsed) return false;
  head_ = head;
  tail_ = tail;
  days_ = *parsed;
  *days = days_;
  return true;
}

}  // namespace daypart::decode
