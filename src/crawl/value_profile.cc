// SPDX-License-Identifier: Apache-2.0
//
// A value is classified by one walk over its bytes; dates and times are parsed, so that 2026-02-30
// is text as it will be for the load.
#include "crawl/value_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <span>

#include "base/calendar.h"
#include "crawl/limits.h"

namespace daypart::crawl {
namespace {

using iceberg::Type;
using iceberg::TypeKind;

constexpr size_t kExampleBytesMax = 40;
constexpr uint64_t kIntMagnitudeMax = uint64_t{1} << 30;
constexpr size_t kDecimalFractionMin = 2;
constexpr size_t kDecimalFractionMax = 6;
constexpr uint64_t kTrailingZeroValuesMin = 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

/// The same texts that the CSV decoder takes for null.
bool is_null_text(std::string_view text) {
  return text.empty() || text == "NULL" || text == "null" || text == "\\N";
}

/// A number's text taken apart: [-] whole [. fraction] [e [sign] exponent].
struct NumberParts {
  bool is_negative = false;
  std::string_view whole;
  std::string_view fraction;
  bool has_point = false;
  bool has_exponent = false;
  bool has_exponent_sign = false;
  bool is_number = false;
};

std::string_view TakeDigits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

NumberParts SplitNumber(std::string_view text) {
  NumberParts parts;
  if (!text.empty() && text.front() == '-') {
    parts.is_negative = true;
    text.remove_prefix(1);
  }
  parts.whole = TakeDigits(text);
  if (!text.empty() && text.front() == '.') {
    parts.has_point = true;
    text.remove_prefix(1);
    parts.fraction = TakeDigits(text);
  }
  if (parts.whole.empty() && parts.fraction.empty()) return parts;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    parts.has_exponent = true;
    text.remove_prefix(1);
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
      parts.has_exponent_sign = true;
      text.remove_prefix(1);
    }
    if (TakeDigits(text).empty()) return parts;
  }
  parts.is_number = text.empty();
  return parts;
}

ValueKind ClassifyNumber(const NumberParts& parts) {
  if (parts.whole.size() > 1 && parts.whole.front() == '0') return ValueKind::kPaddedNumber;
  if (parts.has_exponent) {
    // "12E4" is a code more often than a number; programs print 1.2e5, 1e+05 or 1e-07.
    return parts.has_point || parts.has_exponent_sign ? ValueKind::kFloat : ValueKind::kText;
  }
  if (parts.has_point) return parts.fraction.empty() ? ValueKind::kFloat : ValueKind::kDecimal;
  uint64_t magnitude = 0;
  const char* end = parts.whole.data() + parts.whole.size();
  const bool fits = std::from_chars(parts.whole.data(), end, magnitude).ec == std::errc() &&
                    magnitude <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return fits ? ValueKind::kInteger : ValueKind::kLargeInteger;
}

/// kDate, kTimestamp or kTimestamptz, else kText.
ValueKind ClassifyTime(std::string_view text) {
  constexpr size_t kDateSize = 10;  // YYYY-MM-DD
  if (text.size() < kDateSize || text[4] != '-' || text[7] != '-') return ValueKind::kText;
  if (text.size() == kDateSize) return ParseDate(text) ? ValueKind::kDate : ValueKind::kText;
  if (!ParseTimestampMicros(text)) return ValueKind::kText;
  const bool has_zone = text.find_first_of("Z+-", kDateSize) != std::string_view::npos;
  return has_zone ? ValueKind::kTimestamptz : ValueKind::kTimestamp;
}

}  // namespace

ValueKind Classify(std::string_view text) {
  const char first = text.front();
  if (is_digit(first) || first == '-' || first == '.') {
    const NumberParts parts = SplitNumber(text);
    if (parts.is_number) return ClassifyNumber(parts);
    if (first == '-') text.remove_prefix(1);
    if (equals_ignoring_case(text, "inf") || equals_ignoring_case(text, "infinity")) {
      return ValueKind::kSpecialFloat;
    }
    return first == '-' ? ValueKind::kText : ClassifyTime(text);
  }
  if (equals_ignoring_case(text, "true") || equals_ignoring_case(text, "false")) {
    return ValueKind::kBoolean;
  }
  for (const std::string_view special : {"nan", "inf", "infinity"}) {
    if (equals_ignoring_case(text, special)) return ValueKind::kSpecialFloat;
  }
  return ValueKind::kText;
}

void ValueProfile::AddCell(std::string_view cell) {
  const std::string_view text = Trim(cell);
  if (is_null_text(text)) return AddNull();
  Add(Classify(text), text);
}

void ValueProfile::AddJsonNumber(std::string_view token) {
  const std::string_view text = Trim(token);
  has_json_number_ = true;
  const ValueKind kind = Classify(text);
  Add(kind == ValueKind::kText ? ValueKind::kFloat : kind,
      text);  // 12E4 without quotes is a number.
}

void ValueProfile::AddJsonString(std::string_view text) {
  // A JSON string stays a string whatever it reads like, but for times, which JSON has no type for.
  Add(ClassifyTime(text), text);
}

void ValueProfile::AddJsonBoolean() { Add(ValueKind::kBoolean, "true or false"); }

void ValueProfile::Add(ValueKind kind, std::string_view text) {
  ++counts_[static_cast<size_t>(kind)];
  auto& example = examples_[static_cast<size_t>(kind)];
  if (example.empty()) example = std::string(text.substr(0, kExampleBytesMax));
  if (kind != ValueKind::kInteger && kind != ValueKind::kDecimal) return;
  const NumberParts parts = SplitNumber(text);
  if (kind == ValueKind::kInteger) {
    uint64_t magnitude = 0;
    std::from_chars(parts.whole.data(), parts.whole.data() + parts.whole.size(), magnitude);
    magnitude_max_ = std::max(magnitude_max_, magnitude);
    return;
  }
  whole_digits_max_ = std::max(whole_digits_max_, parts.whole.size());
  fraction_digits_min_ = std::min(fraction_digits_min_, parts.fraction.size());
  fraction_digits_max_ = std::max(fraction_digits_max_, parts.fraction.size());
  has_trailing_zero_ = has_trailing_zero_ || parts.fraction.back() == '0';
}

void ValueProfile::Merge(const ValueProfile& other) {
  for (size_t kind = 0; kind < kValueKindCount; ++kind) counts_[kind] += other.counts_[kind];
  nulls_count_ += other.nulls_count_;
  magnitude_max_ = std::max(magnitude_max_, other.magnitude_max_);
  whole_digits_max_ = std::max(whole_digits_max_, other.whole_digits_max_);
  fraction_digits_min_ = std::min(fraction_digits_min_, other.fraction_digits_min_);
  fraction_digits_max_ = std::max(fraction_digits_max_, other.fraction_digits_max_);
  has_trailing_zero_ = has_trailing_zero_ || other.has_trailing_zero_;
  has_json_number_ = has_json_number_ || other.has_json_number_;
  for (size_t kind = 0; kind < kValueKindCount; ++kind) {
    if (examples_[kind].empty()) examples_[kind] = other.examples_[kind];
  }
}

uint64_t ValueProfile::values_count() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

/// Kinds that one type has room for.
constexpr std::array<ValueKind, 5> kNumberKinds = {ValueKind::kInteger, ValueKind::kLargeInteger,
                                                   ValueKind::kDecimal, ValueKind::kFloat,
                                                   ValueKind::kSpecialFloat};
constexpr std::array<ValueKind, 2> kTimeKinds = {ValueKind::kTimestamp, ValueKind::kTimestamptz};
constexpr std::array<ValueKind, 1> kDateKinds = {ValueKind::kDate};
constexpr std::array<ValueKind, 1> kBooleanKinds = {ValueKind::kBoolean};
constexpr std::array<ValueKind, 1> kTextKinds = {ValueKind::kText};
constexpr std::array<std::span<const ValueKind>, 5> kFamilies = {kNumberKinds, kTimeKinds,
                                                                 kDateKinds, kBooleanKinds,
                                                                 kTextKinds};

/// The type of all values of a profile.
struct TypeDecision {
  const ValueProfile& profile;
  const InferenceOptions& options;

  uint64_t count(ValueKind kind) const { return profile.count(kind); }
  uint64_t count(std::span<const ValueKind> family) const {
    uint64_t all = 0;
    for (const ValueKind kind : family) all += count(kind);
    return all;
  }

  bool is_only(std::initializer_list<ValueKind> kinds) const {
    const uint64_t fitting = count(std::span(kinds.begin(), kinds.size()));
    return fitting != 0 && fitting == profile.values_count();
  }

  /// Without the kinds of which there are so few that they are odd.
  ValueProfile WithoutMisfits() const {
    const uint64_t values = profile.values_count();
    const bool has_identifiers =
        count(ValueKind::kPaddedNumber) != 0 ||
        (count(ValueKind::kLargeInteger) != 0 && !profile.has_json_number_);
    if (values < options.misfit_values_min || has_identifiers) return profile;
    const auto share = static_cast<double>(values) * kMisfitShareMax;
    const uint64_t misfits_max = std::max<uint64_t>(1, static_cast<uint64_t>(share));
    for (const auto& family : kFamilies) {
      // A column of texts takes the others as well: they are its values, not misfits.
      if (family.front() == ValueKind::kText || values - count(family) > misfits_max) continue;
      ValueProfile fitting = profile;
      fitting.counts_.fill(0);
      for (const ValueKind kind : family) {
        fitting.counts_[static_cast<size_t>(kind)] = count(kind);
      }
      return fitting;
    }
    return profile;
  }

  bool has_money_form() const {
    const bool is_doubtful =
        options.has_to_last || count(ValueKind::kDecimal) >= kTrailingZeroValuesMin;
    return profile.fraction_digits_min_ == profile.fraction_digits_max_ &&
           profile.fraction_digits_max_ >= kDecimalFractionMin &&
           profile.fraction_digits_max_ <= kDecimalFractionMax &&
           (profile.has_trailing_zero_ || !is_doubtful);
  }

  Type Number() const {
    if (is_only({ValueKind::kInteger})) {
      const bool is_long = options.has_to_last || profile.magnitude_max_ > kIntMagnitudeMax;
      return Type::Of(is_long ? TypeKind::kLong : TypeKind::kInt);
    }
    if (is_only({ValueKind::kDecimal}) && has_money_form()) {
      const auto scale = static_cast<int32_t>(profile.fraction_digits_max_);
      const size_t digits = profile.whole_digits_max_ + profile.fraction_digits_max_;
      if (digits <= 18) return Type::DecimalOf(18, scale);
      if (digits <= 38) return Type::DecimalOf(38, scale);
    }
    return Type::Of(TypeKind::kDouble);
  }

  /// kString where there is none.
  Type Decide() const {
    if (is_only({ValueKind::kBoolean})) return Type::Of(TypeKind::kBoolean);
    if (is_only({ValueKind::kDate})) return Type::Of(TypeKind::kDate);
    if (is_only({ValueKind::kTimestamp})) return Type::Of(TypeKind::kTimestamp);
    if (is_only({ValueKind::kTimestamp, ValueKind::kTimestamptz})) {
      return Type::Of(TypeKind::kTimestamptz);
    }
    if (is_only({ValueKind::kSpecialFloat})) return Type::Of(TypeKind::kString);
    if (is_only({ValueKind::kInteger, ValueKind::kDecimal, ValueKind::kFloat,
                 ValueKind::kSpecialFloat})) {
      return Number();
    }
    if (profile.has_json_number_ && is_only({ValueKind::kInteger, ValueKind::kLargeInteger})) {
      return Type::DecimalOf(38, 0);
    }
    return Type::Of(TypeKind::kString);
  }
};

InferredType InferType(const ValueProfile& profile, const InferenceOptions& options) {
  const uint64_t values = profile.values_count();
  InferredType inferred = {.type = Type::Of(TypeKind::kString),
                           .is_evidenced = values != 0,
                           .is_mixed = false,
                           .warning = {}};
  if (values == 0) return inferred;
  const ValueProfile fitting = TypeDecision{profile, options}.WithoutMisfits();
  const uint64_t misfits = values - fitting.values_count();
  inferred.type = TypeDecision{fitting, options}.Decide();
  if (inferred.type.kind == TypeKind::kString) {
    inferred.is_mixed = profile.count(ValueKind::kText) != values;
    return inferred;
  }
  if (misfits != 0) {
    std::string example;
    for (size_t kind = 0; kind < kValueKindCount && example.empty(); ++kind) {
      if (profile.counts_[kind] != fitting.counts_[kind]) example = profile.examples_[kind];
    }
    inferred.warning = fmt::format(
        "{} of {} sampled values do not fit {}, such as '{}': loads will quarantine such rows",
        misfits, values, iceberg::ToString(inferred.type), example);
  } else if (profile.count(ValueKind::kTimestamp) != 0 &&
             inferred.type.kind == TypeKind::kTimestamptz) {
    inferred.warning = fmt::format("{} of {} sampled times have no zone: they are read as UTC",
                                   profile.count(ValueKind::kTimestamp), values);
  }
  return inferred;
}

}  // namespace daypart::crawl
