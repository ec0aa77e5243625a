// SPDX-License-Identifier: Apache-2.0
//
// Http2Connection: HTTP/2 without TLS, begun by its preface ("prior knowledge"), as the AWS SDK for
// Java speaks it when it waits for events. nghttp2 knows the protocol; here are the bytes in and
// out, and a thread for each request that runs.
// source: RFC 9113; nghttp2's programmers' guide.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "http/server_limits.h"
#include "http/server_message.h"
#include "http/server_socket.h"

namespace daypart::http {

/// What a client that speaks HTTP/2 sends first.
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Http2Connection {
 public:
  /// received: what was read of the connection already. All must outlive the connection.
  Http2Connection(ServerSocket& socket, const ServerLimits& limits, const ServerHandler& handler,
                  std::string received);
  ~Http2Connection();

  /// Until the client closes, is silent, or the server stops.
  void Run();

 private:
  class Stream;
  struct Session;  // nghttp2's callbacks

  bool Begin();
  bool SendWhatIsDue();
  /// Waits for bytes or for a handler's. False at the connection's end.
  bool ReceiveOrWait();
  void Dispatch(int32_t id);
  void Answer(Stream& stream);
  /// Takes what handlers did to nghttp2, and ends threads that are over.
  void Collect();
  void Wake() const;

  ServerSocket& socket_;
  const ServerLimits& limits_;
  const ServerHandler& handler_;
  std::string received_;
  nghttp2_session* session_ = nullptr;
  int wake_ = -1;  // an eventfd
  std::chrono::milliseconds silent_{0};
  /// Shared with the writers of their handlers; used by the connection's thread alone.
  std::map<int32_t, std::shared_ptr<Stream>> streams_;
};

}  // namespace daypart::http
