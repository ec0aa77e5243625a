// SPDX-License-Identifier: Apache-2.0
//
// Which tables are found, with which partitions; what is junk.
#include "crawl/crawl.h"

#include "crawl/crawl_fixture_for_test.h"

namespace daypart::crawl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kAds = "ad_id,region,revenue\n1,eu,1.50\n2,us,2.25\n";
constexpr std::string_view kChannels =
    "channel_id,channel_name,genre\nch1,One,News\nch2,Two,Sport\n";

TEST_F(CrawlTest, NamesATableAfterAFileRightUnderThePrefix) {
  Put("ad_revenue.csv", kAds);
  Put("Channel-Metadata.CSV", kChannels);
  const CrawlReport report = Run();
  EXPECT_THAT(Names(report), ElementsAre("ad_revenue", "channel_metadata"));
  const TableReport ads = Table(report, "ad_revenue");
  EXPECT_EQ(ads.change, TableChange::kCreated);
  EXPECT_EQ(ads.table.location, "file:///lake/raw/ad_revenue.csv");
  EXPECT_EQ(ads.files_count, 1u);
  EXPECT_EQ(ads.bytes, kAds.size());
  EXPECT_THAT(Columns(ads.table.columns),
              ElementsAre("ad_id int", "region string", "revenue decimal(18, 2)"));
  EXPECT_EQ(Stored("ad_revenue").columns, ads.table.columns);
  EXPECT_THAT(*catalog_->ListDatabases(), ElementsAre("media_raw"));
}

TEST_F(CrawlTest, NamesATableAfterAFolderOfFiles) {
  Put("ad_revenue/part-1.csv", kAds);
  Put("ad_revenue/part-2.csv", kAds);
  const CrawlReport report = Run();
  ASSERT_THAT(Names(report), ElementsAre("ad_revenue"));
  EXPECT_EQ(report.tables[0].table.location, "file:///lake/raw/ad_revenue/");
  EXPECT_EQ(report.tables[0].files_count, 2u);
}

TEST_F(CrawlTest, TakesHiveFoldersAsPartitionsWithTypes) {
  Put("ads/event_date=2026-11-23/hour=1/a.csv", kAds);
  Put("ads/event_date=2026-11-24/hour=2/a.csv", kAds);
  Put("ads/event_date=__HIVE_DEFAULT_PARTITION__/hour=3/a.csv", kAds);
  const TableReport ads = Table(Run(), "ads");
  EXPECT_THAT(Columns(ads.table.partition_columns), ElementsAre("event_date date", "hour int"));
  ASSERT_EQ(ads.table.partitions.size(), 3u);
  EXPECT_THAT(ads.table.partitions[0].values, ElementsAre("2026-11-23", "1"));
  EXPECT_EQ(ads.table.partitions[0].location, "file:///lake/raw/ads/event_date=2026-11-23/hour=1/");
  EXPECT_EQ(ads.table.partitions[2].values[0], "__HIVE_DEFAULT_PARTITION__");
}

TEST_F(CrawlTest, KeepsPartitionsWithLeadingZerosAsStrings) {
  Put("ads/month=01/a.csv", kAds);
  Put("ads/month=11/a.csv", kAds);
  EXPECT_THAT(Columns(Table(Run(), "ads").table.partition_columns), ElementsAre("month string"));
}

TEST_F(CrawlTest, DecodesPartitionValues) {
  Put("ads/region=North%20West/a.csv", kAds);
  EXPECT_THAT(Table(Run(), "ads").table.partitions[0].values, ElementsAre("North West"));
}

TEST_F(CrawlTest, IsATableItselfWhereThePrefixHoldsHiveFolders) {
  Put("ads/day=2026-11-23/a.csv", kAds);
  const CrawlReport report = Run({.prefix = "file:///lake/raw/ads"});
  ASSERT_THAT(Names(report), ElementsAre("ads"));
  EXPECT_EQ(report.tables[0].table.location, "file:///lake/raw/ads/");
}

TEST_F(CrawlTest, GeneratesPartitionColumnsForPlainFoldersOfLikeSchema) {
  Put("ads/us/a.csv", kAds);
  Put("ads/eu/a.csv", kAds);
  const TableReport ads = Table(Run(), "ads");
  EXPECT_THAT(Columns(ads.table.partition_columns), ElementsAre("partition_0 string"));
  EXPECT_THAT(ads.table.partitions[0].values, ElementsAre("eu"));
}

TEST_F(CrawlTest, GeneratesPartitionColumnsForDateFoldersFromTheFirstDayOn) {
  Put("ads/2026/11/a.csv", kAds);
  const TableReport ads = Table(Run(), "ads");
  EXPECT_THAT(Columns(ads.table.partition_columns),
              ElementsAre("partition_0 int", "partition_1 int"));
  EXPECT_THAT(ads.table.partitions[0].values, ElementsAre("2026", "11"));
}

TEST_F(CrawlTest, MakesTablesOfFoldersWithUnlikeSchemas) {
  Put("exports/ads/a.csv", kAds);
  Put("exports/channels/a.csv", kChannels);
  EXPECT_THAT(Names(Run()), ElementsAre("ads", "channels"));
}

TEST_F(CrawlTest, MakesTablesOfUnlikeFilesInAFolder) {
  Put("exports/ads.csv", kAds);
  Put("exports/channels.csv", kChannels);
  EXPECT_THAT(Names(Run()), ElementsAre("ads", "channels"));
}

// Glue's trap: tables of like schema beside each other become one with partitions.
TEST_F(CrawlTest, GlueTrapLikeTablesRightUnderThePrefixStaySeparate) {
  Put("ad_revenue/a.csv", kAds);
  Put("ad_revenue_corrections/a.csv", kAds);
  EXPECT_THAT(Names(Run()), ElementsAre("ad_revenue", "ad_revenue_corrections"));
}

// Glue's trap: one odd day splits a table into one table a day.
TEST_F(CrawlTest, GlueTrapOneSpoiltDayDoesNotSplitTheTable) {
  Put("ads/2026-11-21/a.csv", kAds);
  Put("ads/2026-11-22/a.csv", kAds);
  Put("ads/2026-11-23/a.csv", kChannels);
  const CrawlReport report = Run();
  ASSERT_THAT(Names(report), ElementsAre("ads"));
  EXPECT_EQ(report.tables[0].table.partitions.size(), 2u);
  EXPECT_THAT(report.tables[0].warnings, Contains(HasSubstr("2026-11-23/ has another format")));
}

// Glue's trap: _temporary and _$folder$ leftovers split tables.
TEST_F(CrawlTest, GlueTrapLeftoversOfHadoopAreNoTables) {
  Put("ads/part-1.csv", kAds);
  Put("ads/_temporary/0/part-9.csv", kChannels);
  Put("ads/_SUCCESS", "");
  Put("ads/.part-1.csv.crc", "xyz");
  Put("ads_$folder$", "");
  const CrawlReport report = Run();
  EXPECT_THAT(Names(report), ElementsAre("ads"));
  EXPECT_THAT(report.skipped, IsEmpty());
  EXPECT_EQ(report.files_count, 1u);
}

// Glue's trap: a table whose partitions gained columns over time is split by similarity.
TEST_F(CrawlTest, GlueTrapPartitionsThatGainedColumnsStayOneTable) {
  Put("ads/day=2026-11-23/a.csv", "id\n1\n");
  Put("ads/day=2026-11-24/a.csv", "id,region,clicks\n1,eu,5\n");
  const CrawlReport report = Run();
  ASSERT_THAT(Names(report), ElementsAre("ads"));
  EXPECT_THAT(Columns(report.tables[0].table.columns),
              ElementsAre("id int", "region string", "clicks int"));
}

TEST_F(CrawlTest, TakesANumberedSeriesRightUnderThePrefixForOneTable) {
  Put("part-0001.csv", kAds);
  Put("part-0002.csv", kAds);
  EXPECT_THAT(Names(Run()), ElementsAre("raw"));
}

TEST_F(CrawlTest, CrawlsASingleFile) {
  Put("ad_revenue.csv", kAds);
  Put("ad_revenue.csv.bak", kAds);
  const CrawlReport report = Run({.prefix = "file:///lake/raw/ad_revenue.csv"});
  ASSERT_THAT(Names(report), ElementsAre("ad_revenue"));
  EXPECT_EQ(report.files_count, 1u);
}

TEST_F(CrawlTest, TellsTablesOfTheSameNameApart) {
  Put("a/ads/x.csv", kAds);
  Put("a/channels/x.csv", kChannels);
  Put("b/ads/x.csv", kAds);
  Put("b/channels/x.csv", kChannels);
  EXPECT_THAT(Names(Run()), ElementsAre("ads", "b_ads", "b_channels", "channels"));
}

TEST_F(CrawlTest, ReportsJunkAndGoesOn) {
  Put("ads.csv", kAds);
  Put("empty.csv", "");
  Put("blank.csv", "\n\n \n");
  Put("photo.png", std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16));
  Put("archive.zip", std::string("PK\x03\x04\0\0\0\0", 8));
  Put("README.md", "This folder has files.\nNothing else.\n");
  Put("list.json", "[{\"a\": 1}]\n");
  const CrawlReport report = Run();
  EXPECT_THAT(Names(report), ElementsAre("ads"));
  EXPECT_EQ(report.skipped.size(), 6u);
  for (const SkippedFile& skipped : report.skipped) EXPECT_FALSE(skipped.reason.empty());
}

TEST_F(CrawlTest, FindsNothingIsAnError) {
  const CrawlOptions options = {.prefix = "file:///lake/none/"};
  const auto report = Crawl(*store_, *catalog_, *catalog_, clock_, options, cancel_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
}

TEST_F(CrawlTest, DryRunChangesNothing) {
  Put("ad_revenue.csv", kAds);
  const CrawlReport report = Run({.dry_run = true});
  EXPECT_EQ(Table(report, "ad_revenue").change, TableChange::kCreated);
  EXPECT_THAT(*catalog_->ListRawTables("media_raw"), IsEmpty());
  EXPECT_THAT(*catalog_->ListDatabases(), IsEmpty());
}

TEST_F(CrawlTest, StopsWhenCancelled) {
  Put("ad_revenue.csv", kAds);
  cancel_.Cancel();
  const auto report =
      Crawl(*store_, *catalog_, *catalog_, clock_, {.prefix = "file:///lake/raw"}, cancel_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(*catalog_->ListRawTables("media_raw"), IsEmpty());
}

TEST_F(CrawlTest, SamplesSomeOfManyFilesOnly) {
  for (int i = 0; i < 60; ++i) Put(fmt::format("ads/part-{:04}.csv", i), kAds);
  const TableReport ads = Table(Run({.limits = {.files_per_folder = 5}}), "ads");
  EXPECT_EQ(ads.files_count, 60u);
  EXPECT_EQ(ads.sampled_files_count, 5u);
}

TEST_F(CrawlTest, WarnsOfAFileOfAnotherFormatInAFolder) {
  Put("ads/a.csv", kAds);
  Put("ads/b.csv", kAds);
  Put("ads/c.json", "{\"ad_id\": 1}\n");
  const TableReport ads = Table(Run(), "ads");
  EXPECT_EQ(ads.table.format, catalog::RawFormat::kCsv);
  EXPECT_THAT(ads.warnings, Contains(HasSubstr("ads/c.json has another format")));
}

}  // namespace
}  // namespace daypart::crawl
