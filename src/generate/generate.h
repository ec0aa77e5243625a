// SPDX-License-Identifier: Apache-2.0
//
// Synthetic media data for trying things out, for tests and for benchmarks: channels, viewers, ads
// and viewing sessions that hang together. Same options, same bytes, on any number of threads.
//
// Written to OUT, in the columns of the canonical tables (docs/formats): channel_metadata.csv,
// demographics.csv, ad_revenue.csv (a row for ten events), viewership_logs.csv (the events), and as
// history historical_data/event_date=YYYY-MM-DD/viewership_logs.csv, three days before the first
// with a tenth of the events on top. On request viewership_logs.jsonl (the same events) and faults
// with faults_manifest.json. These names are the generator's: it replaces, and removes what an
// earlier run with other options left under them. Everything else in OUT stays.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/calendar.h"
#include "base/cancel.h"
#include "base/result.h"
#include "generate/faults.h"
#include "store/object_store.h"

namespace daypart::generate {

struct GenerateOptions {
  std::string out;  // location of the folder
  uint64_t viewers_count = 10'000;
  uint64_t channels_count = 50;
  uint64_t days_count = 7;
  uint64_t events_count = 1'000'000;  // of viewership_logs; history comes on top
  uint64_t seed = 1;
  int32_t first_day = DaysFromCivil({2026, 11, 1});  // from 1970-01-01
  bool has_jsonl = false;
  bool has_faults = false;
  unsigned threads_count = 0;  // 0: as many as the machine has
};

struct GeneratedFile {
  std::string location;
  uint64_t rows = 0;  // header not counted
  uint64_t bytes = 0;
};

struct GenerateReport {
  std::vector<GeneratedFile> files;
  uint64_t sessions_count = 0;
  uint64_t history_events_count = 0;
  /// Rows of viewership_logs by FaultKind; all 0 without has_faults.
  uint64_t fault_counts[kFaultKindsCount] = {};
};

struct GenerateProgress {
  std::string file;  // the one at work, as its name under OUT
  uint64_t rows_done = 0;
  uint64_t rows_total = 0;  // of all files
};
using GenerateProgressSink = std::function<void(const GenerateProgress&)>;

/// errors: kInvalidArgument for options out of their limits; kCancelled; the store's. A file that
/// is not finished is not there; those before it are.
Result<GenerateReport> Generate(store::ObjectStore& store, const GenerateOptions& options,
                                const GenerateProgressSink& progress, const CancelToken& cancel);

inline constexpr uint64_t kViewersMax = 100'000'000;
inline constexpr uint64_t kChannelsMax = 20'000;
inline constexpr uint64_t kDaysMax = 3'660;
inline constexpr uint64_t kEventsMax = 100'000'000'000;
inline constexpr int32_t kHistoryDays = 3;
inline constexpr uint64_t kHistoryShare = 10;  // one history event for so many
inline constexpr uint64_t kEventsPerAd = 10;

}  // namespace daypart::generate
