// SPDX-License-Identifier: Apache-2.0
//
// A call of a service that speaks JSON 1.1 (Athena, Glue, Kinesis): a document there, a document
// back, and what the service says of a refused call as one of our error codes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "aws/service.h"
#include "base/result.h"

namespace daypart::aws {

/// target: X-Amz-Target, "AmazonAthena.StartQueryExecution".
/// errors: those of Service::Call and ToError, with what names a missing, present or changed thing
///   as kNotFound, kAlreadyExists, kConflict; kCorruptData for an answer that is no JSON.
Result<nlohmann::json> CallJson(Service& service, std::string_view target,
                                const nlohmann::json& request);

}  // namespace daypart::aws
