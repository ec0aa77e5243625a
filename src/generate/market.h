// SPDX-License-Identifier: Apache-2.0
//
// The market that the data is of: its words (genres, regions, devices, dayparts) and its habits
// (when a genre is watched, by whom, where). One market, whose clock is UTC. All numbers are
// relative weights in per cent, chosen to look like a US cable and streaming market; they are no
// measurement of one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace daypart::generate {

inline constexpr size_t kGenresCount = 10;
inline constexpr size_t kRegionsCount = 5;
inline constexpr size_t kDevicesCount = 5;
inline constexpr size_t kAgeGroupsCount = 8;
inline constexpr size_t kGendersCount = 3;
inline constexpr size_t kContentTypesCount = 4;
inline constexpr size_t kDaypartsCount = 10;
inline constexpr size_t kWeekHours = 168;  // hour 0 is Monday 00:00

enum Genre : uint8_t {
  kNews,
  kSports,
  kDrama,
  kComedy,
  kMovies,
  kKids,
  kMusic,
  kDocumentary,
  kReality,
  kLifestyle
};
enum Device : uint8_t { kTv, kMobile, kWeb, kTablet, kConsole };
enum ContentType : uint8_t { kLive, kEpisode, kMovie, kClip };

extern const std::array<std::string_view, kGenresCount> kGenreNames;
extern const std::array<std::string_view, kRegionsCount> kRegionNames;
extern const std::array<std::string_view, kDevicesCount> kDeviceNames;
extern const std::array<std::string_view, kAgeGroupsCount> kAgeGroupNames;
extern const std::array<std::string_view, kGendersCount> kGenderNames;
extern const std::array<std::string_view, kContentTypesCount> kContentTypeNames;
extern const std::array<std::string_view, kDaypartsCount> kDaypartNames;

extern const uint32_t kRegionShares[kRegionsCount];
/// How often a stretch of playing is interrupted, in per mille.
extern const uint32_t kRegionBufferingPermille[kRegionsCount];
extern const uint32_t kContentTypeShares[kGenresCount][kContentTypesCount];
extern const uint32_t kDeviceSharesByAge[kAgeGroupsCount][kDevicesCount];
/// Price of a thousand impressions against the channel's base, in per cent.
extern const uint32_t kDaypartCpmPercent[kDaypartsCount];

/// Index into kAgeGroupNames.
uint8_t AgeGroupOf(uint32_t age);

/// Index into kDaypartNames. Source: metaglossary.com's table, which covers all 24 hours: early
/// morning 6-9, morning 9-12, daytime 12-16, early fringe 16-18, early news 18-19, prime access
/// 19-20, prime 20-23, late news 23-23:30, late fringe 23:30-1, late night 1-6.
size_t DaypartOf(uint32_t minute_of_day);

/// Hour of the week of an hour counted from 1970-01-01T00:00 (a Thursday).
inline size_t WeekHourOf(int64_t hour) { return static_cast<size_t>((hour + 3 * 24) % 168); }

/// How much `genre` is watched in that hour of the week, all viewers together; above 0.
uint64_t GenreDemand(size_t genre, size_t week_hour);

/// How much a viewer of that kind leans to `genre`; above 0.
struct ViewerKind {
  uint8_t age_group = 0;
  uint8_t gender = 0;
  uint8_t region = 0;
};
uint64_t GenreAffinity(size_t genre, ViewerKind kind);

}  // namespace daypart::generate
