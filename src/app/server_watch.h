// SPDX-License-Identifier: Apache-2.0
//
// ServerWatch: tells a server that works on a long answer from one that hangs. While nothing of the
// answer comes it asks the server's /live, which costs it nothing; one that does not answer that
// either is given up. A server that is stopped takes connections all the same: the kernel does.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/result.h"
#include "http/client.h"

namespace daypart::app {

/// errors: kUnavailable unless the server says in time that it lives; kCancelled.
Status CheckServerLives(http::Client& client, const std::string& url, const CancelToken& cancel);

class ServerWatch {
 public:
  /// Begins to watch. client and cancel must outlive it; whoever cancels, cancels token() too.
  ServerWatch(http::Client& client, std::string url, const CancelToken& cancel);
  ~ServerWatch();
  ServerWatch(const ServerWatch&) = delete;
  ServerWatch& operator=(const ServerWatch&) = delete;

  /// For the request that is watched.
  const CancelToken& token() const { return token_; }
  std::atomic<uint64_t>& received_bytes() { return received_bytes_; }

  /// The request is over; harmless to call again. errors: kUnavailable if it was given up.
  Status End();

 private:
  void Run();

  http::Client& client_;
  const std::string url_;
  const CancelToken& cancel_;
  CancelToken token_;
  std::atomic<uint64_t> received_bytes_{0};
  std::mutex mutex_;  // guards is_over_
  std::condition_variable ended_;
  bool is_over_ = false;
  Status given_up_ = Ok();  // of the thread; read when it has ended
  std::thread thread_;
};

}  // namespace daypart::app
