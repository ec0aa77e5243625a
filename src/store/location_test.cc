// SPDX-License-Identifier: Apache-2.0
//
// Locations and hive folders as text.
#include "store/location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daypart::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Location, SplitsSchemeAuthorityAndPath) {
  const auto s3 = SplitLocation("s3://bucket/a/b.csv");
  EXPECT_EQ(s3.scheme, "s3");
  EXPECT_EQ(s3.authority, "bucket");
  EXPECT_EQ(s3.path, "/a/b.csv");
  const auto file = SplitLocation("file:///lake/x");
  EXPECT_EQ(file.scheme, "file");
  EXPECT_EQ(file.authority, "");
  EXPECT_EQ(file.path, "/lake/x");
  EXPECT_EQ(SplitLocation("file:/lake/x").path, "/lake/x");
}

TEST(Location, TakesPlainPathsAndColonsInNamesForNoScheme) {
  EXPECT_EQ(SplitLocation("/lake/x").scheme, "");
  EXPECT_EQ(SplitLocation("/lake/10:30:00.csv").path, "/lake/10:30:00.csv");
  EXPECT_EQ(SplitLocation("time=10:30/x").scheme, "");
}

TEST(Location, JoinsWithExactlyOneSlash) {
  EXPECT_EQ(JoinLocation("/a", "b"), "/a/b");
  EXPECT_EQ(JoinLocation("/a/", "/b"), "/a/b");
  EXPECT_EQ(JoinLocation("/", "b"), "/b");
  EXPECT_EQ(JoinLocation("s3://bucket", "k"), "s3://bucket/k");
  EXPECT_EQ(JoinLocation("/a/", ""), "/a");
}

TEST(Location, FindsParentAndBaseName) {
  EXPECT_EQ(ParentLocation("file:///a/b/c"), "file:///a/b");
  EXPECT_EQ(ParentLocation("file:///a"), "file:///");
  EXPECT_EQ(ParentLocation("/a/b/"), "/a");
  EXPECT_EQ(ParentLocation("/"), "/");
  EXPECT_EQ(ParentLocation("s3://bucket/a"), "s3://bucket");
  EXPECT_EQ(BaseName("file:///a/b/c.csv"), "c.csv");
  EXPECT_EQ(BaseName("/a/b/"), "b");
  EXPECT_EQ(BaseName("s3://bucket"), "");
}

TEST(Location, RelativeToDemandsAFolderBoundary) {
  EXPECT_EQ(RelativeTo("/a/b", "/a/b/c/d"), "c/d");
  EXPECT_EQ(RelativeTo("/a/b/", "/a/b/c"), "c");
  EXPECT_EQ(RelativeTo("/", "/c"), "c");
  EXPECT_EQ(RelativeTo("/a/b", "/a/bc"), std::nullopt);
  EXPECT_EQ(RelativeTo("/a/b", "/a/b"), std::nullopt);
}

TEST(Location, HiddenPathsAreTheOnesCrawlersPassOver) {
  EXPECT_TRUE(is_hidden_path("_temporary/0/part.csv"));
  EXPECT_TRUE(is_hidden_path("a/_SUCCESS"));
  EXPECT_TRUE(is_hidden_path("a/.crc"));
  EXPECT_FALSE(is_hidden_path("_date=2026-11-01/x.csv"));
  EXPECT_FALSE(is_hidden_path("a/b_c.csv"));
}

TEST(HivePath, GivesPartitionsInOrderWithoutTheFileName) {
  const auto partitions = ParseHivePath("events/event_date=2026-11-01/hour=07/k=v.csv");
  EXPECT_THAT(partitions, ElementsAre(HivePartition{"event_date", "2026-11-01", false},
                                      HivePartition{"hour", "07", false}));
  EXPECT_THAT(ParseHivePath("plain/file.csv"), IsEmpty());
}

TEST(HivePath, DecodesPercentAndTheNullName) {
  EXPECT_EQ(ParseHiveSegment("city=S%C3%A3o%20Paulo%2FSul")->value, "São Paulo/Sul");
  EXPECT_EQ(ParseHiveSegment("discount=50%")->value, "50%");
  EXPECT_EQ(ParseHiveSegment("a=1%zz")->value, "1%zz");
  EXPECT_TRUE(ParseHiveSegment("region=__HIVE_DEFAULT_PARTITION__")->is_null);
  EXPECT_EQ(ParseHiveSegment("a=b=c")->value, "b=c");
  EXPECT_EQ(ParseHiveSegment("empty=")->value, "");
  EXPECT_EQ(ParseHiveSegment("=v"), std::nullopt);
  EXPECT_EQ(ParseHiveSegment("plain"), std::nullopt);
}

TEST(HivePath, FormattingIsUndoneByParsing) {
  for (const std::string value : {"plain", "a/b", "50%", "10:30", "\x01", "São", "a=b", ""}) {
    const HivePartition partition{"key", value, false};
    const std::string segment = FormatHiveSegment(partition);
    EXPECT_EQ(segment.find('/'), std::string::npos);
    EXPECT_EQ(ParseHiveSegment(segment), partition) << segment;
  }
  EXPECT_TRUE(ParseHiveSegment(FormatHiveSegment({"k", "", true}))->is_null);
}

}  // namespace
}  // namespace daypart::store
