// SPDX-License-Identifier: Apache-2.0
//
// A stream's files as another reader sees them: Arrow's own, over whatever lies in the folder. At
// no moment an event is there twice, in the end each is there once, whatever fails in between.
#include "ingest/files_sink.h"

#include <arrow/io/file.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <parquet/arrow/reader.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "catalog/fault_catalog.h"
#include "ingest/quarantine.h"
#include "ingest/stream_consumer.h"
#include "ingest/testing/memory_record_source.h"
#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"

namespace daypart::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::MemoryRecordSource;

std::string Event(int64_t id, std::string_view time = "2025-11-24T10:00:00Z") {
  return R"({"event_id":)" + std::to_string(id) + R"(,"event_time":")" + std::string(time) + "\"}";
}

class FilesSinkTest : public lake::testing::LakeTest {
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
  Status Consume(Sink& sink, int64_t commit_bytes = int64_t{1} << 20) {
    StreamConsumer consumer(source_, sink, clock_, random_, stop_,
                            {.commit_bytes = commit_bytes, .ends_when_idle = true});
    Status ended = consumer.Run();
    quarantined_ = consumer.progress().quarantined;
    return ended;
  }
  Status ConsumeFiles(const lake::LakeContext& context, int64_t commit_bytes = int64_t{1} << 20) {
    FilesSink sink(context, FilesOptions());
    return Consume(sink, commit_bytes);
  }
  void MustConsumeFiles() {
    const Status ended = ConsumeFiles(*context_);
    ASSERT_TRUE(ended) << ended.error().message;
  }
  /// Paths of the files that readers see, relative to the folder.
  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    const auto top = folder_ / "stream1";
    if (!std::filesystem::exists(top)) return paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      if (entry.is_regular_file()) paths.push_back(entry.path().lexically_relative(top).string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  /// Ids in the files, sorted, each as often as it is there.
  std::vector<int64_t> Ids() const {
    std::vector<int64_t> ids;
    for (const std::string& path : Paths()) {
      const auto file = arrow::io::ReadableFile::Open((folder_ / "stream1" / path).string());
      EXPECT_TRUE(file.ok()) << file.status().ToString();
      auto reader = parquet::arrow::OpenFile(*file, arrow::default_memory_pool());
      EXPECT_TRUE(reader.ok()) << path << reader.status().ToString();
      const auto table = (*reader)->ReadTable(std::vector<int>{0});
      EXPECT_TRUE(table.ok()) << path << table.status().ToString();
      for (const auto& chunk : (*table)->column(0)->chunks()) {
        const auto& numbers = static_cast<const arrow::Int64Array&>(*chunk);
        for (int64_t i = 0; i < numbers.length(); ++i) ids.push_back(numbers.Value(i));
      }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  bool HasRepeated() const {
    const auto ids = Ids();
    return std::adjacent_find(ids.begin(), ids.end()) != ids.end();
  }
  std::vector<int64_t> TableIds() {
    std::vector<int64_t> ids;
    for (const std::string& row : MustRead(name_)) ids.push_back(std::stoll(row));
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  /// Puts events of three shards, some sent twice, some broken. returns: their ids.
  std::set<int64_t> PutEvents(uint64_t seed, int64_t count) {
    Random random(seed);
    std::set<int64_t> sent;
    source_.Put("a", "{broken");
    for (int64_t id = 0; id < count; ++id) {
      sent.insert(id);
      const std::string shard(1, static_cast<char>('a' + random.Next() % 3));
      const std::string event = Event(id, id % 2 == 0 ? "2025-11-24T10:00:00Z"
                                                      : "2025-11-24T11:30:00Z");
      source_.Put(shard, event);
      if (random.Next() % 4 == 0) source_.Put(shard, event);
      if (random.Next() % 50 == 0) source_.Put(shard, "{broken " + std::to_string(id));
    }
    return sent;
  }

  const catalog::TableName name_{"media", "events"};
  MemoryRecordSource source_;
  CancelToken stop_;
  int64_t quarantined_ = 0;
};

TEST_F(FilesSinkTest, WritesFilesByDateAndHour) {
  source_.Put("a", Event(1, "2025-11-24T10:59:59.999999Z"));
  source_.Put("a", Event(2, "2025-11-24T11:00:00Z"));
  source_.Put("a", Event(3, "1970-01-01T00:00:00Z"));
  source_.Put("a", R"({"event_id":4})");
  source_.Put("a", Event(2, "2025-11-24T11:00:00Z"));
  MustConsumeFiles();
  EXPECT_THAT(Paths(),
              ElementsAre(HasSubstr("event_date=1970-01-01/hour=00/test-000000000000-"),
                          HasSubstr("event_date=2025-11-24/hour=10/test-000000000000-"),
                          HasSubstr("event_date=2025-11-24/hour=11/test-000000000000-"),
                          HasSubstr("event_date=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_")));
  EXPECT_THAT(Ids(), ElementsAre(1, 2, 3, 4));
  source_.Put("b", Event(2));
  source_.Put("b", Event(5));
  MustConsumeFiles();
  EXPECT_THAT(Ids(), ElementsAre(1, 2, 3, 4, 5)) << "ids are known after a restart";
  MustConsumeFiles();
  EXPECT_THAT(Paths(), SizeIs(5)) << "nothing new writes nothing";
}

TEST_F(FilesSinkTest, FinishesACommitUnderTheNamesThatItWasBegunWith) {
  source_.Put("a", Event(1));
  MustConsumeFiles();
  const std::string path = Paths().front();
  EXPECT_THAT(path, HasSubstr("/test-000000000000-a..1-0.parquet"));
  // As an older version that was killed before the move has left it.
  std::string hidden = source_.name();
  std::replace(hidden.begin(), hidden.end(), ':', '-');
  const auto top = folder_ / "_stream1" / hidden;
  const auto progress_path = top / "progress" / "000000000000.json";
  auto progress = nlohmann::json::parse(std::ifstream(progress_path));
  const std::string old_path = path.substr(0, path.find("test-")) +
                               "test-000000000000-5f0c61d8e2a94b37-0.parquet";
  for (const char* list : {"files", "recent"}) progress[list][0]["name"] = old_path;
  std::ofstream(progress_path) << progress.dump();
  std::filesystem::rename(folder_ / "stream1" / path,
                          top / progress["files"][0]["pending"].get<std::string>());
  source_.Put("a", Event(1));
  source_.Put("a", Event(2));
  MustConsumeFiles();
  EXPECT_THAT(Paths(), ElementsAre(old_path, HasSubstr("/test-000000000001-a.1.3-0.parquet")));
  EXPECT_THAT(Ids(), ElementsAre(1, 2)) << "ids of files of both names are known";
}

TEST_F(FilesSinkTest, HasTheTablesColumnsAndTheirChanges) {
  source_.set_run_max(1);
  source_.Put("a", Event(1));
  MustConsumeFiles();
  source_.Put("a", R"({"event_id":2,"score":1.5})");
  TableSink table(*context_, TableOptions());
  ASSERT_TRUE(Consume(table));
  MustConsumeFiles();
  const auto schema = lake::LoadTable(*context_, name_)->metadata.current_schema();
  EXPECT_EQ(schema.fields.back().name, "score");
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
  EXPECT_THAT(TableIds(), ElementsAre(1, 2));
}

TEST_F(FilesSinkTest, KeepsBrokenRecordsOnceWhicheverSinkComesFirst) {
  source_.Put("a", "{broken");
  source_.Put("a", "[1,2");
  MustConsumeFiles();
  EXPECT_EQ(quarantined_, 2) << "before there is a table";
  EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(2));
  source_.Put("a", Event(1));
  TableSink table(*context_, TableOptions());
  ASSERT_TRUE(Consume(table));
  EXPECT_EQ(quarantined_, 2);
  MustConsumeFiles();
  EXPECT_EQ(quarantined_, 2);
  EXPECT_THAT(MustRead(kQuarantineTable), SizeIs(2));
  EXPECT_THAT(Ids(), ElementsAre(1));
}

TEST_F(FilesSinkTest, AConsumerThatSleptThroughOthersEpochsShowsNothing) {
  source_.Put("a", Event(0));
  MustConsumeFiles();
  FilesSink slept(*context_, FilesOptions());
  ASSERT_TRUE(slept.Open());
  StreamTail tail(source_, clock_, stop_, {});
  const auto opened = lake::LoadTable(*context_, name_);
  auto decoder = RecordDecoder::Make(clock_, {.schema = opened->metadata.current_schema()});
  StreamState stale;
  stale.shards["a"].position = "1";
  ASSERT_TRUE(tail.Reset(std::move(*decoder), stale, {}));
  // So many that the progress object which it would write next was removed again.
  for (int64_t id = 1; id <= 8; ++id) {
    source_.Put("a", Event(id));
    MustConsumeFiles();
  }
  const auto rows = tail.BeginEpoch({.record_bytes_max = 1 << 20,
                                     .ends_at = UtcMicros(INT64_MAX), .ends_when_idle = true});
  const auto committed = slept.WriteEpoch(*rows, [&] { return tail.EndEpoch(); });
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kConflict);
  EXPECT_THAT(Ids(), SizeIs(9));
  MustConsumeFiles();
  EXPECT_THAT(Ids(), SizeIs(9));
}

TEST_F(FilesSinkTest, ADeathAtAnyCallLosesNothingAndRepeatsNothing) {
  SetLogLevel(LogLevel::kOff);
  uint64_t deaths = 0;
  // Every third call: each step of an epoch has several, and epochs are several.
  for (uint64_t call = 0;; call += 3) {
    SCOPED_TRACE("dead from call " + std::to_string(call));
    TearDown();
    SetUp();
    source_.Clear();
    source_.set_run_max(2);
    const auto sent = PutEvents(1, 6);
    store::FaultPlan plan;
    plan.dead_from = call;
    store::FaultStore dying(*store_, plan);
    const lake::LakeContext context{dying,   *catalog_, clock_,
                                    random_, cancel_,   context_->warehouse};
    const Status ended = ConsumeFiles(context, 1);
    EXPECT_FALSE(HasRepeated());
    const auto recovered = ConsumeFiles(*context_);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_THAT(Ids(), ElementsAreArray(sent));
    if (ended) break;
    ++deaths;
  }
  EXPECT_GT(deaths, 15U);
}

TEST_F(FilesSinkTest, StoreAndCatalogFaultsAreGotOverInBothSinks) {
  SetLogLevel(LogLevel::kOff);
  uint64_t faults_count = 0;
  uint64_t unknowns_count = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TearDown();
    SetUp();
    source_.Clear();
    source_.set_run_max(7);
    const auto sent = PutEvents(seed, 80);
    store::FaultPlan plan;
    plan.random_one_in = 40;
    plan.seed = seed;
    store::FaultStore faulty(*store_, plan);
    // Answers 'unknown' before and after the swap among the faults.
    catalog::FaultCatalog moody(*catalog_, {.random_one_in = 6, .seed = seed, .is_dead = nullptr,
                                            .before_swap = nullptr});
    const lake::LakeContext context{faulty, moody, clock_, random_, cancel_, context_->warehouse};
    int runs = 0;
    for (bool is_done = false; !is_done;) {
      ASSERT_LT(++runs, 500);
      TableSink table(context, TableOptions());
      is_done = Consume(table, 300).has_value();
      is_done = ConsumeFiles(context, 300).has_value() && is_done;
      ASSERT_FALSE(HasRepeated());
    }
    MustConsumeFiles();
    TableSink table(*context_, TableOptions());
    ASSERT_TRUE(Consume(table));
    EXPECT_THAT(Ids(), ElementsAreArray(sent));
    EXPECT_THAT(TableIds(), ElementsAreArray(sent));
    std::set<std::string> kept;
    for (const std::string& row : MustRead(kQuarantineTable)) {
      EXPECT_TRUE(kept.insert(row.substr(0, row.find("|0|0|"))).second) << row;
    }
    faults_count += faulty.faults_count();
    for (const std::string& line : moody.FaultLog()) {
      unknowns_count += line.find("unknown") != std::string::npos ? 1U : 0U;
    }
  }
  EXPECT_GT(faults_count, 10U);
  EXPECT_GT(unknowns_count, 0U);
}

}  // namespace
}  // namespace daypart::ingest
