// SPDX-License-Identifier: Apache-2.0
//
// Partition projection: a raw table's partitions told to Athena as ranges, so that it works out the
// folders by itself, and sees those of days to come without a crawl. Pure.
// source: Amazon Athena User Guide, "Partition projection".
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "catalog/raw_catalog.h"

namespace daypart::catalog {

/// The parameters of a table whose folders are column=value/ below its location; an empty object
/// if there are no partitions, they lie elsewhere, or one is null, which ranges cannot say.
nlohmann::json ProjectionOf(const RawTable& table);

}  // namespace daypart::catalog
