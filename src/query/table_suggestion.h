// SPDX-License-Identifier: Apache-2.0
//
// "did you mean …?" for the name of a table that is not there.
#pragma once

#include <string>
#include <vector>

#include "catalog/raw_catalog.h"
#include "lake/table.h"

namespace daypart::query {

/// "; did you mean media.viewership?" with the names of the databases nearest to it, or nothing.
std::string TableSuggestion(const lake::LakeContext& context, catalog::RawCatalog& raw,
                            const std::vector<std::string>& databases, const std::string& table);

}  // namespace daypart::query
