// SPDX-License-Identifier: Apache-2.0
//
// Viewers come in groups of twelve that hold five households, cut in one of four ways.
#include "generate/viewer.h"

#include <algorithm>

#include "generate/counter_random.h"

namespace daypart::generate {
namespace {

constexpr uint64_t kGroupViewers = 12;
constexpr uint64_t kGroupHouseholds = 5;
constexpr uint64_t kHouseholdSizes[4][kGroupHouseholds] = {
    {1, 2, 4, 2, 3}, {2, 1, 4, 4, 1}, {4, 3, 2, 1, 2}, {2, 3, 3, 3, 1}};

constexpr std::string_view kIncomeBands[] = {"under_25k", "25k_50k",   "50k_75k",
                                             "75k_100k",  "100k_150k", "over_150k"};
constexpr uint32_t kIncomeShares[] = {16, 19, 17, 14, 18, 16};
constexpr std::string_view kPlans[] = {"free", "basic", "standard", "premium"};
constexpr uint32_t kPlanShares[6][4] = {{50, 35, 12, 3},  {35, 38, 20, 7},  {25, 35, 28, 12},
                                        {18, 30, 34, 18}, {12, 24, 38, 26}, {8, 16, 36, 40}};
constexpr uint32_t kGenderShares[] = {490, 490, 20};
constexpr int64_t kSignupDaysMax = 5 * 365;

struct Place {
  uint64_t household_id;
  uint64_t member;  // from 0: head, partner, children or others
};

Place PlaceOf(uint64_t seed, uint64_t viewer_id) {
  const uint64_t group = (viewer_id - 1) / kGroupViewers;
  uint64_t member = (viewer_id - 1) % kGroupViewers;
  const auto& sizes = kHouseholdSizes[MixBits(seed ^ MixBits(group)) % 4];
  uint64_t household = 0;
  while (member >= sizes[household]) member -= sizes[household++];
  return {group * kGroupHouseholds + household + 1, member};
}

uint32_t AgeOf(uint64_t member, int64_t head_age, RandomStream& random) {
  if (member == 0) return static_cast<uint32_t>(head_age);
  if (member == 1) {
    return static_cast<uint32_t>(std::clamp<int64_t>(head_age + random.Between(-8, 8), 18, 92));
  }
  // Children are 20 to 40 years younger than the head; those of the old have grown up.
  return static_cast<uint32_t>(std::max<int64_t>(head_age - random.Between(20, 40), 4));
}

}  // namespace

Viewer ViewerOf(const ViewerPopulation& population, uint64_t viewer_id) {
  const Place place = PlaceOf(population.seed, viewer_id);
  RandomStream household(population.seed, Purpose::kHousehold, place.household_id);
  RandomStream person(population.seed, Purpose::kViewer, viewer_id);
  Viewer viewer;
  viewer.id = viewer_id;
  viewer.household_id = place.household_id;
  viewer.kind.region = static_cast<uint8_t>(household.Pick(kRegionShares));
  viewer.income_band = static_cast<uint8_t>(household.Pick(kIncomeShares));
  // The sum of two draws: most heads are of middle age.
  const int64_t head_age = 20 + household.Between(0, 36) + household.Between(0, 34);
  viewer.age = AgeOf(place.member, head_age, person);
  viewer.kind.age_group = AgeGroupOf(viewer.age);
  viewer.kind.gender = static_cast<uint8_t>(person.Pick(kGenderShares));
  viewer.device = static_cast<uint8_t>(person.Pick(kDeviceSharesByAge[viewer.kind.age_group]));
  viewer.plan = static_cast<uint8_t>(person.Pick(kPlanShares[viewer.income_band]));
  viewer.signup_day =
      population.first_day - static_cast<int32_t>(person.Between(1, kSignupDaysMax));
  return viewer;
}

void FormatDemographics(const ViewerPopulation& population, ViewerRange ids, RowBuffer& out) {
  TimeText time_text;
  for (uint64_t id = ids.first; id <= ids.last; ++id) {
    const Viewer viewer = ViewerOf(population, id);
    char* at = out.Reserve(256);
    at = PutChar(PutNumber(at, viewer.id), ',');
    at = PutChar(PutNumber(at, viewer.household_id), ',');
    at = PutChar(PutNumber(at, viewer.age), ',');
    at = PutChar(PutText(at, kAgeGroupNames[viewer.kind.age_group]), ',');
    at = PutChar(PutText(at, kGenderNames[viewer.kind.gender]), ',');
    at = PutChar(PutText(at, kRegionNames[viewer.kind.region]), ',');
    at = PutChar(PutText(at, kIncomeBands[viewer.income_band]), ',');
    at = PutChar(PutText(at, kDeviceNames[viewer.device]), ',');
    at = PutChar(PutText(at, kPlans[viewer.plan]), ',');
    at = PutChar(time_text.PutDate(at, viewer.signup_day), '\n');
    out.Commit(at);
  }
}

}  // namespace daypart::generate
