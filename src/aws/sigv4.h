// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4: a request and a secret to the Authorization header. Pure: no clock, no
// I/O. source: AWS General Reference, "Create a signed AWS API request".
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace daypart::aws {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// What is signed of a request.
struct SignableRequest {
  std::string method = "GET";
  /// As it goes over the wire, percent-encoded once: "/" at least.
  std::string path = "/";
  Parameters query;    // decoded
  Parameters headers;  // those to be signed, host among them; names in any case
  /// Hex SHA-256 of the body, or kUnsignedPayload.
  std::string payload_hash;
  /// S3 signs the path as sent; all other services encode it a second time.
  bool encodes_path_twice = false;
};

struct SigningScope {
  std::string access_key_id;
  std::string secret_access_key;
  std::string region;
  std::string service;
  UtcMicros time;
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// "20150830T123600Z"
std::string AmzDate(UtcMicros time);

/// query: names and values encoded, sorted by name, then value.
std::string CanonicalQuery(const Parameters& query);
std::string CanonicalRequest(const SignableRequest& request);
/// "host;x-amz-date"
std::string SignedHeaderNames(const SignableRequest& request);
/// Hex signature of the request in the scope.
std::string Signature(const SignableRequest& request, const SigningScope& scope);
/// The value of the Authorization header. The request's headers must hold X-Amz-Date already.
std::string Authorization(const SignableRequest& request, const SigningScope& scope);

/// The query of a presigned URL: request.query plus the X-Amz-* parameters and the signature.
Parameters PresignedQuery(SignableRequest request, const SigningScope& scope,
                          std::string_view session_token, std::chrono::seconds valid);

}  // namespace daypart::aws
