// SPDX-License-Identifier: Apache-2.0
//
// Which keys of records fill which column: by name, by the table's properties, and by the names
// that a column had before it was renamed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/metadata.h"
#include "iceberg/type.h"

namespace daypart::ingest {

/// Table property that names the JSON key of a column, where it is another than the column's name.
std::string SourceNameProperty(std::string_view column);

/// Of a column, the JSON keys or CSV headers that fill it, where these are not its name alone.
using SourceNameMap = std::map<std::string, std::vector<std::string>>;

/// What the table's properties say, else the column's own name; then the names that it had in
/// older schemas, as far as no other column has them now: producers go on after a RENAME.
SourceNameMap SourceNames(const iceberg::TableMetadata& metadata);

/// The column that the key fills; empty if there is none.
std::string ColumnOf(const iceberg::Schema& schema, const SourceNameMap& names,
                     std::string_view key);

}  // namespace daypart::ingest
