// SPDX-License-Identifier: Apache-2.0
//
// Enhanced fan-out against a model of the service: events cut anywhere, damaged or torn, errors in
// the middle of a subscription, resharding, readers at several places, a reader that does not come.
#include "source/kinesis_fan_out.h"

#include <gmock/gmock.h>

#include "source/kinesis_service_for_test.h"
#include "source/kinesis_source.h"
#include "source/limits.h"

namespace daypart::source {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Script = KinesisServiceForTest::Script;

/// One reader of a source with a subscription; the service's threads are real, so is the clock.
struct FannedOut {
  SystemClock clock;
  KinesisServiceForTest service{clock};
  AnyKey key;
  Random random{7};
  CancelToken stop;
  std::unique_ptr<KinesisSource> source;
  std::string position = "TRIM_HORIZON";
  std::string sequence;  // of what was put last
  RecordRun last;

  FannedOut() { service.shards[kFirst]; }

  Status Open() {
    auto opened = KinesisSource::Open({service, key, clock, random},
                                      {.stream = "clicks",
                                       .region = "eu-west-1",
                                       .fan_out = "daypart",
                                       .threads_count = 2},
                                      stop);
    if (!opened) return std::move(opened).error();
    source = std::move(*opened);
    auto listed = source->ListShards();
    return listed ? Ok() : Status(std::move(listed).error());
  }
  void Put(int from, int to, const std::string& shard = kFirst) {
    for (int i = from; i < to; ++i) sequence = service.Put(shard, std::to_string(i));
  }
  /// One look at a place.
  Result<std::vector<std::string>> Look(std::string& at, const std::string& shard = kFirst) {
    DAYPART_TRY(last, source->Read(shard, at, {.wait_ms = 5}));
    at = last.next_position;
    std::vector<std::string> data;
    for (const Record& record : last.records) data.emplace_back(record.data);
    return data;
  }
  /// Until this many came or the shard ended, 20 s at most.
  Result<std::vector<std::string>> Read(size_t count, const std::string& shard = kFirst) {
    std::vector<std::string> data;
    for (int i = 0; i < 4'000 && data.size() < count && !last.is_at_end; ++i) {
      DAYPART_TRY(const auto more, Look(position, shard));
      data.insert(data.end(), more.begin(), more.end());
    }
    return data;
  }
};

std::vector<std::string> Numbers(int from, int to) {
  std::vector<std::string> numbers;
  for (int i = from; i < to; ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

TEST(KinesisFanOut, RegistersItsConsumerOnceAndReadsWithoutGetRecords) {
  FannedOut reading;
  reading.Put(0, 3);
  ASSERT_TRUE(reading.Open());
  EXPECT_EQ(reading.Read(3).value(), Numbers(0, 3));
  reading.Put(3, 5);
  EXPECT_EQ(reading.Read(2).value(), Numbers(3, 5));
  EXPECT_TRUE(reading.position.starts_with(reading.sequence + '@')) << reading.position;
  // Another start finds the consumer that was left, and goes on behind the position.
  ASSERT_TRUE(reading.Open());
  reading.Put(5, 7);
  EXPECT_EQ(reading.Read(2).value(), Numbers(5, 7));
  EXPECT_EQ(reading.service.calls("RegisterStreamConsumer"), 1);
  EXPECT_EQ(reading.service.calls("GetRecords"), 0);
  EXPECT_EQ(reading.service.Starts()[0]["Type"], "TRIM_HORIZON");
  EXPECT_EQ(reading.service.Starts()[1]["Type"], "AFTER_SEQUENCE_NUMBER");
}

TEST(KinesisFanOut, AConsumerThatCannotBeHadIsTold) {
  FannedOut reading;
  reading.service.AnswerOnce("RegisterStreamConsumer",
                             KinesisServiceForTest::Refusal("AccessDeniedException"));
  const Status denied = reading.Open();
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(denied.error().message, HasSubstr("kinesis:RegisterStreamConsumer daypart"));
  // Another process registers it between our two calls.
  reading.service.consumers["daypart"] = "ACTIVE";
  reading.service.AnswerOnce("DescribeStreamConsumer",
                             KinesisServiceForTest::Refusal("ResourceNotFoundException"));
  EXPECT_TRUE(reading.Open());
}

TEST(KinesisFanOut, EventsAreReadWhereverTheirBytesAreCut) {
  for (const size_t part_bytes : {1, 2, 3, 7, 11, 12, 13, 64, 1000}) {
    FannedOut reading;
    reading.service.consumers["daypart"] = "ACTIVE";
    reading.service.page_records_max = 2;
    reading.service.scripts.push_back({.part_bytes = part_bytes});
    reading.Put(0, 9);
    ASSERT_TRUE(reading.Open());
    EXPECT_EQ(reading.Read(9).value(), Numbers(0, 9)) << part_bytes;
  }
}

TEST(KinesisFanOut, GoesOnBehindTheLastEventWhateverEndsASubscription) {
  FannedOut reading;
  reading.service.page_records_max = 2;
  for (Script script : {Script{}, Script{.is_torn = true}, Script{.is_damaged = true},
                        Script{.is_reset = true}, Script{.exception = "InternalFailureException"},
                        Script{.exception = "KMSThrottlingException"},
                        Script{.exception = "ResourceInUseException"}}) {
    script.events_max = 2;
    reading.service.scripts.push_back(script);
  }
  reading.service.AnswerOnce("SubscribeToShard",
                             KinesisServiceForTest::Refusal("ResourceInUseException"));
  reading.service.AnswerOnce("SubscribeToShard",
                             KinesisServiceForTest::Refusal("LimitExceededException"));
  reading.service.AnswerOnce("SubscribeToShard", Unavailable("reset"));
  reading.service.AnswerOnce("SubscribeToShard",
                             KinesisServiceForTest::Refusal("InternalFailure", 500));
  reading.Put(0, 40);
  ASSERT_TRUE(reading.Open());
  EXPECT_EQ(reading.Read(40).value(), Numbers(0, 40));
  EXPECT_EQ(reading.service.Starts().size(), 8U);
  const std::string third = reading.service.shards[kFirst].records[3].sequence;
  EXPECT_EQ(reading.service.Starts()[1]["SequenceNumber"], third);
  EXPECT_EQ(reading.service.calls("GetRecords"), 0);
}

TEST(KinesisFanOut, AContinuationThatIsNotTakenIsReplacedByTheLastRecord) {
  FannedOut reading;
  ASSERT_TRUE(reading.Open());
  reading.service.scripts.push_back({.events_max = 1});
  // An event without a record ends the first; "17", its continuation, is refused.
  reading.service.on_call = [&](const std::string& action, const nlohmann::json& body) {
    const std::string sequence =
        action == "SubscribeToShard" ? body["StartingPosition"].value("SequenceNumber", "") : "";
    if (sequence == "17") {
      reading.service.AnswerOnce("SubscribeToShard",
                                 KinesisServiceForTest::Refusal("InvalidArgumentException"));
    }
  };
  EXPECT_THAT(reading.Look(reading.position).value(), IsEmpty());
  reading.Put(0, 2);
  EXPECT_EQ(reading.Read(2).value(), Numbers(0, 2));
  EXPECT_EQ(reading.service.Starts().back()["Type"], "TRIM_HORIZON");
}

TEST(KinesisFanOut, WhatDoesNotPassIsTold) {
  FannedOut reading;
  reading.service.AnswerOnce("SubscribeToShard",
                             KinesisServiceForTest::Refusal("AccessDeniedException"));
  ASSERT_TRUE(reading.Open());
  const auto denied = reading.Read(1);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(denied.error().message, HasSubstr("kinesis:SubscribeToShard"));
  EXPECT_EQ(denied.error().message.find("hush"), std::string::npos);
  reading.service.scripts.push_back({.events_max = 1, .exception = "KMSAccessDeniedException"});
  const auto sealed = reading.Read(1);
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, ErrorCode::kPermissionDenied);
  reading.service.AnswerOnce("SubscribeToShard",
                             KinesisServiceForTest::Refusal("ResourceNotFoundException"));
  const auto gone = reading.Read(1);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(gone.error().message, HasSubstr("registers it again"));
  reading.Put(0, 1);
  EXPECT_EQ(reading.Read(1).value(), Numbers(0, 1));
}

TEST(KinesisFanOut, AShardIsReadToItsEndAndItsChildrenAreListed) {
  FannedOut reading;
  reading.Put(0, 2);
  ASSERT_TRUE(reading.Open());
  EXPECT_EQ(reading.Read(2).value(), Numbers(0, 2));
  reading.Put(2, 4);
  reading.service.Close(kFirst, {kSecond, kThird});
  reading.Put(4, 6, kThird);
  EXPECT_EQ(reading.Read(100).value(), Numbers(2, 4));
  EXPECT_TRUE(reading.last.is_at_end);
  const auto shards = reading.source->ListShards().value();
  ASSERT_EQ(shards.size(), 3U);
  EXPECT_THAT(shards[2].parent_ids, ElementsAre(kFirst));
  reading.position = "TRIM_HORIZON";
  reading.last = {};
  EXPECT_EQ(reading.Read(2, kThird).value(), Numbers(4, 6));
}

TEST(KinesisFanOut, AnotherReaderComesToTheSubscriptionByGetRecords) {
  FannedOut reading;
  reading.service.page_records_max = 7;
  reading.Put(0, 50);
  ASSERT_TRUE(reading.Open());
  EXPECT_EQ(reading.Read(50).value(), Numbers(0, 50));
  std::string other = reading.service.shards[kFirst].records[9].sequence;
  std::vector<std::string> seen;
  std::vector<std::string> seen_by_other;
  for (int i = 50; i < 150; ++i) {
    reading.Put(i, i + 1);
    const auto more = reading.Look(reading.position).value();
    seen.insert(seen.end(), more.begin(), more.end());
    const auto again = reading.Look(other).value();
    seen_by_other.insert(seen_by_other.end(), again.begin(), again.end());
  }
  const int64_t calls = reading.service.calls("GetRecords");
  for (int i = 0; i < 4'000 && seen_by_other.size() < 140; ++i) {
    const auto again = reading.Look(other).value();
    seen_by_other.insert(seen_by_other.end(), again.begin(), again.end());
  }
  EXPECT_EQ(seen_by_other, Numbers(10, 150));
  const auto rest = reading.Read(100 - seen.size()).value();
  seen.insert(seen.end(), rest.begin(), rest.end());
  EXPECT_EQ(seen, Numbers(50, 150));
  // It has caught up long before: both wait for the subscription by now.
  EXPECT_GT(calls, 0);
  reading.Put(150, 160);
  reading.position = other;
  const int64_t before = reading.service.calls("GetRecords");
  EXPECT_EQ(reading.Read(10).value(), Numbers(150, 160));
  EXPECT_EQ(reading.service.calls("GetRecords"), before);
  EXPECT_EQ(reading.service.Starts().size(), 1U);
}

TEST(KinesisFanOut, AReaderThatDoesNotComeHoldsTheSubscriptionUp) {
  FannedOut reading;
  reading.service.page_records_max = 1;
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.Look(reading.position).value(), IsEmpty());
  reading.Put(0, 300);
  for (int i = 0; i < 20'000 && reading.service.events() < kKinesisEventsAheadMax; ++i) {
    reading.clock.Sleep(std::chrono::milliseconds(1));
  }
  std::vector<std::string> data;
  int64_t ahead_max = 0;
  for (int i = 0; i < 20'000 && data.size() < 300; ++i) {
    ahead_max = std::max(ahead_max, reading.service.events() - static_cast<int64_t>(data.size()));
    const auto more = reading.Look(reading.position).value();
    data.insert(data.end(), more.begin(), more.end());
  }
  EXPECT_EQ(data, Numbers(0, 300));
  // One more is with the client, and one was without a record.
  EXPECT_LE(ahead_max, kKinesisEventsAheadMax + 2);
  EXPECT_EQ(reading.service.calls("GetRecords"), 0);
  EXPECT_EQ(reading.service.Starts().size(), 1U);
}

TEST(KinesisFanOut, WhatTheCacheDroppedIsReadAgainByGetRecords) {
  FannedOut reading;
  reading.service.page_records_max = 1;
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 50; ++i) reading.service.Put(kFirst, std::to_string(i) + megabyte);
  ASSERT_TRUE(reading.Open());
  EXPECT_EQ(reading.Read(50).value().size(), 50U);
  EXPECT_EQ(reading.service.calls("GetRecords"), 0);
  reading.position = reading.service.shards[kFirst].records[1].sequence;
  const auto again = reading.Read(5);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 5U);
  for (int i = 2; i < 7; ++i) {
    EXPECT_TRUE((*again)[static_cast<size_t>(i - 2)].starts_with(std::to_string(i) + 'x')) << i;
  }
  EXPECT_GT(reading.service.calls("GetRecords"), 0);
}

TEST(KinesisFanOut, APlaceWhoseRecordMayBeGoneIsProvenFirst) {
  FannedOut reading;
  reading.Put(0, 1);
  const std::string first = reading.sequence;
  reading.Put(1, 3);
  ASSERT_TRUE(reading.Open());
  reading.position = first + "@1000";  // nothing is known since 1970
  EXPECT_EQ(reading.Read(2).value(), Numbers(1, 3));
  EXPECT_EQ(reading.service.calls("GetRecords"), 1);
  reading.Put(3, 4);
  EXPECT_EQ(reading.Read(1).value(), Numbers(3, 4));
  EXPECT_EQ(reading.service.Starts().size(), 1U);
  reading.position = "17@1000";
  const auto lost = reading.Read(1);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kResourceExhausted);
}

TEST(KinesisFanOut, ASourceThatIsClosedEndsItsSubscriptions) {
  FannedOut reading;
  ASSERT_TRUE(reading.Open());
  EXPECT_THAT(reading.Look(reading.position).value(), IsEmpty());
  reading.Put(0, 1);
  EXPECT_EQ(reading.Read(1).value(), Numbers(0, 1));
  EXPECT_EQ(reading.service.Running(kFirst), 1);
  reading.source.reset();
  EXPECT_EQ(reading.service.Running(kFirst), 0);
}

TEST(KinesisFanOut, KnowsAConsumersName) {
  EXPECT_TRUE(is_consumer_name("daypart-2_a.b"));
  EXPECT_FALSE(is_consumer_name(""));
  EXPECT_FALSE(is_consumer_name("a b"));
  EXPECT_FALSE(is_consumer_name(std::string(129, 'a')));
}

}  // namespace
}  // namespace daypart::source
