// SPDX-License-Identifier: Apache-2.0
//
// Iceberg schema <-> Arrow schema. Field ids travel as Arrow field metadata "PARQUET:field_id",
// which is what the Parquet writer stores as the file's field ids.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "iceberg/type.h"

namespace daypart::lake {

Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const iceberg::Schema& schema);

/// Whether the field is a uuid: as bytes it has the Arrow type of fixed[16], as text that of a
/// string, so that a mark in its metadata tells. ToArrowSchema sets it.
bool is_uuid(const arrow::Field& field);
std::shared_ptr<arrow::Field> WithUuidMark(const arrow::Field& field);

/// The schema that a Parquet file is written by: uuids get Parquet's logical type of that name.
std::shared_ptr<arrow::Schema> WithParquetUuids(const arrow::Schema& schema);

Result<std::shared_ptr<arrow::DataType>> ToArrowType(const iceberg::Type& type);

/// Without ids (all 0). errors: kUnsupported for an Arrow type that Iceberg has no equal of.
Result<iceberg::Schema> FromArrowSchema(const arrow::Schema& schema);

}  // namespace daypart::lake
