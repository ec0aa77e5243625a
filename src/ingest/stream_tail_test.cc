// SPDX-License-Identifier: Apache-2.0
//
// Tests of ingest/stream_tail.h: what queries see of rows that are not committed.
#include "ingest/stream_tail.h"

#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>

#include "lake/hot_rows.h"
#include "source/directory_record_source.h"
#include "store/directory_store.h"
#include "store/temp_folder_for_test.h"

namespace daypart::ingest {
namespace {

TEST(StreamTail, RowsOfAReplacedFileAreBeyondWhatWasCommittedOfTheOldOne) {
  store::TempFolder temp;
  FakeClock clock{UtcMicros(int64_t{1'764'000'000} * 1'000'000)};
  const CancelToken stop;
  const auto store = store::MakeDirectoryStore();
  source::DirectoryRecordSource source(*store, clock,
                                       {.folder = temp.Location("in"), .name = "files:in"});
  iceberg::Schema schema;
  schema.fields = {iceberg::Field("n", iceberg::TypeKind::kLong)};
  auto decoder = RecordDecoder::Make(clock, {.schema = iceberg::AssignFreshIds(schema)});
  ASSERT_TRUE(decoder) << decoder.error().message;
  StreamTail tail(source, clock, stop, {.keeps_rows = true});
  ASSERT_TRUE(tail.Reset(*std::move(decoder), {}, {}));
  const auto pump = [&] {
    for (int turn = 0; turn < 20; ++turn) {
      clock.Advance(std::chrono::seconds(5));
      const auto pumped = tail.Pump();
      ASSERT_TRUE(pumped) << pumped.error().message;
    }
  };
  const auto rows_beyond = [&](const StreamState& committed) -> int64_t {
    const auto runs = tail.RowsBeyond(committed);
    EXPECT_TRUE(runs) << runs.error().message;
    int64_t rows = 0;
    if (runs) {
      for (const auto& run : *runs) rows += run->rows()->num_rows();
    }
    return rows;
  };
  temp.WriteFile("in/a.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
  pump();
  EXPECT_EQ(rows_beyond({}), 3);
  const auto epoch = tail.BeginEpoch({.record_bytes_max = INT64_MAX,
                                      .ends_at = UtcMicros(INT64_MAX),
                                      .ends_when_idle = true});
  const auto cursor = epoch->NewCursor().value();
  while (cursor->Next().value() != nullptr) {
  }
  const StreamState committed = tail.EndEpoch().state;
  EXPECT_EQ(rows_beyond(committed), 0);
  EXPECT_EQ(rows_beyond({}), 3) << "a query that loaded the table before the commit";
  // Shorter than the old content, so its offsets lie before what is committed.
  temp.WriteFile("in/a.jsonl", "{\"n\":4}\n");
  pump();
  EXPECT_EQ(rows_beyond(committed), 1);
  tail.Forget(committed);
  EXPECT_EQ(rows_beyond(committed), 1);
}

/// A tail over the files of a folder, whose rows have the columns that are named.
class TailOfFolder : public testing::Test {
 protected:
  std::shared_ptr<RecordDecoder> DecoderOf(const std::vector<std::string>& columns) {
    iceberg::Schema schema;
    for (const auto& name : columns) {
      schema.fields.push_back(iceberg::Field(name, iceberg::TypeKind::kLong));
    }
    auto decoder = RecordDecoder::Make(clock_, {.schema = iceberg::AssignFreshIds(schema)});
    EXPECT_TRUE(decoder) << decoder.error().message;
    return *std::move(decoder);
  }
  void Pump() {
    for (int turn = 0; turn < 20; ++turn) {
      clock_.Advance(std::chrono::seconds(5));
      const auto pumped = tail_.Pump();
      ASSERT_TRUE(pumped) << pumped.error().message;
    }
  }
  std::future<bool> AwaitBeside(std::chrono::milliseconds wait_max) {
    return std::async(std::launch::async,
                      [this, wait_max] { return tail_.AwaitReadable(wait_max).value(); });
  }

  store::TempFolder temp_;
  FakeClock clock_{UtcMicros(int64_t{1'764'000'000} * 1'000'000)};
  const CancelToken stop_;
  std::unique_ptr<store::ObjectStore> store_ = store::MakeDirectoryStore();
  source::DirectoryRecordSource source_{
      *store_, clock_, {.folder = temp_.Location("in"), .name = "files:in"}};
  StreamTail tail_{source_, clock_, stop_, {.keeps_rows = true, .evolves = true}};
};

TEST_F(TailOfFolder, RowsThatWaitForAColumnAreWaitedForBeyondTheUsualTime) {
  constexpr std::chrono::milliseconds kUsual{1'000};
  ASSERT_TRUE(tail_.Reset(DecoderOf({"n"}), {}, {}));
  temp_.WriteFile("in/a.jsonl", "{\"n\":1,\"extra\":2}\n");
  const auto epoch = tail_.BeginEpoch({.record_bytes_max = INT64_MAX,
                                       .ends_at = UtcMicros(INT64_MAX),
                                       .ends_when_idle = true});
  Pump();
  auto awaited = AwaitBeside(kUsual);
  EXPECT_EQ(awaited.wait_for(kUsual * 3 / 2), std::future_status::timeout);
  EXPECT_TRUE(tail_.EndEpoch().needs_columns);
  EXPECT_EQ(tail_.TakeUnknown().keys, std::set<std::string>{"extra"});
  tail_.SetDecoder(DecoderOf({"n", "extra"}), {});
  const auto next = tail_.BeginEpoch({.record_bytes_max = INT64_MAX,
                                      .ends_at = UtcMicros(INT64_MAX),
                                      .ends_when_idle = true});
  ASSERT_TRUE(next->NewCursor().value()->Next());
  EXPECT_TRUE(awaited.get());
}

TEST_F(TailOfFolder, AWaitInVainEndsTheWaitsUntilTheTailHasCaughtUp) {
  constexpr std::chrono::hours kLong{1};
  ASSERT_TRUE(tail_.Reset(DecoderOf({"n"}), {}, {}));
  temp_.WriteFile("in/a.jsonl", "{\"n\":1}\n");
  EXPECT_FALSE(tail_.AwaitReadable(std::chrono::milliseconds(1)).value());
  EXPECT_FALSE(tail_.AwaitReadable(kLong).value()) << "at once: it lags";
  Pump();
  temp_.WriteFile("in/a.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  auto awaited = AwaitBeside(kLong);
  EXPECT_EQ(awaited.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  Pump();
  EXPECT_TRUE(awaited.get());
}

TEST_F(TailOfFolder, AFileThatIsGoneHoldsUpNoWait) {
  ASSERT_TRUE(tail_.Reset(DecoderOf({"n"}), {}, {}));
  temp_.WriteFile("in/a.jsonl", "{\"n\":1}\n");
  EXPECT_FALSE(tail_.AwaitReadable(std::chrono::milliseconds(1)).value());
  ASSERT_TRUE(store_->Delete(temp_.Location("in/a.jsonl")));
  temp_.WriteFile("in/b.jsonl", "{\"n\":2}\n");
  auto awaited = AwaitBeside(std::chrono::hours(1));
  EXPECT_EQ(awaited.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  Pump();
  EXPECT_TRUE(awaited.get());
}

}  // namespace
}  // namespace daypart::ingest
