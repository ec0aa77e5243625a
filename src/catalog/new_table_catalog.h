// SPDX-License-Identifier: Apache-2.0
//
// NewTableCatalog: a catalog in front of another for making one table together with its first rows.
// A table made through it is seen through it alone, until the first swap registers it as that swap
// leaves it: a process that is killed before has changed nothing that others see.
#pragma once

#include <mutex>
#include <optional>

#include "catalog/catalog.h"

namespace daypart::catalog {

/// What is not about a new table goes to the inner catalog, which must outlive this one.
class NewTableCatalog final : public Catalog {
 public:
  explicit NewTableCatalog(Catalog& inner) : inner_(inner) {}

  Status CreateDatabase(std::string_view database,
                        const std::map<std::string, std::string>& properties) override;
  Result<std::vector<std::string>> ListDatabases() override;
  Result<std::vector<TableName>> ListTables(std::string_view database) override;
  /// errors: kConflict if another made a table of the name meanwhile.
  Result<std::string> MetadataLocation(const TableName& name) override;
  /// Keeps it for the first swap. errors: kAlreadyExists.
  Status CreateTable(const TableName& name, std::string_view metadata_location) override;
  /// errors: kConflict if another made a table of the name first.
  Status CompareAndSwap(const TableName& name, std::string_view expected,
                        std::string_view next) override;
  Status DropTable(const TableName& name) override;
  Status RenameTable(const TableName& from, const TableName& to) override;

  /// Registers a table that no swap came to, as it was made.
  Status Register(const TableName& name);

 private:
  struct NewTable {
    std::string location;
    /// What a swap tried to register: its outcome may be unknown.
    std::string tried;
  };
  std::optional<NewTable> Kept(const TableName& name) const;

  Catalog& inner_;
  mutable std::mutex mutex_;            // guards kept_
  std::map<TableName, NewTable> kept_;  // made, not registered
};

}  // namespace daypart::catalog
