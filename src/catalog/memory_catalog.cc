// SPDX-License-Identifier: Apache-2.0
//
// Names in a map under one mutex.
#include "catalog/memory_catalog.h"

#include <utility>

namespace daypart::catalog {

Status MemoryCatalog::CreateDatabase(std::string_view database,
                                     const std::map<std::string, std::string>& properties) {
  (void)properties;  // nothing in memory reads them
  const std::lock_guard lock(mutex_);
  if (databases_.emplace(database).second) return Ok();
  return AlreadyExists("database " + std::string(database) + " is there already");
}

Result<std::vector<std::string>> MemoryCatalog::ListDatabases() {
  const std::lock_guard lock(mutex_);
  return std::vector<std::string>(databases_.begin(), databases_.end());
}

Result<std::vector<TableName>> MemoryCatalog::ListTables(std::string_view database) {
  const std::lock_guard lock(mutex_);
  std::vector<TableName> names;
  for (const auto& [name, location] : tables_) {
    if (name.database == database) names.push_back(name);
  }
  return names;
}

Result<std::string> MemoryCatalog::MetadataLocation(const TableName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(name);
  if (found == tables_.end()) return NotFound("no table " + ToString(name));
  return std::string(found->second);
}

Status MemoryCatalog::CreateTable(const TableName& name, std::string_view metadata_location) {
  const std::lock_guard lock(mutex_);
  if (!databases_.contains(name.database)) return NotFound("no database " + name.database);
  if (tables_.emplace(name, metadata_location).second) return Ok();
  return AlreadyExists("table " + ToString(name) + " is there already");
}

Status MemoryCatalog::CompareAndSwap(const TableName& name, std::string_view expected,
                                     std::string_view next) {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(name);
  if (found == tables_.end()) return NotFound("no table " + ToString(name));
  if (found->second != expected) {
    return Conflict("table " + ToString(name) + " points to " + found->second + ", expected " +
                    std::string(expected));
  }
  found->second = next;
  return Ok();
}

Status MemoryCatalog::DropTable(const TableName& name) {
  const std::lock_guard lock(mutex_);
  if (tables_.erase(name) == 1) return Ok();
  return NotFound("no table " + ToString(name));
}

Status MemoryCatalog::RenameTable(const TableName& from, const TableName& to) {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(from);
  if (found == tables_.end()) return NotFound("no table " + ToString(from));
  if (tables_.contains(to)) return AlreadyExists("table " + ToString(to) + " is there already");
  std::string location = std::move(found->second);
  tables_.erase(found);
  tables_.emplace(to, std::move(location));
  return Ok();
}

}  // namespace daypart::catalog
