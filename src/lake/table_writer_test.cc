// SPDX-License-Identifier: Apache-2.0
//
// When the writer completes files: those of partitions that get no more rows, and no others.
#include "lake/table_writer.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

class TableWriterTest : public LakeTest {
 protected:
  /// Writes one row a batch, of the partitions in this order; the number of files of each.
  std::map<int32_t, int> FilesOf(const std::vector<int32_t>& partitions, WriteOptions options) {
    const auto schema =
        arrow::schema({arrow::field("part", arrow::int32()), arrow::field("id", arrow::int32())});
    const catalog::TableName name{"media", "t" + std::to_string(tables_++)};
    const auto table = MustCreate(name, schema, "part");
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    for (size_t i = 0; i < partitions.size(); ++i) {
      batches.push_back(Rows(schema, "[[" + std::to_string(partitions[i]) + "," +
                                         std::to_string(i) + "]]"));
    }
    MemorySource source(std::move(batches));
    options.threads_count = 1;
    const auto files = WriteDataFiles(*context_, table.metadata, source, options, false);
    EXPECT_TRUE(files) << files.error().message;
    std::map<int32_t, int> counts;
    int64_t rows = 0;
    for (const WrittenFile& file : *files) {
      ++counts[std::get<int32_t>(file.file.partition.at(0))];
      rows += file.file.record_count;
      EXPECT_TRUE(std::filesystem::exists(file.file.location.substr(7)));
    }
    EXPECT_EQ(rows, static_cast<int64_t>(partitions.size()));
    return counts;
  }

  int tables_ = 0;
};

TEST_F(TableWriterTest, APartitionThatGetsNoRowsForLongHasItsFileCompleted) {
  // A row is 8 bytes at least; partition 1 comes again after 100 other rows.
  std::vector<int32_t> partitions(1, 1);
  partitions.insert(partitions.end(), 100, 2);
  partitions.push_back(1);
  EXPECT_EQ(FilesOf(partitions, {.quiet_bytes_max = 400}),
            (std::map<int32_t, int>{{1, 2}, {2, 1}}));
  EXPECT_EQ(FilesOf(partitions, {}), (std::map<int32_t, int>{{1, 1}, {2, 1}}));
}

TEST_F(TableWriterTest, PartitionsInTurnHaveOneFileEach) {
  std::vector<int32_t> partitions;
  for (int32_t i = 0; i < 300; ++i) partitions.push_back(i % 3);
  EXPECT_EQ(FilesOf(partitions, {.quiet_bytes_max = 400}),
            (std::map<int32_t, int>{{0, 1}, {1, 1}, {2, 1}}));
}

}  // namespace
}  // namespace daypart::lake
