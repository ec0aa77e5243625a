// SPDX-License-Identifier: Apache-2.0
//
// LiveEvents: viewing events that happen now, as JSON lines in the form of viewership_logs.jsonl,
// some of them late and some twice: what a producer tries a pipeline with. The same seed gives the
// same events but for their times.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "generate/counter_random.h"

namespace daypart::generate {

struct LiveEventsOptions {
  uint64_t seed = 1;
  /// event_id of the first event; each one has the next.
  uint64_t first_id = 1;
  uint64_t viewers = 10'000;
  uint64_t channels = 50;
  /// Of a thousand events: those whose time is up to an hour ago, and those that come again.
  uint64_t late_permille = 0;
  uint64_t repeated_permille = 0;
};

class LiveEvents {
 public:
  explicit LiveEvents(const LiveEventsOptions& options)
      : options_(options),
        random_(options.seed, Purpose::kSession, 0),
        next_id_(options.first_id) {}

  /// One line, without its end.
  std::string Next(UtcMicros now);

 private:
  const LiveEventsOptions options_;
  RandomStream random_;
  uint64_t next_id_;
  std::string last_;  // the event before, for repeated ones
};

}  // namespace daypart::generate
