// SPDX-License-Identifier: Apache-2.0
//
// Single values between Arrow arrays and Iceberg literals: for partition tuples and constant
// columns, a value or a word of a dictionary at a time, never a row at a time of a large batch.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace daypart::lake {

/// The value at `row`, which must exist; dictionaries are looked through. Unsupported types give
/// null.
iceberg::Literal LiteralAt(const arrow::Array& array, int64_t row);

/// An array of `rows` times the value, of the type's Arrow type. A null literal gives nulls.
Result<std::shared_ptr<arrow::Array>> MakeConstantArray(const iceberg::Literal& value,
                                                        const iceberg::Type& type, int64_t rows);

}  // namespace daypart::lake
