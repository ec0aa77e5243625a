// SPDX-License-Identifier: Apache-2.0
//
// Codes of refused calls: the "Errors" sections of each action in the services' API references.
#include "aws/json_call.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace daypart::aws {
namespace {

struct CodeMeaning {
  std::string_view code;
  ErrorCode meaning;
};

constexpr std::array<CodeMeaning, 10> kMeanings = {{
    {"EntityNotFoundException", ErrorCode::kNotFound},
    {"ResourceNotFoundException", ErrorCode::kNotFound},
    {"AlreadyExistsException", ErrorCode::kAlreadyExists},
    {"ResourceInUseException", ErrorCode::kAlreadyExists},
    {"IdempotentParameterMismatchException", ErrorCode::kAlreadyExists},
    {"ConcurrentModificationException", ErrorCode::kConflict},
    {"VersionMismatchException", ErrorCode::kConflict},
    {"CrawlerRunningException", ErrorCode::kConflict},
    {"ConcurrentRunsExceededException", ErrorCode::kConflict},
    {"AccessDeniedException", ErrorCode::kPermissionDenied},
}};

}  // namespace

Result<nlohmann::json> CallJson(Service& service, std::string_view target,
                                const nlohmann::json& request) {
  const std::string body =
      request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  DAYPART_TRY(auto answer,
              service.Call({.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                        {"X-Amz-Target", std::string(target)}},
                            .body = std::as_bytes(std::span(body.data(), body.size()))}));
  const std::string action(target.substr(target.rfind('.') + 1));
  if (!answer.response.is_success()) {
    const ServiceError said = ErrorOfAnswer(answer.response);
    Error error = ToError(answer.response, action);
    const auto found = std::find_if(kMeanings.begin(), kMeanings.end(),
                                    [&](const auto& entry) { return entry.code == said.code; });
    if (found != kMeanings.end()) error.code = found->meaning;
    return error;
  }
  if (answer.response.body.empty()) return nlohmann::json::object();
  auto document = nlohmann::json::parse(answer.response.body, nullptr, false);
  if (!document.is_object()) {
    return CorruptData(action + ": a JSON object is expected, found " +
                       answer.response.body.substr(0, 200));
  }
  return document;
}

std::string TextIn(const nlohmann::json& parent, const char* key) {
  const auto found = parent.find(key);
  return found != parent.end() && found->is_string() ? found->get<std::string>() : "";
}

double NumberIn(const nlohmann::json& parent, const char* key) {
  const auto found = parent.find(key);
  return found != parent.end() && found->is_number() ? found->get<double>() : 0;
}

int64_t WholeIn(const nlohmann::json& parent, const char* key) {
  const auto found = parent.find(key);
  return found != parent.end() && found->is_number() ? found->get<int64_t>() : 0;
}

nlohmann::json ObjectIn(const nlohmann::json& parent, const char* key) {
  const auto found = parent.find(key);
  return found != parent.end() && found->is_object() ? *found : nlohmann::json::object();
}

}  // namespace daypart::aws
