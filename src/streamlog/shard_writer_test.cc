// SPDX-License-Identifier: Apache-2.0
//
// What a shard's writer promises when writes are torn, syncs fail and the disk is full.
#include "streamlog/shard_writer.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "streamlog/limits.h"
#include "streamlog/segment_scan.h"
#include "streamlog/shard_for_test.h"

namespace daypart::streamlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

std::string SegmentPath(const ShardForTest& shard, uint64_t first = 1) {
  return shard.folder.Path("shard/" + SegmentFileName(RecordIndex(first)));
}

void Resize(const std::string& path, uint64_t bytes) { std::filesystem::resize_file(path, bytes); }

/// The mark as a crash of the machine leaves it: older than the records.
void ForgetMark(const ShardForTest& shard) {
  std::filesystem::remove(shard.folder.Path("shard/durable"));
}

void Overwrite(const std::string& path, uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
}

TEST(ShardWriter, RecordsComeBackInOrderAfterRestart) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("one"));
  ASSERT_TRUE(shard.Put(""));
  ASSERT_TRUE(shard.Put(std::string(kRecordBytesMax, 'x')));
  ASSERT_TRUE(shard.Recover());
  ASSERT_TRUE(shard.Put("four"));
  EXPECT_THAT(shard.ReadAll().value(),
              ElementsAre("one", "", std::string(kRecordBytesMax, 'x'), "four"));
}

TEST(ShardWriter, TornTailGoesAtEveryByteAndNothingElse) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("acknowledged"));
  const uint64_t whole = std::filesystem::file_size(SegmentPath(shard));
  ASSERT_TRUE(shard.Put("the last record"));
  const uint64_t full = std::filesystem::file_size(SegmentPath(shard));
  const std::string bytes = shard.folder.ReadFile("shard/" + SegmentFileName(kFirstIndex));
  for (uint64_t cut = whole; cut < full; ++cut) {
    shard.writer = nullptr;
    shard.folder.WriteFile("shard/" + SegmentFileName(kFirstIndex), bytes.substr(0, cut));
    ForgetMark(shard);
    ASSERT_TRUE(shard.Recover()) << cut;
    ASSERT_THAT(shard.ReadAll().value(), ElementsAre("acknowledged")) << cut;
    ASSERT_TRUE(shard.Put("next"));
    ASSERT_THAT(shard.ReadAll().value(), ElementsAre("acknowledged", "next")) << cut;
  }
}

TEST(ShardWriter, ATailOfZerosOrRubbishGoes) {
  for (const std::string& tail : {std::string(4096, '\0'), std::string(777, 'x'),
                                  std::string("DPFR") + std::string(100, '\0')}) {
    ShardForTest shard;
    shard.Create();
    ASSERT_TRUE(shard.Put("one"));
    Overwrite(SegmentPath(shard), std::filesystem::file_size(SegmentPath(shard)), tail);
    ASSERT_TRUE(shard.Recover());
    ASSERT_TRUE(shard.Put("two"));
    EXPECT_THAT(shard.ReadAll().value(), ElementsAre("one", "two"));
  }
}

TEST(ShardWriter, DamageBelowAnAcknowledgedRecordIsRefused) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("one"));
  const uint64_t second = std::filesystem::file_size(SegmentPath(shard));
  ASSERT_TRUE(shard.Put("two"));
  ASSERT_TRUE(shard.Put("three"));
  Overwrite(SegmentPath(shard), second + kFrameHeadBytes + kRecordHeadBytes + 4, "X");
  ForgetMark(shard);
  const std::string before = shard.folder.ReadFile("shard/" + SegmentFileName(kFirstIndex));
  const Status recovered = shard.Recover();
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::kCorruptData);
  EXPECT_EQ(shard.folder.ReadFile("shard/" + SegmentFileName(kFirstIndex)), before);
}

TEST(ShardWriter, DamageOfTheLastAcknowledgedRecordIsRefused) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("one"));
  const uint64_t second = std::filesystem::file_size(SegmentPath(shard));
  ASSERT_TRUE(shard.Put("two"));
  Overwrite(SegmentPath(shard), second + kFrameHeadBytes + 1, "X");
  const Status recovered = shard.Recover();
  ASSERT_FALSE(recovered) << "the mark knows that the record was acknowledged";
  EXPECT_EQ(recovered.error().code, ErrorCode::kCorruptData);
}

TEST(ShardWriter, AFailedSyncIsNotAcknowledgedAndStopsTheShard) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("one"));
  shard.disk.FailSync(0);
  EXPECT_FALSE(shard.Put("two"));
  const Status third = shard.Put("three");
  ASSERT_FALSE(third) << "the next sync would succeed, but the pages may be gone";
  EXPECT_EQ(third.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(shard.ReadAll().value(), ElementsAre("one"));
  EXPECT_FALSE(shard.writer->health());
  ASSERT_TRUE(shard.Recover());
  EXPECT_TRUE(shard.Put("four"));
}

TEST(ShardWriter, AFullDiskRefusesAndGoesOnOnceThereIsRoom) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("one"));
  shard.disk.FailWriteFull(0);
  const Status refused = shard.Put(std::string(5000, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  ASSERT_TRUE(shard.Put("three"));
  ASSERT_TRUE(shard.Recover());
  EXPECT_THAT(shard.ReadAll().value(), ElementsAre("one", "three"));
}

TEST(ShardWriter, EveryWriteAndSyncMayFailOnceWithoutLoss) {
  for (int position = 0; position < 12; ++position) {
    for (const bool is_full : {false, true}) {
      ShardForTest shard;
      shard.segment_bytes_max = 300;  // so that segments are begun in between
      shard.Create();
      is_full ? shard.disk.FailWriteFull(position) : shard.disk.FailSync(position);
      Texts acknowledged;
      for (int i = 0; i < 10; ++i) {
        const std::string data = "record " + std::to_string(i);
        if (shard.Put(data)) acknowledged.push_back(data);
      }
      ASSERT_EQ(shard.ReadAll().value(), acknowledged) << position;
      ASSERT_TRUE(shard.Recover());
      const Texts found = shard.ReadAll().value();
      // Records that were refused may be there after a restart, acknowledged ones must be.
      size_t next = 0;
      for (const std::string& data : found) {
        if (next < acknowledged.size() && data == acknowledged[next]) ++next;
      }
      ASSERT_EQ(next, acknowledged.size()) << position << (is_full ? " full" : " sync");
      ASSERT_TRUE(shard.Put("after"));
    }
  }
}

TEST(ShardWriter, BackPressureNamesItsLimit) {
  ShardForTest shard;
  shard.pending_bytes_max = 1000;
  shard.Create();
  const std::string data(600, 'x');
  const RecordBytes record{data, "k"};
  int called = 0;
  const auto count = [&](const Status& status) { called += status ? 1 : 0; };
  ASSERT_TRUE(shard.writer->Append({&record, 1}, count));
  const auto refused = shard.writer->Append({&record, 1}, count);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("pending_bytes_max"));
  shard.writer->Commit();
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(shard.writer->Append({&record, 1}, count));
}

TEST(ShardWriter, OneSyncServesAllThatWait) {
  ShardForTest shard;
  shard.Create();
  int called = 0;
  for (int i = 0; i < 50; ++i) {
    const RecordBytes record{"data", "key"};
    ASSERT_TRUE(shard.writer->Append({&record, 1}, [&](const Status&) { ++called; }));
  }
  shard.disk.FailSync(1);  // a second one would fail
  EXPECT_FALSE(shard.writer->Commit());
  EXPECT_EQ(called, 50);
  EXPECT_TRUE(shard.writer->health());
}

TEST(ShardWriter, RetentionDropsWholeSegmentsByAgeAndByBytes) {
  ShardForTest shard;
  shard.segment_bytes_max = 300;
  shard.Create();
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(shard.Put(std::string(100, static_cast<char>('a' + i))));
    shard.clock.Advance(std::chrono::seconds(10));
  }
  const UtcMicros before(shard.clock.Now().value() - 45'000'000);
  ASSERT_GT(shard.writer->DropOld(before, 1 << 20).value(), 0);
  auto left = shard.ReadAll().value();
  EXPECT_LT(left.size(), 9U);
  EXPECT_GE(left.size(), 4U) << "the records of the last 45 s stay";
  EXPECT_EQ(left.back()[0], 'i');
  ASSERT_TRUE(shard.writer->DropOld(UtcMicros(0), 1));
  EXPECT_LE(shard.ReadAll().value().size(), 2U);
  ASSERT_TRUE(shard.Recover());
  ASSERT_TRUE(shard.Put("next"));
  EXPECT_EQ(shard.writer->end(), RecordIndex(11)) << "indices go on";
}

TEST(ShardWriter, AnEmptyShardKeepsItsPlaceThroughRetentionAndCrash) {
  ShardForTest shard;
  shard.Create();
  ASSERT_TRUE(shard.Put("one"));
  shard.clock.Advance(std::chrono::hours(48));
  ASSERT_TRUE(shard.writer->DropOld(shard.clock.Now(), 1 << 20));
  EXPECT_TRUE(shard.ReadAll().value().empty());
  // The crash tore the head of the segment that was begun: only the mark knows the place.
  Resize(SegmentPath(shard, 2), 10);
  ASSERT_TRUE(shard.Recover());
  ASSERT_TRUE(shard.Put("two"));
  EXPECT_EQ(shard.writer->end(), RecordIndex(3));
}

TEST(ShardWriter, RecordsOverTheirLimitsAreRefused) {
  ShardForTest shard;
  shard.Create();
  EXPECT_EQ(shard.Put(std::string(kRecordBytesMax + 1, 'x')).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(shard.Put("x", std::string(kKeyBytesMax + 1, 'k')).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(shard.ReadAll().value().empty());
}

}  // namespace
}  // namespace daypart::streamlog
