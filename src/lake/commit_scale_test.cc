// SPDX-License-Identifier: Apache-2.0
//
// A table of many commits stays as cheap to commit to as one of few, and loses nothing by it:
// manifests are merged, snapshots and metadata files bounded, their files deleted after a while.
#include <gmock/gmock.h>

#include "lake/commit.h"
#include "lake/expired_files.h"
#include "lake/manifest_lists.h"
#include "lake/manifest_merge.h"
#include "lake/reachable_files.h"
#include "lake/snapshot_retention.h"
#include "lake/table_cache.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using iceberg::ManifestFile;
using iceberg::SnapshotId;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::MemorySource;

ManifestFile SmallManifest(int64_t files, int64_t bytes, SnapshotId snapshot) {
  ManifestFile manifest;
  manifest.existing_files_count = static_cast<int32_t>(files);
  manifest.bytes = bytes;
  manifest.added_snapshot_id = snapshot;
  return manifest;
}

const MergePolicy kPolicy{.is_enabled = true, .count_min = 16, .bytes_target = 8 << 20};

TEST(ManifestMerge, WritesEachEntryOnceATier) {
  std::vector<ManifestFile> manifests;
  int64_t entries_written = 0;
  size_t most = 0;
  constexpr int64_t kCommits = 10'000;
  for (int64_t commit = 0; commit < kCommits; ++commit) {
    const auto groups = PlanManifestMerge(manifests, kPolicy, SnapshotId(-1));
    std::vector<bool> is_merged(manifests.size());
    std::vector<ManifestFile> next;
    for (const auto& group : groups) {
      ManifestFile merged = SmallManifest(0, 0, SnapshotId(commit));
      for (const size_t place : group) {
        EXPECT_FALSE(is_merged[place]);
        is_merged[place] = true;
        merged.existing_files_count += manifests[place].existing_files_count;
        merged.bytes += manifests[place].bytes;
      }
      entries_written += merged.existing_files_count;
      next.push_back(merged);
    }
    for (size_t i = 0; i < manifests.size(); ++i) {
      if (!is_merged[i]) next.push_back(manifests[i]);
    }
    next.push_back(SmallManifest(1, 6000, SnapshotId(commit)));
    manifests = std::move(next);
    most = std::max(most, manifests.size());
  }
  EXPECT_LE(most, 64U);
  EXPECT_LE(entries_written, kCommits * 4) << "16^4 > 10,000: no entry moves up more than 4 times";
  int64_t files = 0;
  for (const auto& manifest : manifests) files += manifest.existing_files_count;
  EXPECT_EQ(files, kCommits);
}

TEST(ManifestMerge, LeavesAloneOwnLargeAndOtherKinds) {
  std::vector<ManifestFile> manifests(20, SmallManifest(1, 6000, SnapshotId(7)));
  EXPECT_THAT(PlanManifestMerge(manifests, kPolicy, SnapshotId(7)), IsEmpty());
  EXPECT_THAT(PlanManifestMerge(manifests, kPolicy, SnapshotId(8)), SizeIs(1));
  for (size_t i = 0; i < 10; ++i) manifests[i].spec_id = iceberg::SpecId(1);
  EXPECT_THAT(PlanManifestMerge(manifests, kPolicy, SnapshotId(8)), IsEmpty());
  for (auto& manifest : manifests) manifest = SmallManifest(1, 5 << 20, SnapshotId(7));
  EXPECT_THAT(PlanManifestMerge(manifests, kPolicy, SnapshotId(8)), IsEmpty()) << "full already";
  MergePolicy off = kPolicy;
  off.is_enabled = false;
  const std::vector<ManifestFile> many(20, SmallManifest(1, 6000, SnapshotId(7)));
  EXPECT_THAT(PlanManifestMerge(many, off, SnapshotId(8)), IsEmpty());
}

class CommitScale : public testing::LakeTest {
 protected:
  void MustAppend(int64_t id, const std::string& summary_key = "") {
    MemorySource source({testing::Rows(schema_, "[[" + std::to_string(id) + "]]")});
    WriteOptions write{.threads_count = 1};
    if (!summary_key.empty()) write.summary[summary_key] = std::to_string(id);
    const auto result = Append(*context_, name_, source, write);
    ASSERT_TRUE(result) << result.error().message;
    clock_.Advance(std::chrono::seconds(1));
  }
  void Set(const std::map<std::string, std::string>& properties) {
    ASSERT_TRUE(CommitUpdates(*context_, name_, [&](const iceberg::TableMetadata&) {
      return Result<std::vector<iceberg::TableUpdate>>(
          std::vector<iceberg::TableUpdate>{iceberg::SetProperties{properties}});
    }));
  }
  void MustTag(const std::string& tag, SnapshotId id) {
    ASSERT_TRUE(CommitUpdates(*context_, name_, [&](const iceberg::TableMetadata&) {
      return Result<std::vector<iceberg::TableUpdate>>(
          std::vector<iceberg::TableUpdate>{iceberg::SetSnapshotRef{
              .name = tag, .ref = {.snapshot_id = id, .kind = iceberg::RefKind::kTag}}});
    }));
  }
  LoadedTable Load() { return *LoadTable(*context_, name_); }
  /// Every file that a snapshot needs is there, by the reader that expiry does not use.
  void ExpectWhole() {
    std::vector<SnapshotId> all;
    const auto table = Load();
    for (const auto& snapshot : table.metadata.snapshots) all.push_back(snapshot.id);
    const auto files = ReachableFiles(*context_, table, all);
    ASSERT_TRUE(files) << files.error().message;
    for (const auto& file : *files) EXPECT_TRUE(store_->Head(file)) << file;
  }
  size_t CountOf(const std::string& part) {
    size_t count = 0;
    for (const auto& object : *store_->List(Load().metadata.location + '/')) {
      if (object.location.find(part) != std::string::npos) ++count;
    }
    return count;
  }

  const catalog::TableName name_{"media", "t"};
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64())});
};

TEST_F(CommitScale, KeepsSnapshotsManifestsAndMetadataFilesBounded) {
  MustCreate(name_, schema_);
  Set({{"daypart.commit.snapshots-max", "20"},
       {"write.metadata.previous-versions-max", "5"},
       {"commit.manifest.min-count-to-merge", "4"}});
  for (int64_t id = 0; id < 70; ++id) MustAppend(id);
  const auto table = Load();
  EXPECT_LE(table.metadata.snapshots.size(), 25U);
  EXPECT_GE(table.metadata.snapshots.size(), 20U);
  const auto list = ReadManifestList(*context_, table.metadata.current_snapshot()->manifest_list);
  EXPECT_LE((*list)->size(), 16U);
  EXPECT_EQ(CountOf(".metadata.json"), 6U);
  EXPECT_EQ(MustRead(name_).size(), 70U);
  ExpectWhole();
  EXPECT_EQ(CountOf("/snap-"), 70U) << "none is deleted before its grace time is over";
  clock_.Advance(std::chrono::hours(2));
  for (int64_t id = 70; id < 76; ++id) MustAppend(id);
  EXPECT_LE(CountOf("/snap-"), 35U);
  EXPECT_EQ(MustRead(name_).size(), 76U);
  ExpectWhole();
}

TEST_F(CommitScale, NeverDropsWhatARefOrAStreamNeeds) {
  MustCreate(name_, schema_);
  Set({{"daypart.commit.snapshots-max", "8"}, {"daypart.commit.expired-files-grace-ms", "0"}});
  MustAppend(0);
  const auto tagged = *Load().metadata.current_snapshot_id;
  MustTag("audit", tagged);
  MustAppend(1, "daypart.stream.a");
  MustAppend(2, "daypart.stream.a");
  const std::string state =
      Load().metadata.current_snapshot()->summary.at("daypart.stream.a");
  for (int64_t id = 3; id < 40; ++id) MustAppend(id);
  const auto table = Load();
  EXPECT_LE(table.metadata.snapshots.size(), 13U);
  EXPECT_NE(table.metadata.FindSnapshot(tagged), nullptr);
  const auto* found = NewestWithSummaryKey(table.metadata, "daypart.stream.a");
  ASSERT_NE(found, nullptr) << "across the gap that the dropped ones left";
  EXPECT_EQ(found->id, *table.metadata.current_snapshot_id) << "each commit hands it on";
  EXPECT_EQ(found->summary.at("daypart.stream.a"), state);
  ExpectWhole();
  const auto plan = PlanScan(*context_, table, iceberg::Expression::True(), tagged);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->rows, 1);
}

TEST_F(CommitScale, DropsNothingWithoutTheProperty) {
  MustCreate(name_, schema_);
  Set({{"daypart.commit.snapshots-max", "0"}});
  for (int64_t id = 0; id < 30; ++id) MustAppend(id);
  EXPECT_EQ(Load().metadata.snapshots.size(), 30U);
  Set({{"daypart.commit.snapshots-max", "many"}});
  MemorySource source({testing::Rows(schema_, "[[1]]")});
  const auto refused = Append(*context_, name_, source, {.threads_count = 1});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("snapshots-max"));
}

TEST_F(CommitScale, ACacheChangesNothingButTime) {
  MustCreate(name_, schema_);
  TableCache cache;
  context_->cache = &cache;
  for (int64_t id = 0; id < 20; ++id) MustAppend(id);
  const auto with = MustRead(name_);
  const auto cached = Load();
  context_->cache = nullptr;
  EXPECT_EQ(MustRead(name_), with);
  EXPECT_EQ(iceberg::SerializeTableMetadata(Load().metadata),
            iceberg::SerializeTableMetadata(cached.metadata));
}

TEST(TableCache, ForgetsTheOldestUseFirstAndNamesThatMayComeAgain) {
  TableCache cache(100);
  const auto list = std::make_shared<const std::vector<ManifestFile>>();
  const std::string a = "file:///t/snap-1-7a0c8f0e-1b2d-4c3e-9f4a-5b6c7d8e9f00.avro";
  const std::string b = "file:///t/snap-2-7a0c8f0e-1b2d-4c3e-9f4a-5b6c7d8e9f01.avro";
  const std::string c = "file:///t/snap-3-7a0c8f0e-1b2d-4c3e-9f4a-5b6c7d8e9f02.avro";
  cache.Put(a, list, 40);
  cache.Put(b, list, 40);
  EXPECT_NE(cache.FindManifestList(a), nullptr);
  cache.Put(c, list, 40);
  EXPECT_EQ(cache.FindManifestList(b), nullptr);
  EXPECT_NE(cache.FindManifestList(a), nullptr);
  EXPECT_EQ(cache.FindMetadata(a), nullptr);
  cache.Put("file:///t/v3.metadata.json", list, 1);
  EXPECT_EQ(cache.FindManifestList("file:///t/v3.metadata.json"), nullptr);
}

}  // namespace
}  // namespace daypart::lake
