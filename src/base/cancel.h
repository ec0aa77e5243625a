// SPDX-License-Identifier: Apache-2.0
//
// CancelToken: how Ctrl-C reaches long work. Loops over chunks, files or attempts ask it once a
// turn.
#pragma once

#include <atomic>

#include "base/result.h"

namespace daypart {

class CancelToken {
 public:
  /// Safe to call from a signal handler.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  /// kCancelled once Cancel was called.
  Status Check() const {
    if (is_cancelled()) return Cancelled("stopped on request; nothing of this step was committed");
    return Ok();
  }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace daypart
