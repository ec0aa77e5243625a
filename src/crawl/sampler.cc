// SPDX-License-Identifier: Apache-2.0
//
// Threads take the next file from a counter and write to a slot of their own.
#include "crawl/sampler.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

namespace daypart::crawl {

Status Sampler::Sample(const std::vector<size_t>& indices) {
  std::vector<size_t> wanted;
  for (const size_t index : indices) {
    if (!samples_.contains(index)) wanted.push_back(index);
  }
  using Slot = std::optional<Result<std::variant<FileShape, NotATable>>>;
  std::vector<Slot> slots(wanted.size());
  std::atomic<size_t> next{0};
  std::atomic<bool> has_failed{false};
  const auto work = [&] {
    for (size_t i = next++; i < wanted.size(); i = next++) {
      if (cancel_.is_cancelled() || has_failed) return;
      slots[i] = SampleFile(store_, files_[wanted[i]], limits_);
      if (!*slots[i]) has_failed = true;
    }
  };
  const size_t threads_count = std::min<size_t>(std::max(threads_count_, 1U), wanted.size());
  {
    std::vector<std::jthread> threads;
    for (size_t t = 1; t < threads_count; ++t) threads.emplace_back(work);
    work();
  }
  DAYPART_RETURN_IF_ERROR(cancel_.Check());
  for (const Slot& slot : slots) {
    if (slot && !*slot) return slot->error();
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    samples_.emplace(wanted[i], std::move(*slots[i]).value());
  }
  return Ok();
}

const FileShape* Sampler::ShapeOf(size_t index) const {
  const auto found = samples_.find(index);
  return found == samples_.end() ? nullptr : std::get_if<FileShape>(&found->second);
}

const NotATable* Sampler::RefusalOf(size_t index) const {
  const auto found = samples_.find(index);
  return found == samples_.end() ? nullptr : std::get_if<NotATable>(&found->second);
}

}  // namespace daypart::crawl
