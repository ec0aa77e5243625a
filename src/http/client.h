// SPDX-License-Identifier: Apache-2.0
//
// Client: one HTTP request, one answer. Connections are kept and used again. It knows nothing of
// signatures or retries; it refuses bodies beyond the request's limit and follows no redirects,
// because a signed request means one host only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace daypart::http {

struct Header {
  std::string name;
  std::string value;
};
using Headers = std::vector<Header>;

/// The first header of that name, in any case.
std::optional<std::string_view> FindHeader(const Headers& headers, std::string_view name);

struct Request {
  std::string method = "GET";
  std::string url;  // http:// or https://, percent-encoded
  Headers headers;
  std::span<const std::byte> body;  // must outlive the call
  /// If not empty, the body of a 2xx answer goes here instead of into Response::body, and one that
  /// does not fit is an error.
  std::span<std::byte> into;
  /// If set, the body of a 2xx answer goes here part by part as it comes, without a limit. False
  /// ends the exchange, and Send then gives the answer as if it were whole. It may wait: the server
  /// is held up meanwhile.
  std::function<bool(std::string_view part)> on_body;
  /// HTTP/2, if the server of an https:// URL offers it.
  bool prefers_http2 = false;
  uint64_t body_bytes_max = uint64_t{64} << 20;
  std::chrono::milliseconds connect_timeout{10'000};
  /// The connection is given up when for this long less than 1 KiB a second came or went; with
  /// on_body, when nothing did.
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds total_timeout{300'000};
  const CancelToken* cancel = nullptr;  // must outlive the call
  /// Grows while the answer comes, for who watches it from another thread; must outlive the call.
  std::atomic<uint64_t>* received_bytes = nullptr;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;
  size_t into_bytes = 0;  // of Request::into that were filled

  bool is_success() const { return status >= 200 && status < 300; }
};

/// Thread-safe.
class Client {
 public:
  virtual ~Client() = default;
  /// Any status is an answer, not an error.
  /// errors: kUnavailable if there was no whole answer (refused, reset, timeout, TLS), whether or
  ///   not the server acted; kResourceExhausted for a body over the limit; kCancelled;
  ///   kInvalidArgument for a URL that is none.
  virtual Result<Response> Send(const Request& request) = 0;
};

struct ClientOptions {
  /// Of certificate authorities, instead of the system's; for servers of one's own.
  std::string ca_file;
  std::string user_agent = "daypart";
};

/// On libcurl: one connection a concurrent request, kept for the next.
std::unique_ptr<Client> MakeClient(ClientOptions options);

}  // namespace daypart::http
