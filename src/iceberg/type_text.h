// SPDX-License-Identifier: Apache-2.0
//
// A type from text as people write it in statements: Iceberg's names and SQL's, nested ones too.
#pragma once

#include <string_view>

#include "base/result.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

/// "bigint", "varchar", "decimal(18, 4)", "timestamp with time zone", "fixed[16]",
/// "struct<city: string, zip: int>", "array<double>" or "list<double>", "map<string, int>". Case
/// does not matter in type names. Parts get the ids 1, 2, …: assign fresh ones before use. All
/// parts are optional, but for map keys and struct fields with NOT NULL. errors: kInvalidArgument
/// with the character position.
Result<Type> ParseType(std::string_view text);

}  // namespace daypart::iceberg
