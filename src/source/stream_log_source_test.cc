// SPDX-License-Identifier: Apache-2.0
//
// The local log as a source: positions, ends of closed shards, records that retention dropped.
#include "source/stream_log_source.h"

#include <gmock/gmock.h>

#include "streamlog/stream_log_for_test.h"

namespace daypart::source {
namespace {

using streamlog::ShardNumber;
using streamlog::StreamLogForTest;
using testing::ElementsAre;

std::vector<std::string> DataOf(const RecordRun& run) {
  std::vector<std::string> data;
  for (const Record& record : run.records) data.emplace_back(record.data);
  return data;
}

TEST(StreamLogSource, GoesOnWhereTheLastRunEnded) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  for (const char* data : {"one", "two", "three"}) ASSERT_TRUE(test.Put(data, "viewer"));
  const auto source = OpenStreamLogSource(test.folder.Path("streams"), "clicks").value();
  EXPECT_EQ(source->name(), "log:clicks");
  const auto shards = source->ListShards().value();
  ASSERT_EQ(shards.size(), 1U);
  const std::string start = source->PositionOf(shards[0].id, StartPosition::kOldest).value();
  const auto first = source->Read(shards[0].id, start, {.records_max = 2}).value();
  EXPECT_THAT(DataOf(first), ElementsAre("one", "two"));
  EXPECT_EQ(first.records[0].partition_key, "viewer");
  EXPECT_EQ(first.records[0].position, start);
  EXPECT_LT(source->ComparePositions(first.records[0].position, first.records[1].position), 0);
  EXPECT_EQ(first.behind_count, 1);
  const auto second = source->Read(shards[0].id, first.next_position, {}).value();
  EXPECT_THAT(DataOf(second), ElementsAre("three"));
  EXPECT_EQ(second.next_position,
            source->PositionOf(shards[0].id, StartPosition::kNewest).value());
  EXPECT_FALSE(source->Read(shards[0].id, second.next_position, {}).value().is_at_end);
}

TEST(StreamLogSource, ClosedShardsEndAndNameTheirChildren) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  ASSERT_TRUE(test.Put("one"));
  const auto source = OpenStreamLogSource(test.folder.Path("streams"), "clicks").value();
  const std::string first = source->ListShards().value()[0].id;
  const std::string start = source->PositionOf(first, StartPosition::kOldest).value();
  ASSERT_TRUE(test.log->Split("clicks", ShardNumber(0), streamlog::EvenRange(1, 2).first));
  const auto shards = source->ListShards().value();
  ASSERT_EQ(shards.size(), 3U);
  EXPECT_TRUE(shards[0].is_closed);
  EXPECT_THAT(shards[1].parent_ids, ElementsAre(first));
  auto run = source->Read(first, start, {}).value();
  EXPECT_THAT(DataOf(run), ElementsAre("one"));
  if (!run.is_at_end) run = source->Read(first, run.next_position, {.wait_ms = 60'000}).value();
  EXPECT_TRUE(run.is_at_end);
}

TEST(StreamLogSource, DroppedRecordsAreToldOf) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  const auto source = OpenStreamLogSource(test.folder.Path("streams"), "clicks").value();
  const std::string shard = source->ListShards().value()[0].id;
  const std::string start = source->PositionOf(shard, StartPosition::kOldest).value();
  ASSERT_TRUE(test.Put("one"));
  test.clock.Advance(std::chrono::hours(30));
  ASSERT_TRUE(test.log->ApplyRetention());
  ASSERT_TRUE(test.Put("two"));
  const auto lost = source->Read(shard, start, {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(lost.error().message, testing::HasSubstr(": 1 were dropped"));
  const auto oldest = source->PositionOf(shard, StartPosition::kOldest).value();
  EXPECT_THAT(DataOf(source->Read(shard, oldest, {}).value()), ElementsAre("two"));
}

TEST(StreamLogSource, WrongNamesAndPositionsAreRefused) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 2));
  const std::string folder = test.folder.Path("streams");
  EXPECT_EQ(OpenStreamLogSource(folder, "nothing").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(OpenStreamLogSource(folder, "../streams/clicks"));
  const auto source = OpenStreamLogSource(folder, "clicks").value();
  EXPECT_EQ(source->Read("shardId-000000000009", "1", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(source->Read("shardId-000000000000", "17", {}).error().code,
            ErrorCode::kInvalidArgument);
  const auto other = source->PositionOf("shardId-000000000001", StartPosition::kOldest).value();
  EXPECT_EQ(source->Read("shardId-000000000000", other, {}).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace daypart::source
