// SPDX-License-Identifier: Apache-2.0
//
// Manifests are shared by snapshots, so each is read once.
#include "lake/reachable_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lake/manifest_lists.h"

namespace daypart::lake {
namespace {

/// is_wanted: asked with the id of the snapshot that the statistics are of.
template <typename IsWanted>
void AddStatistics(const std::string& text, std::set<std::string>& files,
                   const IsWanted& is_wanted) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return;
  for (const auto& entry : json) {
    if (!entry.is_object()) continue;
    const auto path = entry.find("statistics-path");
    const auto id = entry.find("snapshot-id");
    const bool has_id = id != entry.end() && id->is_number_integer();
    if (!is_wanted(iceberg::SnapshotId(has_id ? id->template get<int64_t>() : -1))) continue;
    if (path != entry.end() && path->is_string()) files.insert(path->get<std::string>());
  }
}

}  // namespace

void AddLocationValues(const std::map<std::string, std::string>& values,
                       const iceberg::TableMetadata& metadata, std::set<std::string>& files) {
  for (const auto& [key, value] : values) {
    if (value.starts_with(metadata.location + '/')) files.insert(value);
  }
}

std::string ComparableLocation(std::string_view location) {
  std::string_view scheme;
  const size_t colon = location.find(':');
  const bool has_scheme = colon != std::string_view::npos && location.find('/') > colon;
  if (has_scheme) {
    scheme = location.substr(0, colon);
    location.remove_prefix(colon + 1);
  }
  if (scheme == "s3a" || scheme == "s3n") scheme = "s3";
  if (scheme.empty()) scheme = "file";
  std::string path;
  for (const char c : location) {
    if (c != '/' || path.empty() || path.back() != '/') path += c;
  }
  return std::string(scheme) + ':' + path;
}

Result<std::set<std::string>> ReachableFiles(const LakeContext& context, const LoadedTable& table,
                                             const std::vector<iceberg::SnapshotId>& snapshots) {
  std::set<std::string> files;
  std::set<std::string> manifests_read;
  for (const iceberg::SnapshotId id : snapshots) {
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    const auto* snapshot = table.metadata.FindSnapshot(id);
    if (snapshot == nullptr) return NotFound("no snapshot " + std::to_string(id.value()));
    files.insert(snapshot->manifest_list);
    AddLocationValues(snapshot->summary, table.metadata, files);
    DAYPART_TRY(const auto manifests, ReadManifestList(context, snapshot->manifest_list));
    for (const iceberg::ManifestFile& manifest : *manifests) {
      files.insert(manifest.location);
      if (!manifests_read.insert(manifest.location).second) continue;
      DAYPART_TRY(const auto decoded, ReadManifest(context, manifest));
      for (const iceberg::ManifestEntry& entry : decoded.entries) {
        if (entry.status != iceberg::EntryStatus::kDeleted) files.insert(entry.file.location);
      }
    }
  }
  return files;
}

std::set<std::string> MetadataFiles(const LoadedTable& table) {
  std::set<std::string> files{table.metadata_location};
  for (const auto& entry : table.metadata.metadata_log) files.insert(entry.metadata_location);
  AddLocationValues(table.metadata.properties, table.metadata, files);
  const auto all = [](iceberg::SnapshotId) { return true; };
  AddStatistics(table.metadata.statistics_json, files, all);
  AddStatistics(table.metadata.partition_statistics_json, files, all);
  return files;
}

std::set<std::string> StatisticsFiles(const iceberg::TableMetadata& metadata,
                                      const std::vector<iceberg::SnapshotId>& snapshots) {
  const auto is_wanted = [&](iceberg::SnapshotId id) {
    return std::find(snapshots.begin(), snapshots.end(), id) != snapshots.end();
  };
  std::set<std::string> files;
  AddStatistics(metadata.statistics_json, files, is_wanted);
  AddStatistics(metadata.partition_statistics_json, files, is_wanted);
  return files;
}

}  // namespace daypart::lake
