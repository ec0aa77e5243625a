// SPDX-License-Identifier: Apache-2.0
//
// CommitTurns: the commits of one process to one table go one after the other, in the order that
// they came. Only one of those that run at a time can win its compare-and-swap, and a slow one (a
// compaction) beside a quick one that never pauses (a stream) would lose every time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>

#include "catalog/catalog.h"

namespace daypart::lake {

/// Thread-safe. It makes commits fair, not right: the catalog's compare-and-swap does that, so a
/// commit that waited too long goes on without its turn.
class CommitTurns {
 public:
  /// The turn of one attempt; given back when destroyed.
  class Turn {
   public:
    Turn(CommitTurns& turns, catalog::TableName name, std::chrono::milliseconds wait_max);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    CommitTurns& turns_;
    const catalog::TableName name_;
    int64_t ticket_ = 0;
  };

  /// How many have or wait for the table's turn.
  size_t queue_length(const catalog::TableName& name);

  /// How long a commit waits for those before it, unless a test says so.
  static constexpr std::chrono::milliseconds kWaitMax{10'000};

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable left_;
  int64_t tickets_ = 0;
  /// Who waits or has the turn at each table: the first has it.
  std::map<catalog::TableName, std::set<int64_t>> queues_;
};

}  // namespace daypart::lake
