// SPDX-License-Identifier: Apache-2.0
//
// On Linux a nice value belongs to a thread, and threads inherit it.
#include "base/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace daypart {
namespace {

/// The kernel's weight of it is 110, that of other threads 1024.
constexpr int kNiceOfLater = 10;

}  // namespace

void GiveWayToOtherThreads() {
  const auto thread = static_cast<id_t>(::gettid());
  if (::getpriority(PRIO_PROCESS, thread) >= kNiceOfLater) return;
  (void)::setpriority(PRIO_PROCESS, thread, kNiceOfLater);
}

}  // namespace daypart
