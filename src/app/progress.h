// SPDX-License-Identifier: Apache-2.0
//
// ProgressLine: one line on a terminal's standard error that is written over and over, and wiped
// before results are printed. Nothing is written where standard error is no terminal, or with
// --quiet or --json.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "app/output.h"

namespace daypart::app {

/// A total that is not known, or that nothing has: no bar is shown, what is counted alone.
inline constexpr uint64_t kEndless = UINT64_MAX;

class ProgressLine {
 public:
  explicit ProgressLine(const OutputOptions& output);
  /// Wipes the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Shows `done` of `total` as a bar; at most ten times a second, more are passed over.
  /// amount: what is counted, in words ("12,000 of 50,000 rows").
  void Show(std::string_view what, uint64_t done, uint64_t total, std::string_view amount);

  bool is_shown() const { return is_shown_; }

 private:
  bool is_shown_;
  bool has_text_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// The bar itself: "[######    ]  60 %". total 0 counts as nothing done.
std::string FormatBar(uint64_t done, uint64_t total);

/// Calls `show` ten times a second on a thread of its own until destroyed: for work that only
/// counts.
class ProgressWatch {
 public:
  ProgressWatch(ProgressLine& line, std::function<void(ProgressLine&)> show);
  ~ProgressWatch();
  ProgressWatch(const ProgressWatch&) = delete;
  ProgressWatch& operator=(const ProgressWatch&) = delete;

 private:
  std::mutex mutex_;  // guards is_stopped_
  std::condition_variable stopped_;
  bool is_stopped_ = false;
  std::thread thread_;
};

}  // namespace daypart::app
