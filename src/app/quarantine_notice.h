// SPDX-License-Identifier: Apache-2.0
//
// What is told of rows that did not fit: how many, where they are, how to look at them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace daypart::app {

/// thing: "row", "event". table: whose they were to be.
std::string QuarantineNotice(int64_t count, std::string_view thing, std::string_view table);

}  // namespace daypart::app
