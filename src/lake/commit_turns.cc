// SPDX-License-Identifier: Apache-2.0
//
// A queue of tickets for each table.
#include "lake/commit_turns.h"

#include <utility>

namespace daypart::lake {

CommitTurns::Turn::Turn(CommitTurns& turns, catalog::TableName name,
                        std::chrono::milliseconds wait_max)
    : turns_(turns), name_(std::move(name)) {
  std::unique_lock lock(turns_.mutex_);
  ticket_ = turns_.tickets_++;
  // A node of a map stays where it is while others come and go, and this one is not empty.
  std::set<int64_t>& queue = turns_.queues_[name_];
  queue.insert(ticket_);
  (void)turns_.left_.wait_for(lock, wait_max, [&] { return *queue.begin() == ticket_; });
}

CommitTurns::Turn::~Turn() {
  {
    const std::lock_guard lock(turns_.mutex_);
    const auto found = turns_.queues_.find(name_);
    found->second.erase(ticket_);
    if (found->second.empty()) turns_.queues_.erase(found);
  }
  turns_.left_.notify_all();
}

size_t CommitTurns::queue_length(const catalog::TableName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(name);
  return found == queues_.end() ? 0 : found->second.size();
}

}  // namespace daypart::lake
