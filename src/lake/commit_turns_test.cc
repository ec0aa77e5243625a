// SPDX-License-Identifier: Apache-2.0
//
// Tests of lake/commit_turns.h: order, tables side by side, and a holder that never gives back.
#include "lake/commit_turns.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace daypart::lake {
namespace {

using std::chrono::milliseconds;

const catalog::TableName kTable{"media", "t"};

TEST(CommitTurns, ComeInTheOrderOfTheAsking) {
  CommitTurns turns;
  std::vector<int> order;  // guarded by the turns
  std::vector<std::thread> threads;
  {
    const CommitTurns::Turn held(turns, kTable, CommitTurns::kWaitMax);
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&turns, &order, i] {
        const CommitTurns::Turn turn(turns, kTable, CommitTurns::kWaitMax);
        order.push_back(i);
      });
      while (turns.queue_length(kTable) < static_cast<size_t>(i) + 2) std::this_thread::yield();
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(turns.queue_length(kTable), 0U);
}

TEST(CommitTurns, TablesDoNotWaitForEachOther) {
  CommitTurns turns;
  const CommitTurns::Turn held(turns, kTable, CommitTurns::kWaitMax);
  const auto start = std::chrono::steady_clock::now();
  const CommitTurns::Turn other(turns, {"media", "u"}, CommitTurns::kWaitMax);
  EXPECT_LT(std::chrono::steady_clock::now() - start, CommitTurns::kWaitMax / 2);
}

TEST(CommitTurns, AHolderThatNeverGivesBackIsNotWaitedForForEver) {
  CommitTurns turns;
  const CommitTurns::Turn held(turns, kTable, CommitTurns::kWaitMax);
  { const CommitTurns::Turn impatient(turns, kTable, milliseconds(5)); }
  const CommitTurns::Turn next(turns, kTable, milliseconds(5));
}

}  // namespace
}  // namespace daypart::lake
