// SPDX-License-Identifier: Apache-2.0
//
// A file's column as the table has it now: parts matched by field id at every depth, types widened,
// parts that the file lacks filled with their default or null. Source: Iceberg table spec, "Column
// Projection".
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace daypart::lake {

/// The field id that a Parquet file gives this field; -1 for none.
int32_t FieldIdOf(const arrow::Field& field);

/// What rows of a file without the field have there: its initial default, or null.
/// errors: kCorruptData if the default is no value of the field's type.
Result<iceberg::Literal> InitialValue(const iceberg::NestedField& field);

/// column:  of the file, not a dictionary unless of strings at the top; file_field tells its ids.
/// returns: an array of the Arrow type of field.type, or the dictionary as it came.
/// errors:  kUnsupported if the file's type does not become the table's.
Result<std::shared_ptr<arrow::Array>> ProjectColumn(std::shared_ptr<arrow::Array> column,
                                                    const arrow::Field& file_field,
                                                    const iceberg::NestedField& field);

/// Rows that were made for another schema of the table, by field ids: columns that they lack have
/// their initial default, those of another type are converted, as after a promotion.
/// written: of the rows, with field ids; as: the Arrow schema of `fields`. Texts may stay
/// dictionaries.
Result<std::shared_ptr<arrow::RecordBatch>> ProjectRows(
    const arrow::RecordBatch& rows, const arrow::Schema& written,
    const std::vector<iceberg::NestedField>& fields, const arrow::Schema& as);

}  // namespace daypart::lake
