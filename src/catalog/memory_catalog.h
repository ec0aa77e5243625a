// SPDX-License-Identifier: Apache-2.0
//
// A Catalog in memory, for tests: the contract of the SQLite one without a file.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "catalog/catalog.h"

namespace daypart::catalog {

class MemoryCatalog final : public Catalog {
 public:
  Status CreateDatabase(std::string_view database,
                        const std::map<std::string, std::string>& properties) override;
  Result<std::vector<std::string>> ListDatabases() override;
  Result<std::vector<TableName>> ListTables(std::string_view database) override;
  Result<std::string> MetadataLocation(const TableName& name) override;
  Status CreateTable(const TableName& name, std::string_view metadata_location) override;
  Status CompareAndSwap(const TableName& name, std::string_view expected,
                        std::string_view next) override;
  Status DropTable(const TableName& name) override;
  Status RenameTable(const TableName& from, const TableName& to) override;

 private:
  std::mutex mutex_;  // guards databases_ and tables_
  std::set<std::string, std::less<>> databases_;
  std::map<TableName, std::string> tables_;
};

}  // namespace daypart::catalog
