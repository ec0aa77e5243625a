// SPDX-License-Identifier: Apache-2.0
//
// Service: signed calls to one AWS service, tried again while the trouble is passing: throttling,
// 5xx, resets, a clock that is off, keys that expired. A call that changes something and whose
// earlier attempt may have worked is marked, so that the caller can look before it believes an
// answer such as "is there already".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "aws/sigv4.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "http/retry.h"

namespace daypart::aws {

struct ServiceCall {
  std::string method = "POST";
  std::string path = "/";  // percent-encoded once
  Parameters query;
  Parameters headers;
  std::span<const std::byte> body;  // must outlive the call
  std::span<std::byte> into;
  /// As http::Request has them. An attempt after this got a part would give the body anew: is_single.
  std::function<bool(std::string_view part)> on_body;
  bool prefers_http2 = false;
  uint64_t body_bytes_max = uint64_t{64} << 20;
  /// Of the URL, before the endpoint's host: a bucket's name, or empty.
  std::string host_prefix;
  std::chrono::milliseconds total_timeout{300'000};
  /// One attempt only: for a call whose repetition its caller decides.
  bool is_single = false;
};

struct ServiceAnswer {
  http::Response response;
  /// An attempt before this one ended without an answer or with 5xx: it may have acted.
  bool may_have_acted_before = false;
};

/// What a service says of a refused call: "NoSuchKey", "EntityNotFoundException".
struct ServiceError {
  std::string code;
  std::string message;
};
ServiceError ErrorOfAnswer(const http::Response& response);

/// The Error for an answer that is none of those a caller expects. `what`: the call, for people.
Error ToError(const http::Response& response, std::string_view what);

struct ServiceOptions {
  std::string name;      // for signing: "s3", "glue"
  std::string region;
  std::string endpoint;  // "http://127.0.0.1:7070"; empty: AWS's own of the region
  http::RetryPolicy retry;
  /// Leaves the body out of the signature over https, whose checksum header protects it.
  bool may_leave_body_unsigned = false;
};

/// Thread-safe. Everything passed must outlive it.
class Service {
 public:
  Service(http::Client& http, CredentialSource& credentials, Clock& clock, Random& random,
          const CancelToken* cancel, ServiceOptions options);

  /// Any final status is an answer. errors: as http::Client::Send, and the credentials' own.
  Result<ServiceAnswer> Call(const ServiceCall& call);

  const std::string& region() const { return options_.region; }
  std::string endpoint() const;

 private:
  Result<http::Response> Attempt(const ServiceCall& call, const Credentials& credentials);

  http::Client& http_;
  CredentialSource& credentials_;
  Clock& clock_;
  Random& random_;
  const CancelToken* cancel_;
  const ServiceOptions options_;
  http::RetryBudget budget_;
  std::atomic<int64_t> skew_micros_{0};  // the service's clock minus ours
};

}  // namespace daypart::aws
