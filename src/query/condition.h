// SPDX-License-Identifier: Apache-2.0
//
// An SQL condition by itself as a filter for planning: what `maintain … --where` takes.
#pragma once

#include <string>

#include "base/result.h"
#include "iceberg/expression.h"
#include "iceberg/type.h"

namespace daypart::query {

/// errors: kInvalidArgument if nothing of the condition is understood, so that nobody takes a
///   filter that filters nothing for one that does.
Result<iceberg::Expression> ParseCondition(const iceberg::Schema& schema,
                                           const std::string& condition);

}  // namespace daypart::query
