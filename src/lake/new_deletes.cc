// SPDX-License-Identifier: Apache-2.0
//
// Only delete manifests written since are read.
#include "lake/new_deletes.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "lake/manifest_lists.h"

namespace daypart::lake {
namespace {

using Place = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;

/// Files by name and by partition.
struct Concerned {
  std::unordered_set<std::string_view> locations;
  std::set<Place> places;

  bool has(const iceberg::DataFile& deleted, iceberg::SpecId spec_id, bool is_unpartitioned) const {
    if (deleted.referenced_data_file) return locations.contains(*deleted.referenced_data_file);
    const bool is_equality = deleted.content == iceberg::FileContent::kEqualityDeletes;
    return (is_equality && is_unpartitioned) || places.contains({spec_id, deleted.partition});
  }
};

}  // namespace

Result<bool> HasNewDeletes(const LakeContext& context, const iceberg::TableMetadata& now,
                           iceberg::SequenceNumber after, const std::vector<ScanFile>& files) {
  const auto* snapshot = now.current_snapshot();
  if (snapshot == nullptr || snapshot->sequence_number <= after) return false;
  Concerned concerned;
  for (const ScanFile& file : files) {
    concerned.locations.insert(file.file.location);
    concerned.places.insert({file.spec_id, file.file.partition});
  }
  DAYPART_TRY(const auto list, ReadManifestList(context, snapshot->manifest_list));
  for (const auto& manifest : *list) {
    if (manifest.content != iceberg::ManifestContent::kDeletes ||
        manifest.sequence_number <= after) {
      continue;
    }
    const auto* spec = now.FindSpec(manifest.spec_id);
    const bool is_unpartitioned = spec != nullptr && spec->is_unpartitioned();
    DAYPART_TRY(const auto decoded, ReadManifest(context, manifest));
    const bool found = std::any_of(
        decoded.entries.begin(), decoded.entries.end(), [&](const iceberg::ManifestEntry& entry) {
          return entry.status != iceberg::EntryStatus::kDeleted &&
                 entry.sequence_number.value_or(manifest.sequence_number) > after &&
                 concerned.has(entry.file, manifest.spec_id, is_unpartitioned);
        });
    if (found) return true;
  }
  return false;
}

}  // namespace daypart::lake
