// SPDX-License-Identifier: Apache-2.0
//
// Records back from quarantine: each once in the table and in the files, whatever fails in between.
#include "ingest/quarantine_replay.h"

#include <gmock/gmock.h>

#include "base/log.h"
#include "ingest/quarantine.h"
#include "ingest/stream_consumer.h"
#include "ingest/testing/memory_record_source.h"
#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"

namespace daypart::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::MemoryRecordSource;

std::string Event(std::string_view id, std::string_view views) {
  return R"({"event_id":")" + std::string(id) +
         R"(","event_time":"2025-11-24T10:00:00Z","views":)" + std::string(views) + '}';
}

class QuarantineReplayTest : public lake::testing::LakeTest {
 protected:
  TableSinkOptions TableOptions() const {
    return {.table = name_,
            .source_name = source_.name(),
            .id_column = "event_id",
            .time_column = "event_time",
            .window_ids_max = 1 << 20,
            .write = {.threads_count = 1}};
  }
  FilesSinkOptions FilesOptions() const {
    return {.folder = context_->warehouse + "/stream1", .stream = "test", .table = TableOptions()};
  }
  void MustConsume() {
    TableSink table(*context_, TableOptions());
    FilesSink files(*context_, FilesOptions());
    for (Sink* sink : {static_cast<Sink*>(&table), static_cast<Sink*>(&files)}) {
      StreamConsumer consumer(source_, *sink, clock_, random_, stop_, {.ends_when_idle = true});
      const Status ended = consumer.Run();
      ASSERT_TRUE(ended) << ended.error().message;
    }
  }
  Result<ReplayReport> Replay(const lake::LakeContext& context, bool is_dry_run = false,
                              bool coerces = true) {
    QuarantineReplay replay(context, clock_,
                            {.table = TableOptions(),
                             .files = FilesOptions(),
                             .ahead_micros_max = int64_t{1} << 60,
                             .coerce_strings = coerces,
                             .is_dry_run = is_dry_run,
                             .commit_rows_max = 2});
    return replay.Run();
  }
  ReplayReport MustReplay(bool is_dry_run = false, bool coerces = true) {
    const auto report = Replay(*context_, is_dry_run, coerces);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : ReplayReport{};
  }
  std::vector<std::string> TableIds() {
    std::vector<std::string> ids;
    for (const std::string& row : MustRead(name_)) ids.push_back(row.substr(0, row.find('|')));
    return ids;
  }
  /// Of the files that readers see, by a sink that is opened for its window.
  std::vector<std::string> FileIds() {
    std::vector<std::string> ids;
    FilesSink files(*context_, FilesOptions());
    const auto opened = files.Open();
    EXPECT_TRUE(opened) << opened.error().message;
    for (const auto& column : (*opened)->recent_ids) {
      for (int64_t row = 0; row < column->length(); ++row) {
        ids.push_back(lake::testing::ValueText(*column, row));
      }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  /// One event that fits, five whose number is a text, one that is broken for good.
  void PutRecords() {
    source_.Put("a", Event("e0", "1"));
    MustConsume();  // the table is learnt from the first
    for (const char* id : {"e1", "e2", "e3"}) source_.Put("a", Event(id, "\"7\""));
    source_.Put("a", "{broken");
    for (const char* id : {"e4", "e5"}) source_.Put("b", Event(id, "\"8\""));
  }

  const catalog::TableName name_{"media", "events"};
  MemoryRecordSource source_;
  CancelToken stop_;
};

TEST_F(QuarantineReplayTest, BringsBackWhatFitsAndLeavesTheRest) {
  PutRecords();
  MustConsume();
  ASSERT_THAT(MustRead(kQuarantineTable), SizeIs(6));
  EXPECT_EQ(MustReplay(false, false).failing, 6) << "nothing was mended";
  const ReplayReport dry = MustReplay(true);
  EXPECT_EQ(dry.replayed, 5);
  EXPECT_EQ(dry.failing, 1);
  EXPECT_THAT(TableIds(), ElementsAre("e0"));
  EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(6));
  const ReplayReport report = MustReplay();
  EXPECT_EQ(report.replayed, 5);
  EXPECT_EQ(report.repeated, 0);
  EXPECT_EQ(report.failing, 1);
  EXPECT_THAT(report.reasons, SizeIs(1));
  EXPECT_THAT(TableIds(), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5"));
  EXPECT_THAT(FileIds(), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5"));
  EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(1));
  const ReplayReport again = MustReplay();
  EXPECT_EQ(again.replayed + again.repeated, 0);
  MustConsume();
  EXPECT_THAT(TableIds(), SizeIs(6)) << "the stream goes on behind its positions";
}

TEST_F(QuarantineReplayTest, AnEventThatCameWellMeanwhileIsNotAddedAgain) {
  PutRecords();
  source_.Put("b", Event("e1", "7"));
  source_.Put("b", Event("e6", "\"9\""));
  source_.Put("b", Event("e6", "\"9\""));
  MustConsume();
  const ReplayReport report = MustReplay();
  EXPECT_EQ(report.replayed, 5);
  EXPECT_EQ(report.repeated, 2);
  EXPECT_THAT(TableIds(), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5", "e6"));
  EXPECT_THAT(FileIds(), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5", "e6"));
  // Sent again after the replay: known by its id.
  source_.Put("b", Event("e4", "8"));
  MustConsume();
  EXPECT_THAT(TableIds(), SizeIs(7));
  EXPECT_THAT(FileIds(), SizeIs(7));
}

TEST_F(QuarantineReplayTest, AConsumerAtWorkLearnsTheReplayedIds) {
  PutRecords();
  MustConsume();
  TableSink at_work(*context_, TableOptions());
  ASSERT_TRUE(at_work.Open());
  MustReplay();
  source_.Put("b", Event("e4", "8"));
  StreamTail tail(source_, clock_, stop_, {.id_column = "event_id"});
  const auto table = lake::LoadTable(*context_, name_);
  auto decoder = RecordDecoder::Make(clock_, {.schema = table->metadata.current_schema()});
  StreamState state;
  state.shards["a"].position = "5";
  state.shards["b"].position = "2";
  ASSERT_TRUE(tail.Reset(std::move(*decoder), state, {}));
  const auto rows = tail.BeginEpoch({.record_bytes_max = 1 << 20,
                                     .ends_at = UtcMicros(INT64_MAX), .ends_when_idle = true});
  const auto committed = at_work.WriteEpoch(*rows, [&] { return tail.EndEpoch(); });
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kConflict) << "it begins anew and knows e4 then";
  MustConsume();
  EXPECT_THAT(TableIds(), SizeIs(6));
}

TEST_F(QuarantineReplayTest, ADeathAtAnyCallLosesNothingAndRepeatsNothing) {
  SetLogLevel(LogLevel::kOff);
  uint64_t deaths = 0;
  // Every 23rd call: each of the nine commits has dozens.
  for (uint64_t call = 0;; call += 23) {
    SCOPED_TRACE("dead from call " + std::to_string(call));
    TearDown();
    SetUp();
    source_.Clear();
    PutRecords();
    MustConsume();
    store::FaultPlan plan;
    plan.dead_from = call;
    store::FaultStore dying(*store_, plan);
    const lake::LakeContext context{dying,   *catalog_, clock_,
                                    random_, cancel_,   context_->warehouse};
    const bool is_whole = Replay(context).has_value();
    MustReplay();
    EXPECT_THAT(TableIds(), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5"));
    EXPECT_THAT(FileIds(), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5"));
    EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(1));
    if (is_whole) break;
    ++deaths;
  }
  EXPECT_GT(deaths, 5U);
}

}  // namespace
}  // namespace daypart::ingest
