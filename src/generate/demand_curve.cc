// SPDX-License-Identifier: Apache-2.0
//
// Summed demand and its inverse.
#include "generate/demand_curve.h"

#include <algorithm>

namespace daypart::generate {

DemandCurve::DemandCurve(const Lineup& lineup, DaySpan days, uint64_t extra_per_hour)
    : begin_hour_(int64_t{days.first} * 24) {
  const auto hours = static_cast<size_t>(days.count) * 24;
  cumulative_.reserve(hours + 1);
  cumulative_.push_back(0);
  for (size_t hour = 0; hour < hours; ++hour) {
    const size_t week_hour = WeekHourOf(begin_hour_ + static_cast<int64_t>(hour));
    cumulative_.push_back(cumulative_.back() + lineup.Demand(week_hour) + extra_per_hour);
  }
}

int64_t DemandCurve::TimeAt(uint64_t demand) const {
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), demand) - 1;
  const int64_t hour = begin_hour_ + (at - cumulative_.begin());
  const uint64_t of_hour = at[1] - at[0];
  const uint64_t millis = Share(static_cast<uint64_t>(kMillisPerHour), demand - *at, of_hour);
  return hour * kMillisPerHour + static_cast<int64_t>(millis);
}

}  // namespace daypart::generate
