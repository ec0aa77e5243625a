// SPDX-License-Identifier: Apache-2.0
//
// The SELECT that stands behind a table's view: over Parquet files that DuckDB opens itself, and
// columns as DuckDB names their types. Pure text; nothing is opened here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "iceberg/type.h"
#include "lake/raw_files.h"

namespace daypart::query {

/// The type's name in DuckDB. errors: kUnsupported for a type that DuckDB has no equal of.
Result<std::string> SqlType(const iceberg::Type& type);

/// "name" TYPE, … as in CREATE TABLE.
Result<std::string> ColumnList(const iceberg::Schema& schema);

/// Whether DuckDB can read the table's data files by itself: it matches columns by field id, knows
/// no defaults of rows written before, no files without ids, which need a name mapping, and not
/// Hadoop's LZ4, which Spark means by "lz4".
bool is_readable_by_duckdb(const iceberg::TableMetadata& metadata);

/// No row of the schema's columns.
Result<std::string> EmptySql(const iceberg::Schema& schema);

/// Data files without deletes of an Iceberg table; columns are matched by field id, so that
/// evolution is seen through. files must not be empty; their paths are added to `paths`.
Result<std::string> IcebergFilesSql(const iceberg::Schema& schema,
                                    const std::vector<const iceberg::DataFile*>& files,
                                    std::vector<std::string>& paths);

/// Parquet files of a raw table; columns are matched by name, and null where a file lacks one.
Result<std::string> RawParquetSql(const catalog::RawTable& table,
                                  const std::vector<lake::RawFile>& files,
                                  std::vector<std::string>& paths);

}  // namespace daypart::query
