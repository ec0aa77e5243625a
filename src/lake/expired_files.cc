// SPDX-License-Identifier: Apache-2.0
//
// Manifests are compared by name first; only what then is in doubt is looked into.
#include "lake/expired_files.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/manifest_lists.h"
#include "lake/reachable_files.h"
#include "lake/snapshot_retention.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

using iceberg::EntryStatus;
using iceberg::ManifestFile;
using iceberg::Snapshot;
using iceberg::SnapshotId;

constexpr int64_t kGraceMs = int64_t{3600} * 1000;

/// What a set of snapshots names without looking into manifests.
struct Named {
  std::unordered_map<std::string, ManifestFile> manifests;      // by location
  std::unordered_map<std::string, std::string> other_files;     // comparable -> as written
  std::unordered_set<std::string> comparable_manifests;
};

std::string ExpiredDirectory(const iceberg::TableMetadata& metadata) {
  return MetadataDirectory(metadata) + "/expired/";
}

Result<Named> NamedBy(const LakeContext& context, const LoadedTable& table,
                      const std::vector<SnapshotId>& snapshots) {
  Named named;
  for (const SnapshotId id : snapshots) {
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    const Snapshot* snapshot = table.metadata.FindSnapshot(id);
    if (snapshot == nullptr) return NotFound("no snapshot " + std::to_string(id.value()));
    std::set<std::string> others{snapshot->manifest_list};
    AddLocationValues(snapshot->summary, table.metadata, others);
    for (const std::string& location : others) {
      named.other_files.emplace(ComparableLocation(location), location);
    }
    DAYPART_TRY(const auto list, ReadManifestList(context, snapshot->manifest_list));
    for (const ManifestFile& manifest : *list) {
      if (!named.manifests.emplace(manifest.location, manifest).second) continue;
      named.comparable_manifests.insert(ComparableLocation(manifest.location));
    }
  }
  return named;
}

/// Whether `expired` is the old end of main's history and nothing else that stays is older.
bool is_old_end(const iceberg::TableMetadata& metadata,
                const std::unordered_set<SnapshotId>& expired,
                const std::vector<SnapshotId>& retained) {
  std::unordered_set<SnapshotId> newer;
  const Snapshot* at = MainHead(metadata);
  size_t expired_seen = 0;
  while (at != nullptr) {
    if (expired.contains(at->id)) {
      ++expired_seen;
    } else if (expired_seen > 0) {
      return false;
    } else {
      newer.insert(at->id);
    }
    at = at->parent_id ? metadata.FindSnapshot(*at->parent_id) : nullptr;
  }
  return expired_seen == expired.size() && newer.size() == retained.size();
}

/// Locations of live (or, with `removed_by`, of removed) files in the manifest.
Status AddFiles(const LakeContext& context, const ManifestFile& manifest,
                const std::unordered_set<SnapshotId>* removed_by,
                std::unordered_map<std::string, std::string>& files) {
  DAYPART_RETURN_IF_ERROR(context.cancel.Check());
  DAYPART_TRY(const auto decoded, ReadManifest(context, manifest));
  for (const auto& entry : decoded.entries) {
    const bool is_removed = entry.status == EntryStatus::kDeleted;
    if (is_removed != (removed_by != nullptr)) continue;
    if (is_removed && (!entry.snapshot_id || !removed_by->contains(*entry.snapshot_id))) continue;
    files.emplace(ComparableLocation(entry.file.location), entry.file.location);
  }
  return Ok();
}

Result<std::vector<std::string>> ReadExpiredList(const LakeContext& context,
                                                 const iceberg::TableMetadata& metadata,
                                                 const std::string& location) {
  DAYPART_TRY(const std::string text, context.store.Get(location));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("files") || !json["files"].is_array() ||
      json.value("table-uuid", "") != metadata.table_uuid) {
    return CorruptData(location + ": a list of expired files of this table is expected");
  }
  std::vector<std::string> files;
  for (const auto& file : json["files"]) {
    if (file.is_string()) files.push_back(file.get<std::string>());
  }
  return files;
}

/// The time in the list's name; absent if it has another form.
std::optional<UtcMicros> WrittenAt(const std::string& location) {
  const std::string_view name = std::string_view(location).substr(location.rfind('/') + 1);
  int64_t micros = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), micros);
  if (parsed.ec != std::errc() || !name.ends_with(".json")) return std::nullopt;
  return UtcMicros(micros);
}

}  // namespace

int64_t DeleteFiles(const LakeContext& context, const std::vector<std::string>& files) {
  int64_t failed = 0;
  for (const std::string& file : files) {
    const Status deleted = context.store.Delete(file);
    if (deleted || deleted.error().code == ErrorCode::kNotFound) continue;
    Log(LogLevel::kWarning, "cannot delete " + file + ": " + deleted.error().message);
    ++failed;
  }
  return failed;
}

Result<std::vector<std::string>> FilesOnlyOf(const LakeContext& context, const LoadedTable& before,
                                             const std::vector<SnapshotId>& expired,
                                             const std::vector<SnapshotId>& retained) {
  DAYPART_TRY(const Named old, NamedBy(context, before, expired));
  DAYPART_TRY(const Named kept, NamedBy(context, before, retained));
  const std::unordered_set<SnapshotId> expired_ids(expired.begin(), expired.end());
  const bool tells_removals = is_old_end(before.metadata, expired_ids, retained);
  std::vector<std::string> gone;
  std::unordered_map<std::string, std::string> candidates;  // comparable -> as written
  for (const auto& [location, manifest] : old.manifests) {
    const bool is_kept = kept.comparable_manifests.contains(ComparableLocation(location));
    if (!is_kept) gone.push_back(location);
    if (!tells_removals) {
      if (!is_kept) DAYPART_RETURN_IF_ERROR(AddFiles(context, manifest, nullptr, candidates));
    } else if (manifest.deleted_files_count != 0 &&
               expired_ids.contains(manifest.added_snapshot_id)) {
      DAYPART_RETURN_IF_ERROR(AddFiles(context, manifest, &expired_ids, candidates));
    }
  }
  candidates.insert(old.other_files.begin(), old.other_files.end());
  for (const auto& [comparable, location] : kept.other_files) candidates.erase(comparable);
  for (const std::string& location : MetadataFiles(before)) {
    candidates.erase(ComparableLocation(location));
  }
  // Of what the metadata names, the statistics of a snapshot go with it.
  const auto statistics_kept = StatisticsFiles(before.metadata, retained);
  for (const std::string& location : StatisticsFiles(before.metadata, expired)) {
    if (!statistics_kept.contains(location)) gone.push_back(location);
  }
  // Manifest lists and ledgers are in no manifest; what is left beside them are data files.
  const bool has_data = candidates.size() > 0 && std::any_of(
      candidates.begin(), candidates.end(),
      [&](const auto& candidate) { return !old.other_files.contains(candidate.first); });
  if (has_data) {
    std::unordered_map<std::string, std::string> live;
    for (const auto& [location, manifest] : kept.manifests) {
      DAYPART_RETURN_IF_ERROR(AddFiles(context, manifest, nullptr, live));
    }
    for (const auto& [comparable, location] : live) candidates.erase(comparable);
  }
  for (auto& [comparable, location] : candidates) gone.push_back(std::move(location));
  std::sort(gone.begin(), gone.end());
  return gone;
}

Status DeferDeletion(const LakeContext& context, const iceberg::TableMetadata& metadata,
                     const std::vector<std::string>& files) {
  if (files.empty()) return Ok();
  const nlohmann::json json{{"table-uuid", metadata.table_uuid}, {"files", files}};
  char micros[24];
  std::snprintf(micros, sizeof(micros), "%018lld",
                static_cast<long long>(context.clock.Now().value()));
  return context.store.Put(
      ExpiredDirectory(metadata) + micros + '-' + NewUuid(context.random) + ".json", json.dump(),
      store::WriteMode::kIfAbsent);
}

Result<ExpiredFilesReport> DeleteExpiredFiles(const LakeContext& context,
                                              const iceberg::TableMetadata& metadata) {
  DAYPART_TRY(const int64_t grace_ms, NumberProperty(metadata, kExpiredGraceProperty, kGraceMs));
  DAYPART_TRY(const auto lists, context.store.List(ExpiredDirectory(metadata)));
  const int64_t now_ms = context.clock.Now().value() / 1000;
  ExpiredFilesReport report;
  for (const auto& list : lists) {
    const auto written = WrittenAt(list.location);
    if (!written) continue;
    if (now_ms - written->value() / 1000 < grace_ms) {
      ++report.lists_waiting;
      continue;
    }
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    DAYPART_TRY(const auto files, ReadExpiredList(context, metadata, list.location));
    const int64_t failed = DeleteFiles(context, files);
    report.files_failed += failed;
    report.files_deleted += static_cast<int64_t>(files.size()) - failed;
    if (failed == 0) (void)context.store.Delete(list.location);  // read again next time at worst
  }
  return report;
}

}  // namespace daypart::lake
