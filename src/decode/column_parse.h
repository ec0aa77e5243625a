// SPDX-License-Identifier: Apache-2.0
//
// Text -> one typed value, for the column builders: whole words of digits at a time, no allocation,
// no locale. Strict: nothing may stand before or after the value (the CSV decoder trims spaces
// before). A `kPadded` template argument says that kCellPadding bytes after the text may be read
// (not used), which saves the branches that a careful load of a short text needs.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/calendar.h"

namespace daypart::decode {

static_assert(std::endian::native == std::endian::little,
              "the word tricks below read low byte first");

/// Bytes that must be readable after a text that is parsed as `kPadded`.
inline constexpr size_t kCellPadding = 32;

/// The first 8 bytes of a text, zeros after its end. text: 1 byte at least.
template <bool kPadded>
inline uint64_t LoadWord(const char* text, size_t size) {
  uint64_t word = 0;
  if (size >= 8) {
    std::memcpy(&word, text, 8);
    return word;
  }
  if constexpr (kPadded) {
    std::memcpy(&word, text, 8);
    return word & (~uint64_t{0} >> (64 - 8 * size));
  } else if (size >= 4) {
    uint32_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, text, 4);
    std::memcpy(&high, text + size - 4, 4);
    return low | (uint64_t{high} << (8 * (size - 4)));
  } else {
    word = static_cast<unsigned char>(text[0]);
    if (size >= 2) word |= uint64_t{static_cast<unsigned char>(text[1])} << 8;
    if (size == 3) word |= uint64_t{static_cast<unsigned char>(text[2])} << 16;
    return word;
  }
}

/// Whether all 8 bytes are '0'..'9'.
constexpr bool is_eight_digits(uint64_t word) {
  return ((word & 0xF0F0F0F0F0F0F0F0) |
          (((word + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) == 0x3333333333333333;
}

/// The number that 8 digits spell. Source: D. Lemire, "Quickly parsing eight digits" (2018).
constexpr uint32_t EightDigits(uint64_t word) {
  word -= 0x3030303030303030;
  word = (word * 10) + (word >> 8);
  const uint64_t mask = 0x000000FF000000FF;
  return static_cast<uint32_t>(
      ((word & mask) * 0x000F424000000064 + ((word >> 16) & mask) * 0x0000271000000001) >> 32);
}

/// 1 to 8 digits. returns: whether the text is that.
template <bool kPadded>
inline bool ParseShortDigits(const char* text, size_t size, uint32_t* value) {
  const size_t missing_bits = 64 - 8 * size;
  uint64_t word = LoadWord<kPadded>(text, size) << missing_bits;
  word |= 0x3030303030303030 & ((uint64_t{1} << missing_bits) - 1);
  *value = EightDigits(word);
  return is_eight_digits(word);
}

/// More than 8 digits; out of line, so that the short numbers' loop stays small.
template <bool kPadded>
[[gnu::noinline]] bool ParseLongDigits(const char* text, size_t size, uint64_t* value) {
  uint32_t part = 0;
  uint64_t total = 0;
  while (size > 8) {
    uint64_t word = 0;
    std::memcpy(&word, text, 8);
    if (!is_eight_digits(word)) return false;
    if (__builtin_mul_overflow(total, uint64_t{100'000'000}, &total) ||
        __builtin_add_overflow(total, uint64_t{EightDigits(word)}, &total)) {
      return false;
    }
    text += 8;
    size -= 8;
  }
  if (!ParseShortDigits<kPadded>(text, size, &part)) return false;
  constexpr uint64_t kPowers[9] = {1,       10,        100,        1'000,      10'000,
                                   100'000, 1'000'000, 10'000'000, 100'000'000};
  if (__builtin_mul_overflow(total, kPowers[size], &total)) return false;
  return !__builtin_add_overflow(total, uint64_t{part}, value);
}

/// Digits only, any number of leading zeros. returns: false for other text and for overflow.
template <bool kPadded>
[[gnu::always_inline]] inline bool ParseDigits(const char* text, size_t size, uint64_t* value) {
  if (size > 8) return ParseLongDigits<kPadded>(text, size, value);
  if (size == 0) return false;
  uint32_t part = 0;
  const bool is_good = ParseShortDigits<kPadded>(text, size, &part);
  *value = part;
  return is_good;
}

/// An optional sign and digits, in the range of T.
template <typename T, bool kPadded>
inline bool ParseInteger(const char* text, size_t size, T* value) {
  if (size == 0) return false;
  const bool is_negative = text[0] == '-';
  if (is_negative || text[0] == '+') {
    ++text;
    --size;
  }
  uint64_t magnitude = 0;
  if (!ParseDigits<kPadded>(text, size, &magnitude)) return false;
  const uint64_t limit =
      static_cast<uint64_t>(std::numeric_limits<T>::max()) + (is_negative ? 1 : 0);
  *value = static_cast<T>(is_negative ? uint64_t{0} - magnitude : magnitude);
  return magnitude <= limit;
}

/// Decimal or scientific notation, or NaN, Infinity, -Infinity, inf, -inf in any case. A number too
/// large for the type is refused; one too small becomes zero.
bool ParseDoubleSlow(std::string_view text, double* value);
bool ParseFloatSlow(std::string_view text, float* value);

/// As ParseDoubleSlow. Numbers of up to 15 digits with a fraction take the exact short way: digits
/// and power of ten are both exact doubles, so that one division rounds correctly (Clinger 1990).
template <bool kPadded>
inline bool ParseDouble(const char* text, size_t size, double* value) {
  constexpr double kPowers[9] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  const bool is_negative = size != 0 && text[0] == '-';
  const char* digits = text + (is_negative ? 1 : 0);
  const size_t digits_size = size - (is_negative ? 1 : 0);
  size_t whole = 0;
  while (whole < digits_size && digits[whole] != '.') ++whole;
  const size_t fraction = whole < digits_size ? digits_size - whole - 1 : 0;
  uint32_t low = 0;
  uint64_t high = 0;
  if (whole >= 1 && whole + fraction <= 15 && fraction <= 8 &&
      ParseDigits<kPadded>(digits, whole, &high) &&
      (fraction == 0 || ParseShortDigits<kPadded>(digits + whole + 1, fraction, &low))) {
    const double scaled = static_cast<double>(high) * kPowers[fraction] + low;
    const double magnitude = scaled / kPowers[fraction];
    *value = is_negative ? -magnitude : magnitude;
    return whole == digits_size || fraction != 0 || ParseDoubleSlow({text, size}, value);
  }
  return ParseDoubleSlow({text, size}, value);
}

/// true/false, t/f, yes/no, 1/0, in any case.
bool ParseBoolean(std::string_view text, bool* value);

/// An optional sign, digits with at most one point, an optional exponent; the value must be exact
/// in `scale` places after the point and have at most `precision` digits.
bool ParseDecimal(std::string_view text, int32_t precision, int32_t scale, __int128* value);

/// HH:MM[:SS[.fraction]] as microseconds of the day; digits after the sixth are cut.
bool ParseTimeMicros(std::string_view text, int64_t* micros);

/// Two digits each of a text 'HH:MM:SS' as microseconds of the day.
inline bool ParseClock(const char* text, int64_t* micros) {
  uint64_t word = 0;
  std::memcpy(&word, text, 8);
  // '0','0',':','0','0',':','0','0' from the low byte on: digits become 0..9, colons 0.
  word ^= 0x30303A30303A3030;
  const uint64_t excess = word + 0x76767F76767F7676;  // sets a byte's top bit if it is too large
  const uint64_t pairs = word * 10 + (word >> 8);
  const auto hour = static_cast<int64_t>(pairs & 0xFF);
  const auto minute = static_cast<int64_t>((pairs >> 24) & 0xFF);
  const auto second = static_cast<int64_t>((pairs >> 48) & 0xFF);
  *micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond;
  return ((word | excess) & 0x8080808080808080) == 0 && hour < 24 && minute < 60 && second < 60;
}

/// Remembers the last date, because neighbouring rows mostly share it.
class DateParser {
 public:
  /// As daypart::ParseDate. text: 10 readable bytes.
  bool ParseTen(const char* text, int32_t* days) {
    uint64_t head = 0;
    uint16_t tail = 0;
    std::memcpy(&head, text, 8);
    std::memcpy(&tail, text + 8, 2);
    if (head == head_ && tail == tail_) [[likely]] {
      *days = days_;
      return true;
    }
    return ParseNew(text, head, tail, days);
  }

 private:
  bool ParseNew(const char* text, uint64_t head, uint16_t tail, int32_t* days);

  uint64_t head_ = 0;  // "YYYY-MM-" of the last good date; 0 matches no date
  uint16_t tail_ = 0;  // "DD"
  int32_t days_ = 0;
};

/// As daypart::ParseTimestampMicros, with a short way for YYYY-MM-DD[T ]HH:MM:SS[.f{1,6}][Z].
template <bool kPadded>
inline bool ParseTimestamp(DateParser& dates, const char* text, size_t size, int64_t* micros) {
  int32_t days = 0;
  int64_t clock = 0;
  if (size >= 19 && (text[10] == 'T' || text[10] == ' ') && dates.ParseTen(text, &days) &&
      ParseClock(text + 11, &clock)) {
    size_t rest = size - 19 - (text[size - 1] == 'Z' ? 1 : 0);
    uint32_t fraction = 0;
    if (rest == 0 || (rest <= 7 && rest >= 2 && text[19] == '.' &&
                      ParseShortDigits<kPadded>(text + 20, rest - 1, &fraction))) {
      constexpr uint32_t kScale[8] = {0, 0, 100'000, 10'000, 1'000, 100, 10, 1};
      *micros = days * kMicrosPerDay + clock + int64_t{fraction * kScale[rest]};
      return true;
    }
  }
  const auto parsed = ParseTimestampMicros({text, size});
  *micros = parsed.value_or(0);
  return parsed.has_value();
}

}  // namespace daypart::decode
