// SPDX-License-Identifier: Apache-2.0
//
// From the values of a column to its type. A profile counts what kinds of values were seen;
// profiles of many samples add up in any order, and the type is decided once, at the end, from all
// of them.
//
// Decided so: all of a kind -> that kind. int and long -> long; whole numbers and fractions ->
// double. int only while no value is beyond 2^30, half of its range, because tomorrow's ids are
// larger. Numbers with leading zeros, with '+' or of more digits than a long are identifiers, so
// the column is a string. decimal only if each value has the same count (2 to 6) of digits after
// the point and, from 10 values on, some value ends in 0: no program prints a double so. All else,
// and nothing at all, is a string.
//
// Few odd ones do not decide: up to 1 % of the values (one at least) may be of another kind than
// all others, if there are 100 values or as many as the caller says. They will not fit and are set
// aside as they come. Identifiers are never odd: one number with a leading zero makes all strings.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "iceberg/type.h"

namespace daypart::crawl {

enum class ValueKind : uint8_t {
  kBoolean,       // true, false in any case
  kInteger,       // fits a long
  kLargeInteger,  // does not
  kPaddedNumber,  // digits with leading zeros: an identifier
  kDecimal,       // digits, a point, digits
  kFloat,         // with an exponent
  kSpecialFloat,  // NaN, Infinity: a double only where other numbers are
  kDate,
  kTimestamp,
  kTimestamptz,
  kText,
};
inline constexpr size_t kValueKindCount = 11;

/// The kind of a CSV cell or of a JSON number's text. text: not empty, without spaces around it.
ValueKind Classify(std::string_view text);

class ValueProfile {
 public:
  /// A CSV cell: empty and null texts are nulls, spaces around it count for nothing.
  void AddCell(std::string_view cell);
  void AddJsonNumber(std::string_view token);
  void AddJsonString(std::string_view text);
  void AddJsonBoolean();
  void AddNull() { ++nulls_count_; }
  void Merge(const ValueProfile& other);

  uint64_t values_count() const;  // without nulls
  uint64_t nulls_count() const { return nulls_count_; }

 private:
  friend struct TypeDecision;
  friend struct InferredType InferType(const ValueProfile& profile,
                                       const struct InferenceOptions& options);
  void Add(ValueKind kind, std::string_view text);
  uint64_t count(ValueKind kind) const { return counts_[static_cast<size_t>(kind)]; }

  std::array<uint64_t, kValueKindCount> counts_{};
  uint64_t nulls_count_ = 0;
  uint64_t magnitude_max_ = 0;   // of integers
  size_t whole_digits_max_ = 0;  // of decimals
  size_t fraction_digits_min_ = SIZE_MAX;
  size_t fraction_digits_max_ = 0;
  bool has_trailing_zero_ = false;  // in the fraction of some decimal
  bool has_json_number_ = false;
  std::array<std::string, kValueKindCount> examples_;  // the first value of a kind, cut
};

struct InferredType {
  iceberg::Type type;
  bool is_evidenced = false;  // false: no value was seen, string for want of better
  bool is_mixed = false;      // a string because the values were of several kinds
  std::string warning;        // empty, or what a reader of the table should know
};
struct InferenceOptions {
  /// Values from which on an odd one is one: see above.
  uint64_t misfit_values_min = 100;
  /// The type is for values to come rather than for those of the sample: long instead of int, and
  /// decimal only if some value ends in 0, be there ever so few.
  bool has_to_last = false;
};
InferredType InferType(const ValueProfile& profile, const InferenceOptions& options = {});

}  // namespace daypart::crawl
