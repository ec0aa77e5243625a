// SPDX-License-Identifier: Apache-2.0
//
// Ranges of partition columns as Athena's documentation has them, and tables that get none.
#include "catalog/glue_projection.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace daypart::catalog {
namespace {

RawTable TableOf(const std::vector<std::string>& columns,
                 const std::vector<std::vector<std::string>>& partitions) {
  RawTable table;
  table.location = "s3://b/stream1/";
  for (const std::string& column : columns) {
    table.partition_columns.push_back({.name = column, .source_name = column});
  }
  for (const auto& values : partitions) {
    std::string location = table.location;
    for (size_t i = 0; i < values.size(); ++i) location += columns[i] + '=' + values[i] + '/';
    table.partitions.push_back({.values = values, .location = location});
  }
  return table;
}

TEST(ProjectionOf, SeesDaysToComeWithoutACrawl) {
  const auto made = ProjectionOf(
      TableOf({"day", "hour"}, {{"2026-11-24", "23"}, {"2026-11-23", "05"}}));
  const nlohmann::json expected = {
      {"projection.enabled", "true"},
      {"projection.day.type", "date"},
      {"projection.day.format", "yyyy-MM-dd"},
      {"projection.day.range", "2026-11-23,NOW+1DAY"},
      {"projection.day.interval", "1"},
      {"projection.day.interval.unit", "DAYS"},
      {"projection.hour.type", "integer"},
      {"projection.hour.range", "0,23"},
      {"projection.hour.digits", "2"},
      {"storage.location.template", "s3://b/stream1/day=${day}/hour=${hour}/"}};
  EXPECT_EQ(made, expected);
}

TEST(ProjectionOf, TakesTheCalendarsRanges) {
  const auto made = ProjectionOf(TableOf({"year", "month"}, {{"2026", "11"}, {"2026", "12"}}));
  EXPECT_EQ(made["projection.year.range"], "1970,2199");
  EXPECT_EQ(made["projection.month.range"], "1,12");
  EXPECT_EQ(made["projection.month.digits"], "2");
  const auto bare = ProjectionOf(TableOf({"month"}, {{"9"}, {"10"}}));
  EXPECT_EQ(bare["projection.month.range"], "1,12");
  EXPECT_FALSE(bare.contains("projection.month.digits"));
}

TEST(ProjectionOf, ListsOtherValues) {
  const auto made = ProjectionOf(TableOf({"region"}, {{"west"}, {"east"}, {"west"}}));
  EXPECT_EQ(made["projection.region.type"], "enum");
  EXPECT_EQ(made["projection.region.values"], "east,west");
}

TEST(ProjectionOf, LeavesOutWhatRangesCannotSay) {
  EXPECT_TRUE(ProjectionOf(TableOf({}, {})).empty());
  EXPECT_TRUE(ProjectionOf(TableOf({"region"}, {{"__HIVE_DEFAULT_PARTITION__"}})).empty());
  EXPECT_TRUE(ProjectionOf(TableOf({"region"}, {{"a,b"}})).empty());
  RawTable elsewhere = TableOf({"day"}, {{"2026-11-24"}});
  elsewhere.partitions[0].location = "s3://b/other/day=2026-11-24/";
  EXPECT_TRUE(ProjectionOf(elsewhere).empty());
  // Widths that differ with leading zeros have no one number of digits; they are a list.
  RawTable numbers = TableOf({"n"}, {{"01"}, {"001"}});
  EXPECT_EQ(ProjectionOf(numbers)["projection.n.type"], "enum");
  // A list is of text: on a column of numbers the query would fail.
  numbers.partition_columns[0].type = iceberg::Type::Of(iceberg::TypeKind::kInt);
  EXPECT_TRUE(ProjectionOf(numbers).empty());
}

}  // namespace
}  // namespace daypart::catalog
