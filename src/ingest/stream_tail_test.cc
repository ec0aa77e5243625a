// SPDX-License-Identifier: Apache-2.0
//
// Tests of ingest/stream_tail.h: what queries see of rows that are not committed.
#include "ingest/stream_tail.h"

#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <chrono>
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

}  // namespace
}  // namespace daypart::ingest
