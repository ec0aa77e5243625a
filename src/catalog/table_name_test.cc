// SPDX-License-Identifier: Apache-2.0
//
// Table names as they are typed: with and without database, and what is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/nearest_name.h"

namespace daypart::catalog {
namespace {

TEST(TableNameText, TakesTheDefaultDatabaseWhereNoneIsNamed) {
  EXPECT_EQ(*ParseTableName("ad_revenue", "media"), (TableName{"media", "ad_revenue"}));
  EXPECT_EQ(*ParseTableName("raw.Ads-2$x", "media"), (TableName{"raw", "Ads-2$x"}));
  EXPECT_EQ(ToString(TableName{"media", "ad_revenue"}), "media.ad_revenue");
}

TEST(TableNameText, RefusesWhatCannotBeAName) {
  for (const char* text : {"", ".", "a.", ".b", "a.b.c", "a b", "a.b;c", "a/b", "ä", "a.\"b\""}) {
    const auto name = ParseTableName(text, "media");
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseTableName("a", ""));
}

TEST(EditDistance, CountsEditsAndNeighbourSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("media", "medai"), 1u);
  EXPECT_EQ(EditDistance("Media", "mEDIA"), 0u);
}

TEST(NearestName, IsGivenOnlyWhereItIsNear) {
  const std::vector<std::string> names = {"ad_revenue", "demographics", "a"};
  EXPECT_EQ(NearestName("ad_revenu", names), "ad_revenue");
  EXPECT_EQ(NearestName("demographic", names), "demographics");
  EXPECT_EQ(NearestName("viewership", names), std::nullopt);
  EXPECT_EQ(NearestName("b", names), "a");
  EXPECT_EQ(NearestName("xyz", names), std::nullopt);
}

}  // namespace
}  // namespace daypart::catalog
