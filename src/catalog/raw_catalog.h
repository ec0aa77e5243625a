// SPDX-License-Identifier: Apache-2.0
//
// Raw tables: files as delivered (CSV, JSON lines, Parquet) that the crawler found and described,
// the `media_raw` of the design. Kept beside the Iceberg tables in the same SQLite file, in tables
// of our own, so that Iceberg clients of that file do not see them. With Glue they are Glue tables.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "iceberg/type.h"

namespace daypart::catalog {

enum class RawFormat { kCsv, kJsonLines, kParquet };

struct RawColumn {
  std::string name;         // as crawled: lower case, [a-z0-9_]
  std::string source_name;  // as the file has it: CSV header cell or JSON key
  iceberg::Type type;
  friend bool operator==(const RawColumn&, const RawColumn&) = default;
};

/// A partition: one value a partition column ("__HIVE_DEFAULT_PARTITION__" for null), its folder.
struct RawPartition {
  std::vector<std::string> values;
  std::string location;  // ends in '/'
  friend bool operator==(const RawPartition&, const RawPartition&) = default;
};

struct RawTable {
  TableName name;
  std::string location;  // the prefix that the files are under, ending in '/', or one file
  RawFormat format = RawFormat::kCsv;
  char delimiter = ',';
  char quote = '"';
  bool has_header = true;
  std::vector<RawColumn> columns;            // in file order
  std::vector<RawColumn> partition_columns;  // not in the files
  std::vector<RawPartition> partitions;
  /// What else is worth knowing: "compression" (none, gzip, zstd), "encoding", "crawler.version".
  std::map<std::string, std::string> parameters;
  int64_t version = 0;  // raised by every change
  UtcMicros updated;
};

class RawCatalog {
 public:
  virtual ~RawCatalog() = default;
  virtual Result<std::vector<RawTable>> ListRawTables(std::string_view database) = 0;
  /// errors: kNotFound.
  virtual Result<RawTable> GetRawTable(const TableName& name) = 0;
  /// Writes the table if its stored version is table.version (0: there is none yet), plus one.
  /// errors: kConflict.
  virtual Status PutRawTable(const RawTable& table) = 0;
  virtual Status DropRawTable(const TableName& name) = 0;
};

}  // namespace daypart::catalog
