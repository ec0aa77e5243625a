// SPDX-License-Identifier: Apache-2.0
//
// The columns of a Parquet file from its footer. No data page is read.
#pragma once

#include "base/result.h"
#include "crawl/file_shape.h"
#include "store/object_store.h"

namespace daypart::crawl {

/// Columns whose type has no Iceberg counterpart are left out with a warning.
/// errors: kCorruptData if the object is no Parquet file or its footer is broken; those of
/// `reader`.
Result<FileShape> ReadParquetShape(store::ObjectReader& reader);

}  // namespace daypart::crawl
