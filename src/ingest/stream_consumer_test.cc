// SPDX-License-Identifier: Apache-2.0
//
// Streams into a table: every event once, whatever is sent twice, broken, or fails in between.
#include "ingest/stream_consumer.h"

#include <gmock/gmock.h>

#include <set>

#include "base/log.h"
#include "ingest/quarantine.h"
#include "ingest/table_sink.h"
#include "ingest/testing/memory_record_source.h"
#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"

namespace daypart::ingest {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::MemoryRecordSource;

std::string Event(int64_t id, std::string_view rest = "") {
  return R"({"event_id":)" + std::to_string(id) +
         R"(,"event_time":"2025-11-24T10:00:00Z","region":"r)" + std::to_string(id % 3) + '"' +
         std::string(rest) + '}';
}

class StreamConsumerTest : public lake::testing::LakeTest {
 protected:
  Status Consume(const lake::LakeContext& context, ConsumerOptions options = {}) {
    TableSink sink(context, {.table = name_,
                             .source_name = source_.name(),
                             .id_column = options.id_column,
                             .time_column = options.time_column,
                             .window_ids_max = options.window_ids_max,
                             .write = {.threads_count = threads_count_}});
    options.ends_when_idle = true;
    StreamConsumer consumer(source_, sink, clock_, random_, stop_, options);
    Status ended = consumer.Run();
    rows_ = consumer.progress().rows;
    repeated_ = consumer.progress().repeated;
    commits_ = consumer.progress().commits;
    return ended;
  }
  void MustConsume(const ConsumerOptions& options = {}) {
    const Status ended = Consume(*context_, options);
    ASSERT_TRUE(ended) << ended.error().message;
  }
  StreamState MustReadState() {
    const auto table = lake::LoadTable(*context_, name_);
    EXPECT_TRUE(table);
    const auto state = ReadStreamState(*context_, table->metadata, source_.name());
    EXPECT_TRUE(state) << state.error().message;
    return *state;
  }
  /// Ids in the table, each as often as it is there.
  std::vector<int64_t> Ids() {
    std::vector<int64_t> ids;
    for (const std::string& row : MustRead(name_)) ids.push_back(std::stoll(row));
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  const catalog::TableName name_{"media", "events"};
  MemoryRecordSource source_;
  CancelToken stop_;
  int threads_count_ = 2;
  int64_t rows_ = 0;
  int64_t repeated_ = 0;
  int64_t commits_ = 0;
};

TEST_F(StreamConsumerTest, LearnsTheTableAndGoesOnWhereItLeftOff) {
  for (int64_t id = 0; id < 250; ++id) source_.Put(id % 2 == 0 ? "a" : "b", Event(id));
  MustConsume();
  EXPECT_THAT(Ids(), SizeIs(250));
  const auto table = lake::LoadTable(*context_, name_);
  EXPECT_EQ(table->metadata.default_spec().fields.front().name, "event_time_hour");
  EXPECT_EQ(MustReadState().shards.at("a").position, "125");
  source_.Put("b", Event(250));
  MustConsume();
  EXPECT_EQ(rows_, 1);
  EXPECT_THAT(Ids(), SizeIs(251));
}

TEST_F(StreamConsumerTest, LeavesRepeatedEventsOutAcrossRestarts) {
  for (const int64_t id : {1, 2, 1, 3, 2}) source_.Put("a", Event(id));
  MustConsume();
  EXPECT_EQ(repeated_, 2);
  for (const int64_t id : {3, 1, 4}) source_.Put("b", Event(id));
  MustConsume();
  EXPECT_EQ(repeated_, 2);
  EXPECT_THAT(Ids(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(MustReadState().repeated_count, 4);
}

TEST_F(StreamConsumerTest, KeepsWhatDoesNotFitInQuarantineOnce) {
  source_.Put("a", Event(1));
  MustConsume();
  source_.Put("a", R"({"event_id":2,"event_time":)");
  source_.Put("a", R"({"event_id":"two","event_time":"2025-11-24T10:00:00Z"})");
  source_.Put("a", "\xFF\xFE");
  source_.Put("a", R"({"event_id":99999999999999999999,"region":"x"})");
  source_.Put("a", R"({"event_id":5,"event_id":6})");
  source_.Put("a", R"({"event_id":7,"event_time":"9999-01-01T00:00:00Z"})");
  source_.Put("a", std::string(100'000, '['));
  source_.Put("a", Event(8));
  MustConsume({.evolves = false});
  EXPECT_THAT(Ids(), ElementsAre(1, 8));
  const auto kept = MustRead(kQuarantineTable);
  ASSERT_THAT(kept, SizeIs(7));
  EXPECT_THAT(kept.front(), HasSubstr("media.events|memory:test/a|1|"));
  EXPECT_EQ(MustReadState().quarantined_count, 7);
}

TEST_F(StreamConsumerTest, TakesLinesWithinARecordAsRecordsAndOtherLineEndsAsSpace) {
  source_.Put("a", Event(1) + "\n" + Event(2) + "\r\n" + Event(3) + "\n");
  source_.Put("a", "{\n  \"event_id\": 4,\n  \"event_time\": \"2025-11-24T10:00:00Z\"\n}");
  MustConsume();
  EXPECT_THAT(Ids(), ElementsAre(1, 2, 3, 4));
}

TEST_F(StreamConsumerTest, WhatIsDecodedBesideACommitIsTakenOnce) {
  source_.set_run_max(3);
  std::set<int64_t> sent;
  for (int64_t id = 0; id < 400; ++id) {
    sent.insert(id);
    const std::string shard(1, static_cast<char>('a' + id % 3));
    // A column comes up half-way, in runs that were decoded without it perhaps.
    source_.Put(shard, Event(id, id >= 200 && id % 7 == 0 ? R"(,"bitrate":800)" : ""));
    if (id % 10 == 0) source_.Put(shard, Event(id / 2));
  }
  MustConsume({.commit_bytes = 600, .decodes_ahead = true});
  EXPECT_GE(commits_, 10);
  EXPECT_EQ(repeated_, 40);
  EXPECT_THAT(Ids(), ::testing::ElementsAreArray(sent));
  const auto rows = MustRead(name_);
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                          [](const auto& row) { return row.ends_with("|800"); }),
            29);
}

TEST_F(StreamConsumerTest, AddsAColumnWhenAKeyComesUp) {
  source_.set_run_max(1);
  source_.Put("a", Event(1));
  source_.Put("a", Event(2, R"(,"device":{"type":"tv","year":2024})"));
  source_.Put("a", Event(3));
  MustConsume();
  const auto table = lake::LoadTable(*context_, name_);
  const auto& schema = table->metadata.current_schema();
  ASSERT_NE(schema.FindField(std::string_view("device_year")), nullptr);
  EXPECT_EQ(ToString(schema.FindField(std::string_view("device_year"))->type), "long");
  const auto rows = MustRead(name_);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[0], HasSubstr("r1|null|null"));
  EXPECT_THAT(rows[1], HasSubstr("r2|tv|2024"));
  source_.Put("a", Event(4, R"(,"device":{"type":"web","year":2025})"));
  MustConsume();
  EXPECT_THAT(MustRead(name_)[3], HasSubstr("r1|web|2025")) << "the key is known after a restart";
}

TEST_F(StreamConsumerTest, PassesKeysOverWhereTheSchemaIsFixed) {
  source_.Put("a", Event(1));
  MustConsume({.evolves = false});
  source_.Put("b", Event(2, R"(,"extra":1)"));
  MustConsume({.evolves = false});
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
  EXPECT_EQ(lake::LoadTable(*context_, name_)->metadata.current_schema().fields.size(), 3);
}

TEST_F(StreamConsumerTest, OneOddValueDecidesNoType) {
  source_.set_run_max(1);
  source_.Put("a", Event(0, R"(,"views":"n/a","at":0,"score":true,"tag":7)"));
  for (int64_t id = 1; id < 200; ++id) {
    source_.Put("a", Event(id, R"(,"views":5,"at":"2025-11-24T10:00:00Z","score":1.5,"tag":"x")"));
  }
  MustConsume();
  const auto table = lake::LoadTable(*context_, name_);
  const auto type = [&](std::string_view name) {
    const auto* field = table->metadata.current_schema().FindField(name);
    return field == nullptr ? "none" : ToString(field->type);
  };
  EXPECT_EQ(type("views"), "long");
  EXPECT_EQ(type("at"), "timestamptz");
  EXPECT_EQ(type("score"), "double");
  EXPECT_EQ(type("tag"), "string");
  EXPECT_THAT(MustRead(name_), SizeIs(199));
  const auto kept = MustRead(kQuarantineTable);
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_THAT(kept[0], HasSubstr("n/a"));
  // Of a key that comes up later, what is there to be read tells.
  source_.Put("a", Event(200, R"(,"late":"n/a")"));
  for (int64_t id = 201; id < 300; ++id) source_.Put("a", Event(id, R"(,"late":5)"));
  MustConsume();
  EXPECT_EQ(ToString(lake::LoadTable(*context_, name_)
                         ->metadata.current_schema()
                         .FindField(std::string_view("late"))
                         ->type),
            "long");
  EXPECT_THAT(MustRead(name_), SizeIs(199 + 99));
  EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(2));
}

TEST_F(StreamConsumerTest, StringsOfLittleOrMixedEvidenceTakeScalars) {
  source_.Put("a", Event(1, R"(,"code":"a","sure":"a")"));
  source_.Put("a", Event(2, R"(,"code":5)"));
  for (int64_t id = 3; id < 150; ++id) source_.Put("a", Event(id, R"(,"sure":"a")"));
  MustConsume();
  ASSERT_THAT(MustRead(name_), SizeIs(149));
  source_.Put("a", Event(150, R"(,"code":-1.50e3)"));
  source_.Put("a", Event(151, R"(,"code":true)"));
  source_.Put("a", Event(152, R"(,"sure":5)"));
  source_.Put("a", Event(153, R"(,"code":[1])"));
  MustConsume();
  EXPECT_THAT(Ids(), SizeIs(151));
  const auto rows = MustRead(name_);
  EXPECT_THAT(rows, Contains(HasSubstr("|-1.50e3|")));
  EXPECT_THAT(rows, Contains(HasSubstr("|true|")));
  EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(2)) << "a sure string and an array";
}

/// A table's sink that can be told to fail.
class FailingSink final : public Sink {
 public:
  explicit FailingSink(Sink& sink) : sink_(sink) {}
  void set_failing(bool opens, bool commits) { fails_to_open_ = opens, fails_to_commit_ = commits; }

  std::string name() const override { return sink_.name(); }
  Result<std::optional<OpenedSink>> Open() override {
    if (fails_to_open_) return Unavailable("not now");
    return sink_.Open();
  }
  Result<std::optional<StreamState>> State() const override { return sink_.State(); }
  Status Create(const std::vector<LearntColumn>& columns) override { return sink_.Create(columns); }
  Result<SinkShape> AddColumns(const std::vector<LearntColumn>& columns) override {
    return sink_.AddColumns(columns);
  }
  Status KeepRejects(const std::vector<RejectedRecord>& rejects) override {
    return sink_.KeepRejects(rejects);
  }
  Result<EpochCommit> WriteEpoch(source::BatchSource& rows,
                                 const std::function<EpochResult()>& end) override {
    if (!fails_to_commit_) return sink_.WriteEpoch(rows, end);
    DAYPART_TRY(const auto cursor, rows.NewCursor());
    while (true) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
    }
    (void)end();  // What a failed commit would have held.
    return Unavailable("not now");
  }

 private:
  Sink& sink_;
  bool fails_to_open_ = false;
  bool fails_to_commit_ = false;
};

TEST_F(StreamConsumerTest, WhatWaitsForAFailingSinkAges) {
  SetLogLevel(LogLevel::kOff);
  source_.Put("a", Event(1));
  MustConsume();
  TableSink table(*context_, {.table = name_,
                              .source_name = source_.name(),
                              .id_column = "event_id",
                              .time_column = "event_time",
                              .window_ids_max = 1 << 20,
                              .write = {.threads_count = 1}});
  FailingSink sink(table);
  const auto age_ms = [this] {
    return (clock_.Now().value() - 1'763'978'000'000'000) / 1000;
  };
  source_.set_arrival(UtcMicros(1'763'978'000'000'000));
  sink.set_failing(true, false);
  StreamConsumer unopened(source_, sink, clock_, random_, stop_, {.ends_when_idle = true});
  const UtcMicros start = clock_.Now();
  ASSERT_FALSE(unopened.Run());
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(unopened.uncommitted_ms(), (clock_.Now().value() - start.value()) / 1000);
  source_.Put("a", Event(2));
  sink.set_failing(false, true);
  StreamConsumer failing(source_, sink, clock_, random_, stop_, {.ends_when_idle = true});
  EXPECT_EQ(failing.uncommitted_ms(), 0);
  ASSERT_FALSE(failing.Run());
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(failing.uncommitted_ms(), age_ms()) << "however often it began anew";
  EXPECT_EQ(failing.tail().behind_ms(), 0) << "all of it was read";
  sink.set_failing(false, false);
  const Status ended = failing.Run();
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(failing.uncommitted_ms(), 0);
}

TEST_F(StreamConsumerTest, ReadsParentsToTheirEndBeforeTheirChildren) {
  source_.Put("z-parent", Event(1));
  source_.Put("child", Event(2));
  source_.SetParents("child", {"z-parent"});
  MustConsume();
  EXPECT_THAT(Ids(), ElementsAre(1)) << "the parent may still grow";
  source_.Close("z-parent");
  MustConsume();
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
}

TEST_F(StreamConsumerTest, AShardThatIsGoneBeforeItsEndStopsTheStreamOthersDoNot) {
  source_.Put("a", Event(1));
  source_.Put("b", Event(2));
  source_.Close("b");
  MustConsume();
  source_.Expire("b");
  MustConsume();
  source_.Expire("a");
  source_.Put("c", Event(3));
  const Status ended = Consume(*context_);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(ended.error().message, HasSubstr("a behind 1"));
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
}

TEST_F(StreamConsumerTest, APlaceThatIsRenewedIsCommittedAndItsShardStaysIdle) {
  source_.Put("a", Event(1));
  MustConsume();
  const UtcMicros taken_at = MustReadState().shards.at("a").taken_at;
  clock_.Advance(std::chrono::hours(7));
  source_.SetNews("a");
  MustConsume();
  EXPECT_EQ(rows_, 0);
  EXPECT_EQ(MustReadState().shards.at("a").position, "1@");
  EXPECT_EQ(MustReadState().shards.at("a").taken_at, taken_at);
}

TEST_F(StreamConsumerTest, PositionsOutliveOtherCommitsAndExpiry) {
  source_.Put("a", Event(1));
  MustConsume();
  const auto arrow_schema = arrow::schema({arrow::field("event_id", arrow::int64())});
  lake::testing::MemorySource other({lake::testing::Rows(arrow_schema, "[[100]]")});
  ASSERT_TRUE(lake::Append(*context_, name_, other, {.threads_count = 1}));
  const auto table = lake::LoadTable(*context_, name_);
  EXPECT_EQ(MustReadState().shards.at("a").position, "1");
  // What is left once the stream's snapshot has expired.
  const iceberg::SnapshotId first = table->metadata.snapshots.front().id;
  ASSERT_TRUE(lake::CommitUpdates(*context_, name_, [&](const auto&) {
    return Result<std::vector<iceberg::TableUpdate>>(
        std::vector<iceberg::TableUpdate>{iceberg::RemoveSnapshots{{first}}});
  }));
  EXPECT_EQ(MustReadState().shards.at("a").position, "1");
  MustConsume();
  EXPECT_THAT(Ids(), ElementsAre(1, 100));
}

TEST_F(StreamConsumerTest, TwoConsumersAtATimeRepeatNothing) {
  for (int64_t id = 0; id < 500; ++id) source_.Put("a", Event(id));
  MustConsume({.id_column = ""});
  for (int64_t id = 500; id < 1000; ++id) source_.Put("a", Event(id));
  // Without ids nothing but the positions keeps the two apart.
  TableSink first(*context_, {.table = name_, .source_name = source_.name(),
                              .time_column = "event_time", .write = {.threads_count = 1}});
  ASSERT_TRUE(first.Open());
  MustConsume({.id_column = ""});
  StreamTail tail(source_, clock_, stop_, {});
  auto opened = lake::LoadTable(*context_, name_);
  auto decoder = RecordDecoder::Make(clock_, {.schema = opened->metadata.current_schema()});
  StreamState stale;
  stale.shards["a"].position = "500";
  ASSERT_TRUE(tail.Reset(std::move(*decoder), stale, {}));
  const auto rows = tail.BeginEpoch({.record_bytes_max = 1 << 20,
                                     .ends_at = UtcMicros(INT64_MAX), .ends_when_idle = true});
  MustConsume({.id_column = ""});
  source_.Put("a", Event(1000));
  MustConsume({.id_column = ""});
  const auto committed = first.WriteEpoch(*rows, [&] { return tail.EndEpoch(); });
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kConflict);
  EXPECT_THAT(Ids(), SizeIs(1001));
}

/// A table's, beside whose first commit something else happens.
class BusySink final : public Sink {
 public:
  BusySink(TableSink& table, std::function<void()> beside)
      : table_(table), beside_(std::move(beside)) {}
  std::string name() const override { return table_.name(); }
  Result<std::optional<OpenedSink>> Open() override { return table_.Open(); }
  Result<std::optional<StreamState>> State() const override { return table_.State(); }
  Status Create(const std::vector<LearntColumn>& columns) override {
    return table_.Create(columns);
  }
  Result<SinkShape> AddColumns(const std::vector<LearntColumn>& columns) override {
    return table_.AddColumns(columns);
  }
  Status KeepRejects(const std::vector<RejectedRecord>& rejects) override {
    return table_.KeepRejects(rejects);
  }
  Result<EpochCommit> WriteEpoch(source::BatchSource& rows,
                                 const std::function<EpochResult()>& end) override {
    return table_.WriteEpoch(rows, [&] {
      EpochResult epoch = end();
      if (beside_) std::exchange(beside_, nullptr)();
      return epoch;
    });
  }

 private:
  TableSink& table_;
  std::function<void()> beside_;
};

TEST_F(StreamConsumerTest, AStopBesideACommitCommitsWhatWasReadMeanwhile) {
  source_.Put("a", Event(1));
  StreamConsumer* reading = nullptr;
  TableSink table(*context_, {.table = name_,
                              .source_name = source_.name(),
                              .id_column = "event_id",
                              .time_column = "event_time",
                              .write = {.threads_count = 1}});
  BusySink sink(table, [&] {
    source_.Put("b", Event(2));
    for (int tries = 0; reading->tail().size().runs_count < 2 && tries < 100; ++tries) {
      ASSERT_TRUE(reading->tail().Pump());
      clock_.Advance(std::chrono::seconds(1));
    }
    stop_.Cancel();
    source_.Put("a", Event(3));
  });
  StreamConsumer consumer(source_, sink, clock_, random_, stop_,
                          {.commit_bytes = 1, .keeps_rows = true});
  reading = &consumer;
  const Status ended = consumer.Run();
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_THAT(Ids(), ElementsAre(1, 2)) << "nothing is read after the stop";
  EXPECT_EQ(consumer.progress().commits, 2);
}

TEST_F(StreamConsumerTest, AColumnThatAnotherAddsBesideACommitRestartsOnlyWhatPassedItsKeyOver) {
  for (const bool evolves : {true, false}) {
    SCOPED_TRACE(evolves ? "evolves" : "has a fixed schema");
    TearDown();
    SetUp();
    source_.Clear();
    source_.Put("a", Event(1));
    MustConsume();
    source_.Put("a", Event(2, evolves ? "" : R"(,"device":"tv")"));
    TableSink table(*context_, {.table = name_,
                                .source_name = source_.name(),
                                .id_column = "event_id",
                                .time_column = "event_time",
                                .write = {.threads_count = 1}});
    BusySink sink(table, [&] {
      const std::vector<LearntColumn> columns{
          {.name = "device",
           .source_name = "device",
           .type = iceberg::Type::Of(iceberg::TypeKind::kString)}};
      ASSERT_TRUE(lake::CommitUpdates(*context_, name_, [&](const auto& metadata) {
        return AddColumnUpdates(metadata, columns);
      }));
      source_.Put("a", Event(3, R"(,"device":"web")"));
    });
    StreamConsumer consumer(source_, sink, clock_, random_, stop_,
                            {.evolves = evolves, .ends_when_idle = true});
    const Status ended = consumer.Run();
    ASSERT_TRUE(ended) << ended.error().message;
    MustConsume({.evolves = evolves});
    EXPECT_EQ(consumer.progress().failures, evolves ? 0 : 1);
    const auto rows = MustRead(name_);
    ASSERT_THAT(rows, SizeIs(3));
    EXPECT_THAT(rows[0], ::testing::EndsWith("r1|null"));
    EXPECT_THAT(rows[1], ::testing::EndsWith(evolves ? "r2|null" : "r2|tv"));
    EXPECT_THAT(rows[2], ::testing::EndsWith("r0|web"));
  }
}

TEST_F(StreamConsumerTest, StoreFaultsNeitherLoseNorRepeatAnEvent) {
  uint64_t faults_count = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SetLogLevel(LogLevel::kOff);  // Each failure that is got over is a line otherwise.
    TearDown();
    SetUp();
    source_.Clear();
    source_.set_run_max(7);
    Random random(seed);
    std::set<int64_t> sent;
    for (int64_t id = 0; id < 300; ++id) {
      sent.insert(id);
      const std::string shard(1, static_cast<char>('a' + random.Next() % 3));
      source_.Put(shard, Event(id));
      // A producer that got no answer sends again, maybe to where another shard's reader is.
      if (random.Next() % 4 == 0) source_.Put(shard, Event(id));
      if (random.Next() % 50 == 0) source_.Put(shard, "{broken " + std::to_string(id));
    }
    store::FaultStore faulty(*store_, [&] {
      store::FaultPlan plan;
      plan.random_one_in = 50;
      plan.seed = seed;
      return plan;
    }());
    const lake::LakeContext context{faulty, *catalog_, clock_, random_, cancel_,
                                    context_->warehouse};
    // Commits of a few rows each; whatever ends a run, the next begins from the table.
    int runs = 0;
    const ConsumerOptions few_rows{.commit_bytes = 600, .decodes_ahead = seed % 2 == 0};
    while (!Consume(context, few_rows)) ASSERT_LT(++runs, 500);
    MustConsume();
    faults_count += faulty.faults_count();
    EXPECT_THAT(Ids(), ::testing::ElementsAreArray(sent));
    std::set<std::string> kept;
    for (const std::string& row : MustRead(kQuarantineTable)) {
      EXPECT_TRUE(kept.insert(row.substr(0, row.find("|0|0|"))).second) << row;
    }
  }
  EXPECT_GT(faults_count, 15U);
}

}  // namespace
}  // namespace daypart::ingest
