// SPDX-License-Identifier: Apache-2.0
//
// Kinesis as a source against a model of the service: iterators that end, throttling, lost answers,
// resharding, aggregates, and records that retention dropped.
#include "source/kinesis_source.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <condition_variable>

#include "source/kinesis_aggregate_for_test.h"
#include "source/kinesis_service_for_test.h"

namespace daypart::source {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kNow = 1'764'000'000'000'000;

/// A source whose calls are made one at a time, by a clock that stands still until it is moved.
struct Reading {
  FakeClock clock{UtcMicros(kNow)};
  KinesisServiceForTest service{clock};
  AnyKey key;
  Random random{7};
  CancelToken stop;
  std::unique_ptr<KinesisSource> source;
  std::string position = "TRIM_HORIZON";
  RecordRun last;

  Reading() { service.shards[kFirst]; }

  Status Open(bool skips_lost = false) {
    auto opened = KinesisSource::Open({service, key, clock, random},
                                      {.stream = "clicks",
                                       .region = "eu-west-1",
                                       .skips_lost = skips_lost,
                                       .threads_count = 0},
                                      stop);
    if (!opened) return std::move(opened).error();
    source = std::move(*opened);
    return List();
  }
  Status List() {
    auto listed = source->ListShards();
    return listed ? Ok() : Status(std::move(listed).error());
  }
  /// Up to the tip or the end, a look each quarter of a second.
  Result<std::vector<std::string>> ReadAll(const std::string& shard = kFirst, int looks = 40) {
    std::vector<std::string> data;
    for (int i = 0; i < looks; ++i) {
      DAYPART_TRY(last, source->Read(shard, position, {}));
      position = last.next_position;
      for (const Record& record : last.records) data.emplace_back(record.data);
      if (last.is_at_end) break;
      clock.Advance(std::chrono::milliseconds(250));
      DAYPART_RETURN_IF_ERROR(List());
      if (last.records.empty() && !source->has_unsettled()) break;
    }
    return data;
  }
};

TEST(KinesisSource, GoesOnWhereItWasLeftByAnotherSource) {
  Reading first;
  for (const char* data : {"one", "two", "three"}) first.service.Put(kFirst, data);
  first.service.page_records_max = 2;
  ASSERT_TRUE(first.Open());
  EXPECT_EQ(first.source->name(), "kinesis:arn:aws:kinesis:eu-west-1:1:stream/clicks");
  EXPECT_THAT(first.ReadAll().value(), ElementsAre("one", "two", "three"));
  EXPECT_EQ(first.last.behind_ms, 0);
  const std::string sequence = first.service.Put(kFirst, "four");
  ASSERT_TRUE(first.Open());
  EXPECT_THAT(first.ReadAll().value(), ElementsAre("four"));
  EXPECT_TRUE(first.position.starts_with(sequence + '@')) << first.position;
  EXPECT_THAT(first.ReadAll().value(), IsEmpty());
}

TEST(KinesisSource, AnExpiredIteratorIsReplacedAtTheSamePlace) {
  Reading reading;
  reading.service.Put(kFirst, "one");
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
  reading.service.Put(kFirst, "two");
  reading.clock.Advance(std::chrono::minutes(6));
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("two"));
  // Also when the service finds it expired before its time.
  reading.service.AnswerOnce("GetRecords",
                             KinesisServiceForTest::Refusal("ExpiredIteratorException"));
  reading.service.Put(kFirst, "three");
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("three"));
}

TEST(KinesisSource, ThrottlingAndLostAnswersCostTimeOnly) {
  Reading reading;
  reading.service.Put(kFirst, "one");
  for (int i = 0; i < 20; ++i) {
    reading.service.AnswerOnce(
        "GetRecords", KinesisServiceForTest::Refusal("ProvisionedThroughputExceededException"));
  }
  reading.service.AnswerOnce("GetShardIterator",
                             KinesisServiceForTest::Refusal("LimitExceededException"));
  reading.service.AnswerOnce("GetShardIterator", Unavailable("reset"));
  for (int i = 0; i < 5; ++i) reading.service.AnswerOnce("GetRecords", Unavailable("reset"));
  reading.service.AnswerOnce("GetRecords", KinesisServiceForTest::Refusal("InternalFailure", 500));
  ASSERT_TRUE(reading.Open());
  const UtcMicros start = reading.clock.Now();
  EXPECT_THAT(reading.ReadAll(kFirst, 1'000).value(), ElementsAre("one"));
  // 20 refusals with waits of 2.5 to 5 s in the end, without them 16 s in all: it did not hammer.
  EXPECT_GT(reading.clock.Now().value() - start.value(), 40'000'000);
  EXPECT_LT(reading.service.calls("GetRecords"), 35);
}

TEST(KinesisSource, TroubleThatDoesNotPassIsTold) {
  Reading reading;
  ASSERT_TRUE(reading.Open());
  for (int i = 0; i < 8; ++i) reading.service.AnswerOnce("GetRecords", Unavailable("reset"));
  const auto failed = reading.ReadAll(kFirst, 1'000);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  reading.service.AnswerOnce("GetRecords", KinesisServiceForTest::Refusal("AccessDeniedException"));
  const auto denied = reading.ReadAll(kFirst, 1'000);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(denied.error().message, HasSubstr("kinesis:GetRecords"));
  EXPECT_EQ(denied.error().message.find("hush"), std::string::npos);
  reading.service.Put(kFirst, "one");
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
}

TEST(KinesisSource, ChildrenAreListedAsSoonAsAShardEnds) {
  Reading reading;
  reading.service.Put(kFirst, "one");
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
  reading.service.Put(kFirst, "two");
  reading.service.Close(kFirst, {kSecond, kThird});
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("two"));
  EXPECT_TRUE(reading.last.is_at_end);
  EXPECT_TRUE(reading.source->has_unsettled());
  const auto shards = reading.source->ListShards().value();
  ASSERT_EQ(shards.size(), 3U);
  EXPECT_TRUE(shards[0].is_closed);
  EXPECT_THAT(shards[2].parent_ids, ElementsAre(kFirst));
}

TEST(KinesisSource, AClosedShardWithNothingMoreIsAtItsEndThoughTheServiceDoesNotSaySo) {
  Reading reading;
  reading.service.shards[kFirst].tells_end = false;
  reading.service.Put(kFirst, "one");
  reading.service.Close(kFirst, {kSecond});
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
  EXPECT_TRUE(reading.last.is_at_end);
}

TEST(KinesisSource, AggregatesComeApartAndAreGoneIntoInTheMiddle) {
  Reading reading;
  reading.service.Put(kFirst, "plain");
  const std::string sequence =
      reading.service.Put(kFirst, AggregateOf({{"a", "one"}, {"b", "two"}, {"a", "three"}}));
  reading.service.Put(kFirst, AggregateOf({}));
  ASSERT_TRUE(reading.Open());
  const RecordRun run = reading.source->Read(kFirst, "TRIM_HORIZON", {}).value();
  ASSERT_EQ(run.records.size(), 4U);
  EXPECT_EQ(run.records[2].data, "two");
  EXPECT_EQ(run.records[2].partition_key, "b");
  EXPECT_EQ(run.records[2].position, sequence + ":1");
  reading.position = sequence + ":1@" + std::to_string(kNow / 1000);
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("three"));
  // An aggregate of nothing is behind it as well.
  EXPECT_GT(reading.source->ComparePositions(reading.position, sequence), 0);
}

TEST(KinesisSource, RecordsThatRetentionDroppedAreToldAndNeverPassedOver) {
  Reading reading;
  const std::string one = reading.service.Put(kFirst, "one");
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
  const std::string before = reading.position;
  reading.service.Put(kFirst, "two");
  reading.clock.Advance(std::chrono::hours(30));
  reading.service.Put(kFirst, "three");
  ASSERT_TRUE(reading.Open());
  const auto lost = reading.ReadAll();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(lost.error().message, HasSubstr("keeps 24 hours"));
  EXPECT_THAT(lost.error().message, HasSubstr("lost_records"));
  reading.position = before;
  ASSERT_TRUE(reading.Open(true));
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("three"));
}

TEST(KinesisSource, AShardThatRetentionEmptiedWhileNobodyReadIsTold) {
  Reading reading;
  reading.service.Put(kFirst, "one");
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
  reading.service.Put(kFirst, "two");
  reading.clock.Advance(std::chrono::hours(30));
  ASSERT_TRUE(reading.Open());
  const auto lost = reading.ReadAll();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kResourceExhausted);
}

TEST(KinesisSource, AnOldRecordThatIsStillThereProvesThatNothingWasLost) {
  Reading reading;
  const std::string one = reading.service.Put(kFirst, "one");
  reading.service.Put(kFirst, "two");
  reading.clock.Advance(std::chrono::hours(24) - std::chrono::minutes(5));
  reading.service.page_records_max = 1;
  ASSERT_TRUE(reading.Open());
  for (const std::string& position : {one, one + '@' + std::to_string(kNow / 1000)}) {
    reading.position = position;
    EXPECT_THAT(reading.ReadAll().value(), ElementsAre("two"));
  }
}

TEST(KinesisSource, AShardThatWasQuietForDaysWhileItWasReadIsNoLoss) {
  Reading reading;
  reading.service.Put(kFirst, "one");
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("one"));
  std::string kept = reading.position;
  for (int hour = 0; hour < 60; ++hour) {
    reading.clock.Advance(std::chrono::hours(1));
    ASSERT_TRUE(reading.ReadAll());
    if (reading.last.is_news) kept = reading.last.next_position;
    reading.position = kept;
  }
  reading.service.Put(kFirst, "two");
  reading.clock.Advance(std::chrono::hours(1));
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.ReadAll().value(), ElementsAre("two"));
  EXPECT_TRUE(reading.source->CheckGone(kSecond, reading.position));
  EXPECT_EQ(reading.source->CheckGone(kSecond, "17@1000").error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(reading.source->CheckGone(kSecond, "TRIM_HORIZON"));
}

TEST(KinesisSource, ManyRecordsComeInRunsAndOnceEachForTwoReaders) {
  Reading reading;
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 10; ++i) reading.service.Put(kFirst, std::to_string(i) + megabyte);
  ASSERT_TRUE(reading.Open());
  std::string other = "TRIM_HORIZON";
  std::string seen;
  std::string seen_by_other;
  for (int i = 0; i < 8; ++i) {
    const RecordRun run = reading.source->Read(kFirst, reading.position, {}).value();
    EXPECT_LE(run.records.size(), 5U);
    for (const Record& record : run.records) seen += record.data[0];
    reading.position = run.next_position;
    if (i % 2 == 0) {
      const RecordRun again = reading.source->Read(kFirst, other, {}).value();
      for (const Record& record : again.records) seen_by_other += record.data[0];
      other = again.next_position;
    }
    reading.clock.Advance(std::chrono::milliseconds(250));
  }
  EXPECT_EQ(seen, "0123456789");
  EXPECT_EQ(seen_by_other, "0123456789");
  EXPECT_EQ(reading.service.calls("GetShardIterator"), 1);
}

TEST(KinesisSource, WhatIsNotThereOrNotOursIsRefused) {
  Reading reading;
  ASSERT_TRUE(reading.Open());
  EXPECT_EQ(reading.source->Read(kThird, "1", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(reading.source->Read(kFirst, "0-0:0", {}).error().code, ErrorCode::kInvalidArgument);
  reading.service.AnswerOnce("DescribeStreamSummary",
                             KinesisServiceForTest::Refusal("ResourceNotFoundException"));
  EXPECT_EQ(reading.Open().error().code, ErrorCode::kNotFound);
  const auto of_s3 =
      KinesisSource::Open({reading.service, reading.key, reading.clock, reading.random},
                          {.stream = "arn:aws:s3:eu-west-1:1:bucket"}, reading.stop);
  ASSERT_FALSE(of_s3);
  EXPECT_THAT(of_s3.error().message, HasSubstr("stream/NAME is expected"));
}

TEST(KinesisSource, AShardThatIsHungHoldsUpNoOther) {
  SystemClock clock;
  KinesisServiceForTest service(clock);
  AnyKey key;
  Random random(7);
  CancelToken stop;
  std::mutex mutex;
  std::condition_variable released;
  bool is_released = false;
  service.shards[kFirst];
  service.Put(kSecond, "one");
  service.on_call = [&](const std::string& action, const nlohmann::json& body) {
    if (action != "GetRecords" || !body["ShardIterator"].get<std::string>().starts_with(kFirst)) {
      return;
    }
    std::unique_lock lock(mutex);
    released.wait(lock, [&] { return is_released; });
  };
  auto source = KinesisSource::Open({service, key, clock, random},
                                    {.stream = "clicks", .region = "r", .threads_count = 2}, stop);
  ASSERT_TRUE(source);
  ASSERT_TRUE((*source)->ListShards());
  std::string data;
  for (int i = 0; i < 2'000 && data.empty(); ++i) {
    EXPECT_TRUE((*source)->Read(kFirst, "TRIM_HORIZON", {})->records.empty());
    const RecordRun run = (*source)->Read(kSecond, "TRIM_HORIZON", {.wait_ms = 5}).value();
    for (const Record& record : run.records) data += record.data;
  }
  EXPECT_EQ(data, "one");
  EXPECT_TRUE((*source)->has_unsettled());
  {
    const std::lock_guard lock(mutex);
    is_released = true;
  }
  released.notify_all();
}

}  // namespace
}  // namespace daypart::source
