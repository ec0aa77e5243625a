// SPDX-License-Identifier: Apache-2.0
//
// Streams: who may write, routing, resharding, and crashes of the machine at random moments.
#include "streamlog/stream_log.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "streamlog/stream_log_for_test.h"

namespace daypart::streamlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(StreamLog, OneProcessWrites) {
  StreamLogForTest test;
  StreamLogOptions options;
  options.folder = test.folder.Path("streams");
  options.disk = &test.disk;
  options.clock = &test.clock;
  options.random = &test.random;
  const auto second = StreamLog::Open(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST(StreamLog, StreamsAreMadeAndDeletedForGood) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 2));
  EXPECT_EQ(test.log->CreateStream("clicks", 2).error().code, ErrorCode::kAlreadyExists);
  EXPECT_FALSE(test.log->CreateStream("../x", 1));
  EXPECT_FALSE(test.log->CreateStream("many", 100'000));
  ASSERT_TRUE(test.Put("one"));
  const auto old_reader = test.log->Reader("clicks").value();
  ASSERT_TRUE(test.log->DeleteStream("clicks"));
  EXPECT_EQ(test.Put("two").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  ASSERT_TRUE(test.Open());
  EXPECT_THAT(test.log->ListStreams(), ElementsAre("clicks"));
  EXPECT_TRUE(test.ReadAll().empty());
  EXPECT_EQ(old_reader->State().error().code, ErrorCode::kNotFound) << "it was another stream";
}

TEST(StreamLog, RecordsGoWhereTheirHashKeyBelongs) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 3));
  const auto state = test.log->Describe("clicks").value();
  for (int i = 0; i < 60; ++i) {
    const std::string key = "viewer-" + std::to_string(i);
    const auto sequence = test.Put(key, key);
    ASSERT_TRUE(sequence);
    EXPECT_TRUE(state.Find(sequence->shard)->range.Contains(HashKeyOf(key)));
  }
  size_t total = 0;
  for (uint32_t shard = 0; shard < 3; ++shard) {
    const auto records = test.ReadAll(ShardNumber(shard));
    EXPECT_FALSE(records.empty());
    total += records.size();
  }
  EXPECT_EQ(total, 60U);
}

TEST(StreamLog, SplitAndMergeKeepEachRecordAndTheOrderOfNumbers) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  const auto first = test.Put("before").value();
  ASSERT_TRUE(test.log->Split("clicks", ShardNumber(0), EvenRange(1, 2).first));
  const auto second = test.Put("between").value();
  EXPECT_NE(second.shard, ShardNumber(0));
  ASSERT_TRUE(test.log->Merge("clicks", ShardNumber(1), ShardNumber(2)));
  ASSERT_TRUE(test.Open());
  const auto third = test.Put("after").value();
  EXPECT_EQ(third.shard, ShardNumber(3));
  EXPECT_LT(CompareDecimals(ToDecimal(first), ToDecimal(second)), 0);
  EXPECT_LT(CompareDecimals(ToDecimal(second), ToDecimal(third)), 0);
  EXPECT_THAT(test.ReadAll(ShardNumber(0)), ElementsAre("before"));
  EXPECT_THAT(test.ReadAll(second.shard), ElementsAre("between"));
  EXPECT_THAT(test.ReadAll(ShardNumber(3)), ElementsAre("after"));
  const auto state = test.log->Describe("clicks").value();
  EXPECT_EQ(*state.Find(ShardNumber(0))->closed_end, RecordIndex(2));
  EXPECT_EQ(state.Find(ShardNumber(3))->parent, ShardNumber(1));
  EXPECT_EQ(state.Find(ShardNumber(3))->adjacent_parent, ShardNumber(2));
}

TEST(StreamLog, WrongSplitsAndMergesChangeNothing) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 4));
  EXPECT_EQ(test.log->Split("clicks", ShardNumber(9), HashKey{5}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(test.log->Split("clicks", ShardNumber(1), HashKey{5}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(test.log->Split("clicks", ShardNumber(0), HashKey{0}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(test.log->Merge("clicks", ShardNumber(0), ShardNumber(2)).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(test.log->Merge("clicks", ShardNumber(3), ShardNumber(0)).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(test.log->Describe("clicks").value().OpenShards().size(), 4U);
}

TEST(StreamLog, AnyShardCountIsReached) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  for (const size_t count : {2, 3, 7, 4, 1, 5}) {
    ASSERT_TRUE(test.log->UpdateShardCount("clicks", count));
    const auto state = test.log->Describe("clicks").value();
    const auto open = state.OpenShards();
    ASSERT_EQ(open.size(), count);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(open[i]->range, EvenRange(i, count));
  }
}

TEST(StreamLog, ADamagedShardLeavesTheOthersAlone) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 2));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(test.Put("x", std::to_string(i)));
  test.log = nullptr;
  const std::string segment = ShardFolder(test.StreamFolder(), ShardNumber(0)) + "/" +
                              SegmentFileName(kFirstIndex);
  std::filesystem::resize_file(segment, std::filesystem::file_size(segment) - 1);
  ASSERT_TRUE(test.Open());
  int refused = 0;
  int taken = 0;
  for (int i = 0; i < 20; ++i) (test.Put("x", std::to_string(i)) ? taken : refused) += 1;
  EXPECT_GT(refused, 0);
  EXPECT_GT(taken, 0);
}

TEST(StreamLog, ClosedShardsGoWithTheirLastRecord) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  ASSERT_TRUE(test.Put("one"));
  ASSERT_TRUE(test.log->Split("clicks", ShardNumber(0), EvenRange(1, 2).first));
  test.clock.Advance(std::chrono::hours(12));
  ASSERT_TRUE(test.log->ApplyRetention());
  EXPECT_EQ(test.log->Describe("clicks").value().shards.size(), 3U);
  test.clock.Advance(std::chrono::hours(13));
  ASSERT_TRUE(test.log->ApplyRetention());
  EXPECT_EQ(test.log->Describe("clicks").value().shards.size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(ShardFolder(test.StreamFolder(), ShardNumber(0))));
  ASSERT_TRUE(test.Open());
  EXPECT_TRUE(test.Put("two"));
}

TEST(StreamLog, ManyProducersEachKeepTheirOrder) {
  StreamLogForTest test;
  test.segment_bytes_max = 20'000;
  ASSERT_TRUE(test.Open());
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  constexpr int kProducers = 4;
  constexpr int kRecords = 300;
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&test, producer] {
      for (int i = 0; i < kRecords; ++i) {
        EXPECT_TRUE(test.Put(std::to_string(producer) + ":" + std::to_string(i)));
      }
    });
  }
  for (auto& producer : producers) producer.join();
  std::map<char, int> next;
  const auto all = test.ReadAll();
  EXPECT_EQ(all.size(), size_t{kProducers} * kRecords);
  for (const std::string& data : all) EXPECT_EQ(std::stoi(data.substr(2)), next[data[0]]++);
}

TEST(StreamLog, TheTimeOfArrivalFindsRecords) {
  StreamLogForTest test;
  test.segment_bytes_max = 2000;
  ASSERT_TRUE(test.Open());
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  const int64_t start = test.clock.Now().value();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(test.Put("x"));
    test.clock.Advance(std::chrono::seconds(1));
  }
  const auto reader = test.log->Reader("clicks").value()->Shard(ShardNumber(0)).value();
  for (int i = 0; i < 200; i += 13) {
    const UtcMicros time(start + i * int64_t{1'000'000});
    EXPECT_EQ(reader->FirstSince(time).value(), RecordIndex(static_cast<uint64_t>(i) + 1));
  }
  EXPECT_EQ(reader->FirstSince(UtcMicros(0)).value(), kFirstIndex);
  EXPECT_EQ(reader->FirstSince(test.clock.Now()).value(), reader->end());
  EXPECT_EQ(reader->NewestArrival().value().value(), start + 199 * int64_t{1'000'000});
}

TEST(StreamLog, AReaderWaitsForTheNextRecord) {
  StreamLogForTest test;
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  const auto reader =
      ShardReader::Open(ShardFolder(test.StreamFolder(), ShardNumber(0))).value().release();
  const std::unique_ptr<ShardReader> owned(reader);
  std::thread producer([&test] { EXPECT_TRUE(test.Put("one")); });
  owned->WaitAbove(kFirstIndex, std::chrono::seconds(20));
  EXPECT_EQ(owned->end(), RecordIndex(2));
  producer.join();
}

/// Producers write until the machine dies at a random moment; afterwards each acknowledged record
/// is there once, at its place, and nothing that was never sent.
void CrashOnce(uint64_t seed) {
  std::mt19937_64 chance(seed);
  StreamLogForTest test;
  test.segment_bytes_max = 1000 + chance() % 20'000;
  ASSERT_TRUE(test.Open());
  ASSERT_TRUE(test.log->CreateStream("clicks", 1));
  std::map<uint64_t, std::string> acknowledged;
  int sent = 0;
  for (int life = 0; life < 4; ++life) {
    std::mutex mutex;
    std::atomic<int> attempts{0};
    const int attempts_max = static_cast<int>(chance() % 150);
    const auto produce = [&](int producer) {
      for (;;) {
        const int turn = attempts.fetch_add(1);
        if (turn == attempts_max) test.disk.Kill();
        const size_t padding = 40 + static_cast<size_t>(turn) % 700;
        const std::string data = std::to_string(life * 1000 + turn) + '/' +
                                 std::to_string(producer) + std::string(padding, '.');
        const auto sequence = test.Put(data);
        if (!sequence) return;
        const std::lock_guard lock(mutex);
        acknowledged[sequence->index.value()] = data;
      }
    };
    std::thread one(produce, 1);
    std::thread two(produce, 2);
    one.join();
    two.join();
    sent += attempts.load();
    test.log = nullptr;
    test.disk.Crash(chance);
    // The page of the mark was written at some time before, or never.
    if (chance() % 2 == 0) {
      std::filesystem::remove(ShardFolder(test.StreamFolder(), ShardNumber(0)) + "/durable");
    }
    ASSERT_TRUE(test.Open()) << "seed " << seed;
    const auto found = test.ReadAll();
    ASSERT_LE(found.size(), static_cast<size_t>(sent)) << "seed " << seed;
    for (const auto& [index, data] : acknowledged) {
      ASSERT_LE(index, found.size()) << "seed " << seed;
      ASSERT_EQ(found[index - 1], data) << "seed " << seed;
    }
    auto sorted = found;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end()) << "seed " << seed;
  }
}

TEST(StreamLog, CrashesOfTheMachineLoseNoAcknowledgedRecord) {
  const char* given = std::getenv("DAYPART_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261124;
  for (uint64_t i = 0; i < 40; ++i) CrashOnce(seed + i);
}

}  // namespace
}  // namespace daypart::streamlog
