// SPDX-License-Identifier: Apache-2.0
//
// Look-ups in the catalog and in the folder of views.
#include "query/table_lookup.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "lake/row_lineage.h"
#include "query/limits.h"
#include "query/sql_tokens.h"

namespace daypart::query {

Result<std::optional<MetadataReference>> FindMetadataTable(const lake::LakeContext& context,
                                                           const std::string& database,
                                                           const Travel& travel) {
  DAYPART_TRY(const auto named, lake::ParseMetadataTableName(travel.table));
  if (!named) return std::optional<MetadataReference>();
  auto loaded = lake::LoadTable(context, {database, named->first});
  if (!loaded && loaded.error().code == ErrorCode::kNotFound) {
    return std::optional<MetadataReference>();
  }
  if (!loaded) return std::move(loaded).error();
  if (!travel.is_now() && !lake::is_of_snapshot(named->second)) {
    return Unsupported(travel.table + " is about all snapshots; leave FOR … AS OF out");
  }
  DAYPART_TRY(auto then, TableAsOf(std::move(loaded).value(), travel));
  return std::optional(MetadataReference{std::move(then), named->second});
}

Result<std::string> ReadViewFile(const std::string& folder, const std::string& name) {
  if (folder.empty() || name.find('/') != std::string::npos) return std::string();
  const auto path = std::filesystem::path(folder) / (name + ".sql");
  std::ifstream file(path);
  if (!file) return std::string();
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.size() > kSqlFileBytesMax) return InvalidArgument(path.string() + " is too long");
  return text;
}

bool is_same_branch(const lake::LoadedTable* target, const std::string& database,
                    const Travel& travel) {
  if (target == nullptr || !travel.timestamp.empty()) return false;
  if (target->name != catalog::TableName{database, travel.table}) return false;
  return (travel.version.empty() ? iceberg::kMainBranch : travel.version) == target->branch;
}

bool MentionsLineage(std::string_view sql) {
  const std::string text = Upper(sql);
  return text.find(Upper(lake::kRowIdColumn)) != std::string::npos ||
         text.find(Upper(lake::kLastUpdatedColumn)) != std::string::npos;
}

}  // namespace daypart::query
