// SPDX-License-Identifier: Apache-2.0
//
// A ring of slots: a worker takes the next block's number once its slot is free, the caller's
// thread writes slot after slot as each becomes ready.
#include "generate/formatted_block.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace daypart::generate {
namespace {

class BlockRing {
 public:
  BlockRing(const BlockRun& run, const std::function<void(uint64_t, FormattedBlock&)>& format)
      : blocks_count_(run.blocks_count),
        format_(format),
        slots_(std::min<uint64_t>(run.threads_count + kSpareBlocks, run.blocks_count)) {}

  /// Makes blocks until there are none left or Stop was called.
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return is_stopped_ || next_ < written_ + slots_.size(); });
      if (is_stopped_ || next_ >= blocks_count_) return;
      const uint64_t block = next_++;
      Slot& slot = slots_[block % slots_.size()];
      lock.unlock();
      slot.block.Clear();
      format_(block, slot.block);
      lock.lock();
      slot.is_ready = true;
      changed_.notify_all();
    }
  }

  /// The block whose turn it is, once it is made.
  const FormattedBlock& Front() {
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[written_ % slots_.size()];
    changed_.wait(lock, [&] { return slot.is_ready; });
    return slot.block;
  }

  void PopFront() {
    const std::lock_guard lock(mutex_);
    slots_[written_ % slots_.size()].is_ready = false;
    ++written_;
    changed_.notify_all();
  }

  void Stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    changed_.notify_all();
  }

 private:
  struct Slot {
    FormattedBlock block;  // the worker's until is_ready, then the writer's
    bool is_ready = false;
  };

  const uint64_t blocks_count_;
  const std::function<void(uint64_t, FormattedBlock&)>& format_;
  std::mutex mutex_;  // guards next_, written_, is_stopped_ and the slots' is_ready
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  uint64_t next_ = 0;
  uint64_t written_ = 0;
  bool is_stopped_ = false;
};

Status RunInOneThread(const BlockRun& run,
                      const std::function<void(uint64_t, FormattedBlock&)>& format,
                      const std::function<Status(const FormattedBlock&)>& write,
                      const CancelToken& cancel) {
  FormattedBlock out;
  for (uint64_t block = 0; block < run.blocks_count; ++block) {
    DAYPART_RETURN_IF_ERROR(cancel.Check());
    out.Clear();
    format(block, out);
    DAYPART_RETURN_IF_ERROR(write(out));
  }
  return Ok();
}

}  // namespace

Status RunBlocks(const BlockRun& run,
                 const std::function<void(uint64_t block, FormattedBlock& out)>& format,
                 const std::function<Status(const FormattedBlock& block)>& write,
                 const CancelToken& cancel) {
  const auto workers_count =
      static_cast<unsigned>(std::min<uint64_t>({run.threads_count, run.blocks_count, kThreadsMax}));
  if (workers_count <= 1) return RunInOneThread(run, format, write, cancel);
  BlockRing ring(run, format);
  std::vector<std::thread> workers;
  try {
    for (unsigned i = 0; i < workers_count; ++i) workers.emplace_back([&ring] { ring.Work(); });
  } catch (const std::system_error&) {
    // No more threads to be had: those there are do all the work.
  }
  if (workers.empty()) return RunInOneThread(run, format, write, cancel);
  Status status;
  for (uint64_t block = 0; status && block < run.blocks_count; ++block) {
    status = cancel.Check();
    if (!status) break;
    status = write(ring.Front());
    ring.PopFront();
  }
  ring.Stop();
  for (std::thread& worker : workers) worker.join();
  return status;
}

}  // namespace daypart::generate
