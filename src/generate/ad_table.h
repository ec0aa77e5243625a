// SPDX-License-Identifier: Apache-2.0
//
// Advertising: spots in the pods of each channel's hours. A row is one spot's result in one region:
// impressions follow the channel's audience at that hour, revenue is impressions / 1000 at the
// channel's CPM for the daypart, give or take a tenth.
#pragma once

#include <cstdint>
#include <string_view>

#include "generate/demand_curve.h"
#include "generate/formatted_block.h"
#include "generate/lineup.h"

namespace daypart::generate {

struct AdOptions {
  uint64_t seed = 0;
  DaySpan days;
  uint64_t rows_count = 0;
  uint64_t viewers_count = 0;
};

class AdTable {
 public:
  /// lineup must outlive the table.
  AdTable(const AdOptions& options, const Lineup& lineup);
  uint64_t blocks_count() const;
  /// Rows of the block by hour, without header. Thread-safe.
  void FormatBlock(uint64_t block, FormattedBlock& out) const;

 private:
  friend class AdBlock;
  /// Ads before the `hour`-th hour of the span.
  uint64_t AdsBefore(uint64_t hour) const;

  const AdOptions options_;
  const Lineup& lineup_;
  const uint64_t peak_demand_;
  const DemandCurve curve_;
};

inline constexpr std::string_view kAdHeader =
    "ad_id,campaign_id,advertiser,channel_id,region,spot_start,daypart,duration_seconds,"
    "impressions,"
    "clicks,revenue_usd,updated_at\n";

inline constexpr uint64_t kBlockAds = 16'384;

}  // namespace daypart::generate
