// SPDX-License-Identifier: Apache-2.0
//
// Waits: full jitter between half and all of wait_min * 2^n, as measured best against contention in
// "Exponential Backoff And Jitter" (AWS Architecture Blog).
#include "http/retry.h"

#include <algorithm>

namespace daypart::http {

bool RetryBudget::Take() {
  const std::lock_guard lock(mutex_);
  if (tokens_ < kCost) return false;
  tokens_ -= kCost;
  return true;
}

void RetryBudget::Return() {
  const std::lock_guard lock(mutex_);
  tokens_ = std::min(kTokensMax, tokens_ + 1);
}

Retries::Retries(const RetryPolicy& policy, RetryBudget& budget, Clock& clock, Random& random,
                 const CancelToken* cancel)
    : policy_(policy),
      budget_(budget),
      clock_(clock),
      random_(random),
      cancel_(cancel),
      start_(clock.Now()) {}

bool Retries::Again(std::chrono::milliseconds at_least) {
  if (attempts_ >= policy_.attempts_max) return false;
  if (cancel_ != nullptr && cancel_->is_cancelled()) return false;
  const int64_t ceiling =
      std::min<int64_t>(policy_.wait_max.count(), policy_.wait_min.count() << (attempts_ - 1));
  const int64_t half = std::max<int64_t>(1, ceiling / 2);
  const auto jitter = static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(half + 1));
  // A server that asks for minutes is not waited for longer than a deadline allows.
  const int64_t wait = std::max<int64_t>(half + jitter, at_least.count());
  const int64_t spent = (clock_.Now().value() - start_.value()) / 1000;
  if (spent + wait > policy_.deadline.count() || !budget_.Take()) return false;
  clock_.Sleep(std::chrono::milliseconds(wait));
  ++attempts_;
  return true;
}

}  // namespace daypart::http
