// SPDX-License-Identifier: Apache-2.0
//
// Column names made of headers: Glue's rules, duplicates, blanks.
#include "crawl/column_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daypart::crawl {
namespace {

using ::testing::ElementsAre;

TEST(LowerName, LeavesLettersDigitsAndUnderscores) {
  EXPECT_EQ(LowerName("Revenue (USD)"), "revenue_usd");
  EXPECT_EQ(LowerName("ad-revenue.v2"), "ad_revenue_v2");
  EXPECT_EQ(LowerName("_id"), "_id");
  EXPECT_EQ(LowerName("a__b"), "a__b");
  EXPECT_EQ(LowerName("Umsatz \xE2\x82\xAC"), "umsatz");
  EXPECT_EQ(LowerName("%%"), "");
  EXPECT_EQ(LowerName("___"), "");
}

TEST(LowerNames, AreUnique) {
  EXPECT_THAT(LowerNames({"Id", "id", "ID", "", "%"}),
              ElementsAre("id", "id_2", "id_3", "column_4", "column_5"));
}

TEST(FileStem, DropsFormatAndCompression) {
  EXPECT_EQ(FileStem("ads.csv"), "ads");
  EXPECT_EQ(FileStem("ads.csv.gz"), "ads");
  EXPECT_EQ(FileStem("ads.2026.jsonl.zst"), "ads.2026");
  EXPECT_EQ(FileStem("ads"), "ads");
  EXPECT_EQ(FormatExtension("ads.CSV.GZ"), "csv");
  EXPECT_EQ(FormatExtension("ads.gz"), "");
}

}  // namespace
}  // namespace daypart::crawl
