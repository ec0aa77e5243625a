// SPDX-License-Identifier: Apache-2.0
//
// Reply: what an action of the Kinesis API came to: a document, or an error with the service's own
// type.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "base/result.h"

namespace daypart::serve {

/// An error as the service tells it.
struct ServiceError {
  std::string type;
  std::string message;
  int status = 400;
};

/// The service's name for one of our errors about a stream.
ServiceError ToServiceError(const Error& error);
/// "1 validation error detected: Value '…' at '…' failed to satisfy constraint: …"
ServiceError ValidationError(const std::string& value, const std::string& field,
                             const std::string& constraint);

class Reply {
 public:
  /// A null document is an answer without body. Made from errors too, so that DAYPART_TRY works.
  // NOLINTBEGIN(google-explicit-constructor)
  Reply(nlohmann::json document) : value_(std::move(document)) {}
  Reply(ServiceError error) : value_(std::move(error)) {}
  Reply(const Error& error) : value_(ToServiceError(error)) {}
  // NOLINTEND(google-explicit-constructor)

  const ServiceError* error() const { return std::get_if<ServiceError>(&value_); }
  const nlohmann::json& document() const { return std::get<nlohmann::json>(value_); }

 private:
  std::variant<nlohmann::json, ServiceError> value_;
};

/// What an action has done that returns nothing.
inline Reply Done() { return Reply(nlohmann::json()); }

}  // namespace daypart::serve
