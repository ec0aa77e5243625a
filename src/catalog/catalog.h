// SPDX-License-Identifier: Apache-2.0
//
// Catalog: table name -> location of the current metadata file, changed by compare-and-swap only.
// The embedded one is a SQLite file (sqlite_catalog.h); Glue and REST come behind the same
// interface.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace daypart::catalog {

struct TableName {
  std::string database;  // one level, such as "media"
  std::string table;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

/// "media.ad_revenue"
std::string ToString(const TableName& name);
/// "media.ad_revenue", or "ad_revenue" with the default database.
/// errors: kInvalidArgument for an empty part, more than two parts, or a character outside
///   [A-Za-z0-9_$-].
Result<TableName> ParseTableName(std::string_view text, std::string_view default_database);

/// Thread-safe, and safe between processes.
class Catalog {
 public:
  virtual ~Catalog() = default;

  /// errors: kAlreadyExists.
  virtual Status CreateDatabase(std::string_view database,
                                const std::map<std::string, std::string>& properties) = 0;
  virtual Result<std::vector<std::string>> ListDatabases() = 0;
  virtual Result<std::vector<TableName>> ListTables(std::string_view database) = 0;

  /// errors: kNotFound, with the nearest name there is.
  virtual Result<std::string> MetadataLocation(const TableName& name) = 0;
  /// Registers a table. errors: kAlreadyExists; kNotFound if the database is not there.
  virtual Status CreateTable(const TableName& name, std::string_view metadata_location) = 0;
  /// Lets the table point to `next`, if it points to `expected` now.
  /// errors: kConflict if it does not (nothing changed); kCommitUnknown if that cannot be told.
  virtual Status CompareAndSwap(const TableName& name, std::string_view expected,
                                std::string_view next) = 0;
  /// Forgets the table; its files stay.
  virtual Status DropTable(const TableName& name) = 0;
  virtual Status RenameTable(const TableName& from, const TableName& to) = 0;
};

}  // namespace daypart::catalog
