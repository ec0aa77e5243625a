// SPDX-License-Identifier: Apache-2.0
//
// Whose signatures the local streams take, and by which `daypart send` signs to them.
#pragma once

#include "app/config.h"
#include "aws/credentials.h"
#include "aws/sigv4_verify.h"

namespace daypart::app {

/// The configured key, else the environment's, so that clients started from the same shell change
/// nothing but the endpoint, else one that is known: "daypart", "daypart".
aws::AcceptedKey StreamKeyOf(const Config& config);

/// Signs by StreamKeyOf: for calls to the lake's own server.
class StreamKeySource final : public aws::CredentialSource {
 public:
  explicit StreamKeySource(const Config& config);
  Result<aws::Credentials> Get() override { return credentials_; }
  void Refuse() override {}

 private:
  aws::Credentials credentials_;
};

}  // namespace daypart::app
