// SPDX-License-Identifier: Apache-2.0
//
// CBOR (RFC 8949) of requests as JSON values, byte strings as binary ones. Of our own, because the
// library's reader follows nesting and tags by recursion, as deep as a request likes to have it.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace daypart::serve {

/// Tags are passed over (a time is its number). errors: kInvalidArgument for bytes that are no
///   CBOR, for nesting beyond kNestingMax, keys that are no text, and text that is no UTF-8.
Result<nlohmann::json> DecodeCbor(std::string_view bytes);

}  // namespace daypart::serve
