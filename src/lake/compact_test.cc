// SPDX-License-Identifier: Apache-2.0
//
// Compaction in an order, part by part, and beside a writer that never pauses: rows stay what they
// are, files become what was asked for.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "lake/commit.h"
#include "lake/commit_turns.h"
#include "lake/compact_order.h"
#include "lake/maintenance.h"
#include "lake/maintenance_scheduler.h"
#include "lake/manifest_lists.h"
#include "lake/reachable_files.h"
#include "lake/sorted_source.h"
#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"

namespace daypart::lake {
namespace {

using ::testing::HasSubstr;
using testing::MemorySource;

class CompactTest : public testing::LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    options_.write.threads_count = 2;
  }
  void MustAppend(const std::string& json) {
    MemorySource source({testing::Rows(schema_, json)});
    const auto result = Append(*context_, name_, source, {.threads_count = 1});
    ASSERT_TRUE(result) << result.error().message;
    clock_.Advance(std::chrono::seconds(1));
  }
  /// Eight files of ten rows: numbers scattered over all files, two regions.
  void FillScattered() {
    for (int file = 0; file < 8; ++file) {
      std::string json;
      for (int row = 0; row < 10; ++row) {
        const int number = (row * 8 + file) * 37 % 80;
        json += (json.empty() ? "[" : ", ") + std::string("[") + std::to_string(number) + ", \"" +
                (number % 2 == 0 ? "north" : "south") + "\"]";
      }
      MustAppend(json + "]");
    }
  }
  std::vector<std::string> InFileOrder() {
    const auto table = LoadTable(*context_, name_);
    auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
    const auto scan = OpenScan(*context_, *table, *std::move(plan));
    const auto cursor = *(*scan)->NewCursor();
    std::vector<std::string> numbers;
    while (const auto batch = *cursor->Next()) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        numbers.push_back(testing::ValueText(*batch->column(0), row));
      }
    }
    return numbers;
  }
  std::vector<ScanFile> Files() {
    const auto table = LoadTable(*context_, name_);
    return PlanScan(*context_, *table, iceberg::Expression::True())->files;
  }

  const catalog::TableName name_{"media", "t"};
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("region", arrow::utf8())});
  CompactOptions options_;
};

TEST_F(CompactTest, SortsAcrossFilesWithinAnyMemory) {
  MustCreate(name_, schema_);
  FillScattered();
  const auto before = MustRead(name_);
  options_.strategy = CompactStrategy::kSort;
  options_.columns = {"n desc"};
  options_.write.buffer_bytes_max = 1;  // every batch becomes a run on disk
  const auto report = Compact(*context_, name_, options_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files_before, 8);
  EXPECT_EQ(report->rows, 80);
  EXPECT_EQ(MustRead(name_), before);
  std::vector<std::string> expected;
  for (int number = 79; number >= 0; --number) expected.push_back(std::to_string(number));
  EXPECT_EQ(InFileOrder(), expected);
}

TEST_F(CompactTest, ZOrderKeepsEachColumnTogether) {
  std::string json;
  const auto schema =
      arrow::schema({arrow::field("x", arrow::int64()), arrow::field("y", arrow::int64())});
  MustCreate(name_, schema);
  for (int x = 0; x < 16; ++x) {
    for (int y = 0; y < 16; ++y) {
      json += (json.empty() ? "[" : ", ") + std::string("[") + std::to_string(x * 1'000'000) +
              ", " + std::to_string(y) + "]";
    }
  }
  MemorySource source({testing::Rows(schema, json + "]")});
  ASSERT_TRUE(Append(*context_, name_, source, {.threads_count = 1}));
  const auto before = MustRead(name_);
  options_.strategy = CompactStrategy::kZOrder;
  options_.columns = {"x", "y"};
  options_.write.row_group_rows = 64;
  const auto report = Compact(*context_, name_, options_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(MustRead(name_), before);
  // Each quarter of the curve is a square of half the range in both columns.
  const auto table = LoadTable(*context_, name_);
  auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
  const auto scan = OpenScan(*context_, *table, *std::move(plan));
  const auto cursor = *(*scan)->NewCursor();
  std::vector<std::pair<int64_t, int64_t>> rows;
  while (const auto batch = *cursor->Next()) {
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      rows.emplace_back(std::stoll(testing::ValueText(*batch->column(0), row)) / 1'000'000,
                        std::stoll(testing::ValueText(*batch->column(1), row)));
    }
  }
  ASSERT_EQ(rows.size(), 256U);
  for (size_t quarter = 0; quarter < 4; ++quarter) {
    for (size_t i = 0; i < 64; ++i) {
      const auto& [x, y] = rows[quarter * 64 + i];
      EXPECT_EQ(static_cast<size_t>(x / 8 * 2 + y / 8), quarter) << x << ", " << y;
    }
  }
}

TEST(ZOrder, InterleavesTheHighestBitsFirst) {
  std::string key;
  AppendInterleaved({0x8000, 0x0001}, key);
  EXPECT_EQ(key, std::string("\x80\0\0\x01", 4));
  key.clear();
  AppendInterleaved({0xFFFF, 0x0000}, key);
  EXPECT_EQ(key, "\xAA\xAA\xAA\xAA");
}

TEST_F(CompactTest, RefusesColumnsItCannotOrderBy) {
  MustCreate(name_, schema_);
  FillScattered();
  const auto refusal = [&](CompactStrategy strategy, std::vector<std::string> columns) {
    options_.strategy = strategy;
    options_.columns = std::move(columns);
    const auto report = Compact(*context_, name_, options_);
    return report ? std::string("taken") : report.error().message;
  };
  EXPECT_THAT(refusal(CompactStrategy::kSort, {}), HasSubstr("no sort order"));
  EXPECT_THAT(refusal(CompactStrategy::kSort, {"m"}), HasSubstr("no column 'm'"));
  EXPECT_THAT(refusal(CompactStrategy::kSort, {"n upward"}), HasSubstr("n upward"));
  EXPECT_THAT(refusal(CompactStrategy::kSort, {"n", "n desc"}), HasSubstr("twice"));
  EXPECT_THAT(refusal(CompactStrategy::kZOrder, {"n"}), HasSubstr("2 to 8"));
  EXPECT_THAT(refusal(CompactStrategy::kBinPack, {"n"}), HasSubstr("takes no columns"));
  EXPECT_EQ(Files().size(), 8U);
}

TEST_F(CompactTest, WhatWasCommittedInPartsStaysAndOnlyMatchesAreRewritten) {
  MustCreate(name_, schema_, "region");
  FillScattered();
  const auto before = MustRead(name_);
  const auto table = LoadTable(*context_, name_);
  options_.where = iceberg::Expression::Compare(
      iceberg::ExpressionKind::kEqual, table->metadata.current_schema().fields[1].id,
      iceberg::Literal(std::string("north")));
  const auto north = Compact(*context_, name_, options_);
  ASSERT_TRUE(north) << north.error().message;
  EXPECT_EQ(north->partitions, 1);
  options_.where = iceberg::Expression::True();
  options_.strategy = CompactStrategy::kSort;
  options_.columns = {"n"};
  options_.groups_per_commit = 1;
  const auto parts = Compact(*context_, name_, options_);
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(parts->commits, 2);
  EXPECT_EQ(Files().size(), 2U);
  EXPECT_EQ(MustRead(name_), before);
}

TEST_F(CompactTest, GoesThroughBesideAWriterThatNeverPauses) {
  MustCreate(name_, schema_);
  FillScattered();
  CommitTurns turns;
  context_->turns = &turns;
  constexpr int kCommits = 150;
  std::atomic<int> written{0};
  std::string failure;
  std::thread writer([&] {
    for (int i = 0; i < kCommits; ++i) {
      MemorySource source({testing::Rows(schema_, "[[" + std::to_string(1000 + i) + ", \"w\"]]")});
      const auto result = Append(*context_, name_, source, {.threads_count = 1});
      if (!result) failure = result.error().message;
      ++written;
    }
  });
  int64_t plans_most = 0;
  int compactions = 0;
  while (written < kCommits || compactions == 0) {
    options_.strategy = compactions % 2 == 0 ? CompactStrategy::kBinPack : CompactStrategy::kSort;
    options_.columns.clear();
    if (compactions % 2 == 1) options_.columns = {"n"};
    const auto report = Compact(*context_, name_, options_);
    ASSERT_TRUE(report) << report.error().message;
    plans_most = std::max(plans_most, report->plans);
    ++compactions;
  }
  writer.join();
  EXPECT_EQ(failure, "");
  context_->turns = nullptr;
  EXPECT_EQ(plans_most, 1) << "appends alone never make a compaction plan again";
  EXPECT_EQ(MustRead(name_).size(), 80U + kCommits);
}

TEST_F(CompactTest, ManifestsAreSortedByPartitionAndKeepTheirNumbers) {
  MustCreate(name_, schema_, "region");
  FillScattered();
  const auto files = [&] {
    std::map<std::string, iceberg::SequenceNumber> numbers;
    for (const auto& file : Files()) numbers[file.file.location] = file.sequence_number;
    return numbers;
  };
  const auto numbers = files();
  const auto rows = MustRead(name_);
  const auto dry = RewriteManifests(*context_, name_, {.dry_run = true});
  ASSERT_TRUE(dry) << dry.error().message;
  EXPECT_EQ(dry->manifests_before, 8);
  const auto report = RewriteManifests(*context_, name_, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->manifests_after, 1);
  EXPECT_EQ(files(), numbers);
  EXPECT_EQ(MustRead(name_), rows);
  EXPECT_EQ(Files().front().file.partition[0], iceberg::Literal(std::string("north")));
  EXPECT_EQ(Files().back().file.partition[0], iceberg::Literal(std::string("south")));
  EXPECT_EQ(RewriteManifests(*context_, name_, {})->manifests_before, 0) << "nothing left to do";
}

TEST_F(CompactTest, EveryCallMayFailOnceAndNothingIsLost) {
  int table_number = 0;
  for (uint64_t call = 0;; ++call) {
    const auto kind =
        call % 2 == 0 ? store::FaultKind::kErrorBefore : store::FaultKind::kErrorAfter;
    const catalog::TableName name{"media", "f" + std::to_string(table_number++)};
    MustCreate(name, schema_);
    for (int i = 0; i < 3; ++i) {
      MemorySource source({testing::Rows(schema_, "[[" + std::to_string(i) + ", \"a\"]]")});
      ASSERT_TRUE(Append(*context_, name, source, {.threads_count = 1}));
    }
    const auto before = MustRead(name);
    store::FaultStore faulty(*store_, {{.call = call, .kind = kind}});
    const LakeContext context{faulty, *catalog_, clock_, random_, cancel_, context_->warehouse};
    CompactOptions compact;
    compact.write.threads_count = 1;
    (void)Compact(context, name, compact);  // whether it works or not, rows and files stay
    (void)RewriteManifests(context, name, {});
    (void)ExpireSnapshots(context, name, {.age_max = std::chrono::milliseconds(0)});
    SCOPED_TRACE("call " + std::to_string(call));
    ASSERT_EQ(MustRead(name), before);
    const auto table = LoadTable(*context_, name);
    std::vector<iceberg::SnapshotId> all;
    for (const auto& snapshot : table->metadata.snapshots) all.push_back(snapshot.id);
    const auto needed = ReachableFiles(*context_, *table, all);
    ASSERT_TRUE(needed) << needed.error().message;
    for (const auto& file : *needed) ASSERT_TRUE(store_->Head(file)) << file;
    if (faulty.faults_count() == 0) break;
  }
  EXPECT_GT(table_number, 20);
}

TEST(MaintenancePolicy, TellsWhatIsDueAndWhy) {
  MaintenancePolicy policy{.is_enabled = true,
                           .small_files_min = 20,
                           .small_file_bytes = 100,
                           .delete_files_min = 5,
                           .manifests_min = 50,
                           .removes_orphans = true,
                           .orphans_interval_ms = 1000};
  const UtcMicros now(5'000'000);
  TableFacts facts{.orphans_removed_at = now};
  EXPECT_TRUE(PlanMaintenance(facts, policy, now).empty());
  facts.small_files_most = 20;
  facts.manifests = 60;
  facts.manifests_needed = 2;
  facts.snapshots_to_expire = 3;
  facts.orphans_removed_at = UtcMicros(0);
  const auto actions = PlanMaintenance(facts, policy, now);
  ASSERT_EQ(actions.size(), 4U);
  EXPECT_EQ(actions[0].kind, MaintenanceKind::kCompact);
  EXPECT_THAT(actions[0].reason, HasSubstr("20 files below 100 bytes"));
  EXPECT_EQ(actions[1].kind, MaintenanceKind::kManifests);
  EXPECT_EQ(actions[2].kind, MaintenanceKind::kExpire);
  EXPECT_EQ(actions[3].kind, MaintenanceKind::kOrphans);
  policy.is_enabled = false;
  EXPECT_TRUE(PlanMaintenance(facts, policy, now).empty());
}

TEST_F(CompactTest, TheSchedulerDoesWhatThePolicyAsksForAndWaitsItsInterval) {
  MustCreate(name_, schema_);
  FillScattered();
  WriteOptions write;
  write.threads_count = 1;
  MaintenanceScheduler scheduler(*context_, write);
  EXPECT_TRUE(scheduler.Tick()->empty()) << "without a policy nothing is touched";
  ASSERT_TRUE(CommitUpdates(*context_, name_, [](const iceberg::TableMetadata&) {
    return Result<std::vector<iceberg::TableUpdate>>(
        std::vector<iceberg::TableUpdate>{iceberg::SetProperties{
            {{"daypart.maintain.enabled", "true"},
             {"daypart.maintain.interval-ms", "60000"},
             {"daypart.maintain.compact.small-files-min", "4"}}}});
  }));
  clock_.Advance(std::chrono::minutes(2));
  const auto planned = scheduler.Plan(name_);
  ASSERT_TRUE(planned) << planned.error().message;
  ASSERT_EQ(planned->size(), 1U);
  EXPECT_EQ(Files().size(), 8U);
  const auto events = scheduler.Tick();
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events->size(), 1U);
  EXPECT_TRUE(events->front().status) << events->front().status.error().message;
  EXPECT_EQ(Files().size(), 1U);
  for (int i = 0; i < 5; ++i) MustAppend("[[1, \"again\"]]");
  EXPECT_TRUE(scheduler.Tick()->empty()) << "its interval is not over";
  clock_.Advance(std::chrono::minutes(2));
  EXPECT_EQ(scheduler.Tick()->size(), 1U);
}

}  // namespace
}  // namespace daypart::lake
