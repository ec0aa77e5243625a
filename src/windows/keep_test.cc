// SPDX-License-Identifier: Apache-2.0
//
// Keepers that die at calls of all kinds, idle shards, wrong clocks, sources that change under a
// window. Whole runs against a model are in tests/interop/test_windows.py.
#include "windows/keep.h"

#include <gtest/gtest.h>

#include "catalog/fault_catalog.h"
#include "ingest/stream_state.h"
#include "lake/commit.h"
#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"
#include "windows/late_rows.h"

namespace daypart::windows {
namespace {

using lake::testing::MemorySource;

const catalog::TableName kSource{"media", "events"};
const catalog::TableName kTarget{"media", "views"};
const catalog::TableName kLate{"media", "views_late"};
constexpr int64_t kMinute = int64_t{60} * 1'000'000;

class KeepTest : public lake::testing::LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    window_ = Declared("tumble(at, INTERVAL '1 minute')");
    MustCreate(kSource, schema_);
  }

  static WindowDeclaration Declared(const std::string& group) {
    auto window = ParseWindowDeclaration(
        "views", "-- lateness: 2 minutes\nSELECT region, window_start, window_end, sum(n)::BIGINT "
                 "AS n FROM media.events GROUP BY region, " + group);
    EXPECT_TRUE(window) << window.error().message;
    return *window;
  }

  /// Minutes since the clock's start.
  std::string At(int64_t minute) const {
    return std::to_string(start_ + minute * kMinute);
  }
  /// ["north", 3, 1]: region, minute, n.
  struct Event {
    std::string region;
    int64_t minute;
    int64_t n;
  };
  void Commit(const std::vector<Event>& events,
              const std::map<std::string, std::string>& summary = {}) {
    std::string json;
    for (const Event& event : events) {
      json += (json.empty() ? "[" : ",") + std::string("[\"") + event.region + "\"," +
              At(event.minute) + ',' + std::to_string(event.n) + ']';
    }
    MemorySource rows({lake::testing::Rows(schema_, json + ']')});
    lake::WriteOptions write;
    write.threads_count = 1;
    write.summary = summary;
    write.properties = summary;
    clock_.Advance(std::chrono::seconds(1));
    const auto done = lake::Append(*context_, kSource, rows, write);
    ASSERT_TRUE(done) << done.error().message;
  }

  Result<KeepReport> Keep(const lake::LakeContext& context, bool is_full_refresh = false) {
    KeepOptions options;
    options.write.threads_count = 1;
    options.engine.threads_count = 1;
    options.is_full_refresh = is_full_refresh;
    return KeepWindow(context, *catalog_, window_, options);
  }
  KeepReport MustKeep(bool is_full_refresh = false) {
    auto report = Keep(*context_, is_full_refresh);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : KeepReport{};
  }

  /// "region minute n" of each window, sorted.
  std::vector<std::string> Windows(const catalog::TableName& name = kTarget) {
    std::vector<std::string> windows;
    for (const std::string& row : MustRead(name)) windows.push_back(row);
    return windows;
  }
  std::string Window(const std::string& region, int64_t minute, int64_t n) const {
    const auto text = [&](int64_t at) {
      return arrow::TimestampScalar(start_ + at * kMinute,
                                    arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")).ToString();
    };
    return region + '|' + text(minute) + '|' + text(minute + 1) + '|' + std::to_string(n);
  }

  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("region", arrow::utf8()),
                     arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
                     arrow::field("n", arrow::int64())});
  const int64_t start_ = clock_.Now().value() / kMinute * kMinute;
  WindowDeclaration window_;
};

TEST_F(KeepTest, CorrectsUntilTheLatenessAndKeepsWhatComesLater) {
  Commit({{"north", 0, 1}, {"south", 3, 1}});
  EXPECT_EQ(MustKeep().rebuilt_because, "it is new");
  Commit({{"north", 1, 5}, {"north", 4, 1}});  // minute 1 ends at 2, final from 4 on
  MustKeep();
  Commit({{"north", 1, 7}, {"north", 3, 2}, {"south", 3, 2}});  // the watermark is 4 now
  const auto report = MustKeep();
  EXPECT_EQ(report.late_rows, 1);
  EXPECT_EQ(report.state->late_rows, 1);
  EXPECT_EQ(Windows(), (std::vector<std::string>{Window("north", 0, 1), Window("north", 1, 5),
                                                 Window("north", 3, 2), Window("north", 4, 1),
                                                 Window("south", 3, 3)}));
  const auto late = MustRead(kLate);
  ASSERT_EQ(late.size(), 1);
  EXPECT_TRUE(late[0].starts_with("north|")) << late[0];
  EXPECT_NE(late[0].find("|7|"), std::string::npos) << late[0];
  // Asked for, all rows count.
  MustKeep(/*is_full_refresh=*/true);
  EXPECT_EQ(Windows()[1], Window("north", 1, 12));
}

TEST_F(KeepTest, IsTheSameWhereverItDies) {
  Commit({{"north", 0, 1}, {"south", 5, 1}});
  MustKeep();
  Commit({{"north", 1, 9}, {"north", 5, 2}, {"south", 5, 2}});  // minute 1 is late
  const std::vector<std::string> expected{Window("north", 0, 1), Window("north", 5, 2),
                                          Window("south", 5, 3)};
  const auto copy = std::filesystem::copy_options::recursive;
  const auto lake = std::filesystem::path(folder_.string() + "_saved");
  std::filesystem::remove_all(lake);
  std::filesystem::copy(folder_, lake, copy);
  for (uint64_t call = 0;; call += 3) {  // most calls are reads: all would take a minute
    // The lake as it was, the catalog's file too.
    catalog_.reset();
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(lake, folder_, copy);
    auto opened = catalog::OpenSqliteCatalog({.path = (folder_ / "catalog.db").string()});
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = std::move(opened).value();
    store::FaultPlan plan;
    plan.dead_from = call;
    store::FaultStore dying(*store_, plan);
    catalog::FaultCatalog dying_catalog(
        *catalog_, {.is_dead = [&] { return dying.faults_count() > 0; }});
    lake::LakeContext context{dying, dying_catalog, clock_, random_, cancel_,
                              "file://" + folder_.string()};
    context.manifest_threads_max = 1;
    const auto died = Keep(context);
    lake::LakeContext alive{*store_, *catalog_, clock_, random_, cancel_,
                            "file://" + folder_.string()};
    const auto report = Keep(alive);
    ASSERT_TRUE(report) << "call " << call << ": " << report.error().message;
    context_ = std::make_unique<lake::LakeContext>(alive);
    ASSERT_EQ(Windows(), expected) << "call " << call;
    ASSERT_EQ(MustRead(kLate).size(), 1) << "call " << call;
    ASSERT_EQ(report->state->late_rows, 1) << "call " << call;
    if (dying.faults_count() == 0) {
      EXPECT_TRUE(died);
      EXPECT_GT(call, 20);  // else the test kills nobody
      break;
    }
  }
  std::filesystem::remove_all(lake);
}

TEST_F(KeepTest, WaitsForASlowShardUntilItIsIdle) {
  const auto key = ingest::StreamStateKey("log:clicks");
  const auto states = [&](int64_t fast, int64_t slow) {
    ingest::StreamState state;
    state.shards["fast"] = {.position = "1",
                            .event_time_max = UtcMicros(start_ + fast * kMinute),
                            .taken_at = clock_.Now()};
    state.shards["slow"] = {.position = "1",
                            .event_time_max = UtcMicros(start_ + slow * kMinute),
                            .taken_at = clock_.Now()};
    return std::map<std::string, std::string>{{key, ingest::StreamStateToJson(state)}};
  };
  Commit({{"north", 9, 1}, {"south", 2, 1}}, states(9, 2));
  EXPECT_EQ(MustKeep().state->watermark, UtcMicros(start_ + 2 * kMinute));
  // Nothing comes any more: the slow shard holds nothing up from a minute on.
  EXPECT_EQ(MustKeep().steps, 0);
  clock_.Advance(std::chrono::seconds(90));
  EXPECT_EQ(MustKeep().state->watermark, UtcMicros(start_ + 9 * kMinute));
  EXPECT_EQ(MustKeep().steps, 0);
  // What the idle shard had for its final windows is late now.
  Commit({{"south", 3, 1}}, states(9, 3));
  EXPECT_EQ(MustKeep().late_rows, 1);
}

TEST_F(KeepTest, TakesNoWatermarkFromAClockThatIsAhead) {
  const int64_t now = (clock_.Now().value() - start_) / kMinute;
  Commit({{"north", now - 5, 1}, {"south", now + 600, 1}});
  EXPECT_EQ(MustKeep().state->watermark, UtcMicros(start_ + (now - 5) * kMinute));
  Commit({{"north", now - 4, 1}, {"south", now + 601, 1}});
  EXPECT_EQ(MustKeep().state->watermark, UtcMicros(start_ + (now - 4) * kMinute));
  EXPECT_EQ(Windows().size(), 4);  // the rows themselves count
}

TEST_F(KeepTest, JoinsSessionsThatALateRowBridges) {
  window_ = Declared("session(at, INTERVAL '1 minute')");
  window_.lateness_micros = 60 * kMinute;
  Commit({{"north", 0, 1}, {"north", 2, 2}, {"north", 9, 4}, {"south", 0, 1}});
  MustKeep();
  EXPECT_EQ(Windows().size(), 4);
  // 0:00 and 2:00 are a minute and more apart from each other and from these, but for these two.
  MemorySource rows({lake::testing::Rows(
      schema_, "[[\"north\"," + std::to_string(start_ + kMinute - 10'000'000) + ",8],[\"north\"," +
                   std::to_string(start_ + kMinute + 30'000'000) + ",16]]")});
  ASSERT_TRUE(lake::Append(*context_, kSource, rows, {}));
  MustKeep();
  const auto windows = Windows();
  ASSERT_EQ(windows.size(), 3);
  EXPECT_TRUE(windows[0].ends_with("|27")) << windows[0];
  EXPECT_TRUE(windows[1].ends_with("|4")) << windows[1];
}

TEST_F(KeepTest, IsMadeAnewWhenItsSourceWasRolledBack) {
  Commit({{"north", 0, 1}});
  const auto first = lake::LoadTable(*context_, kSource);
  Commit({{"north", 0, 5}});
  MustKeep();
  ASSERT_TRUE(lake::CommitUpdates(*context_, kSource, [&](const iceberg::TableMetadata&) {
    return Result<std::vector<iceberg::TableUpdate>>(std::vector<iceberg::TableUpdate>{
        iceberg::SetSnapshotRef{.name = "main",
                                .ref = {.snapshot_id = *first->metadata.current_snapshot_id}}});
  }));
  EXPECT_EQ(MustKeep().rebuilt_because, "its source was rolled back");
  EXPECT_EQ(Windows(), std::vector<std::string>{Window("north", 0, 1)});
}

TEST_F(KeepTest, TellsASelectThatDoesNotFitFromARowThatDoesNot) {
  const auto error_of = [&](const std::string& value) {
    window_ = *ParseWindowDeclaration(
        "views", "SELECT window_start, window_end, " + value + " AS n FROM media.events GROUP BY "
                 "tumble(at, INTERVAL '1 minute')");
    const auto kept = Keep(*context_);
    return kept ? "no error" : kept.error().message;
  };
  Commit({{"north", 0, 1}});
  EXPECT_NE(error_of("sum(m)").find("does not fit the columns"), std::string::npos);
  const std::string of_row = error_of("sum(CAST(region AS BIGINT))");
  EXPECT_NE(of_row.find("north"), std::string::npos) << of_row;
  EXPECT_EQ(of_row.find("does not fit the columns"), std::string::npos) << of_row;
}

TEST_F(KeepTest, RefusesSomebodyElsesTableAndWaitsForColumns) {
  EXPECT_EQ(MustKeep().waits_for, "rows of media.events");
  Commit({{"north", 0, 1}});
  MustCreate(kTarget, schema_);
  MemorySource rows({lake::testing::Rows(schema_, "[[\"x\",0,1]]")});
  ASSERT_TRUE(lake::Append(*context_, kTarget, rows, {}));
  const auto refused = Keep(*context_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("no window put there"), std::string::npos);
  EXPECT_EQ(MustRead(kTarget).size(), 1);
  window_ = *ParseWindowDeclaration(
      "later", "SELECT window_start, window_end, count(*) AS n FROM media.events GROUP BY "
               "tumble(shown_at, INTERVAL '1 minute')");
  EXPECT_EQ(MustKeep().waits_for, "column shown_at of media.events");
}

}  // namespace
}  // namespace daypart::windows
