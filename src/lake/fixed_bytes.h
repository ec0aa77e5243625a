// SPDX-License-Identifier: Apache-2.0
//
// Texts and byte strings as the fixed-size values of uuid and fixed[n] columns, at any depth: the
// form in which queries and other formats give them, which Arrow's casts do not know.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace daypart::lake {

/// Whether values of type `from` may be ones of the fixed-size field: bytes, for a uuid texts too.
bool is_source_of_fixed(const arrow::DataType& from, const arrow::Field& field);

/// The array with every part that `field` has as fixed-size bytes made such; others stay.
/// errors: kInvalidArgument for a value of another length, or a text that is no uuid.
Result<std::shared_ptr<arrow::Array>> WithFixedBytes(std::shared_ptr<arrow::Array> array,
                                                     const arrow::Field& field);

}  // namespace daypart::lake
