// SPDX-License-Identifier: Apache-2.0
//
// Who watches. A viewer is computed from the seed and the id whenever asked for: no table is kept,
// so that ten viewers and a hundred million take the same memory.
#pragma once

#include <cstdint>

#include "generate/market.h"
#include "generate/row_text.h"

namespace daypart::generate {

struct Viewer {
  uint64_t id = 0;  // from 1
  uint64_t household_id = 0;
  uint32_t age = 0;
  ViewerKind kind;
  uint8_t income_band = 0;
  uint8_t device = 0;  // the one used most
  uint8_t plan = 0;
  int32_t signup_day = 0;
};

struct ViewerPopulation {
  uint64_t seed = 0;
  uint64_t count = 0;
  int32_t first_day = 0;  // of the data: everybody signed up before
};

/// Households have one to four members with ids that follow each other; region and income are
/// theirs.
Viewer ViewerOf(const ViewerPopulation& population, uint64_t viewer_id);

/// Rows of demographics.csv for ids first … last; header not included.
struct ViewerRange {
  uint64_t first = 1;
  uint64_t last = 0;
};
void FormatDemographics(const ViewerPopulation& population, ViewerRange ids, RowBuffer& out);

inline constexpr std::string_view kDemographicsHeader =
    "viewer_id,household_id,age,age_group,gender,region,income_band,device_type,plan,signup_date\n";

}  // namespace daypart::generate
