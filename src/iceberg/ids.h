// SPDX-License-Identifier: Apache-2.0
//
// The numbers of the Iceberg table format, each with its own type. Source: Iceberg table spec.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/strong.h"

namespace daypart::iceberg {

/// A column's identity for life; names and positions change, this does not.
using FieldId = Strong<struct FieldIdTag, int32_t>;
using SchemaId = Strong<struct SchemaIdTag, int32_t>;
using SpecId = Strong<struct SpecIdTag, int32_t>;
using SortOrderId = Strong<struct SortOrderIdTag, int32_t>;
using SnapshotId = Strong<struct SnapshotIdTag, int64_t>;
/// Orders commits of a table: 0 for what format v1 wrote, then 1, 2, …
using SequenceNumber = Strong<struct SequenceNumberTag, int64_t>;

}  // namespace daypart::iceberg
