// SPDX-License-Identifier: Apache-2.0
//
// The three nearest names by letters to change.
#include "query/table_suggestion.h"

#include <algorithm>
#include <utility>

#include "catalog/nearest_name.h"

namespace daypart::query {

std::string TableSuggestion(const lake::LakeContext& context, catalog::RawCatalog& raw,
                            const std::vector<std::string>& databases, const std::string& table) {
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& database : databases) {
    const auto consider = [&](const catalog::TableName& name) {
      const size_t distance = catalog::EditDistance(name.table, table);
      const bool is_short = table.size() < catalog::kSuggestedFromLetters;
      const size_t allowed = is_short ? 0 : std::max<size_t>(2, table.size() / 3);
      if (distance <= allowed) near.emplace_back(distance, ToString(name));
    };
    const auto tables = context.catalog.ListTables(database);
    if (tables) std::for_each(tables->begin(), tables->end(), consider);
    const auto raw_tables = raw.ListRawTables(database);
    if (!raw_tables) continue;
    for (const auto& raw_table : *raw_tables) consider(raw_table.name);
  }
  std::sort(near.begin(), near.end());
  near.resize(std::min<size_t>(near.size(), 3));
  std::string text;
  for (const auto& [distance, name] : near) text += (text.empty() ? "" : " or ") + name;
  return text.empty() ? "" : "; did you mean " + text + '?';
}

}  // namespace daypart::query
