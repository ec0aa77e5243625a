// SPDX-License-Identifier: Apache-2.0
//
// When something is watched: the demand of each hour of a span of days, summed up, so that a share
// of all demand turns into a time. Equal shares of it hold equal numbers of sessions, whatever the
// hour.
#pragma once

#include <cstdint>
#include <vector>

#include "generate/lineup.h"

namespace daypart::generate {

inline constexpr int64_t kMillisPerHour = 3'600'000;
inline constexpr int64_t kMillisPerDay = 24 * kMillisPerHour;

/// Days in a row; day numbers count from 1970-01-01.
struct DaySpan {
  int32_t first = 0;
  int32_t count = 0;
  int64_t begin_millis() const { return first * kMillisPerDay; }
  int64_t end_millis() const { return (int64_t{first} + count) * kMillisPerDay; }
};

class DemandCurve {
 public:
  /// extra_per_hour: added to each hour's demand, to flatten the curve (0: as the lineup has it).
  DemandCurve(const Lineup& lineup, DaySpan days, uint64_t extra_per_hour);

  uint64_t total() const { return cumulative_.back(); }
  int64_t begin_hour() const { return begin_hour_; }
  uint64_t hours_count() const { return cumulative_.size() - 1; }
  /// Demand before the `hour`-th hour of the span.
  uint64_t Before(uint64_t hour) const { return cumulative_[hour]; }
  /// The time at which `demand` (below total()) of all demand has passed, in milliseconds.
  int64_t TimeAt(uint64_t demand) const;

 private:
  int64_t begin_hour_;                // from 1970-01-01
  std::vector<uint64_t> cumulative_;  // hours_count() + 1 values, the first 0
};

/// The share part/whole of `total`, without overflow.
inline uint64_t Share(uint64_t total, uint64_t part, uint64_t whole) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(total) * part / whole);
}

}  // namespace daypart::generate
