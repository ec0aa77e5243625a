// SPDX-License-Identifier: Apache-2.0
//
// Splitting batches by partition, against the transform applied to one row at a time.
#include "lake/row_partitioner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "lake/arrow_literal.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

constexpr int64_t kHour = int64_t{3'600} * 1'000'000;

struct HourSplit {
  std::shared_ptr<arrow::RecordBatch> batch;
  std::vector<PartitionRows> parts;
};

/// Rows (time, its number) split by hour(event_time); null for a time of -1.
HourSplit SplitTimes(const std::vector<int64_t>& times) {
  arrow::TimestampBuilder time_builder(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                       arrow::default_memory_pool());
  arrow::Int32Builder number_builder;
  for (size_t row = 0; row < times.size(); ++row) {
    EXPECT_TRUE((times[row] == -1 ? time_builder.AppendNull() : time_builder.Append(times[row]))
                    .ok());
    EXPECT_TRUE(number_builder.Append(static_cast<int32_t>(row)).ok());
  }
  const auto arrow_schema =
      arrow::schema({arrow::field("event_time", time_builder.type()),
                     arrow::field("number", arrow::int32())});
  HourSplit split;
  split.batch =
      arrow::RecordBatch::Make(arrow_schema, static_cast<int64_t>(times.size()),
                               {*time_builder.Finish(), *number_builder.Finish()});
  const auto schema = iceberg::AssignFreshIds(*FromArrowSchema(*arrow_schema));
  const auto spec = iceberg::ParsePartitionSpec("hour(event_time)", schema);
  EXPECT_TRUE(spec) << spec.error().message;
  auto parts = SplitByPartition(split.batch, schema, *spec);
  EXPECT_TRUE(parts) << parts.error().message;
  split.parts = *std::move(parts);
  return split;
}

/// Each row is in the part of its hour, in the batch's order, with the time it had.
void ExpectSplitByHour(const std::vector<int64_t>& times) {
  const auto split = SplitTimes(times);
  std::map<int64_t, std::vector<int32_t>> expected;  // -1: null
  for (size_t row = 0; row < times.size(); ++row) {
    expected[times[row] == -1 ? -1 : times[row] / kHour].push_back(static_cast<int32_t>(row));
  }
  std::map<int64_t, std::vector<int32_t>> found;
  for (const PartitionRows& part : split.parts) {
    const auto* hour = std::get_if<int32_t>(&part.partition.at(0));
    auto& numbers = found[hour == nullptr ? -1 : *hour];
    EXPECT_THAT(numbers, ::testing::IsEmpty()) << "an hour has one part";
    const auto& column = static_cast<const arrow::Int32Array&>(*part.rows->column(1));
    const auto& kept = static_cast<const arrow::TimestampArray&>(*part.rows->column(0));
    for (int64_t row = 0; row < column.length(); ++row) {
      numbers.push_back(column.Value(row));
      const int64_t time = times[static_cast<size_t>(column.Value(row))];
      EXPECT_EQ(kept.IsNull(row) ? -1 : kept.Value(row), time);
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(SplitByPartition, PutsEachRowIntoItsHour) {
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    std::vector<int64_t> times;
    const uint64_t hours = 1 + random.Next() % 30;
    const bool is_ordered = random.Next() % 2 == 0;
    const bool has_nulls = random.Next() % 4 == 0;
    const auto rows = 1 + static_cast<int64_t>(random.Next() % 500);
    for (int64_t row = 0; row < rows; ++row) {
      const bool is_null = has_nulls && random.Next() % 10 == 0;
      const auto any = static_cast<int64_t>(random.Next() % (hours * uint64_t{kHour}));
      const int64_t in_order = row * static_cast<int64_t>(hours) * kHour / rows;
      times.push_back(is_null ? -1 : is_ordered ? in_order : any);
    }
    SCOPED_TRACE("round " + std::to_string(round));
    ExpectSplitByHour(times);
  }
}

TEST(SplitByPartition, ABatchOfOneHourIsNotCopied) {
  const auto split = SplitTimes({5 * kHour, 6 * kHour - 1, 5 * kHour + 1});
  ASSERT_EQ(split.parts.size(), 1u);
  EXPECT_EQ(split.parts[0].rows, split.batch);
}

TEST(SplitByPartition, ASmallPartDoesNotKeepTheWholeBatchInMemory) {
  const auto split = SplitTimes({kHour, kHour, kHour, kHour, 2 * kHour});
  ASSERT_EQ(split.parts.size(), 2u);
  const auto* whole = split.batch->column(0)->data()->buffers[1].get();
  EXPECT_EQ(split.parts[0].rows->column(0)->data()->buffers[1].get(), whole);
  EXPECT_NE(split.parts[1].rows->column(0)->data()->buffers[1].get(), whole);
}

TEST(SplitByPartition, HoursBefore1970AreRoundedDown) {
  const auto split = SplitTimes({-2, -kHour, 0});
  ASSERT_EQ(split.parts.size(), 2u);
  EXPECT_EQ(std::get<int32_t>(split.parts[0].partition.at(0)), -1);
  EXPECT_EQ(split.parts[0].rows->num_rows(), 2);
}

}  // namespace
}  // namespace daypart::lake
