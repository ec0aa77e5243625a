// SPDX-License-Identifier: Apache-2.0
//
// The inner catalog is asked first: what is there already counts.
#include "catalog/new_table_catalog.h"

namespace daypart::catalog {

Status NewTableCatalog::CreateDatabase(std::string_view database,
                                       const std::map<std::string, std::string>& properties) {
  return inner_.CreateDatabase(database, properties);
}

Result<std::vector<std::string>> NewTableCatalog::ListDatabases() {
  return inner_.ListDatabases();
}

Result<std::vector<TableName>> NewTableCatalog::ListTables(std::string_view database) {
  return inner_.ListTables(database);
}

std::optional<NewTableCatalog::NewTable> NewTableCatalog::Kept(const TableName& name) const {
  const std::lock_guard lock(mutex_);
  const auto kept = kept_.find(name);
  if (kept == kept_.end()) return std::nullopt;
  return kept->second;
}

Result<std::string> NewTableCatalog::MetadataLocation(const TableName& name) {
  const auto kept = Kept(name);
  auto found = inner_.MetadataLocation(name);
  if (!kept) return found;
  if (!found && found.error().code == ErrorCode::kNotFound) return kept->location;
  if (!found || *found == kept->tried) return found;
  return Conflict("table " + ToString(name) +
                  " was made by another meanwhile; nothing was changed, run it again if that table "
                  "is meant");
}

Status NewTableCatalog::CreateTable(const TableName& name, std::string_view metadata_location) {
  const auto found = inner_.MetadataLocation(name);
  if (found || Kept(name)) return AlreadyExists("table " + ToString(name) + " is there already");
  if (found.error().code != ErrorCode::kNotFound) return found.error();
  const std::lock_guard lock(mutex_);
  kept_[name] = {.location = std::string(metadata_location), .tried = {}};
  return Ok();
}

Status NewTableCatalog::CompareAndSwap(const TableName& name, std::string_view expected,
                                       std::string_view next) {
  const auto kept = Kept(name);
  if (!kept) return inner_.CompareAndSwap(name, expected, next);
  if (kept->location != expected) {
    return Conflict("table " + ToString(name) + " was changed by another commit: expected " +
                    std::string(expected) + ", found " + kept->location);
  }
  {
    const std::lock_guard lock(mutex_);
    kept_[name].tried = next;
  }
  Status created = inner_.CreateTable(name, next);
  if (!created && created.error().code == ErrorCode::kAlreadyExists) {
    return Conflict("table " + ToString(name) + " was made by another meanwhile");
  }
  if (!created) return created;
  const std::lock_guard lock(mutex_);
  kept_.erase(name);
  return Ok();
}

Status NewTableCatalog::DropTable(const TableName& name) {
  const std::lock_guard lock(mutex_);
  if (kept_.erase(name) > 0) return Ok();
  return inner_.DropTable(name);
}

Status NewTableCatalog::RenameTable(const TableName& from, const TableName& to) {
  return inner_.RenameTable(from, to);
}

Status NewTableCatalog::Register(const TableName& name) {
  const auto kept = Kept(name);
  if (!kept) return Ok();
  DAYPART_RETURN_IF_ERROR(inner_.CreateTable(name, kept->location));
  const std::lock_guard lock(mutex_);
  kept_.erase(name);
  return Ok();
}

}  // namespace daypart::catalog
