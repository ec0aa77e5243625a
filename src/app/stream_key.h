// SPDX-License-Identifier: Apache-2.0
//
// Whose signatures the local streams take, and by which `daypart send` signs to them.
#pragma once

#include "app/config.h"
#include "aws/sigv4_verify.h"

namespace daypart::app {

/// The configured key, else the environment's, so that clients started from the same shell change
/// nothing but the endpoint, else one that is known: "daypart", "daypart".
aws::AcceptedKey StreamKeyOf(const Config& config);

}  // namespace daypart::app
