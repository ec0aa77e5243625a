// SPDX-License-Identifier: Apache-2.0
//
// Positions of Kinesis as text, their order, and texts that are none.
#include "source/kinesis_position.h"

#include <gtest/gtest.h>

namespace daypart::source {
namespace {

constexpr const char* kSmall = "9999999999999999999999999999999999999999999999999999999";
constexpr const char* kLarge = "49658026114749402458171129158774217297636013003084136450";

KinesisPosition Parse(const std::string& text) { return ParseKinesisPosition(text).value(); }

TEST(KinesisPosition, IsTheSameAfterTextAndBack) {
  for (const std::string& text :
       {std::string("TRIM_HORIZON"), std::string("@1764000000000"), std::string(kLarge),
        kLarge + std::string(":3"), kLarge + std::string("@1764000000000"),
        kLarge + std::string(":0@17"), std::string("0"), std::string("0017@3")}) {
    EXPECT_EQ(ToText(Parse(text)), text);
  }
  EXPECT_EQ(Parse(kLarge + std::string(":3@17")).Place(), kLarge + std::string(":3"));
  EXPECT_EQ(Parse("@17").Place(), "@17");
}

TEST(KinesisPosition, OrderIsThatOfNumbersWhateverTheirLengthAndTime) {
  const std::string large = kLarge;
  const std::vector<std::string> rising = {"TRIM_HORIZON", "@9",       "@10",  "9",  "10",
                                           kSmall,         large + ":2", large + ":10", large};
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      const int order = ComparePlaces(Parse(rising[i]), Parse(rising[j]));
      EXPECT_EQ(order < 0, i < j) << rising[i] << ' ' << rising[j];
      EXPECT_EQ(order == 0, i == j) << rising[i] << ' ' << rising[j];
    }
  }
  EXPECT_EQ(ComparePlaces(Parse(large + "@5"), Parse(large + "@6")), 0);
}

TEST(KinesisPosition, OtherTextsAreRefused) {
  for (const char* text : {"", "@", "12@", "12:", ":1", "1:2@", "1a", "-1", "1@-1", "@1:2",
                           "1:-2", "1:4294967296", "LATEST", "1 ", "0-0:0"}) {
    const auto refused = ParseKinesisPosition(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(ParseKinesisPosition(std::string(200, '7')));
}

}  // namespace
}  // namespace daypart::source
