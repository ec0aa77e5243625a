// SPDX-License-Identifier: Apache-2.0
//
// Partition transforms and the bucket hash. Source: Iceberg table spec, "Partition Transforms" and
// Appendix B.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/calendar.h"
#include "iceberg/partition.h"

namespace daypart::iceberg {
namespace {

struct NamedTransform {
  std::string_view name;
  TransformKind kind;
};

constexpr NamedTransform kPlain[] = {
    {"identity", TransformKind::kIdentity}, {"year", TransformKind::kYear},
    {"month", TransformKind::kMonth},       {"day", TransformKind::kDay},
    {"hour", TransformKind::kHour},         {"void", TransformKind::kVoid},
};

/// MurmurHash3 x86 32-bit, seed 0 (public domain algorithm by A. Appleby).
uint32_t Murmur3(std::string_view bytes) {
  constexpr uint32_t kFirst = 0xCC9E2D51;
  constexpr uint32_t kSecond = 0x1B873593;
  uint32_t hash = 0;
  const size_t blocks = bytes.size() / 4;
  for (size_t block = 0; block < blocks; ++block) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + block * 4, sizeof(word));
    hash ^= std::rotl(word * kFirst, 15) * kSecond;
    hash = std::rotl(hash, 13) * 5 + 0xE6546B64;
  }
  uint32_t tail = 0;
  for (size_t at = bytes.size(); at > blocks * 4; --at) {
    tail = (tail << 8) | static_cast<unsigned char>(bytes[at - 1]);
  }
  hash ^= std::rotl(tail * kFirst, 15) * kSecond;
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85EBCA6B;
  hash = (hash ^ (hash >> 13)) * 0xC2B2AE35;
  return hash ^ (hash >> 16);
}

bool is_timestamp(TypeKind kind) {
  return kind == TypeKind::kTimestamp || kind == TypeKind::kTimestamptz ||
         kind == TypeKind::kTimestampNs || kind == TypeKind::kTimestamptzNs;
}

bool is_bucketable(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kLong || kind == TypeKind::kDecimal ||
         kind == TypeKind::kDate || kind == TypeKind::kTime || is_timestamp(kind) ||
         kind == TypeKind::kString || kind == TypeKind::kUuid || kind == TypeKind::kFixed ||
         kind == TypeKind::kBinary;
}

bool is_truncatable(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kLong || kind == TypeKind::kDecimal ||
         kind == TypeKind::kString || kind == TypeKind::kBinary;
}

/// The value's day, floored; from a date or any timestamp.
int64_t DayOf(const Literal& value, const Type& source) {
  if (source.kind == TypeKind::kDate) return std::get<int32_t>(value);
  const bool is_nanos =
      source.kind == TypeKind::kTimestampNs || source.kind == TypeKind::kTimestamptzNs;
  return FloorDivide(std::get<int64_t>(value), is_nanos ? kMicrosPerDay * 1000 : kMicrosPerDay);
}

int64_t HourOf(const Literal& value, const Type& source) {
  const bool is_nanos =
      source.kind == TypeKind::kTimestampNs || source.kind == TypeKind::kTimestamptzNs;
  return FloorDivide(std::get<int64_t>(value), is_nanos ? kMicrosPerHour * 1000 : kMicrosPerHour);
}

/// v - (((v % W) + W) % W): floors towards minus infinity.
template <typename Number>
Number TruncateNumber(Number value, Number width) {
  return static_cast<Number>(value - (((value % width) + width) % width));
}

std::string TruncateText(const std::string& text, const Type& type, size_t length) {
  if (type.kind == TypeKind::kBinary) return text.substr(0, length);
  size_t at = 0;
  for (size_t points = 0; at < text.size(); ++at) {
    const bool starts_point = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts_point && points++ == length) break;
  }
  return text.substr(0, at);
}

Literal Truncate(const Literal& value, const Type& source, int32_t width) {
  if (const auto* number = std::get_if<int32_t>(&value)) return TruncateNumber(*number, width);
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return TruncateNumber<int64_t>(*number, width);
  }
  if (const auto* decimal = std::get_if<Decimal>(&value)) {
    return Decimal{TruncateNumber<__int128>(decimal->unscaled, width)};
  }
  return TruncateText(std::get<std::string>(value), source, static_cast<size_t>(width));
}

Error Refusal(const Transform& transform, const Type& source) {
  return InvalidArgument("transform " + ToString(transform) + " does not take " + ToString(source));
}

}  // namespace

std::string ToString(const Transform& transform) {
  for (const NamedTransform& plain : kPlain) {
    if (plain.kind == transform.kind) return std::string(plain.name);
  }
  if (transform.kind == TransformKind::kUnknown) return transform.unknown_name;
  return (transform.kind == TransformKind::kBucket ? "bucket[" : "truncate[") +
         std::to_string(transform.parameter) + ']';
}

Result<Transform> ParseTransform(std::string_view name) {
  for (const NamedTransform& plain : kPlain) {
    if (plain.name == name) return Transform{.kind = plain.kind, .unknown_name = ""};
  }
  const bool is_bucket = name.starts_with("bucket[");
  if (!is_bucket && !name.starts_with("truncate[")) {
    return Transform{.kind = TransformKind::kUnknown, .unknown_name = std::string(name)};
  }
  const size_t open = name.find('[');
  int32_t parameter = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + open + 1, end, parameter);
  if (parsed.ec != std::errc() || parsed.ptr + 1 != end || *parsed.ptr != ']' || parameter <= 0) {
    return InvalidArgument("a positive number in brackets is expected, found '" +
                           std::string(name) + "'");
  }
  return Transform{.kind = is_bucket ? TransformKind::kBucket : TransformKind::kTruncate,
                   .parameter = parameter,
                   .unknown_name = ""};
}

Result<Type> ResultType(const Transform& transform, const Type& source) {
  const TypeKind kind = source.kind;
  switch (transform.kind) {
    case TransformKind::kIdentity:
      if (!source.is_primitive()) return Refusal(transform, source);
      return source;
    case TransformKind::kVoid: return source;
    case TransformKind::kBucket:
      if (!is_bucketable(kind)) return Refusal(transform, source);
      return Type::Of(TypeKind::kInt);
    case TransformKind::kTruncate:
      if (!is_truncatable(kind)) return Refusal(transform, source);
      return source;
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay:
      if (kind != TypeKind::kDate && !is_timestamp(kind)) return Refusal(transform, source);
      return Type::Of(transform.kind == TransformKind::kDay ? TypeKind::kDate : TypeKind::kInt);
    case TransformKind::kHour:
      if (!is_timestamp(kind)) return Refusal(transform, source);
      return Type::Of(TypeKind::kInt);
    case TransformKind::kUnknown: return Type::Of(TypeKind::kString);
  }
  return Refusal(transform, source);
}

int32_t BucketHash(const Literal& value, const Type& type) {
  if (const auto* number = std::get_if<int32_t>(&value)) {
    return BucketHash(Literal(int64_t{*number}), Type::Of(TypeKind::kLong));
  }
  if (const auto* number = std::get_if<int64_t>(&value)) {
    // Nanoseconds hash as microseconds, so that both precisions share their buckets.
    const bool is_nanos =
        type.kind == TypeKind::kTimestampNs || type.kind == TypeKind::kTimestamptzNs;
    const int64_t hashed = is_nanos ? FloorDivide(*number, 1000) : *number;
    return static_cast<int32_t>(Murmur3({reinterpret_cast<const char*>(&hashed), sizeof(hashed)}));
  }
  const auto bytes = SerializeLiteral(value, type);
  return bytes ? static_cast<int32_t>(Murmur3(*bytes)) : 0;
}

Result<Literal> Apply(const Transform& transform, const Type& source, const Literal& value) {
  if (transform.kind == TransformKind::kUnknown) {
    return Unsupported("transform '" + transform.unknown_name + "' is not known to this version");
  }
  DAYPART_TRY(const Type result, ResultType(transform, source));
  (void)result;
  if (is_null(value) || transform.kind == TransformKind::kVoid) return Literal();
  // What SerializeLiteral refuses is not a value of the source type.
  DAYPART_TRY(const std::string checked, SerializeLiteral(value, source));
  (void)checked;
  switch (transform.kind) {
    case TransformKind::kIdentity: return value;
    case TransformKind::kBucket:
      return Literal((BucketHash(value, source) & 0x7FFFFFFF) % transform.parameter);
    case TransformKind::kTruncate: return Truncate(value, source, transform.parameter);
    case TransformKind::kYear:
      return Literal(CivilFromDays(static_cast<int32_t>(DayOf(value, source))).year - 1970);
    case TransformKind::kMonth: {
      const CivilDate date = CivilFromDays(static_cast<int32_t>(DayOf(value, source)));
      return Literal((date.year - 1970) * 12 + date.month - 1);
    }
    case TransformKind::kDay: return Literal(static_cast<int32_t>(DayOf(value, source)));
    case TransformKind::kHour: return Literal(static_cast<int32_t>(HourOf(value, source)));
    case TransformKind::kVoid:
    case TransformKind::kUnknown: break;
  }
  return Literal();
}

}  // namespace daypart::iceberg
