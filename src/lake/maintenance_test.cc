// SPDX-License-Identifier: Apache-2.0
//
// Maintenance keeps every row and every file that a snapshot needs, whatever happens meanwhile.
#include "lake/maintenance.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lake/change_rows.h"
#include "lake/commit.h"
#include "lake/reachable_files.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using testing::MemorySource;

const catalog::TableName kTable{"media", "t"};

class MaintenanceTest : public testing::LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    MustCreate(kTable, schema_);
    write_.threads_count = 1;
    compact_.write.threads_count = 1;
  }
  void MustAppend(const std::string& json) {
    MemorySource source({testing::Rows(schema_, json)});
    const auto result = Append(*context_, kTable, source, write_);
    ASSERT_TRUE(result) << result.error().message;
    clock_.Advance(std::chrono::hours(1));
  }
  /// Whether all files that the table's snapshots need are there.
  bool IsWhole() {
    const auto table = LoadTable(*context_, kTable);
    std::vector<iceberg::SnapshotId> all;
    for (const auto& snapshot : table->metadata.snapshots) all.push_back(snapshot.id);
    const auto files = ReachableFiles(*context_, *table, all);
    if (!files) return false;
    return std::all_of(files->begin(), files->end(),
                       [&](const auto& file) { return store_->Head(file).has_value(); });
  }
  size_t SnapshotsCount() { return LoadTable(*context_, kTable)->metadata.snapshots.size(); }

  std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())});
  WriteOptions write_;
  CompactOptions compact_;
};

TEST_F(MaintenanceTest, SmallFilesBecomeOne) {
  for (int i = 0; i < 5; ++i) MustAppend("[[" + std::to_string(i) + ", \"a\"]]");
  const auto before = MustRead(kTable);
  compact_.dry_run = true;
  EXPECT_EQ(Compact(*context_, kTable, compact_)->files_before, 5);
  EXPECT_EQ(SnapshotsCount(), 5U);
  compact_.dry_run = false;
  const auto report = Compact(*context_, kTable, compact_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files_after, 1);
  EXPECT_EQ(MustRead(kTable), before);
  const auto table = LoadTable(*context_, kTable);
  EXPECT_EQ(table->metadata.current_snapshot()->summary.at("operation"), "replace");
  EXPECT_EQ(Compact(*context_, kTable, compact_)->files_before, 0) << "one file is left alone";
}

TEST_F(MaintenanceTest, AnAppendMeanwhileIsKeptAndDoesNotDisturb) {
  for (int i = 0; i < 3; ++i) MustAppend("[[" + std::to_string(i) + ", \"a\"]]");
  int plans = 0;
  compact_.write.before_commit = [&] {
    ++plans;
    MustAppend("[[9, \"late\"]]");
    return Ok();
  };
  const auto report = Compact(*context_, kTable, compact_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(plans, 1);
  EXPECT_EQ(report->files_before, 3);
  EXPECT_EQ(MustRead(kTable), (std::vector<std::string>{"0|a", "1|a", "2|a", "9|late"}));
}

/// Takes the row with this id away, as DELETE does.
class DeleteMeanwhile : public MaintenanceTest {
 protected:
  void MustDelete(int64_t id, ChangeMode mode) {
    const auto table = LoadTable(*context_, kTable);
    auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
    const auto scan = OpenScan(*context_, *table, *std::move(plan), {}, /*has_positions=*/true);
    const auto cursor = *(*scan)->NewCursor();
    const auto schema =
        arrow::schema({arrow::field("_file", arrow::utf8()), arrow::field("_pos", arrow::int64())});
    std::string rows;
    while (const auto batch = *cursor->Next()) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        if (testing::ValueText(*batch->column(0), row) != std::to_string(id)) continue;
        rows += "[\"" + testing::ValueText(*batch->GetColumnByName("_file"), row) + "\", " +
                testing::ValueText(*batch->GetColumnByName("_pos"), row) + "]";
      }
    }
    MemorySource source({testing::Rows(schema, "[" + rows + "]")});
    const auto result = ChangeRows(*context_, *table, source, {.mode = mode}, write_);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->rows_deleted, 1);
  }
};

TEST_F(DeleteMeanwhile, IsNeverUndoneByACompaction) {
  for (const ChangeMode mode : {ChangeMode::kMergeOnRead, ChangeMode::kCopyOnWrite}) {
    const int64_t first = mode == ChangeMode::kMergeOnRead ? 0 : 10;
    for (int64_t id = first; id < first + 3; ++id) {
      MustAppend("[[" + std::to_string(id) + ", \"a\"], [" + std::to_string(id + 100) +
                 ", \"b\"]]");
    }
    int plans = 0;
    compact_.write.before_commit = [&] {
      if (++plans == 1) MustDelete(first + 1, mode);
      return Ok();
    };
    const auto report = Compact(*context_, kTable, compact_);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(plans, 2) << "planned again with the delete in sight";
    for (const std::string& row : MustRead(kTable)) {
      EXPECT_FALSE(row.starts_with(std::to_string(first + 1) + "|")) << row;
    }
  }
  EXPECT_EQ(MustRead(kTable).size(), 10U);
  const auto table = LoadTable(*context_, kTable);
  const auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
  ASSERT_EQ(plan->files.size(), 1U);
  EXPECT_TRUE(plan->files[0].deletes.empty());
}

TEST_F(MaintenanceTest, ExpiryDropsOldSnapshotsAndTheirFilesOnly) {
  for (int i = 0; i < 4; ++i) MustAppend("[[" + std::to_string(i) + ", \"a\"]]");
  ASSERT_TRUE(Compact(*context_, kTable, compact_));
  const auto rows = MustRead(kTable);
  ExpireOptions expire{.age_max = std::chrono::milliseconds(0), .snapshots_min = 1};
  expire.dry_run = true;
  const auto planned = ExpireSnapshots(*context_, kTable, expire);
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->snapshots.size(), 4U);
  EXPECT_EQ(SnapshotsCount(), 5U);
  expire.dry_run = false;
  const auto done = ExpireSnapshots(*context_, kTable, expire);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->files, planned->files);
  EXPECT_EQ(SnapshotsCount(), 1U);
  EXPECT_EQ(MustRead(kTable), rows);
  EXPECT_TRUE(IsWhole());
  for (const auto& file : done->files) EXPECT_FALSE(store_->Head(file)) << file;
}

TEST_F(MaintenanceTest, ExpiryKeepsWhatATagPointsTo) {
  MustAppend("[[1, \"a\"]]");
  const auto tagged = *LoadTable(*context_, kTable)->metadata.current_snapshot_id;
  const auto tag = [tagged](const iceberg::TableMetadata&) {
    return Result<std::vector<iceberg::TableUpdate>>(
        std::vector<iceberg::TableUpdate>{iceberg::SetSnapshotRef{
            .name = "audit", .ref = {.snapshot_id = tagged, .kind = iceberg::RefKind::kTag}}});
  };
  ASSERT_TRUE(CommitUpdates(*context_, kTable, tag));
  for (int i = 2; i < 5; ++i) MustAppend("[[" + std::to_string(i) + ", \"a\"]]");
  const auto done = ExpireSnapshots(*context_, kTable,
                                    {.age_max = std::chrono::milliseconds(0), .snapshots_min = 1});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(SnapshotsCount(), 2U);
  EXPECT_TRUE(IsWhole());
}

TEST_F(MaintenanceTest, YoungSnapshotsStay) {
  for (int i = 0; i < 6; ++i) MustAppend("[[" + std::to_string(i) + ", \"a\"]]");
  const auto done = ExpireSnapshots(*context_, kTable,
                                    {.age_max = std::chrono::minutes(150), .snapshots_min = 1});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(SnapshotsCount(), 2U);
  EXPECT_EQ(ExpireSnapshots(*context_, kTable, {})->snapshots.size(), 0U);
}

TEST_F(MaintenanceTest, OrphansGoAndEverythingElseStays) {
  for (int i = 0; i < 3; ++i) MustAppend("[[" + std::to_string(i) + ", \"a\"]]");
  const auto table = LoadTable(*context_, kTable);
  const std::string orphan = table->metadata.location + "/data/orphan.parquet";
  ASSERT_TRUE(store_->Put(orphan, "x", store::WriteMode::kIfAbsent));
  // Objects have the machine's time, the test's clock another: age is measured by its distance.
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::microseconds(clock_.Now().value() - store_->Head(orphan)->modified.value()));
  const auto none = RemoveOrphans(*context_, kTable, {.age_min = age + std::chrono::hours(1)});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_TRUE(none->files.empty()) << "a young object may belong to a commit under way";
  const auto done = RemoveOrphans(*context_, kTable, {.age_min = age - std::chrono::hours(1)});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->files, (std::vector<std::string>{orphan}));
  EXPECT_FALSE(store_->Head(orphan));
  EXPECT_TRUE(IsWhole());
  EXPECT_EQ(MustRead(kTable).size(), 3U);
}

TEST(ComparableLocation, IsOneForAllWaysToWriteALocation) {
  for (const char* same : {"file:///a/b", "file:/a/b", "/a/b", "file:////a//b", "file://///a/b"}) {
    EXPECT_EQ(ComparableLocation(same), "file:/a/b") << same;
  }
  EXPECT_EQ(ComparableLocation("s3a://bucket/a"), ComparableLocation("s3://bucket/a"));
  EXPECT_NE(ComparableLocation("s3://bucket/a"), ComparableLocation("s3://other/a"));
  EXPECT_NE(ComparableLocation("file:///a/b"), ComparableLocation("file:///a/B"));
}

TEST_F(MaintenanceTest, FilesOfAWriterWithOtherLocationsAreNoOrphans) {
  MustAppend("[[1, \"a\"]]");
  // A writer that puts one slash after the scheme, as Hadoop's file system does.
  const auto table = LoadTable(*context_, kTable);
  const auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
  iceberg::DataFile file = plan->files[0].file;
  SnapshotChange change;
  change.operation = "overwrite";
  change.added_spec_id = table->metadata.default_spec_id;
  change.removed = {file.location};
  file.location = "file:" + file.location.substr(std::string("file://").size());
  change.added = {file};
  ASSERT_TRUE(CommitSnapshot(*context_, kTable, change));
  clock_.Advance(std::chrono::hours(1));
  const auto expired = ExpireSnapshots(
      *context_, kTable, {.age_max = std::chrono::milliseconds(0), .snapshots_min = 1});
  ASSERT_TRUE(expired) << expired.error().message;
  EXPECT_EQ(expired->snapshots.size(), 1U);
  const auto path = folder_ / file.location.substr(std::string("file:").size());
  EXPECT_TRUE(std::filesystem::exists(path));
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(
      clock_.Now().value() - store_->Head(table->metadata_location)->modified.value()));
  const auto orphans =
      RemoveOrphans(*context_, kTable, {.age_min = age - std::chrono::hours(1), .dry_run = true});
  ASSERT_TRUE(orphans) << orphans.error().message;
  for (const auto& orphan : orphans->files) EXPECT_FALSE(orphan.ends_with(".parquet")) << orphan;
}

}  // namespace
}  // namespace daypart::lake
