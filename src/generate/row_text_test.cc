// SPDX-License-Identifier: Apache-2.0
//
// Values as text, against the calendar's own formatting.
#include "generate/row_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/calendar.h"
#include "generate/counter_random.h"

namespace daypart::generate {
namespace {

std::string Timestamp(TimeText& text, int64_t millis) {
  char bytes[32];
  return {bytes, static_cast<size_t>(text.PutTimestamp(bytes, millis) - bytes)};
}

TEST(RowText, TimestampsAreReadBackAsTheyWere) {
  TimeText text;
  RandomStream random(1, Purpose::kEvents, 0);
  for (int i = 0; i < 10'000; ++i) {
    const int64_t millis = random.Between(0, 4'000'000'000'000);
    ASSERT_EQ(ParseTimestampMicros(Timestamp(text, millis)), millis * 1'000);
  }
  EXPECT_EQ(Timestamp(text, 1'793'527'200'007), "2026-11-01T10:00:00.007Z");
}

TEST(RowText, DecimalsKeepTheirZeros) {
  char bytes[32];
  EXPECT_EQ(std::string_view(bytes, static_cast<size_t>(PutDecimal(bytes, 12'345, 4) - bytes)),
            "1.2345");
  EXPECT_EQ(std::string_view(bytes, static_cast<size_t>(PutDecimal(bytes, 7, 4) - bytes)),
            "0.0007");
  EXPECT_EQ(std::string_view(bytes, static_cast<size_t>(PutDecimal(bytes, 100, 2) - bytes)),
            "1.00");
}

TEST(RowText, CellsAreQuotedOnlyWhereTheyMust) {
  char bytes[64];
  const auto cell = [&](std::string_view text) {
    return std::string(bytes, static_cast<size_t>(PutCsvCell(bytes, text) - bytes));
  };
  EXPECT_EQ(cell("plain"), "plain");
  EXPECT_EQ(cell("a,b"), "\"a,b\"");
  EXPECT_EQ(cell("say \"hi\""), "\"say \"\"hi\"\"\"");
}

TEST(RowText, ABufferKeepsItsBytesWhenItGrows) {
  RowBuffer buffer;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    buffer.Append("row " + std::to_string(i) + "\n");
    expected += "row " + std::to_string(i) + "\n";
  }
  EXPECT_EQ(buffer.view(), expected);
  buffer.Clear();
  EXPECT_EQ(buffer.size(), 0u);
}

TEST(CounterRandom, AStreamDependsOnItsNameOnly) {
  EXPECT_EQ(RandomStream(1, Purpose::kAds, 2).Next(), RandomStream(1, Purpose::kAds, 2).Next());
  EXPECT_NE(RandomStream(1, Purpose::kAds, 2).Next(), RandomStream(1, Purpose::kAds, 3).Next());
  EXPECT_NE(RandomStream(1, Purpose::kAds, 2).Next(), RandomStream(2, Purpose::kAds, 2).Next());
  EXPECT_NE(RandomStream(1, Purpose::kAds, 2).Next(), RandomStream(1, Purpose::kViewer, 2).Next());
}

TEST(CounterRandom, PicksInProportionToTheWeights) {
  const uint32_t weights[] = {1, 0, 3};
  uint64_t counts[3] = {};
  RandomStream random(5, Purpose::kAds, 0);
  for (int i = 0; i < 40'000; ++i) ++counts[random.Pick(weights)];
  EXPECT_EQ(counts[1], 0u);
  EXPECT_NEAR(static_cast<double>(counts[0]), 10'000, 400);
}

TEST(StridePermutation, HitsEveryPlaceOnce) {
  for (const uint64_t n : {1u, 2u, 3u, 4u, 5u, 12u, 97u, 1000u, 4096u}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const StridePermutation permutation(n, RandomStream(seed, Purpose::kSession, 0));
      std::vector<bool> is_hit(n);
      for (uint64_t x = 0; x < n; ++x) {
        const uint64_t y = permutation(x);
        ASSERT_LT(y, n);
        ASSERT_FALSE(is_hit[y]) << n << " seed " << seed;
        is_hit[y] = true;
      }
    }
  }
}

}  // namespace
}  // namespace daypart::generate
