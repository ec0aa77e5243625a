// SPDX-License-Identifier: Apache-2.0
//
// QuarantineWatch: tells in a server's log that events of its streams do not fit, once a while
// however many they are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/hot_streams.h"
#include "base/clock.h"

namespace daypart::app {

/// For one thread.
class QuarantineWatch {
 public:
  /// Both must outlive the watch.
  QuarantineWatch(const HotStreams& streams, Clock& clock) : streams_(streams), clock_(clock) {}

  /// What to tell now: a line for each stream that has put events into quarantine since it was last
  /// told of, which is ten minutes ago at least.
  std::vector<std::string> Look();

 private:
  struct Told {
    int64_t count = 0;
    UtcMicros at;
  };
  const HotStreams& streams_;
  Clock& clock_;
  std::map<std::string, Told> told_;  // by stream
};

}  // namespace daypart::app
