// SPDX-License-Identifier: Apache-2.0
//
// Calendar arithmetic and ISO 8601 text; strict, so that a broken date is refused and never
// guessed.
#include "base/calendar.h"

#include <cstdio>

namespace daypart {
namespace {

/// The number that the `count` digits at `text[at]` spell, or -1 if one is no digit or out of
/// reach.
int32_t Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int32_t number = 0;
  for (size_t i = at; i < at + count; ++i) {
    const char c = text[i];
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

/// Minutes east of UTC told by `Z`, `+HH`, `+HHMM` or `+HH:MM`; nullopt when it is none of these.
std::optional<int64_t> ParseZoneMinutes(std::string_view zone) {
  if (zone == "Z" || zone == "z") return 0;
  if (zone.size() != 3 && zone.size() != 5 && zone.size() != 6) return std::nullopt;
  if (zone[0] != '+' && zone[0] != '-') return std::nullopt;
  if (zone.size() == 6 && zone[3] != ':') return std::nullopt;
  const int32_t hours = Digits(zone, 1, 2);
  const int32_t minutes = zone.size() == 3 ? 0 : Digits(zone, zone.size() - 2, 2);
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return std::nullopt;
  return (zone[0] == '-' ? -1 : 1) * int64_t{hours * 60 + minutes};
}

}  // namespace

CivilDate CivilFromDays(int32_t days) {
  const int64_t shifted = int64_t{days} + 719468;
  const int64_t era = FloorDivide(shifted, 146097);
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int32_t>(day_of_year - (153 * month_index + 2) / 5 + 1);
  date.month = static_cast<int32_t>(month_index < 10 ? month_index + 3 : month_index - 9);
  date.year = static_cast<int32_t>(year_of_era + era * 400 + (date.month <= 2 ? 1 : 0));
  return date;
}

bool is_valid_date(CivilDate date) {
  if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31) return false;
  return CivilFromDays(DaysFromCivil(date)) == date;
}

std::optional<int32_t> ParseDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const CivilDate date{Digits(text, 0, 4), Digits(text, 5, 2), Digits(text, 8, 2)};
  if (date.year < 0 || !is_valid_date(date)) return std::nullopt;
  return DaysFromCivil(date);
}

std::optional<int64_t> ParseTimestampMicros(std::string_view text) {
  if (text.size() < 16 || (text[10] != 'T' && text[10] != ' ' && text[10] != 't')) {
    return std::nullopt;
  }
  const auto days = ParseDate(text.substr(0, 10));
  const int32_t hour = Digits(text, 11, 2);
  const int32_t minute = Digits(text, 14, 2);
  if (!days || text[13] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
    return std::nullopt;
  }
  int64_t micros = (int64_t{hour} * 60 + minute) * 60 * kMicrosPerSecond;
  size_t at = 16;
  if (at < text.size() && text[at] == ':') {
    const int32_t second = Digits(text, at + 1, 2);
    if (second < 0 || second > 59) return std::nullopt;
    micros += second * kMicrosPerSecond;
    at += 3;
    if (at < text.size() && text[at] == '.') {
      int64_t scale = kMicrosPerSecond;
      size_t digits = 0;
      for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits) {
        scale /= 10;
        micros += (text[at] - '0') * scale;
      }
      if (digits == 0 || digits > 9) return std::nullopt;
    }
  }
  if (at < text.size()) {
    const auto zone_minutes = ParseZoneMinutes(text.substr(at));
    if (!zone_minutes) return std::nullopt;
    micros -= *zone_minutes * 60 * kMicrosPerSecond;
  }
  return int64_t{*days} * kMicrosPerDay + micros;
}

std::string FormatDate(int32_t days) {
  const CivilDate date = CivilFromDays(days);
  char text[32];
  const bool is_plain = date.year >= 0 && date.year <= 9999;
  std::snprintf(text, sizeof(text), is_plain ? "%04d-%02d-%02d" : "%+06d-%02d-%02d", date.year,
                date.month, date.day);
  return text;
}

std::string FormatTimestampMicros(int64_t micros, bool with_zone) {
  const int64_t days = FloorDivide(micros, kMicrosPerDay);
  const int64_t of_day = micros - days * kMicrosPerDay;
  const int64_t seconds = of_day / kMicrosPerSecond;
  const int64_t fraction = of_day % kMicrosPerSecond;
  char text[40];
  std::snprintf(text, sizeof(text), "T%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string out = FormatDate(static_cast<int32_t>(days)) + text;
  if (fraction != 0) {
    std::snprintf(text, sizeof(text), ".%06d", static_cast<int>(fraction));
    out += text;
  }
  if (with_zone) out += 'Z';
  return out;
}

}  // namespace daypart
