// SPDX-License-Identifier: Apache-2.0
//
// Snapshots from the newest back to the planned one; of each the manifests that it wrote itself.
#include "lake/conflict_check.h"

#include <algorithm>
#include <vector>

#include "iceberg/manifest.h"

namespace daypart::lake {
namespace {

using iceberg::EntryStatus;
using iceberg::FileContent;
using iceberg::ManifestContent;
using iceberg::ManifestEntry;
using iceberg::ManifestFile;
using iceberg::Snapshot;
using iceberg::TableMetadata;

/// The snapshots after the planned one, newest first; kConflict if the planned one is not behind
/// the current.
Result<std::vector<const Snapshot*>> SnapshotsSince(const TableMetadata& now,
                                                    const TableMetadata& planned) {
  std::vector<const Snapshot*> snapshots;
  const Snapshot* snapshot = now.current_snapshot();
  while (snapshot != nullptr && snapshot->id != planned.current_snapshot_id) {
    snapshots.push_back(snapshot);
    const auto parent = snapshot->parent_id;
    snapshot = parent ? now.FindSnapshot(*parent) : nullptr;
    if (parent && snapshot == nullptr) {
      return Conflict("snapshots committed meanwhile have expired already");
    }
  }
  if (snapshot == nullptr && planned.current_snapshot_id) {
    return Conflict("the table was rolled back meanwhile");
  }
  return snapshots;
}

class Checker {
 public:
  Checker(const LakeContext& context, const TableMetadata& now, const ChangeAssumption& assumption)
      : context_(context), now_(now), assumption_(assumption) {}

  Status Check(const Snapshot& snapshot) const {
    const auto operation = snapshot.summary.find("operation");
    const bool moves_only = operation != snapshot.summary.end() && operation->second == "replace";
    DAYPART_TRY(const std::string list, context_.store.Get(snapshot.manifest_list));
    auto manifests = iceberg::DecodeManifestList(list);
    if (!manifests) return std::move(manifests).error().WithContext(snapshot.manifest_list);
    for (const ManifestFile& listed : *manifests) {
      if (listed.added_snapshot_id != snapshot.id) continue;
      DAYPART_TRY(const std::string bytes, context_.store.Get(listed.location));
      // Tuples as the table has them now, as those of the plan that they are compared with.
      DAYPART_TRY(const auto decoded, iceberg::DecodeManifestOf(now_, bytes, listed));
      for (const ManifestEntry& entry : decoded.entries) {
        if (entry.status == EntryStatus::kExisting || entry.snapshot_id != snapshot.id) continue;
        DAYPART_RETURN_IF_ERROR(listed.content == ManifestContent::kData
                                    ? CheckData(listed, entry, moves_only)
                                    : CheckDelete(listed, entry));
      }
    }
    return Ok();
  }

 private:
  Status CheckData(const ManifestFile& listed, const ManifestEntry& entry, bool moves_only) const {
    const auto& file = entry.file;
    if (entry.status == EntryStatus::kDeleted) {
      if (!assumption_.touched.contains(file.location)) return Ok();
      return Conflict("data file " + file.location + " was replaced meanwhile");
    }
    if (assumption_.partitions.contains({listed.spec_id, file.partition})) {
      return Conflict("rows were added to the same partition meanwhile: " + file.location);
    }
    if (moves_only || !assumption_.filter) return Ok();
    const auto* spec = now_.FindSpec(listed.spec_id);
    const auto& schema = now_.current_schema();
    const bool may_match =
        spec == nullptr || (iceberg::MayMatch(*assumption_.filter, schema, *spec, file.partition) &&
                            iceberg::MayMatch(*assumption_.filter, schema, file));
    if (!may_match) return Ok();
    return Conflict("rows that the change would have had to look at were added meanwhile: " +
                    file.location);
  }

  Status CheckDelete(const ManifestFile& listed, const ManifestEntry& entry) const {
    const auto& file = entry.file;
    if (entry.status == EntryStatus::kDeleted) return Ok();
    const ChangeAssumption::Place place{listed.spec_id, file.partition};
    const auto* spec = now_.FindSpec(listed.spec_id);
    const bool is_global = file.content == FileContent::kEqualityDeletes && spec != nullptr &&
                           spec->is_unpartitioned();
    const bool concerns_touched =
        file.referenced_data_file
            ? assumption_.touched.contains(*file.referenced_data_file)
            : std::ranges::any_of(assumption_.touched, [&](const auto& touched) {
                return is_global || touched.second == place;
              });
    const bool concerns_partition =
        assumption_.partitions.contains(place) || (is_global && !assumption_.partitions.empty());
    if (!concerns_touched && !concerns_partition) return Ok();
    return Conflict("rows of the same files or partitions were deleted meanwhile: " +
                    file.location);
  }

  const LakeContext& context_;
  const TableMetadata& now_;
  const ChangeAssumption& assumption_;
};

}  // namespace

Status CheckAssumption(const LakeContext& context, const TableMetadata& now,
                       const ChangeAssumption& assumption) {
  const TableMetadata& planned = assumption.planned_on;
  if (now.current_schema_id != planned.current_schema_id ||
      now.default_spec_id != planned.default_spec_id ||
      now.format_version != planned.format_version || now.table_uuid != planned.table_uuid) {
    return Conflict("the table's schema, partitioning or format changed meanwhile");
  }
  if (now.current_snapshot_id == planned.current_snapshot_id) return Ok();
  DAYPART_TRY(const auto snapshots, SnapshotsSince(now, planned));
  const Checker checker(context, now, assumption);
  for (const Snapshot* snapshot : snapshots) DAYPART_RETURN_IF_ERROR(checker.Check(*snapshot));
  return Ok();
}

Result<bool> is_serializable(const TableMetadata& metadata, const char* property) {
  const std::string level = metadata.Property(property, "serializable");
  if (level == "serializable") return true;
  if (level == "snapshot") return false;
  return InvalidArgument(std::string("table property ") + property +
                         ": serializable or snapshot is expected, found '" + level + "'");
}

}  // namespace daypart::lake
