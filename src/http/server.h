// SPDX-License-Identifier: Apache-2.0
//
// Server: listens, gives each connection a thread, and lets requests end before it stops. Which
// requests mean what is the handler's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "http/server_limits.h"
#include "http/server_message.h"

namespace daypart::http {

class Server {
 public:
  /// Listens on an IPv4 address; port 0 picks a free one.
  /// errors: kInvalidArgument for an address that is none; kAlreadyExists for a port that is taken;
  ///   kPermissionDenied.
  static Result<std::unique_ptr<Server>> Listen(const std::string& address, uint16_t port,
                                                const ServerLimits& limits, ServerHandler handler);
  /// Stops.
  ~Server();

  uint16_t port() const { return port_; }
  /// Takes no more connections, lets running requests end and closes all. Harmless to call again.
  void Stop();

  size_t connections_count() const;
  /// Connections that spoke HTTP/2, since the start.
  int64_t http2_connections_total() const { return http2_connections_total_; }

 private:
  struct Connection;

  Server(const ServerLimits& limits, ServerHandler handler);
  void Accept();
  void Serve(Connection& connection);
  /// Ends the threads of connections that are over.
  void Reap();

  const ServerLimits limits_;
  const ServerHandler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> is_stopping_{false};
  std::atomic<int64_t> http2_connections_total_{0};
  mutable std::mutex mutex_;  // guards connections_
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread acceptor_;
};

}  // namespace daypart::http
