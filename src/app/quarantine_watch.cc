// SPDX-License-Identifier: Apache-2.0
//
// Counts of the streams that run, beside those that were told.
#include "app/quarantine_watch.h"

#include "app/output.h"

namespace daypart::app {
namespace {

constexpr int64_t kTellEveryMicros = int64_t{10} * 60 * 1'000'000;

}  // namespace

std::vector<std::string> QuarantineWatch::Look() {
  std::vector<std::string> lines;
  const UtcMicros now = clock_.Now();
  for (const auto& [name, stream] : streams_.running()) {
    const int64_t count = stream->consumers().front()->progress().quarantined;
    Told& told = told_[name];
    // A stream that was stopped and runs again counts from none.
    if (count < told.count) told.count = 0;
    const bool is_time = told.at.value() == 0 || now.value() - told.at.value() >= kTellEveryMicros;
    if (count == told.count || !is_time) continue;
    lines.push_back("stream " + name + ": " + Counted(count - told.count, "event") +
                    " did not fit and went to media.quarantine; after a fix daypart stream "
                    "replay-quarantine " + name + " takes them in");
    told = {.count = count, .at = now};
  }
  return lines;
}

}  // namespace daypart::app
