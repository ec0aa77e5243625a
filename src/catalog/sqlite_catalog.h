// SPDX-License-Identifier: Apache-2.0
//
// The embedded catalog: one SQLite file with the tables of Iceberg's JDBC catalog as PyIceberg's
// SqlCatalog and iceberg-java make them, so that those programs open the same file by the same
// catalog name, both ways and at the same time. Raw tables lie beside them in daypart_raw_tables,
// which Iceberg clients do not look at. Refuses to guess after a COMMIT that failed half-way: that
// is kCommitUnknown.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/raw_catalog.h"

namespace daypart::catalog {

struct SqliteCatalogOptions {
  std::string path;
  /// The catalog_name of our rows: what PyIceberg has to be given as its catalog's name.
  std::string catalog_name = "daypart";
  /// Opens what is there without writing a byte, also in a folder that cannot be written.
  bool read_only = false;
  /// How long to wait for another program's write lock before kUnavailable.
  int busy_ms = 10'000;
};

/// Thread-safe and safe between processes; not to be carried across fork().
///
/// errors of all members: kUnavailable while another program holds the file; kCorruptData if it is
///   damaged or no database; kPermissionDenied for a write that the file or folder does not take;
///   kResourceExhausted when the disk is full; kCommitUnknown if a write's COMMIT failed half-way.
class SqliteCatalog final : public Catalog, public RawCatalog {
 public:
  ~SqliteCatalog() override;

  Status CreateDatabase(std::string_view database,
                        const std::map<std::string, std::string>& properties) override;
  /// Top-level namespaces; nested ones of other programs count as their first part.
  Result<std::vector<std::string>> ListDatabases() override;
  /// Empty for a database that is not there.
  Result<std::vector<TableName>> ListTables(std::string_view database) override;
  Result<std::string> MetadataLocation(const TableName& name) override;
  Status CreateTable(const TableName& name, std::string_view metadata_location) override;
  /// errors: also kNotFound if there is no such table.
  Status CompareAndSwap(const TableName& name, std::string_view expected,
                        std::string_view next) override;
  /// errors: kNotFound.
  Status DropTable(const TableName& name) override;
  /// errors: kNotFound for the table or the new name's database; kAlreadyExists.
  Status RenameTable(const TableName& from, const TableName& to) override;

  Result<std::vector<RawTable>> ListRawTables(std::string_view database) override;
  Result<RawTable> GetRawTable(const TableName& name) override;
  Status PutRawTable(const RawTable& table) override;
  /// errors: kNotFound.
  Status DropRawTable(const TableName& name) override;

 private:
  friend Result<std::unique_ptr<SqliteCatalog>> OpenSqliteCatalog(SqliteCatalogOptions options);
  struct State;
  explicit SqliteCatalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Opens the file, making it and its tables where they are not there yet (not with read_only).
/// errors: kNotFound if read_only and there is no file or no catalog in it; the folder must be
/// there.
Result<std::unique_ptr<SqliteCatalog>> OpenSqliteCatalog(SqliteCatalogOptions options);

}  // namespace daypart::catalog
