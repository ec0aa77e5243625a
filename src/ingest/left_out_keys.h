// SPDX-License-Identifier: Apache-2.0
//
// Keys of JSON records whose values no column takes: the records' other values are in the table, so
// quarantine has nothing of them. Whoever commits such rows says so in the snapshot's summary, and
// whoever runs the command is told.
#pragma once

#include <string>
#include <vector>

namespace daypart::ingest {

/// In a snapshot's summary: a JSON list of the keys ("a.b" within an object, "a.*" for an object
/// none of whose keys became a column), the first kLeftOutKeysMax of them.
inline constexpr const char* kLeftOutKeysSummary = "daypart.left-out-keys";

/// Empty for no keys.
std::string LeftOutKeysToJson(const std::vector<std::string>& keys);

/// "tags, meta.list and 3 others".
std::string ListedKeys(const std::vector<std::string>& keys);

}  // namespace daypart::ingest
