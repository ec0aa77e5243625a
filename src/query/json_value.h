// SPDX-License-Identifier: Apache-2.0
//
// Nested values as JSON: lists as arrays, structs as objects, maps as objects of their keys as
// text. What every output format shows of a nested column.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace daypart::query {

/// The value at `row`, which must exist, as JSON without spaces. NaN and infinities, which JSON
/// lacks, are null; bytes are base 16; timestamps ISO 8601. errors: kUnsupported for an Arrow type
/// without a text form.
Result<std::string> JsonOf(const arrow::Array& array, int64_t row);

/// `text` as a JSON string, with quotes; what is not UTF-8 is replaced.
std::string JsonText(const std::string& text);

/// "2026-11-24 10:00:00.000000Z" -> "2026-11-24T10:00:00Z": ISO 8601 without an empty fraction.
std::string IsoTimestamp(std::string text);

}  // namespace daypart::query
