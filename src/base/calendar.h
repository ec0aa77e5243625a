// SPDX-License-Identifier: Apache-2.0
//
// Dates and timestamps as numbers and as ISO 8601 text. Proleptic Gregorian calendar; days count
// from 1970-01-01, microseconds from 1970-01-01T00:00:00, both may be negative.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace daypart {

struct CivilDate {
  int32_t year = 1970;
  int32_t month = 1;  // 1..12
  int32_t day = 1;    // 1..31
  friend bool operator==(const CivilDate&, const CivilDate&) = default;
};

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerHour = 3'600 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

/// Days from 1970-01-01 to `date`. Source: H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms".
constexpr int32_t DaysFromCivil(CivilDate date) {
  const int32_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int32_t era = (year >= 0 ? year : year - 399) / 400;
  const int32_t year_of_era = year - era * 400;
  const int32_t day_of_year =
      (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

/// The inverse of DaysFromCivil.
CivilDate CivilFromDays(int32_t days);

/// Whether the month has that day in that year.
bool is_valid_date(CivilDate date);

/// `YYYY-MM-DD` exactly; nullopt for anything else or a day that does not exist.
std::optional<int32_t> ParseDate(std::string_view text);

/// Microseconds of `YYYY-MM-DD[T ]HH:MM[:SS[.fraction]][Z|±HH[:]MM]`; fraction 1 to 9 digits, those
/// after the sixth are cut. Without a zone the text is taken as UTC. nullopt for anything else.
std::optional<int64_t> ParseTimestampMicros(std::string_view text);

/// `YYYY-MM-DD`; years outside 0..9999 get a sign and at least five digits as ISO 8601 has it.
std::string FormatDate(int32_t days);

/// `YYYY-MM-DDTHH:MM:SS[.ffffff]`, and `Z` after it if `with_zone`; no fraction when it is zero.
std::string FormatTimestampMicros(int64_t micros, bool with_zone);

/// floor(a / b) for b > 0: what the Iceberg time transforms need before 1970.
constexpr int64_t FloorDivide(int64_t dividend, int64_t divisor) {
  return dividend / divisor - ((dividend % divisor != 0 && dividend < 0) ? 1 : 0);
}

}  // namespace daypart
