// SPDX-License-Identifier: Apache-2.0
//
// Records against a stream that refuses by chance: all arrive, of each key in order.
#include "ingest/producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "ingest/kinesis_call.h"

namespace daypart::ingest {
namespace {

using testing::ElementsAre;

std::deque<OutgoingRecord> QueueOf(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::deque<OutgoingRecord> queue;
  for (const auto& [key, data] : pairs) queue.push_back({.data = data, .key = key});
  return queue;
}

template <typename Records>
std::vector<std::string> DataOf(const Records& records) {
  std::vector<std::string> data;
  for (const auto& record : records) data.push_back(record.data);
  return data;
}

TEST(TakeCall, HasAKeyOnceAndKeepsTheOthersInOrder) {
  auto queue = QueueOf({{"a", "a1"}, {"a", "a2"}, {"b", "b1"}, {"a", "a3"}, {"c", "c1"}});
  EXPECT_THAT(DataOf(TakeCall(queue, 500, 1000)), ElementsAre("a1", "b1", "c1"));
  EXPECT_THAT(DataOf(queue), ElementsAre("a2", "a3"));
  EXPECT_THAT(DataOf(TakeCall(queue, 500, 1000)), ElementsAre("a2"));
}

TEST(TakeCall, KeepsToRecordsAndBytes) {
  auto queue = QueueOf({{"a", "1234"}, {"b", "1234"}, {"c", "1234"}, {"d", "1"}});
  EXPECT_THAT(DataOf(TakeCall(queue, 2, 1000)), ElementsAre("1234", "1234"));
  EXPECT_THAT(DataOf(TakeCall(queue, 2, 1)), ElementsAre("1234")) << "one always goes";
}

/// A stream that refuses records and loses calls and answers by chance.
class MoodyStream {
 public:
  explicit MoodyStream(uint64_t seed) : random_(seed) {}

  Result<std::vector<std::string>> Send(std::span<const OutgoingRecord> records) {
    const std::lock_guard lock(mutex_);
    const uint64_t mood = random_.Next() % 10;
    if (mood == 0) return Unavailable("reset");
    std::vector<std::string> outcomes;
    for (const OutgoingRecord& record : records) {
      const bool is_refused = random_.Next() % 5 == 0;
      outcomes.push_back(is_refused ? "ProvisionedThroughputExceededException" : "");
      if (!is_refused) arrived_[record.key].push_back(record.data);
    }
    if (mood == 1) return Unavailable("the answer was lost");
    return outcomes;
  }
  std::map<std::string, std::vector<std::string>> arrived_;

 private:
  std::mutex mutex_;
  Random random_;
};

TEST(Producer, LosesNothingAndKeepsTheOrderOfEachKey) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    MoodyStream stream(seed);
    FakeClock clock(UtcMicros(0));
    Random random(seed);
    Producer producer([&](auto records) { return stream.Send(records); }, clock, random,
                      {.call_records_max = 50, .linger = std::chrono::milliseconds(0)});
    for (int i = 0; i < 5000; ++i) {
      const std::string key = "k" + std::to_string(random.Next() % 40);
      char number[8];
      std::snprintf(number, sizeof(number), "%05d", i);
      ASSERT_TRUE(producer.Add(number, key));
    }
    const Status finished = producer.Finish();
    ASSERT_TRUE(finished) << finished.error().message;
    EXPECT_EQ(producer.counters().acknowledged, 5000);
    EXPECT_GT(producer.counters().sent_again, 0);
    size_t distinct = 0;
    for (auto& [key, data] : stream.arrived_) {
      // What came again after a lost answer came before anything newer of its key.
      EXPECT_TRUE(std::is_sorted(data.begin(), data.end())) << key;
      data.erase(std::unique(data.begin(), data.end()), data.end());
      distinct += data.size();
    }
    EXPECT_EQ(distinct, 5000U);
  }
}

TEST(Producer, GivesUpOnWhatIsWrongAndOnEndlessRefusal) {
  FakeClock clock(UtcMicros(0));
  Random random(1);
  Producer wrong([](auto) { return Result<std::vector<std::string>>(NotFound("no stream")); },
                 clock, random, {});
  ASSERT_TRUE(wrong.Add("x", "k"));
  EXPECT_EQ(wrong.Finish().error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(wrong.Add("y", "k"));
  Producer refused(
      [](auto records) {
        return Result<std::vector<std::string>>(
            std::vector<std::string>(records.size(), "InternalFailure"));
      },
      clock, random, {.refusals_max = 3});
  ASSERT_TRUE(refused.Add("x", "k"));
  EXPECT_EQ(refused.Finish().error().code, ErrorCode::kUnavailable);
}

TEST(Producer, NamesWhatFailsAtOnceAndGivesUpInTime) {
  FakeClock clock(UtcMicros(0));
  Random random(1);
  int told = 0;
  Producer producer(
      [](auto) { return Result<std::vector<std::string>>(Unavailable("connection refused")); },
      clock, random,
      {.workers_count = 2, .on_outage = [&](const Error& error) {
         ++told;
         EXPECT_EQ(error.message, "connection refused");
         EXPECT_LT(clock.Now().value(), 1'000'000);
       }});
  ASSERT_TRUE(producer.Add("x", "k"));
  const Status finished = producer.Finish();
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, testing::HasSubstr("connection refused"));
  EXPECT_THAT(finished.error().message, testing::HasSubstr("1 record is not acknowledged"));
  EXPECT_EQ(told, 1);
  EXPECT_LT(clock.Now().value(), 30'000'000);
}

TEST(Producer, AStopEndsWaitingForAServerButNotSendingToOne) {
  FakeClock clock(UtcMicros(0));
  Random random(1);
  CancelToken stop;
  stop.Cancel();
  Producer down([](auto) { return Result<std::vector<std::string>>(Unavailable("refused")); },
                clock, random, {.stop = &stop});
  ASSERT_TRUE(down.Add("x", "k"));
  EXPECT_EQ(down.Finish().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(down.counters().calls, 1);
  Producer up(
      [](auto records) {
        return Result<std::vector<std::string>>(std::vector<std::string>(records.size()));
      },
      clock, random, {.stop = &stop});
  ASSERT_TRUE(up.Add("x", "k"));
  EXPECT_TRUE(up.Finish());
  EXPECT_EQ(up.counters().acknowledged, 1);
}

TEST(Producer, AStopAbandonsACallThatNobodyAnswers) {
  SystemClock clock;
  Random random(1);
  CancelToken stop;
  CancelToken abandon;
  stop.Cancel();
  Producer producer(
      [&](auto) -> Result<std::vector<std::string>> {
        while (!abandon.is_cancelled()) clock.Sleep(std::chrono::milliseconds(1));
        return Cancelled("abandoned");
      },
      clock, random,
      {.stop = &stop, .abandon = &abandon, .stuck_max = std::chrono::milliseconds(100)});
  ASSERT_TRUE(producer.Add("x", "k"));
  EXPECT_EQ(producer.Finish().error().code, ErrorCode::kCancelled);
}

TEST(PartitionKeyOf, IsTheFieldsValueOrTheLinesHash) {
  EXPECT_EQ(PartitionKeyOf(R"({"viewer_id": 12, "x": "y"})", "viewer_id"), "12");
  EXPECT_EQ(PartitionKeyOf(R"({"viewer_id": "ä"})", "viewer_id"), "ä");
  const std::string hash = PartitionKeyOf("no json", "viewer_id");
  EXPECT_FALSE(hash.empty());
  EXPECT_EQ(PartitionKeyOf("no json", "viewer_id"), hash);
  EXPECT_NE(PartitionKeyOf("no json!", "viewer_id"), hash);
  EXPECT_NE(PartitionKeyOf(R"({"viewer_id": null})", "viewer_id"), "null");
}

}  // namespace
}  // namespace daypart::ingest
