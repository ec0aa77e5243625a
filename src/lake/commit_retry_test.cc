// SPDX-License-Identifier: Apache-2.0
//
// commit.retry.*: how often and how long a commit is tried that loses each swap, and that it leaves
// nothing behind when it gives up. Time is the test's own.
#include <gmock/gmock.h>

#include <set>

#include "lake/commit.h"
#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"

namespace daypart::lake {
namespace {

using catalog::TableName;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

/// Lets the first swaps lose as if another writer had been there.
class LosingCatalog final : public catalog::Catalog {
 public:
  LosingCatalog(catalog::Catalog& under, int losses) : under_(under), losses_(losses) {}

  Status CompareAndSwap(const TableName& name, std::string_view expected,
                        std::string_view next) override {
    ++swaps;
    if (swaps <= losses_) return Conflict("another writer was first");
    return under_.CompareAndSwap(name, expected, next);
  }
  Status CreateDatabase(std::string_view database,
                        const std::map<std::string, std::string>& properties) override {
    return under_.CreateDatabase(database, properties);
  }
  Result<std::vector<std::string>> ListDatabases() override { return under_.ListDatabases(); }
  Result<std::vector<TableName>> ListTables(std::string_view database) override {
    return under_.ListTables(database);
  }
  Result<std::string> MetadataLocation(const TableName& name) override {
    return under_.MetadataLocation(name);
  }
  Status CreateTable(const TableName& name, std::string_view location) override {
    return under_.CreateTable(name, location);
  }
  Status DropTable(const TableName& name) override { return under_.DropTable(name); }
  Status RenameTable(const TableName& from, const TableName& to) override {
    return under_.RenameTable(from, to);
  }

  int swaps = 0;

 private:
  catalog::Catalog& under_;
  const int losses_;
};

class WatchedClock final : public Clock {
 public:
  UtcMicros Now() override { return time_.Now(); }
  void Sleep(std::chrono::microseconds duration) override {
    waits_millis.push_back(duration.count() / 1000);
    time_.Sleep(duration);
  }
  std::vector<int64_t> waits_millis;

 private:
  FakeClock time_{UtcMicros(1'763'978'400'000'000)};
};

class CommitRetry : public LakeTest {
 protected:
  void Make(const std::map<std::string, std::string>& properties) {
    MustCreate(name_, schema_);
    const auto set = CommitUpdates(*context_, name_, [&](const iceberg::TableMetadata&) {
      return Result<std::vector<iceberg::TableUpdate>>(
          std::vector<iceberg::TableUpdate>{iceberg::SetProperties{properties}});
    });
    ASSERT_TRUE(set) << set.error().message;
    files_before_ = Files();
  }

  Result<CommitResult> AppendLosing(int losses, store::ObjectStore* store = nullptr) {
    LosingCatalog losing(*catalog_, losses);
    const LakeContext context{store == nullptr ? *store_ : *store, losing,  watched_, random_,
                              cancel_, context_->warehouse};
    MemorySource source({Rows(schema_, "[[1], [2]]")});
    auto result = Append(context, name_, source, {.threads_count = 1});
    swaps_ = losing.swaps;
    return result;
  }

  std::set<std::string> Files() const {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      const std::string path = entry.path().string();
      if (entry.is_regular_file() && path.find("catalog.db") == std::string::npos) {
        files.insert(path);
      }
    }
    return files;
  }

  const TableName name_{"media", "t"};
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64())});
  WatchedClock watched_;
  int swaps_ = 0;
  std::set<std::string> files_before_;
};

TEST_F(CommitRetry, TriesAsOftenAsTheTableSays) {
  Make({{"commit.retry.num-retries", "3"}});
  const auto lost = AppendLosing(4);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kConflict);
  EXPECT_THAT(lost.error().message, ::testing::HasSubstr("4 times"));
  EXPECT_EQ(swaps_, 4);
  EXPECT_TRUE(MustRead(name_).empty());
  EXPECT_EQ(Files(), files_before_) << "a commit that gave up leaves nothing behind";
  const auto won = AppendLosing(3);
  ASSERT_TRUE(won) << won.error().message;
  EXPECT_EQ(swaps_, 4);
  EXPECT_EQ(MustRead(name_).size(), 2U);
}

TEST_F(CommitRetry, NoRetriesIsOneAttempt) {
  Make({{"commit.retry.num-retries", "0"}});
  EXPECT_FALSE(AppendLosing(1));
  EXPECT_EQ(swaps_, 1);
  EXPECT_TRUE(watched_.waits_millis.empty());
}

TEST_F(CommitRetry, WaitsDoubleBetweenTheShortestAndTheLongest) {
  Make({{"commit.retry.num-retries", "6"},
        {"commit.retry.min-wait-ms", "100"},
        {"commit.retry.max-wait-ms", "700"}});
  ASSERT_TRUE(AppendLosing(6));
  const std::vector<std::pair<int64_t, int64_t>> bounds = {{100, 200}, {200, 400}, {350, 700},
                                                           {350, 700}, {350, 700}, {350, 700}};
  ASSERT_EQ(watched_.waits_millis.size(), bounds.size());
  for (size_t i = 0; i < bounds.size(); ++i) {
    EXPECT_GE(watched_.waits_millis[i], bounds[i].first) << i;
    EXPECT_LE(watched_.waits_millis[i], bounds[i].second) << i;
  }
}

TEST_F(CommitRetry, AnEqualShortestAndLongestWaitIsThatWait) {
  Make({{"commit.retry.min-wait-ms", "250"}, {"commit.retry.max-wait-ms", "250"}});
  ASSERT_TRUE(AppendLosing(3));
  EXPECT_EQ(watched_.waits_millis, (std::vector<int64_t>{250, 250, 250}));
}

TEST_F(CommitRetry, GivesUpAfterTheTotalTimeout) {
  Make({{"commit.retry.num-retries", "1000"},
        {"commit.retry.min-wait-ms", "1000"},
        {"commit.retry.max-wait-ms", "1000"},
        {"commit.retry.total-timeout-ms", "5000"}});
  const auto lost = AppendLosing(1000);
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message, ::testing::HasSubstr("commit.retry.total-timeout-ms"));
  EXPECT_EQ(swaps_, 6) << "one at once, then one a second for five seconds";
  EXPECT_EQ(Files(), files_before_);
}

TEST_F(CommitRetry, AValueThatIsNoNumberIsTold) {
  Make({{"commit.retry.max-wait-ms", "1s"}});
  const auto refused = AppendLosing(0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("commit.retry.max-wait-ms"));
  EXPECT_TRUE(MustRead(name_).empty());
}

TEST_F(CommitRetry, AStoreThatFailsBetweenAttemptsLosesNothing) {
  Make({{"commit.retry.num-retries", "3"}});
  for (uint64_t call = 0;; ++call) {
    const auto before = MustRead(name_);
    store::FaultStore faulty(*store_, {{.call = call, .kind = store::FaultKind::kErrorBefore}});
    const auto result = AppendLosing(2, &faulty);
    SCOPED_TRACE("call " + std::to_string(call));
    if (result) {
      EXPECT_EQ(swaps_, 3);
      EXPECT_EQ(MustRead(name_).size(), before.size() + 2);
    } else {
      EXPECT_EQ(MustRead(name_), before) << result.error().message;
    }
    if (faulty.faults_count() == 0) {
      EXPECT_GT(call, 10U) << "three attempts were to make several calls";
      EXPECT_TRUE(result);
      break;
    }
  }
}

}  // namespace
}  // namespace daypart::lake
