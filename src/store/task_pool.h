// SPDX-License-Identifier: Apache-2.0
//
// TaskPool: a fixed number of threads for requests that wait on a network. Tasks start in the order
// they came; the destructor waits for those that are queued.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace daypart::store {

class TaskPool {
 public:
  explicit TaskPool(int threads_count);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  template <typename Task>
  std::future<std::invoke_result_t<Task>> Submit(Task task) {
    // Shared, because std::function wants to be copied.
    auto packaged =
        std::make_shared<std::packaged_task<std::invoke_result_t<Task>()>>(std::move(task));
    auto future = packaged->get_future();
    Add([packaged] { (*packaged)(); });
    return future;
  }

 private:
  void Add(std::function<void()> task);
  void Work();

  std::mutex mutex_;  // guards tasks_ and is_closed_
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool is_closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace daypart::store
