// SPDX-License-Identifier: Apache-2.0
//
// A primitive value as JSON, as a schema's defaults hold it. Source: Iceberg table spec, Appendix
// D, "JSON single-value serialization".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/literal.h"

namespace daypart::iceberg {

/// json: text of one JSON value. errors: kInvalidArgument if it is no value of the type.
Result<Literal> LiteralFromJson(std::string_view json, const Type& type);
/// The inverse; "null" for null.
std::string LiteralToJson(const Literal& literal, const Type& type);

}  // namespace daypart::iceberg
