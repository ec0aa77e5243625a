// SPDX-License-Identifier: Apache-2.0
//
// Blocks made at once are written in order, few at a time, and stop when told.
#include "generate/formatted_block.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace daypart::generate {
namespace {

void PutBlockNumber(uint64_t block, FormattedBlock& out) {
  out.csv.Append(std::to_string(block) + "\n");
}

TEST(RunBlocks, WritesInOrderOnAnyNumberOfThreads) {
  std::string expected;
  for (int block = 0; block < 500; ++block) expected += std::to_string(block) + "\n";
  const CancelToken cancel;
  for (const unsigned threads : {1u, 2u, 7u, 16u}) {
    std::string written;
    ASSERT_TRUE(RunBlocks(
        {500, threads}, PutBlockNumber,
        [&](const FormattedBlock& block) {
          written += block.csv.view();
          return Ok();
        },
        cancel));
    EXPECT_EQ(written, expected) << threads;
  }
}

TEST(RunBlocks, KeepsOnlyAFewBlocksInMemory) {
  std::atomic<int64_t> made{0};
  int64_t written = 0;
  int64_t ahead_max = 0;
  const CancelToken cancel;
  ASSERT_TRUE(RunBlocks(
      {300, 4}, [&](uint64_t, FormattedBlock&) { ++made; },
      [&](const FormattedBlock&) {
        ahead_max = std::max(ahead_max, made.load() - written);
        ++written;
        return Ok();
      },
      cancel));
  EXPECT_EQ(written, 300);
  EXPECT_LE(ahead_max, 4 + kSpareBlocks);
}

TEST(RunBlocks, StopsAtTheFirstErrorOfTheWriter) {
  const CancelToken cancel;
  for (const unsigned threads : {1u, 4u}) {
    int writes = 0;
    const auto status = RunBlocks(
        {1000, threads}, PutBlockNumber,
        [&](const FormattedBlock&) -> Status {
          if (++writes == 10) return ResourceExhausted("full");
          return Ok();
        },
        cancel);
    EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
    EXPECT_EQ(writes, 10);
  }
}

TEST(RunBlocks, StopsWhenCancelled) {
  for (const unsigned threads : {1u, 4u}) {
    CancelToken cancel;
    int writes = 0;
    const auto status = RunBlocks(
        {1000, threads}, PutBlockNumber,
        [&](const FormattedBlock&) {
          if (++writes == 5) cancel.Cancel();
          return Ok();
        },
        cancel);
    EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(writes, 5);
  }
}

TEST(RunBlocks, HasNothingToDoForNoBlocks) {
  const CancelToken cancel;
  EXPECT_TRUE(RunBlocks(
      {0, 4}, PutBlockNumber,
      [](const FormattedBlock&) -> Status { return InvalidArgument("called"); }, cancel));
}

}  // namespace
}  // namespace daypart::generate
