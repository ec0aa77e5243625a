// SPDX-License-Identifier: Apache-2.0
//
// A call of a service that speaks JSON 1.1 (Athena, Glue, Kinesis): a document there, a document
// back, and what the service says of a refused call as one of our error codes.
#pragma once

#include <cstdint>
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

/// Members of an answer; what is absent or of another type is "", 0 or an empty object.
std::string TextIn(const nlohmann::json& parent, const char* key);
double NumberIn(const nlohmann::json& parent, const char* key);
/// A double would not hold each of them.
int64_t WholeIn(const nlohmann::json& parent, const char* key);
nlohmann::json ObjectIn(const nlohmann::json& parent, const char* key);

}  // namespace daypart::aws
