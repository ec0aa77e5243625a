// SPDX-License-Identifier: Apache-2.0
//
// Tables written and read back: append, overwrite, merge, pruning, and two writers at once.
#include "lake/table.h"

#include <gmock/gmock.h>

#include <thread>

#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;
using ::testing::SizeIs;

class TableTest : public LakeTest {
 protected:
  const catalog::TableName name_{"media", "views"};
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8())});

  CommitResult MustAppend(const std::string& json) {
    MemorySource source({Rows(schema_, json)});
    auto result = Append(*context_, name_, source, {});
    EXPECT_TRUE(result) << result.error().message;
    return *result;
  }
  CommitResult MustMerge(std::vector<std::string> batches, const MergeOptions& merge) {
    std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
    for (const auto& json : batches) rows.push_back(Rows(schema_, json));
    MemorySource source(std::move(rows));
    auto result = Merge(*context_, name_, source, merge, {});
    EXPECT_TRUE(result) << result.error().message;
    return *result;
  }
  size_t DataFilesOnDisk() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.path().extension() == ".parquet") ++files;
    }
    return files;
  }
};

TEST_F(TableTest, ReadsBackWhatWasAppended) {
  MustCreate(name_, schema_);
  EXPECT_THAT(MustRead(name_), IsEmpty());
  const CommitResult first = MustAppend(R"([[1, "north"], [2, null]])");
  EXPECT_EQ(first.rows_added, 2);
  MustAppend(R"([[3, "south"]])");
  EXPECT_THAT(MustRead(name_), ElementsAre("1|north", "2|null", "3|south"));
}

TEST_F(TableTest, CommitsNothingForNoRows) {
  MustCreate(name_, schema_);
  MemorySource source({Rows(schema_, "[]")});
  const auto result = Append(*context_, name_, source, {});
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->snapshot_id.has_value());
  EXPECT_THAT(LoadTable(*context_, name_)->metadata.snapshots, IsEmpty());
}

TEST_F(TableTest, OverwriteReplacesAllRowsAndKeepsTheOldSnapshotReadable) {
  MustCreate(name_, schema_);
  const auto first = MustAppend(R"([[1, "north"], [2, "south"]])");
  MemorySource source({Rows(schema_, R"([[9, "east"]])")});
  const auto result = Overwrite(*context_, name_, source, {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->rows_deleted, 2);
  EXPECT_THAT(MustRead(name_), ElementsAre("9|east"));
  const auto table = LoadTable(*context_, name_);
  const auto old = PlanScan(*context_, *table, iceberg::Expression::True(), first.snapshot_id);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->rows, 2);
}

TEST_F(TableTest, MergeReplacesMatchedRowsAndAddsTheOthers) {
  MustCreate(name_, schema_);
  MustAppend(R"([[1, "north"], [2, "south"], [3, "east"]])");
  const auto result = MustMerge({R"([[2, "west"], [4, "apac"]])"}, {.key_columns = {"id"}});
  EXPECT_EQ(result.rows_added, 2);
  EXPECT_EQ(result.rows_updated, 1);
  EXPECT_EQ(result.rows_deleted, 1);
  EXPECT_THAT(MustRead(name_), ElementsAre("1|north", "2|west", "3|east", "4|apac"));
}

TEST_F(TableTest, MergeKeepsTheLastOfRepeatedSourceKeys) {
  MustCreate(name_, schema_);
  const auto result =
      MustMerge({R"([[1, "a"], [1, "b"]])", R"([[1, "c"], [2, "d"]])"}, {.key_columns = {"id"}});
  EXPECT_EQ(result.rows_skipped, 2);
  EXPECT_THAT(MustRead(name_), ElementsAre("1|c", "2|d"));
}

TEST_F(TableTest, MergeOfEventsLeavesKnownOnesAsTheyAre) {
  MustCreate(name_, schema_);
  MustAppend(R"([[1, "first"]])");
  const auto result = MustMerge({R"([[1, "again"], [2, "new"], [2, "repeated"]])"},
                                {.key_columns = {"id"}, .inserts_only = true});
  EXPECT_EQ(result.rows_added, 1);
  EXPECT_EQ(result.rows_skipped, 2);
  EXPECT_THAT(MustRead(name_), ElementsAre("1|first", "2|new"));
}

TEST_F(TableTest, MergeByTextKeyTreatsNullAsUnlikeAnything) {
  MustCreate(name_, schema_);
  MustAppend(R"([[1, null], [2, "north"]])");
  MustMerge({R"([[3, null], [4, "north"]])"}, {.key_columns = {"region"}});
  EXPECT_THAT(MustRead(name_), ElementsAre("1|null", "3|null", "4|north"));
}

TEST_F(TableTest, MergeLeavesNoFileBehindThatTheTableDoesNotName) {
  MustCreate(name_, schema_);
  MustAppend(R"([[1, "north"]])");
  MustMerge({R"([[1, "a"], [1, "b"]])"}, {.key_columns = {"id"}});
  EXPECT_EQ(DataFilesOnDisk(), 2U);  // the replaced file of the first snapshot and the new one
}

TEST_F(TableTest, MergeRefusesAnUnknownKeyColumn) {
  MustCreate(name_, schema_);
  MemorySource source({Rows(schema_, R"([[1, "a"]])")});
  const auto result = Merge(*context_, name_, source, {.key_columns = {"nope"}}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(DataFilesOnDisk(), 0U);
}

TEST_F(TableTest, PlansOnlyFilesThatMayMatch) {
  MustCreate(name_, schema_, "region");
  MustAppend(R"([[1, "north"], [2, "south"], [3, "north"], [4, null]])");
  const auto table = LoadTable(*context_, name_);
  const auto equal = [](int32_t field, iceberg::Literal value) {
    return iceberg::Expression::Compare(iceberg::ExpressionKind::kEqual, iceberg::FieldId(field),
                                        std::move(value));
  };
  EXPECT_THAT(PlanScan(*context_, *table, iceberg::Expression::True())->files, SizeIs(3));
  EXPECT_EQ(PlanScan(*context_, *table, equal(2, std::string("north")))->rows, 2);
  EXPECT_EQ(PlanScan(*context_, *table, equal(2, std::string("west")))->manifests_read, 0);
  EXPECT_EQ(PlanScan(*context_, *table, equal(1, int64_t{4}))->rows, 1);
}

TEST_F(TableTest, RefusesNullInARequiredColumnAndLeavesNoFile) {
  const auto required = arrow::schema({arrow::field("id", arrow::int64(), /*nullable=*/false)});
  MustCreate(name_, required);
  const auto optional = arrow::schema({arrow::field("id", arrow::int64())});
  MemorySource source({Rows(optional, "[[1], [null]]")});
  const auto result = Append(*context_, name_, source, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(DataFilesOnDisk(), 0U);
}

TEST_F(TableTest, TwoWritersLoseNoCommit) {
  MustCreate(name_, schema_);
  const auto write = [&](int64_t first) {
    for (int64_t i = 0; i < 20; ++i) {
      MemorySource source({Rows(schema_, "[[" + std::to_string(first + i) + ", \"x\"]]")});
      const auto result = Append(*context_, name_, source, {.threads_count = 1});
      ASSERT_TRUE(result) << result.error().message;
    }
  };
  std::thread other(write, 100);
  write(0);
  other.join();
  EXPECT_THAT(MustRead(name_), SizeIs(40));
  EXPECT_EQ(LoadTable(*context_, name_)->metadata.snapshots.size(), 40U);
}

TEST_F(TableTest, ACancelledBeforeCommitLeavesTheTableAsItWas) {
  MustCreate(name_, schema_);
  MustAppend(R"([[1, "north"]])");
  MemorySource source({Rows(schema_, R"([[2, "south"]])")});
  WriteOptions options;
  options.before_commit = [] { return Status(Cancelled("no")); };
  EXPECT_FALSE(Append(*context_, name_, source, options));
  EXPECT_THAT(MustRead(name_), ElementsAre("1|north"));
  EXPECT_EQ(DataFilesOnDisk(), 1U);
}

TEST_F(TableTest, PartitionsByDayAlsoBefore1970) {
  const auto events =
      arrow::schema({arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
  MustCreate(name_, events, "day(at)");
  MemorySource source({Rows(events, R"([["1969-12-31 23:59:59"], ["1970-01-01 00:00:00"],
                                        ["1969-12-31 00:00:00"], [null]])")});
  const auto result = Append(*context_, name_, source, {.threads_count = 1});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->files_added, 3);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "media/views/data/at_day=1969-12-31"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "media/views/data/at_day=null"));
}

}  // namespace
}  // namespace daypart::lake
