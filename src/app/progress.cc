// SPDX-License-Identifier: Apache-2.0
//
// A carriage return, the text, and the rest of the line erased.
#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace daypart::app {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr size_t kBarWidth = 24;

}  // namespace

std::string FormatBar(uint64_t done, uint64_t total) {
  const double share =
      total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<size_t>(share * static_cast<double>(kBarWidth));
  char percent[16];
  std::snprintf(percent, sizeof(percent), "] %3.0f %%", share * 100);
  return '[' + std::string(filled, '#') + std::string(kBarWidth - filled, ' ') + percent;
}

ProgressLine::ProgressLine(const OutputOptions& output)
    : is_shown_(!output.is_quiet && !output.is_json && isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (has_text_) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::Show(std::string_view what, uint64_t done, uint64_t total,
                        std::string_view amount) {
  if (!is_shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  has_text_ = true;
  std::string text = (total == kEndless ? "" : FormatBar(done, total) + "  ") + std::string(what) +
                     "  " + std::string(amount);
  // A line that wraps could not be taken back.
  winsize window{};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
  const size_t columns = is_known ? window.ws_col - 1u : 79;
  if (text.size() > columns) {
    // Not in the middle of a character.
    size_t end = columns;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
  }
  const std::string line = '\r' + text + "\x1b[K";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

ProgressWatch::ProgressWatch(ProgressLine& line, std::function<void(ProgressLine&)> show) {
  if (!line.is_shown()) return;
  thread_ = std::thread([this, &line, show = std::move(show)] {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, kInterval, [this] { return is_stopped_; })) show(line);
  });
}

ProgressWatch::~ProgressWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace daypart::app
