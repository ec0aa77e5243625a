// SPDX-License-Identifier: Apache-2.0
//
// Router: which endpoint answers a request, how long it took, and how errors look: a JSON object
// {"error": {"code", "message"}}. Requests that name another host than this machine are refused:
// a web page of anywhere could otherwise read the lake through its visitor's browser, by a name
// that it lets point to 127.0.0.1.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "http/server_message.h"
#include "serve/metrics.h"

namespace daypart::serve {

/// Answers with an error in JSON and the status that its code stands for.
void SendError(http::ResponseWriter& writer, const Error& error);
void SendError(http::ResponseWriter& writer, int status, std::string_view code,
               const std::string& message);

/// Whether a Host header names this machine: localhost, 127.x.x.x or [::1], with or without port.
bool is_loopback_host(std::string_view host);

/// Thread-safe once all endpoints are added.
class Router {
 public:
  /// Both must outlive the router.
  Router(Clock& clock, Metrics& metrics);

  void Add(const std::string& method, const std::string& path, http::ServerHandler handler);
  void Handle(const http::ServerRequest& request, http::ResponseWriter& writer);

 private:
  void Route(const http::ServerRequest& request, http::ResponseWriter& writer) const;

  Clock& clock_;
  Metrics& metrics_;
  std::map<std::string, std::map<std::string, http::ServerHandler>> paths_;  // by path, method
};

}  // namespace daypart::serve
