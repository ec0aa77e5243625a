// SPDX-License-Identifier: Apache-2.0
//
// Made-up events: the same for a seed, late and repeated as often as asked for.
#include "generate/live_events.h"

#include <gtest/gtest.h>

#include <set>

namespace daypart::generate {
namespace {

constexpr UtcMicros kNow(1'764'000'000'123'456);

TEST(LiveEvents, AreTheSameForASeed) {
  LiveEvents first({.seed = 5});
  LiveEvents second({.seed = 5});
  LiveEvents other({.seed = 6});
  const std::string line = first.Next(kNow);
  EXPECT_EQ(line, second.Next(kNow));
  EXPECT_NE(line, other.Next(kNow));
  EXPECT_TRUE(line.starts_with(R"({"event_id":1,"session_id":"s)")) << line;
  EXPECT_NE(line.find(R"("event_time":"2025-11-24T16:00:00.123)"), std::string::npos) << line;
}

TEST(LiveEvents, ComeLateAndTwiceAsOftenAsAsked) {
  LiveEvents events({.late_permille = 200, .repeated_permille = 100});
  std::set<std::string> distinct;
  int late = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string line = events.Next(kNow);
    if (!distinct.insert(line).second) continue;
    late += line.find("T16:00:00.123") == std::string::npos ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(distinct.size()), 9'000, 120);
  EXPECT_NEAR(late, 1'800, 160);
}

}  // namespace
}  // namespace daypart::generate
