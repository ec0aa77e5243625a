// SPDX-License-Identifier: Apache-2.0
//
// Http1Connection: requests of HTTP/1.1 (and 1.0) on one connection, one after the other, parsed by
// Boost.Beast. Answers have a Content-Length or come in chunks.
#pragma once

#include <string>

#include "http/server_limits.h"
#include "http/server_message.h"
#include "http/server_socket.h"

namespace daypart::http {

class Http1Connection {
 public:
  /// received: what was read of the connection already. All must outlive the connection.
  Http1Connection(ServerSocket& socket, const ServerLimits& limits, const ServerHandler& handler,
                  std::string received)
      : socket_(socket), limits_(limits), handler_(handler), received_(std::move(received)) {}

  /// Until the client closes, is silent, or the server stops.
  void Run();

 private:
  /// What to do after a request was read, or not.
  struct Outcome {
    bool is_read = false;
    int refusal = 0;  // a status to answer before closing
    bool is_kept = false;
  };
  Outcome Read(ServerRequest& request);
  /// False at the connection's end.
  bool ReceiveMore();

  ServerSocket& socket_;
  const ServerLimits& limits_;
  const ServerHandler& handler_;
  std::string received_;  // and not parsed yet
};

}  // namespace daypart::http
