// SPDX-License-Identifier: Apache-2.0
//
// The sketch against known hashes and counts; tests/interop reads its bytes with DataSketches.
#include "iceberg/theta_sketch.h"

#include <gtest/gtest.h>

#include <cmath>

namespace daypart::iceberg {
namespace {

TEST(ThetaSketch, HashesAsMurmur3) {
  // Published vectors of MurmurHash3_x64_128, lower half.
  EXPECT_EQ(Murmur3Low64("", 0), 0U);
  EXPECT_EQ(Murmur3Low64("The quick brown fox jumps over the lazy dog", 0), 0xe34bbc7bbc071b6cULL);
}

TEST(ThetaSketch, IsExactWhileItIsSmall) {
  ThetaSketch sketch;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5000; ++i) sketch.Add("value " + std::to_string(i));
  }
  EXPECT_EQ(sketch.Estimate(), 5000.0);
}

TEST(ThetaSketch, EstimatesWithinAFewPercentWhateverTheOrder) {
  ThetaSketch whole;
  ThetaSketch left;
  ThetaSketch right;
  for (int i = 0; i < 200'000; ++i) {
    const std::string value = std::to_string(i);
    whole.Add(value);
    (i % 3 == 0 ? left : right).Add(value);
  }
  left.Merge(right);
  EXPECT_NEAR(whole.Estimate(), 200'000.0, 200'000.0 * 0.06);
  EXPECT_NEAR(left.Estimate(), 200'000.0, 200'000.0 * 0.06);
}

TEST(ThetaSketch, TheEmptySketchIsDataSketchesEightBytes) {
  ThetaSketch sketch;
  sketch.Add("");
  EXPECT_EQ(sketch.Serialize(), std::string("\x01\x03\x03\x00\x00\x1E\x00\x00", 8));
}

TEST(ThetaSketch, TheSeedsHashIsTheKnownOne) {
  ThetaSketch sketch;
  sketch.Add("x");
  const std::string bytes = sketch.Serialize();
  ASSERT_EQ(bytes.size(), 16U);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x01\x03\x03\x00\x00\x3A\xCC\x93", 8));
}

}  // namespace
}  // namespace daypart::iceberg
