// SPDX-License-Identifier: Apache-2.0
//
// CarriedColumn: a column of a window that goes on from what the target has of it when rows come:
// counts and sums add up, the least of two leasts is the least. Where all columns of a SELECT are
// of this kind an append costs what its own rows cost. Where one is not (an average, a sum of
// doubles, HAVING) the touched windows are computed from the source. Refused in doubt.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "iceberg/type.h"
#include "windows/window_declaration.h"

namespace daypart::windows {

enum class CarryKind { kKey, kStart, kEnd, kCount, kSum, kLeast, kGreatest, kDistinct };

struct CarriedColumn {
  std::string name;  // in the target
  CarryKind kind = CarryKind::kKey;
  std::string aggregate;  // over source rows, as DuckDB is to read it; of kDistinct none
  std::string value;      // of kDistinct: the column whose values are counted
  std::string filter;     // of kDistinct: its condition; empty if there is none
  std::string part_type;  // in which parts are kept until they are put together
  std::string type;       // in the target
};

/// In the target's order; nullopt if the SELECT has a column that cannot be carried on.
std::optional<std::vector<CarriedColumn>> CarriedColumns(const WindowDeclaration& window,
                                                         const iceberg::Schema& source,
                                                         const iceberg::Schema& target);

}  // namespace daypart::windows
