// SPDX-License-Identifier: Apache-2.0
//
// Viewership events of a span of days, in blocks that are made independently of each other. A
// session is start, heartbeats, now and then pause and resume, and mostly a stop; of two events of
// a session the later one's time is the earlier one's plus watch_seconds plus buffering_ms, or,
// before a resume, plus the pause. So watch_seconds is what was watched since the session's event
// before: summed up it is the time watched. The start's buffering_ms is the wait before the first
// picture.
#pragma once

#include <cstdint>
#include <string_view>

#include "generate/counter_random.h"
#include "generate/demand_curve.h"
#include "generate/formatted_block.h"
#include "generate/lineup.h"
#include "generate/viewer.h"

namespace daypart::generate {

struct ViewershipOptions {
  uint64_t seed = 0;
  Purpose purpose = Purpose::kEvents;
  DaySpan days;  // no event lies outside
  uint64_t events_count = 0;
  uint64_t first_event_id = 1;
  uint64_t first_broken_id = 0;  // ids of broken rows begin here
  bool has_jsonl = false;
  bool has_faults = false;
};

class ViewershipTable {
 public:
  /// lineup must outlive the table.
  ViewershipTable(const ViewershipOptions& options, const Lineup& lineup,
                  const ViewerPopulation& population);

  uint64_t blocks_count() const;
  /// Rows of the block, without header. Thread-safe.
  void FormatBlock(uint64_t block, FormattedBlock& out) const;

 private:
  friend class ViewershipBlock;

  const ViewershipOptions options_;
  const Lineup& lineup_;
  const ViewerPopulation population_;
  const DemandCurve curve_;
  const StridePermutation viewer_order_;  // who the busy viewers are
};

inline constexpr std::string_view kViewershipHeader =
    "event_id,session_id,viewer_id,channel_id,content_id,content_type,region,device_type,event_"
    "type,"
    "event_time,watch_seconds,bitrate_kbps,buffering_ms\n";

/// 32,768: 4 MB of CSV, small enough for eight of them in memory, large enough that the cut of
/// sessions at a block's end is rare. Part of the output's identity.
inline constexpr uint64_t kBlockEvents = 32'768;

}  // namespace daypart::generate
