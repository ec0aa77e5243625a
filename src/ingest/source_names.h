// SPDX-License-Identifier: Apache-2.0
//
// Which keys of records fill which column, and with what: by name, by the table's properties, and
// by the names that a column had before it was renamed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/metadata.h"
#include "iceberg/type.h"

namespace daypart::ingest {

/// Table property that names the JSON key of a column, where it is another than the column's name.
std::string SourceNameProperty(std::string_view column);

/// Table property that names, by their ids, the string columns that take JSON's numbers and truth
/// values as their text: "3,7".
inline constexpr const char* kTakesScalarsProperty = "daypart.takes-scalars";

struct SourceNameMap {
  /// Of a column, the JSON keys or CSV headers that fill it, where these are not its name alone.
  std::map<std::string, std::vector<std::string>> keys;
  /// Columns that kTakesScalarsProperty names.
  std::set<std::string> takes_scalars;
};

/// What the table's properties say, else the column's own name; then the names that it had in
/// older schemas, as far as no other column has them now: producers go on after a RENAME.
SourceNameMap SourceNames(const iceberg::TableMetadata& metadata);

/// The column that the key fills; empty if there is none.
std::string ColumnOf(const iceberg::Schema& schema, const SourceNameMap& names,
                     std::string_view key);

}  // namespace daypart::ingest
