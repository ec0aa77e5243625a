// SPDX-License-Identifier: Apache-2.0
//
// The files of a raw table as they lie in the store now, with the values of their partitions, and
// how their rows are read. What a pipeline takes in and what a query of a raw table sees are both
// these.
#pragma once

#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "source/file_source.h"
#include "store/object_store.h"

namespace daypart::lake {

struct RawFile {
  store::ObjectInfo info;
  /// One a partition column of the table, in its order.
  std::vector<source::ConstantColumn> constants;
};

/// Files below the table's location, or below those of its partitions; without hidden ones, whose
/// name or folder starts with '_' or '.' (markers such as _SUCCESS, files that are being written).
Result<std::vector<RawFile>> ListRawFiles(store::ObjectStore& store,
                                          const catalog::RawTable& table);

/// How a CSV or JSON table's files are read: its columns, then its partition columns.
/// errors: kUnsupported for Parquet, whose rows DuckDB reads.
Result<source::FileSourceOptions> RawFileSource(const catalog::RawTable& table,
                                                const std::vector<RawFile>& files);

}  // namespace daypart::lake
