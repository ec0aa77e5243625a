// SPDX-License-Identifier: Apache-2.0
//
// The tables of words and habits.
#include "generate/market.h"

#include <iterator>

namespace daypart::generate {
namespace {

// All genres together, by hour: the trough before dawn, the peak at eight to ten in the evening.
constexpr uint32_t kHourDemand[24] = {30, 18, 11, 8,  8,  12, 22, 35, 40,  38, 38, 42,
                                      50, 48, 45, 48, 55, 65, 78, 92, 100, 98, 80, 52};

// From Monday.
constexpr uint32_t kWeekdayDemand[7] = {95, 92, 94, 97, 104, 112, 118};

// A genre against all of them, in steps of three hours from midnight.
constexpr uint32_t kGenreHours[kGenresCount][8] = {
    {50, 90, 230, 120, 110, 90, 130, 90},    // news
    {50, 30, 40, 70, 110, 120, 140, 130},    // sports
    {90, 60, 40, 60, 80, 80, 130, 150},      // drama
    {110, 70, 50, 60, 80, 100, 130, 130},    // comedy
    {130, 80, 30, 50, 80, 90, 120, 170},     // movies
    {10, 20, 180, 190, 120, 190, 90, 15},    // kids
    {140, 120, 130, 110, 100, 110, 80, 90},  // music
    {80, 60, 60, 90, 110, 90, 110, 110},     // documentary
    {60, 40, 40, 80, 100, 100, 140, 120},    // reality
    {40, 40, 130, 190, 150, 110, 70, 50},    // lifestyle
};

constexpr uint32_t kGenreWeekend[kGenresCount] = {80, 190, 100, 110, 150, 140, 105, 110, 90, 120};

constexpr uint32_t kGenreAge[kGenresCount][kAgeGroupsCount] = {
    {5, 20, 40, 70, 100, 130, 170, 210},   {40, 90, 120, 130, 120, 110, 100, 80},
    {10, 60, 90, 110, 120, 120, 110, 100}, {50, 120, 140, 130, 110, 90, 80, 70},
    {60, 110, 130, 120, 110, 100, 90, 80}, {600, 150, 20, 60, 70, 20, 15, 15},
    {40, 180, 190, 120, 80, 60, 50, 40},   {20, 40, 70, 90, 110, 130, 140, 140},
    {10, 110, 140, 130, 100, 80, 70, 60},  {10, 30, 60, 100, 120, 120, 120, 110},
};

constexpr uint32_t kGenreGender[kGenresCount][kGendersCount] = {
    {90, 110, 100}, {60, 150, 90},  {125, 75, 110}, {100, 100, 110}, {95, 105, 105},
    {110, 90, 100}, {105, 95, 120}, {85, 115, 105}, {140, 60, 100},  {150, 55, 100},
};

constexpr uint32_t kGenreRegion[kGenresCount][kRegionsCount] = {
    {120, 95, 100, 90, 100},  {95, 115, 120, 105, 85}, {105, 100, 95, 95, 105},
    {100, 95, 100, 100, 110}, {95, 95, 95, 105, 120},  {95, 105, 105, 110, 95},
    {100, 110, 85, 115, 110}, {115, 85, 95, 95, 115},  {100, 110, 100, 105, 90},
    {100, 105, 100, 95, 105},
};

struct DaypartBegin {
  uint32_t minute;
  size_t daypart;
};
constexpr DaypartBegin kDaypartBegins[] = {
    {0, 8},       {60, 9},      {6 * 60, 0},  {9 * 60, 1},  {12 * 60, 2},      {16 * 60, 3},
    {18 * 60, 4}, {19 * 60, 5}, {20 * 60, 6}, {23 * 60, 7}, {23 * 60 + 30, 8},
};

}  // namespace

const std::array<std::string_view, kGenresCount> kGenreNames = {
    "news", "sports", "drama",       "comedy",  "movies",
    "kids", "music",  "documentary", "reality", "lifestyle"};
const std::array<std::string_view, kRegionsCount> kRegionNames = {"northeast", "southeast",
                                                                  "midwest", "southwest", "west"};
const std::array<std::string_view, kDevicesCount> kDeviceNames = {"tv", "mobile", "web", "tablet",
                                                                  "console"};
const std::array<std::string_view, kAgeGroupsCount> kAgeGroupNames = {
    "4-12", "13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"};
const std::array<std::string_view, kGendersCount> kGenderNames = {"female", "male", "nonbinary"};
const std::array<std::string_view, kContentTypesCount> kContentTypeNames = {"live", "episode",
                                                                            "movie", "clip"};
const std::array<std::string_view, kDaypartsCount> kDaypartNames = {
    "early_morning", "morning", "daytime",   "early_fringe", "early_news",
    "prime_access",  "prime",   "late_news", "late_fringe",  "late_night"};

const uint32_t kRegionShares[kRegionsCount] = {18, 26, 21, 14, 21};
const uint32_t kRegionBufferingPermille[kRegionsCount] = {60, 110, 95, 120, 75};
const uint32_t kContentTypeShares[kGenresCount][kContentTypesCount] = {
    {70, 10, 0, 20}, {65, 10, 0, 25}, {10, 85, 0, 5}, {5, 75, 10, 10}, {2, 0, 93, 5},
    {5, 75, 10, 10}, {30, 0, 0, 70},  {5, 65, 25, 5}, {15, 75, 0, 10}, {25, 60, 0, 15},
};
const uint32_t kDeviceSharesByAge[kAgeGroupsCount][kDevicesCount] = {
    {35, 15, 5, 35, 10}, {20, 40, 15, 10, 15}, {20, 45, 20, 5, 10}, {35, 35, 15, 8, 7},
    {50, 25, 12, 9, 4},  {60, 18, 12, 8, 2},   {70, 12, 9, 8, 1},   {80, 7, 6, 7, 0},
};
const uint32_t kDaypartCpmPercent[kDaypartsCount] = {60, 70, 65, 90, 110, 125, 180, 120, 85, 45};

uint8_t AgeGroupOf(uint32_t age) {
  constexpr uint32_t kFirstAges[] = {13, 18, 25, 35, 45, 55, 65};
  uint8_t group = 0;
  while (group < std::size(kFirstAges) && age >= kFirstAges[group]) ++group;
  return group;
}

size_t DaypartOf(uint32_t minute_of_day) {
  size_t daypart = 0;
  for (const DaypartBegin& begin : kDaypartBegins) {
    if (minute_of_day >= begin.minute) daypart = begin.daypart;
  }
  return daypart;
}

uint64_t GenreDemand(size_t genre, size_t week_hour) {
  const size_t weekday = week_hour / 24;
  const size_t hour = week_hour % 24;
  const uint64_t weekend = weekday >= 5 ? kGenreWeekend[genre] : 100;
  return uint64_t{kHourDemand[hour]} * kWeekdayDemand[weekday] * kGenreHours[genre][hour / 3] *
         weekend / 10'000;
}

uint64_t GenreAffinity(size_t genre, ViewerKind kind) {
  return uint64_t{kGenreAge[genre][kind.age_group]} * kGenreGender[genre][kind.gender] *
         kGenreRegion[genre][kind.region] / 100;
}

}  // namespace daypart::generate
