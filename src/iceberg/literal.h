// SPDX-License-Identifier: Apache-2.0
//
// Literal: one value of an Iceberg primitive type, as partition tuples, bounds, defaults and
// predicates hold it. The type is told by the context (a field of the schema or of the partition
// type).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

/// The unscaled value of a decimal; its scale is its type's.
struct Decimal {
  __int128 unscaled = 0;
  friend auto operator<=>(const Decimal&, const Decimal&) = default;
};

/// monostate is null. int32_t: int, date. int64_t: long, time, timestamp*, in the type's own unit.
/// std::string: the bytes of string, uuid (16), fixed and binary.
using Literal =
    std::variant<std::monostate, bool, int32_t, int64_t, float, double, Decimal, std::string>;

inline bool is_null(const Literal& literal) {
  return std::holds_alternative<std::monostate>(literal);
}

/// Orders two non-null values of one type: -0.0 below +0.0 and NaN above all, as the spec's sorting
/// has it; bytes and strings by unsigned byte; null first.
std::strong_ordering Compare(const Literal& left, const Literal& right);

/// The value as the type holds it: an int stored before its column became long, a float before
/// double. All else stays as it is.
Literal Promote(const Literal& literal, const Type& type);

/// The spec's "Binary single-value serialization" (Appendix D), as bounds hold it.
/// errors: kInvalidArgument if the literal does not hold what the type needs.
Result<std::string> SerializeLiteral(const Literal& literal, const Type& type);
/// The inverse. Accepts an int's 4 bytes for long and a float's for double, as promotion leaves
/// them.
Result<Literal> DeserializeLiteral(std::string_view bytes, const Type& type);

/// For people and for hive-style paths: 2026-11-24, 2026-11-24T10:00:00Z, 12.50, null.
std::string ToString(const Literal& literal, const Type& type);
/// Reads what ToString writes (and what SQL literals of the type look like).
Result<Literal> ParseLiteral(std::string_view text, const Type& type);

}  // namespace daypart::iceberg
