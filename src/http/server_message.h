// SPDX-License-Identifier: Apache-2.0
//
// What a server's handler sees of a request and how it answers, whichever version of HTTP the
// client speaks.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/client.h"

namespace daypart::http {

struct ServerRequest {
  std::string method;
  std::string target;  // as it came: path and query
  Headers headers;     // in the order of arrival
  std::string body;

  /// Empty if it is not there; the name in any case.
  std::string_view Header(std::string_view name) const;
  std::string_view path() const;
  /// A parameter of the query, percent-decoded; empty if it is not there.
  std::string Parameter(std::string_view name) const;
};

struct ResponseHead {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  Headers headers;
};

/// The way back to the client. Either Send once, or Begin, Write as often as needed, and End. An
/// answer that was begun and not ended is cut off, so that the client sees that it is not whole.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  /// The whole answer.
  virtual void Send(const ResponseHead& head, std::string_view body) = 0;
  /// All three: false once the client has gone or the server stops.
  virtual bool Begin(const ResponseHead& head) = 0;
  virtual bool Write(std::string_view part) = 0;
  virtual bool End() = 0;
  /// Whether anyone still waits for more: for handlers that send as things happen or take long.
  /// May be called from any thread.
  virtual bool is_open() const = 0;
};

/// Called by several threads at a time. Exceptions are answered with status 500.
using ServerHandler = std::function<void(const ServerRequest&, ResponseWriter&)>;

/// "OK" for 200.
std::string_view ReasonOf(int status);

}  // namespace daypart::http
