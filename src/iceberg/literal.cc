// SPDX-License-Identifier: Apache-2.0
//
// Order, bytes and text of single values. Source: Iceberg table spec, Appendix D.
#include "iceberg/literal.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/calendar.h"

namespace daypart::iceberg {
namespace {

// The serialised forms are little-endian and copied as they lie in memory.
static_assert(std::endian::native == std::endian::little);

template <typename Value>
std::string LittleEndian(Value value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

template <typename Value>
Result<Literal> FromLittleEndian(std::string_view bytes) {
  if (bytes.size() != sizeof(Value)) {
    return CorruptData(std::to_string(sizeof(Value)) + " bytes of a value are expected, found " +
                       std::to_string(bytes.size()));
  }
  Value value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return Literal(value);
}

/// Big-endian two's complement in the fewest bytes.
std::string DecimalBytes(__int128 unscaled) {
  std::string bytes;
  for (int shift = 120; shift >= 0; shift -= 8) bytes += static_cast<char>(unscaled >> shift);
  size_t first = 0;
  while (first + 1 < bytes.size()) {
    const bool next_is_negative = (static_cast<unsigned char>(bytes[first + 1]) & 0x80) != 0;
    const bool is_sign_only = next_is_negative ? bytes[first] == '\xFF' : bytes[first] == '\0';
    if (!is_sign_only) break;
    ++first;
  }
  return bytes.substr(first);
}

template <typename Float>
std::strong_ordering CompareFloats(Float left, Float right) {
  if (std::isnan(left) || std::isnan(right)) return std::isnan(left) <=> std::isnan(right);
  if (left < right) return std::strong_ordering::less;
  if (left > right) return std::strong_ordering::greater;
  return std::signbit(right) <=> std::signbit(left);
}

std::string DecimalText(__int128 unscaled, int32_t scale) {
  const bool is_negative = unscaled < 0;
  auto rest = static_cast<unsigned __int128>(unscaled);
  if (is_negative) rest = -rest;
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (scale > 0) {
    const auto places = static_cast<size_t>(scale);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    digits.insert(digits.size() - places, 1, '.');
  }
  return is_negative ? "-" + digits : digits;
}

Result<Literal> ParseDecimal(std::string_view text, const Type& type) {
  const auto refuse = [&]() -> Error {
    return InvalidArgument(ToString(type) + " is expected, found '" + std::string(text) + "'");
  };
  size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  unsigned __int128 magnitude = 0;
  int32_t digits = 0;
  int32_t places = -1;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && places < 0) {
      places = 0;
      continue;
    }
    if (text[at] < '0' || text[at] > '9' || digits == 38) return refuse();
    magnitude = magnitude * 10 + static_cast<unsigned>(text[at] - '0');
    if (magnitude != 0) ++digits;
    if (places >= 0) ++places;
  }
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text.back()))) return refuse();
  places = std::max(places, 0);
  if (places > type.scale) return refuse();
  for (; places < type.scale; ++places, ++digits) {
    if (digits >= 38) return refuse();
    magnitude *= 10;
  }
  if (magnitude != 0 && digits > type.precision) return refuse();
  const auto value = static_cast<__int128>(magnitude);
  return Literal(Decimal{text[0] == '-' ? -value : value});
}

template <typename Number>
Result<Literal> ParseNumber(std::string_view text, const Type& type) {
  Number number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return InvalidArgument(ToString(type) + " is expected, found '" + std::string(text) + "'");
  }
  return Literal(number);
}

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 0xF];
  }
  return text;
}

Result<Literal> ParseHex(std::string_view text, const Type& type) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == '-' && type.kind == TypeKind::kUuid) continue;
    int digit = -1;
    (void)std::from_chars(&c, &c + 1, digit, 16);
    if (digit < 0) {
      return InvalidArgument(ToString(type) + " in hexadecimal is expected, found '" +
                             std::string(text) + "'");
    }
    if (high < 0) {
      high = digit;
    } else {
      bytes += static_cast<char>(high * 16 + digit);
      high = -1;
    }
  }
  const size_t needed = type.kind == TypeKind::kUuid ? 16 : static_cast<size_t>(type.length);
  if (high >= 0 || (type.kind != TypeKind::kBinary && bytes.size() != needed)) {
    return InvalidArgument(ToString(type) + " is expected, found '" + std::string(text) + "'");
  }
  return Literal(std::move(bytes));
}

std::string UuidText(std::string_view bytes) {
  std::string text = Hex(bytes);
  if (text.size() != 32) return text;
  for (const size_t at : {20, 16, 12, 8}) text.insert(static_cast<size_t>(at), 1, '-');
  return text;
}

std::string FloatText(double value, bool is_float) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char text[40];
  const auto end = is_float ? std::to_chars(text, text + sizeof(text), static_cast<float>(value))
                            : std::to_chars(text, text + sizeof(text), value);
  return {text, end.ptr};
}

bool Holds(const Literal& literal, const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: return std::holds_alternative<bool>(literal);
    case TypeKind::kInt:
    case TypeKind::kDate: return std::holds_alternative<int32_t>(literal);
    case TypeKind::kLong:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs: return std::holds_alternative<int64_t>(literal);
    case TypeKind::kFloat: return std::holds_alternative<float>(literal);
    case TypeKind::kDouble: return std::holds_alternative<double>(literal);
    case TypeKind::kDecimal: return std::holds_alternative<Decimal>(literal);
    case TypeKind::kString:
    case TypeKind::kUuid:
    case TypeKind::kFixed:
    case TypeKind::kBinary: return std::holds_alternative<std::string>(literal);
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: return false;
  }
  return false;
}

}  // namespace

std::strong_ordering Compare(const Literal& left, const Literal& right) {
  if (left.index() != right.index()) return left.index() <=> right.index();
  return std::visit(
      [&right](const auto& a) -> std::strong_ordering {
        using Value = std::decay_t<decltype(a)>;
        const auto& b = std::get<Value>(right);
        if constexpr (std::is_same_v<Value, std::monostate>) {
          return std::strong_ordering::equal;
        } else if constexpr (std::is_floating_point_v<Value>) {
          return CompareFloats(a, b);
        } else if constexpr (std::is_same_v<Value, std::string>) {
          return a.compare(b) <=> 0;
        } else {
          return a <=> b;
        }
      },
      left);
}

Literal Promote(const Literal& literal, const Type& type) {
  const auto* narrow = std::get_if<int32_t>(&literal);
  if (narrow != nullptr && type.kind == TypeKind::kLong) return static_cast<int64_t>(*narrow);
  const auto* single = std::get_if<float>(&literal);
  if (single != nullptr && type.kind == TypeKind::kDouble) return static_cast<double>(*single);
  return literal;
}

Result<std::string> SerializeLiteral(const Literal& literal, const Type& type) {
  if (!Holds(literal, type)) {
    return InvalidArgument("a value of type " + ToString(type) + " is expected, found another");
  }
  if (const auto* flag = std::get_if<bool>(&literal)) return std::string(1, *flag ? '\1' : '\0');
  if (const auto* value = std::get_if<int32_t>(&literal)) return LittleEndian(*value);
  if (const auto* value = std::get_if<int64_t>(&literal)) return LittleEndian(*value);
  if (const auto* value = std::get_if<float>(&literal)) return LittleEndian(*value);
  if (const auto* value = std::get_if<double>(&literal)) return LittleEndian(*value);
  if (const auto* value = std::get_if<Decimal>(&literal)) return DecimalBytes(value->unscaled);
  return std::get<std::string>(literal);
}

Result<Literal> DeserializeLiteral(std::string_view bytes, const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      if (bytes.size() != 1) return CorruptData("one byte of a boolean is expected");
      return Literal(bytes[0] != '\0');
    case TypeKind::kInt:
    case TypeKind::kDate: return FromLittleEndian<int32_t>(bytes);
    case TypeKind::kLong:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs: {
      if (bytes.size() != sizeof(int32_t)) return FromLittleEndian<int64_t>(bytes);
      DAYPART_TRY(const Literal narrow, FromLittleEndian<int32_t>(bytes));
      return Literal(int64_t{std::get<int32_t>(narrow)});
    }
    case TypeKind::kFloat: return FromLittleEndian<float>(bytes);
    case TypeKind::kDouble: {
      if (bytes.size() != sizeof(float)) return FromLittleEndian<double>(bytes);
      DAYPART_TRY(const Literal narrow, FromLittleEndian<float>(bytes));
      return Literal(double{std::get<float>(narrow)});
    }
    case TypeKind::kDecimal: {
      if (bytes.empty() || bytes.size() > 16) {
        return CorruptData("1 to 16 bytes of a decimal are expected, found " +
                           std::to_string(bytes.size()));
      }
      auto unscaled = static_cast<unsigned __int128>(
          static_cast<__int128>(static_cast<signed char>(bytes[0]) < 0 ? -1 : 0));
      for (const char c : bytes) unscaled = (unscaled << 8) | static_cast<unsigned char>(c);
      return Literal(Decimal{static_cast<__int128>(unscaled)});
    }
    case TypeKind::kUuid:
      if (bytes.size() != 16) return CorruptData("16 bytes of a uuid are expected");
      return Literal(std::string(bytes));
    case TypeKind::kFixed:
      if (bytes.size() != static_cast<size_t>(type.length)) {
        return CorruptData(ToString(type) + " is expected, found " + std::to_string(bytes.size()) +
                           " bytes");
      }
      return Literal(std::string(bytes));
    case TypeKind::kString:
    case TypeKind::kBinary: return Literal(std::string(bytes));
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: break;
  }
  return InvalidArgument("a nested type has no single-value form: " + ToString(type));
}

std::string ToString(const Literal& literal, const Type& type) {
  if (is_null(literal) || !Holds(literal, type)) return "null";
  switch (type.kind) {
    case TypeKind::kBoolean: return std::get<bool>(literal) ? "true" : "false";
    case TypeKind::kInt: return std::to_string(std::get<int32_t>(literal));
    case TypeKind::kDate: return FormatDate(std::get<int32_t>(literal));
    case TypeKind::kLong: return std::to_string(std::get<int64_t>(literal));
    case TypeKind::kTime:
      return FormatTimestampMicros(std::get<int64_t>(literal), false).substr(11);
    case TypeKind::kTimestamp: return FormatTimestampMicros(std::get<int64_t>(literal), false);
    case TypeKind::kTimestamptz: return FormatTimestampMicros(std::get<int64_t>(literal), true);
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs: return std::to_string(std::get<int64_t>(literal));
    case TypeKind::kFloat: return FloatText(std::get<float>(literal), true);
    case TypeKind::kDouble: return FloatText(std::get<double>(literal), false);
    case TypeKind::kDecimal: return DecimalText(std::get<Decimal>(literal).unscaled, type.scale);
    case TypeKind::kString: return std::get<std::string>(literal);
    case TypeKind::kUuid: return UuidText(std::get<std::string>(literal));
    case TypeKind::kFixed:
    case TypeKind::kBinary: return Hex(std::get<std::string>(literal));
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: break;
  }
  return "null";
}

Result<Literal> ParseLiteral(std::string_view text, const Type& type) {
  const auto refuse = [&]() -> Error {
    return InvalidArgument(ToString(type) + " is expected, found '" + std::string(text) + "'");
  };
  switch (type.kind) {
    case TypeKind::kBoolean:
      if (text == "true") return Literal(true);
      if (text == "false") return Literal(false);
      return refuse();
    case TypeKind::kInt: return ParseNumber<int32_t>(text, type);
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs:
    case TypeKind::kLong: return ParseNumber<int64_t>(text, type);
    case TypeKind::kFloat: return ParseNumber<float>(text, type);
    case TypeKind::kDouble: return ParseNumber<double>(text, type);
    case TypeKind::kDate: {
      const auto days = ParseDate(text);
      return days ? Result<Literal>(Literal(*days)) : Result<Literal>(refuse());
    }
    case TypeKind::kTime: {
      const auto micros = ParseTimestampMicros("1970-01-01T" + std::string(text));
      return micros ? Result<Literal>(Literal(*micros)) : Result<Literal>(refuse());
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz: {
      const auto micros = ParseTimestampMicros(text);
      return micros ? Result<Literal>(Literal(*micros)) : Result<Literal>(refuse());
    }
    case TypeKind::kDecimal: return ParseDecimal(text, type);
    case TypeKind::kString: return Literal(std::string(text));
    case TypeKind::kUuid:
    case TypeKind::kFixed:
    case TypeKind::kBinary: return ParseHex(text, type);
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: break;
  }
  return refuse();
}

}  // namespace daypart::iceberg
