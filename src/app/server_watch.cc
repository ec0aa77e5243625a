// SPDX-License-Identifier: Apache-2.0
//
// A thread beside the request. A client that is told to stop looks once a second.
#include "app/server_watch.h"

#include <chrono>
#include <utility>

namespace daypart::app {
namespace {

constexpr std::chrono::milliseconds kLook{100};
/// An answer that is silent for so long is asked after: most are there by then.
constexpr std::chrono::seconds kQuietMax{5};
/// /live takes a millisecond; a machine with far more work than processors, or a server in the
/// middle of a swap, some seconds.
constexpr std::chrono::seconds kLiveMax{5};
/// One in a row may be bad luck.
constexpr int kMissesMax = 2;

}  // namespace

Status CheckServerLives(http::Client& client, const std::string& url, const CancelToken& cancel) {
  const auto response = client.Send({.url = url + "/live",
                                     .connect_timeout = kLiveMax,
                                     .total_timeout = kLiveMax,
                                     .cancel = &cancel});
  if (!response) return response.error();
  if (response->is_success()) return Ok();
  return Unavailable("its /live answered with status " + std::to_string(response->status));
}

ServerWatch::ServerWatch(http::Client& client, std::string url, const CancelToken& cancel)
    : client_(client), url_(std::move(url)), cancel_(cancel), thread_([this] { Run(); }) {}

ServerWatch::~ServerWatch() { (void)End(); }  // who wants to know has asked before

Status ServerWatch::End() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
  return given_up_;
}

void ServerWatch::Run() {
  using SteadyClock = std::chrono::steady_clock;
  uint64_t known_bytes = 0;
  int misses = 0;
  auto quiet_since = SteadyClock::now();
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, kLook, [this] { return is_over_; })) {
    if (cancel_.is_cancelled()) {
      token_.Cancel();
      return;
    }
    if (const uint64_t bytes = received_bytes_.load(); bytes != known_bytes) {
      known_bytes = bytes;
      misses = 0;
      quiet_since = SteadyClock::now();
    }
    if (SteadyClock::now() - quiet_since < kQuietMax && misses == 0) continue;
    lock.unlock();
    const Status lives = CheckServerLives(client_, url_, cancel_);
    lock.lock();
    misses = lives ? 0 : misses + 1;
    if (lives) quiet_since = SteadyClock::now();
    if (misses < kMissesMax || received_bytes_.load() != known_bytes) continue;
    given_up_ = Unavailable("it sent nothing for " +
                            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                               SteadyClock::now() - quiet_since)
                                               .count()) +
                            " s and does not say that it lives: " + lives.error().message);
    token_.Cancel();
    return;
  }
}

}  // namespace daypart::app
