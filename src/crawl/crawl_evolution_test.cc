// SPDX-License-Identifier: Apache-2.0
//
// What a second crawl changes, flags and leaves alone.
#include "crawl/crawl_fixture_for_test.h"

namespace daypart::crawl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kAds = "id,region,clicks\n1,eu,5\n2,us,6\n";

TEST_F(CrawlTest, SecondCrawlOfTheSameFilesChangesNothing) {
  Put("ads/day=2026-11-24/a.csv", kAds);
  Run();
  const TableReport again = Table(Run(), "ads");
  EXPECT_EQ(again.change, TableChange::kUnchanged);
  EXPECT_EQ(Stored("ads").version, 1);
}

TEST_F(CrawlTest, NewColumnsGoToTheEnd) {
  Put("ads.csv", kAds);
  Run();
  Put("ads.csv", "id,advertiser,region,clicks\n1,acme,eu,5\n");
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kUpdated);
  EXPECT_THAT(table.added_columns, ElementsAre("advertiser"));
  EXPECT_THAT(Columns(Stored("ads").columns),
              ElementsAre("id int", "region string", "clicks int", "advertiser string"));
}

TEST_F(CrawlTest, NewAndGonePartitionsAreFollowed) {
  Put("ads/day=2026-11-23/a.csv", kAds);
  Run();
  Put("ads/day=2026-11-24/a.csv", kAds);
  Delete("ads/day=2026-11-23/a.csv");
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kUpdated);
  ASSERT_EQ(table.added_partitions.size(), 1u);
  EXPECT_THAT(table.added_partitions[0].values, ElementsAre("2026-11-24"));
  ASSERT_EQ(table.removed_partitions.size(), 1u);
  EXPECT_EQ(Stored("ads").partitions.size(), 1u);
}

TEST_F(CrawlTest, TypesWidenAndDoNotNarrow) {
  Put("ads.csv", kAds);
  Run();
  Put("ads.csv", "id,region,clicks\n5000000000,eu,5\n");
  const TableReport wider = Table(Run(), "ads");
  EXPECT_EQ(wider.change, TableChange::kUpdated);
  EXPECT_THAT(wider.widened_columns, ElementsAre("id: int -> long"));
  Put("ads.csv", kAds);
  EXPECT_EQ(Table(Run(), "ads").change, TableChange::kUnchanged);
  EXPECT_THAT(Columns(Stored("ads").columns), Contains("id long"));
}

TEST_F(CrawlTest, ChangedTypesAreFlaggedAndNotApplied) {
  Put("ads.csv", kAds);
  Run();
  Put("ads.csv", "id,region,clicks,extra\n1,eu,many,7\n");
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kIncompatible);
  EXPECT_THAT(table.incompatible, ElementsAre("clicks: int -> string"));
  EXPECT_THAT(table.added_columns, ElementsAre("extra"));
  EXPECT_THAT(Columns(Stored("ads").columns),
              ElementsAre("id int", "region string", "clicks int", "extra int"));
}

TEST_F(CrawlTest, GoneColumnsAreFlaggedAndKept) {
  Put("ads.csv", kAds);
  Run();
  Put("ads.csv", "id,clicks\n1,5\n");
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kIncompatible);
  EXPECT_THAT(table.incompatible, ElementsAre("column gone: region"));
  EXPECT_EQ(Stored("ads").columns.size(), 3u);
}

TEST_F(CrawlTest, KeysThatNoSampledJsonRecordHasStay) {
  Put("e.jsonl", "{\"a\": 1, \"b\": 2}\n");
  Run();
  Put("e.jsonl", "{\"a\": 1}\n");
  EXPECT_EQ(Table(Run(), "e").change, TableChange::kUnchanged);
}

TEST_F(CrawlTest, AnotherDelimiterOrFormatAppliesNothing) {
  Put("ads.csv", kAds);
  Run();
  Put("ads.csv", "id;region;clicks;new\n1;eu;5;1\n");
  const TableReport delimiter = Table(Run(), "ads");
  EXPECT_EQ(delimiter.change, TableChange::kIncompatible);
  EXPECT_THAT(delimiter.incompatible, ElementsAre("delimiter: ',' -> ';'"));
  EXPECT_THAT(delimiter.added_columns, IsEmpty());
  Put("ads.csv", "{\"id\": 1}\n");
  EXPECT_THAT(Table(Run(), "ads").incompatible,
              ElementsAre("format: CSV with header -> JSON lines"));
  EXPECT_EQ(Stored("ads").version, 1);
}

TEST_F(CrawlTest, IncompatibleChangesAreAppliedOnRequest) {
  Put("ads.csv", kAds);
  Run();
  Put("ads.csv", "id;clicks\n1;many\n");
  const TableReport table = Table(Run({.apply_incompatible = true}), "ads");
  EXPECT_EQ(table.change, TableChange::kUpdated);
  EXPECT_THAT(table.incompatible, Not(IsEmpty()));
  EXPECT_THAT(Columns(Stored("ads").columns), ElementsAre("id int", "clicks string"));
  EXPECT_EQ(Stored("ads").delimiter, ';');
  EXPECT_EQ(Stored("ads").version, 2);
  EXPECT_EQ(Table(Run(), "ads").change, TableChange::kUnchanged);
}

TEST_F(CrawlTest, ColumnsWithoutValuesTakeTheirTypeOnceTheyHaveSome) {
  Put("ads.csv", "id,discount\n1,\n2,\n");
  Run();
  EXPECT_THAT(Columns(Stored("ads").columns), ElementsAre("id int", "discount string"));
  Put("ads.csv", "id,discount\n1,5\n2,7\n");
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kUpdated);
  EXPECT_THAT(Columns(Stored("ads").columns), ElementsAre("id int", "discount int"));
  Put("ads.csv", "id,discount\n1,\n2,\n");
  EXPECT_EQ(Table(Run(), "ads").change, TableChange::kUnchanged);
}

TEST_F(CrawlTest, ChangedPartitionKeysAreIncompatible) {
  Put("ads/day=2026-11-24/a.csv", kAds);
  Run();
  Delete("ads/day=2026-11-24/a.csv");
  Put("ads/region=eu/a.csv", kAds);
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kIncompatible);
  EXPECT_THAT(table.incompatible, Contains(HasSubstr("partitions: day date -> region string")));
  EXPECT_EQ(Stored("ads").partitions.size(), 1u);
}

TEST_F(CrawlTest, TablesWithoutFilesAreReportedAndKept) {
  Put("ads.csv", kAds);
  Put("other.csv", kAds);
  Run();
  Delete("ads.csv");
  const TableReport table = Table(Run(), "ads");
  EXPECT_EQ(table.change, TableChange::kMissing);
  EXPECT_EQ(Stored("ads").version, 1);
}

TEST_F(CrawlTest, ATableKeepsItsNameAndPlaceWhenNeighboursCome) {
  Put("exports/ads/a.csv", kAds);
  Run();
  Put("exports/more_ads/a.csv", kAds);
  EXPECT_THAT(Names(Run()), ElementsAre("ads", "more_ads"));
}

TEST_F(CrawlTest, AnotherPrefixDoesNotTouchTheTablesOfThisOne) {
  Put("ads.csv", kAds);
  Run();
  ASSERT_TRUE(store_->Put("file:///lake/other/ads.csv", kAds, store::WriteMode::kReplace));
  const CrawlReport report = Run({.prefix = "file:///lake/other/"});
  EXPECT_THAT(Names(report), ElementsAre("other_ads"));
  EXPECT_EQ(Stored("ads").location, "file:///lake/raw/ads.csv");
}

/// A catalog in which another program writes the table just before we do, once.
class RacingCatalog : public catalog::RawCatalog {
 public:
  explicit RacingCatalog(catalog::RawCatalog& real) : real_(real) {}
  Result<std::vector<catalog::RawTable>> ListRawTables(std::string_view database) override {
    return real_.ListRawTables(database);
  }
  Result<catalog::RawTable> GetRawTable(const catalog::TableName& name) override {
    return real_.GetRawTable(name);
  }
  Status PutRawTable(const catalog::RawTable& table) override {
    if (!std::exchange(has_raced_, true)) {
      catalog::RawTable theirs = table;
      theirs.columns.pop_back();
      DAYPART_RETURN_IF_ERROR(real_.PutRawTable(theirs));
    }
    return real_.PutRawTable(table);
  }
  Status DropRawTable(const catalog::TableName& name) override { return real_.DropRawTable(name); }

 private:
  catalog::RawCatalog& real_;
  bool has_raced_ = false;
};

TEST_F(CrawlTest, StartsFromWhatAnotherCrawlWroteMeanwhile) {
  Put("ads.csv", kAds);
  RacingCatalog racing(*catalog_);
  const auto report =
      Crawl(*store_, racing, *catalog_, clock_, {.prefix = "file:///lake/raw"}, cancel_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->tables[0].change, TableChange::kUpdated);
  EXPECT_EQ(Stored("ads").version, 2);
  EXPECT_EQ(Stored("ads").columns.size(), 3u);
}

}  // namespace
}  // namespace daypart::crawl
