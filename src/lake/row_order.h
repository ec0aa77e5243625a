// SPDX-License-Identifier: Apache-2.0
//
// Row order: in which order a table's sort order wants rows. Each row's key is made a string of
// bytes whose order is that of the rows, so that any number of columns of any type sorts by
// comparing bytes. Source: Iceberg table spec, "Sorting": -0.0 below +0.0, NaN above all numbers,
// nulls where the field says.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/partition.h"

namespace daypart::lake {

/// One field of a sort order with the column it is of.
struct SortColumn {
  std::shared_ptr<arrow::Array> values;  // of all rows; shared because Arrow shares its arrays
  iceberg::Type type;
  iceberg::SortField field;
};

/// Appends the bytes by which a value of the type is ordered, nulls and direction included.
void AppendSortKey(const iceberg::Literal& value, const iceberg::SortField& field,
                   std::string& key);

/// Row numbers in the order wanted; rows with equal keys stay in theirs.
/// columns: at least one, all of the same length.
/// errors: those of the transforms.
Result<std::vector<int64_t>> OrderOfRows(const std::vector<SortColumn>& columns);

}  // namespace daypart::lake
