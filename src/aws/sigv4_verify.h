// SPDX-License-Identifier: Apache-2.0
//
// The server's side of Signature Version 4: is this request signed by who it says it is? Pure.
// source: AWS General Reference, "Elements of an AWS API request signature".
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/client.h"

namespace daypart::aws {

struct ReceivedRequest {
  std::string_view method;
  std::string_view target;  // path and query as they came
  const http::Headers& headers;
  std::string_view body;
};

/// Whose signatures are taken.
struct AcceptedKey {
  std::string access_key_id;
  std::string secret_access_key;
};

/// Why a request is refused, in AWS' own words; the type is empty if it is not.
struct Refusal {
  std::string type;
  std::string message;
};

/// Compares in constant time and takes requests of up to 15 minutes of age, as AWS does.
Refusal VerifySignature(const ReceivedRequest& request, const AcceptedKey& key,
                        std::string_view service, UtcMicros now);

}  // namespace daypart::aws
