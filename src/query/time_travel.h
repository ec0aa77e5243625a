// SPDX-License-Identifier: Apache-2.0
//
// Time travel: `t FOR VERSION AS OF 123`, `t FOR VERSION AS OF 'tag'` and `t FOR TIMESTAMP AS OF
// '…'`, as Spark, Trino and Athena have it. DuckDB's parser does not, so such a table is given a
// name of its own before it parses, and the name is understood when tables are looked up.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::query {

/// The statement with each such table under its own name and its old one as alias.
/// errors: kInvalidArgument with the place if the clause is not whole.
Result<std::string> NameTravels(std::string_view sql);

/// A name made by NameTravels, taken apart.
struct Travel {
  std::string table;      // without the suffix
  std::string version;    // snapshot id, or name of a branch or tag; empty for a timestamp
  std::string timestamp;  // ISO 8601; empty for a version
  bool is_now() const { return version.empty() && timestamp.empty(); }
};
Travel ParseTravel(std::string_view table_name);
/// The name that ParseTravel understands as the table at that snapshot id, branch or tag.
std::string NameOfVersion(const std::string& table, const std::string& version);

/// The table as it was then: its snapshot, and the schema of that snapshot.
/// errors: kNotFound if there is no such snapshot, branch or tag, or none that old.
Result<lake::LoadedTable> TableAsOf(lake::LoadedTable table, const Travel& travel);

}  // namespace daypart::query
