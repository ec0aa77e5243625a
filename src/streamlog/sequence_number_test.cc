// SPDX-License-Identifier: Apache-2.0
//
// Sequence numbers and hash keys, against numbers from Python and from the service's documents.
#include "streamlog/sequence_number.h"

#include <gtest/gtest.h>

#include <random>

#include "streamlog/hash_key.h"

namespace daypart::streamlog {
namespace {

TEST(SequenceNumber, IsWhatPythonMakesOfTheLayout) {
  // python3 -c "print((2<<184)|(1732478000<<148)|(1<<84)|(0<<4)|2)"
  EXPECT_EQ(ToDecimal(SequenceNumber{1732478000, RecordIndex(1), ShardNumber(0)}),
            "49658026114749402458171129158774217297636013003084136450");
}

TEST(SequenceNumber, ComesBackFromItsDecimalForm) {
  std::mt19937_64 chance(20261124);
  for (int i = 0; i < 10'000; ++i) {
    const SequenceNumber number{chance() >> 28, RecordIndex(chance() >> (chance() % 64)),
                                ShardNumber(static_cast<uint32_t>(chance()))};
    const std::string text = ToDecimal(number);
    ASSERT_EQ(text.size(), kSequenceDigits);
    const auto parsed = ParseSequenceNumber(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, number) << text;
  }
}

TEST(SequenceNumber, GrowsWithIndexAndWithEpoch) {
  const std::string low = ToDecimal({1732478000, RecordIndex(9), ShardNumber(7)});
  EXPECT_LT(CompareDecimals(low, ToDecimal({1732478000, RecordIndex(10), ShardNumber(7)})), 0);
  EXPECT_LT(CompareDecimals(low, ToDecimal({1732478001, RecordIndex(0), ShardNumber(0)})), 0);
  EXPECT_GT(CompareDecimals(low, "0"), 0);
}

TEST(SequenceNumber, ARunEqualsSingleNumbers) {
  for (const uint64_t start : {uint64_t{1}, uint64_t{51'698'000}, uint64_t{1} << 40}) {
    SequenceRun run({1732478000, RecordIndex(start), ShardNumber(3)});
    for (uint64_t i = 0; i < 200; ++i) {
      char text[kSequenceDigits];
      run.WriteNext(text);
      ASSERT_EQ(std::string_view(text, sizeof(text)),
                ToDecimal({1732478000, RecordIndex(start + i), ShardNumber(3)}));
    }
  }
}

TEST(SequenceNumber, RefusesWhatItCannotHaveMade) {
  const std::string good = ToDecimal({1732478000, RecordIndex(1), ShardNumber(0)});
  for (const std::string& wrong :
       {std::string(), std::string("0"), std::string("abc"), good + "0", good.substr(1),
        "5" + good.substr(1), std::string(56, '9'), good.substr(0, 55) + "1"}) {
    const auto parsed = ParseSequenceNumber(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(HashKey, IsTheMd5OfThePartitionKey) {
  // RFC 1321, appendix A.5, in decimal by Python's int(…, 16).
  EXPECT_EQ(ToDecimal(HashKeyOf("")), "281949768489412648962353822266799178366");
  EXPECT_EQ(ToDecimal(HashKeyOf("abc")), "191415658344158766168031473277922803570");
}

TEST(HashKey, EvenRangesAreThoseOfKinesis) {
  // DescribeStream of streams with two and with three shards shows these.
  EXPECT_EQ(ToDecimal(EvenRange(0, 2).last), "170141183460469231731687303715884105727");
  EXPECT_EQ(ToDecimal(EvenRange(1, 2).last), "340282366920938463463374607431768211455");
  EXPECT_EQ(ToDecimal(EvenRange(1, 3).first), "113427455640312821154458202477256070485");
  EXPECT_EQ(ToDecimal(EvenRange(2, 3).first), "226854911280625642308916404954512140970");
  EXPECT_EQ(EvenRange(2, 3).last, kHashKeyMax);
}

TEST(HashKey, RangesCoverEverythingOnce) {
  for (size_t count = 1; count <= 70; ++count) {
    EXPECT_EQ(EvenRange(0, count).first.value, 0U);
    for (size_t i = 1; i < count; ++i) {
      ASSERT_EQ(EvenRange(i - 1, count).last.value + 1, EvenRange(i, count).first.value);
    }
    EXPECT_EQ(EvenRange(count - 1, count).last, kHashKeyMax);
  }
}

TEST(HashKey, DecimalFormIsChecked) {
  EXPECT_EQ(ParseHashKey("340282366920938463463374607431768211455").value(), kHashKeyMax);
  for (const char* wrong : {"340282366920938463463374607431768211456", "", "01", "-1", "1x",
                            "999999999999999999999999999999999999999"}) {
    EXPECT_FALSE(ParseHashKey(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace daypart::streamlog
