// SPDX-License-Identifier: Apache-2.0
//
// Fields are followed by their ids through the schemas that the table had.
#include "ingest/source_names.h"

#include <algorithm>
#include <set>

namespace daypart::ingest {
namespace {

constexpr std::string_view kSourceNamePrefix = "daypart.source-name.";

}  // namespace

std::string SourceNameProperty(std::string_view column) {
  return std::string(kSourceNamePrefix) + std::string(column);
}

SourceNameMap SourceNames(const iceberg::TableMetadata& metadata) {
  SourceNameMap names;
  const auto& fields = metadata.current_schema().fields;
  std::set<std::string> taken;
  std::map<iceberg::FieldId, std::string> columns;
  for (const auto& field : fields) {
    const auto named = metadata.properties.find(SourceNameProperty(field.name));
    const bool is_named = named != metadata.properties.end();
    taken.insert(is_named ? named->second : field.name);
    columns[field.id] = field.name;
    if (is_named) names.keys[field.name] = {named->second};
  }
  if (const auto ids = metadata.properties.find(kTakesScalarsProperty);
      ids != metadata.properties.end()) {
    const std::string listed = ',' + ids->second + ',';
    for (const auto& [id, column] : columns) {
      if (listed.find(',' + std::to_string(id.value()) + ',') != std::string::npos) {
        names.takes_scalars.insert(column);
      }
    }
  }
  for (const iceberg::Schema& schema : metadata.schemas) {
    for (const auto& field : schema.fields) {
      const auto column = columns.find(field.id);
      if (column == columns.end() || column->second == field.name) continue;
      // The property goes by the name that the column had when it was set.
      const auto named = metadata.properties.find(SourceNameProperty(field.name));
      const std::string& former =
          named == metadata.properties.end() ? field.name : named->second;
      if (!taken.insert(former).second) continue;
      auto& all = names.keys[column->second];
      if (all.empty()) all.push_back(column->second);
      all.push_back(former);
    }
  }
  return names;
}

std::string ColumnOf(const iceberg::Schema& schema, const SourceNameMap& names,
                     std::string_view key) {
  for (const auto& [column, keys] : names.keys) {
    if (std::ranges::find(keys, key) != keys.end()) return column;
  }
  const bool is_renamed = names.keys.contains(std::string(key));
  return !is_renamed && schema.FindField(key) != nullptr ? std::string(key) : std::string();
}

}  // namespace daypart::ingest
