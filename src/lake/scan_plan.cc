// SPDX-License-Identifier: Apache-2.0
//
// From a snapshot and a filter to files: manifest list, manifests, entries, each pruned by what it
// says of its content. Source: Iceberg table spec, "Scan Planning".
#include <unordered_map>
#include <utility>

#include "lake/table.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::EntryStatus;
using iceberg::FileContent;
using iceberg::ManifestContent;
using iceberg::ManifestEntry;
using iceberg::ManifestFile;

struct DeleteFile {
  DataFile file;
  iceberg::SpecId spec_id;
  iceberg::SequenceNumber sequence_number;
};

/// The spec's rules of which delete file concerns which data file.
bool Applies(const DeleteFile& deleted, const ScanFile& data, bool is_global) {
  if (deleted.file.referenced_data_file) {
    return *deleted.file.referenced_data_file == data.file.location &&
           data.sequence_number <= deleted.sequence_number;
  }
  const bool same_partition =
      deleted.spec_id == data.spec_id && deleted.file.partition == data.file.partition;
  if (deleted.file.content == FileContent::kEqualityDeletes) {
    return (is_global || same_partition) && data.sequence_number < deleted.sequence_number;
  }
  return same_partition && data.sequence_number <= deleted.sequence_number;
}

class Planner {
 public:
  Planner(const LakeContext& context, const LoadedTable& table, const iceberg::Expression& filter)
      : context_(context), table_(table), filter_(filter) {}

  Status AddManifest(const ManifestFile& listed) {
    ++plan_.manifests_total;
    const auto* spec = table_.metadata.FindSpec(listed.spec_id);
    if (spec == nullptr) {
      return CorruptData("manifest " + listed.location + " is of partition spec " +
                         std::to_string(listed.spec_id.value()) + ", the table has no such spec");
    }
    const iceberg::Schema& schema = table_.metadata.current_schema();
    if (listed.added_files_count + listed.existing_files_count == 0) return Ok();
    const bool is_data = listed.content == ManifestContent::kData;
    if (is_data && !iceberg::MayMatch(filter_, schema, *spec, listed)) return Ok();
    ++plan_.manifests_read;
    DAYPART_TRY(const std::string bytes, context_.store.Get(listed.location));
    auto decoded = iceberg::DecodeManifest(bytes, listed);
    if (!decoded) return std::move(decoded).error().WithContext(listed.location);
    for (ManifestEntry& entry : decoded->entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      const auto sequence_number = entry.sequence_number.value_or(iceberg::SequenceNumber(0));
      if (!is_data) {
        deletes_.push_back({std::move(entry.file), listed.spec_id, sequence_number});
        continue;
      }
      ++plan_.files_total;
      if (!iceberg::MayMatch(filter_, schema, *spec, entry.file.partition)) continue;
      if (!iceberg::MayMatch(filter_, schema, entry.file)) continue;
      plan_.rows += entry.file.record_count;
      plan_.files.push_back({.file = std::move(entry.file),
                             .spec_id = listed.spec_id,
                             .sequence_number = sequence_number,
                             .deletes = {}});
    }
    return Ok();
  }

  ScanPlan Finish() && {
    for (const DeleteFile& deleted : deletes_) {
      const auto* spec = table_.metadata.FindSpec(deleted.spec_id);
      const bool is_global = spec != nullptr && spec->is_unpartitioned();
      for (ScanFile& data : plan_.files) {
        if (Applies(deleted, data, is_global)) data.deletes.push_back(deleted.file);
      }
    }
    return std::move(plan_);
  }

 private:
  const LakeContext& context_;
  const LoadedTable& table_;
  const iceberg::Expression& filter_;
  ScanPlan plan_;
  std::vector<DeleteFile> deletes_;
};

}  // namespace

Result<ScanPlan> PlanScan(const LakeContext& context, const LoadedTable& table,
                          const iceberg::Expression& filter,
                          std::optional<iceberg::SnapshotId> snapshot_id) {
  const auto* snapshot =
      snapshot_id ? table.metadata.FindSnapshot(*snapshot_id) : table.metadata.current_snapshot();
  if (snapshot == nullptr) {
    if (!snapshot_id) return ScanPlan{};
    return NotFound("table " + ToString(table.name) + " has no snapshot " +
                    std::to_string(snapshot_id->value()) + "; see daypart snapshots");
  }
  DAYPART_TRY(const std::string list, context.store.Get(snapshot->manifest_list));
  auto manifests = iceberg::DecodeManifestList(list);
  if (!manifests) return std::move(manifests).error().WithContext(snapshot->manifest_list);
  Planner planner(context, table, filter);
  for (const ManifestFile& manifest : *manifests) {
    DAYPART_RETURN_IF_ERROR(planner.AddManifest(manifest));
  }
  return std::move(planner).Finish();
}

}  // namespace daypart::lake
