// SPDX-License-Identifier: Apache-2.0
//
// When to try again: a limit of attempts, a deadline, waits that grow with jitter, and a budget
// that all calls of a client share, so that a service in trouble is not pressed harder by many
// threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

namespace daypart::http {

struct RetryPolicy {
  int attempts_max = 6;
  std::chrono::milliseconds wait_min{50};
  std::chrono::milliseconds wait_max{5'000};
  std::chrono::milliseconds deadline{120'000};  // no new attempt after it
};

/// Retries left to all calls together: each takes kCost, each success gives one back.
class RetryBudget {
 public:
  bool Take();
  void Return();

 private:
  static constexpr int64_t kTokensMax = 500;
  static constexpr int64_t kCost = 5;
  std::mutex mutex_;  // guards tokens_
  int64_t tokens_ = kTokensMax;
};

/// The attempts of one call. Everything passed must outlive it.
class Retries {
 public:
  Retries(const RetryPolicy& policy, RetryBudget& budget, Clock& clock, Random& random,
          const CancelToken* cancel);

  /// Waits and says whether to try again; false when limit, deadline or budget is used up or the
  /// user cancelled. at_least: what the server asked for (Retry-After).
  bool Again(std::chrono::milliseconds at_least = std::chrono::milliseconds{0});
  int attempts_count() const { return attempts_; }

 private:
  const RetryPolicy& policy_;
  RetryBudget& budget_;
  Clock& clock_;
  Random& random_;
  const CancelToken* cancel_;
  const UtcMicros start_;
  int attempts_ = 1;
};

}  // namespace daypart::http
