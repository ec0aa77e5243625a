// SPDX-License-Identifier: Apache-2.0
//
// What is told of rows that a merge could match with nothing, because a key column of theirs is
// null: SQL's null equals nothing, so they were added and the same merge would add them again.
#pragma once

#include <string>
#include <string_view>

#include "lake/table.h"

namespace daypart::app {

/// Empty if all rows had a key.
std::string KeylessNotice(const lake::CommitResult& result, std::string_view table);

}  // namespace daypart::app
