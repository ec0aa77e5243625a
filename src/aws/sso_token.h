// SPDX-License-Identifier: Apache-2.0
//
// The token that `aws sso login` left in its cache, and a new one by its refresh token before it
// expires, written back as the AWS tools do, so that they and we go on with the same. Never logs
// in: that wants a person. Never shows a token.
#pragma once

#include <string>

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"

namespace daypart::aws {

struct SsoCache {
  std::string path;      // of the cached token
  std::string endpoint;  // of OIDC
  std::string origin;    // for messages
};

/// returns: the access token. errors: kPermissionDenied if there is none that is valid or can be
///   renewed, with what to do.
Result<std::string> SsoAccessToken(http::Client& http, Clock& clock,
                                   const ChainSurroundings& around, const SsoCache& cache);

}  // namespace daypart::aws
