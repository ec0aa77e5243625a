// SPDX-License-Identifier: Apache-2.0
//
// ServerSocket: a client's connection with time limits, that a stopping server can leave at any
// moment. Bytes only; what they mean is the protocol's.
#pragma once

#include <atomic>
#include <chrono>
#include <string_view>

#include "http/server_limits.h"

namespace daypart::http {

class ServerSocket {
 public:
  /// Takes the descriptor over. is_stopping must outlive the socket.
  ServerSocket(int descriptor, const ServerLimits& limits, const std::atomic<bool>& is_stopping)
      : descriptor_(descriptor), limits_(limits), is_stopping_(is_stopping) {}
  ~ServerSocket();
  ServerSocket(const ServerSocket&) = delete;
  ServerSocket& operator=(const ServerSocket&) = delete;

  /// Waits for bytes. returns: how many came; 0 if the client closed, was silent for too long, or
  /// the server stops while none came.
  size_t Receive(char* into, size_t bytes_max);
  /// False if the client has gone or takes nothing.
  bool SendAll(std::string_view bytes);
  /// Whether the client has closed its side, as far as is known without waiting.
  bool is_closed_by_client() const;
  bool is_stopping() const { return is_stopping_.load(std::memory_order_relaxed); }
  int descriptor() const { return descriptor_; }
  /// Says that no more is sent and passes over what still comes, for a while: a client that sends
  /// on would not get to read the answer if the connection were reset.
  void Linger();
  /// What was sent goes out, then the connection ends.
  void Close();

 private:
  const int descriptor_;
  const ServerLimits limits_;
  const std::atomic<bool>& is_stopping_;
};

}  // namespace daypart::http
