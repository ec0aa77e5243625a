// SPDX-License-Identifier: Apache-2.0
//
// From a snapshot and a filter to files: manifest list, manifests, entries, each pruned by what it
// says of its content. Manifests are read by several threads, and of an entry only what the filter
// needs is decoded before it is known to stay. Source: Iceberg table spec, "Scan Planning".
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "lake/manifest_lists.h"
#include "lake/table.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::EntryStatus;
using iceberg::FileContent;
using iceberg::ManifestContent;
using iceberg::ManifestEntry;
using iceberg::ManifestFile;

/// Threads that read manifests: a manifest is inflated and decoded in about a millisecond, so more
/// than a few wait for each other.
constexpr int kThreadsMax = 8;

struct DeleteFile {
  DataFile file;
  iceberg::SpecId spec_id;
  iceberg::SequenceNumber sequence_number;
};

using Place = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;

/// Delete files by what they are about, so that a plan of many files does not try each against
/// each. The spec's rules of which delete file concerns which data file.
class DeleteIndex {
 public:
  void Add(DeleteFile deleted, bool is_unpartitioned) {
    const bool is_equality = deleted.file.content == FileContent::kEqualityDeletes;
    if (deleted.file.referenced_data_file) {
      by_file_[*deleted.file.referenced_data_file].push_back(std::move(deleted));
    } else if (is_equality && is_unpartitioned) {
      global_.push_back(std::move(deleted));
    } else {
      by_place_[{deleted.spec_id, deleted.file.partition}].push_back(std::move(deleted));
    }
  }

  bool is_empty() const { return by_file_.empty() && by_place_.empty() && global_.empty(); }

  void Attach(ScanFile& data) const {
    const auto attach = [&data](const std::vector<DeleteFile>& deletes) {
      for (const DeleteFile& deleted : deletes) {
        const bool is_equality = deleted.file.content == FileContent::kEqualityDeletes;
        const bool applies = is_equality ? data.sequence_number < deleted.sequence_number
                                         : data.sequence_number <= deleted.sequence_number;
        if (applies) data.deletes.push_back(deleted.file);
      }
    };
    const auto of_file = by_file_.find(data.file.location);
    if (of_file != by_file_.end()) attach(of_file->second);
    const auto of_place = by_place_.find({data.spec_id, data.file.partition});
    if (of_place != by_place_.end()) attach(of_place->second);
    attach(global_);
  }

 private:
  std::unordered_map<std::string, std::vector<DeleteFile>> by_file_;
  std::map<Place, std::vector<DeleteFile>> by_place_;
  std::vector<DeleteFile> global_;
};

void CollectFields(const iceberg::Expression& filter, std::set<iceberg::FieldId>& fields) {
  if (filter.operands.empty()) {
    fields.insert(filter.field);
    return;
  }
  for (const auto& operand : filter.operands) CollectFields(operand, fields);
}

class Planner {
 public:
  Planner(const LakeContext& context, const LoadedTable& table, const iceberg::Expression& filter)
      : context_(context), table_(table), filter_(filter) {
    is_filtered_ = filter.kind != iceberg::ExpressionKind::kTrue;
    std::set<iceberg::FieldId> fields;
    CollectFields(filter, fields);
    fields_.assign(fields.begin(), fields.end());
  }

  /// Takes the manifests that may hold matching files.
  Status Select(const std::vector<ManifestFile>& manifests) {
    for (const ManifestFile& listed : manifests) {
      ++plan_.manifests_total;
      const auto* spec = table_.metadata.FindSpec(listed.spec_id);
      if (spec == nullptr) {
        return CorruptData("manifest " + listed.location + " is of partition spec " +
                           std::to_string(listed.spec_id.value()) +
                           ", the table has no such spec");
      }
      if (listed.added_files_count + listed.existing_files_count == 0) continue;
      const bool is_data = listed.content == ManifestContent::kData;
      if (is_data && !iceberg::MayMatch(filter_, schema(), *spec, listed)) {
        plan_.files_total += listed.added_files_count + listed.existing_files_count;
        continue;
      }
      selected_.push_back({.listed = &listed, .spec = spec, .entries = {}, .live_count = 0});
    }
    plan_.manifests_read = static_cast<int64_t>(selected_.size());
    return Ok();
  }

  Status Read() {
    std::atomic<size_t> next{0};
    const auto threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1,
                                           context_.manifest_threads_max);
    return RunInParallel(
        static_cast<int>(std::clamp<size_t>(selected_.size(), 1, threads)), [&](int) -> Status {
          while (true) {
            const size_t index = next.fetch_add(1, std::memory_order_relaxed);
            if (index >= selected_.size()) return Ok();
            DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
            DAYPART_RETURN_IF_ERROR(ReadOne(selected_[index]));
          }
        });
  }

  ScanPlan Finish() && {
    DeleteIndex deletes;
    for (Selected& manifest : selected_) {
      const bool is_data = manifest.listed->content == ManifestContent::kData;
      if (is_data) plan_.files_total += manifest.live_count;
      for (ManifestEntry& entry : manifest.entries) {
        if (entry.status == EntryStatus::kDeleted) continue;
        const auto sequence_number = entry.sequence_number.value_or(iceberg::SequenceNumber(0));
        if (!is_data) {
          deletes.Add({std::move(entry.file), manifest.listed->spec_id, sequence_number},
                      manifest.spec->is_unpartitioned());
          continue;
        }
        plan_.rows += entry.file.record_count;
        plan_.files.push_back({.file = std::move(entry.file),
                               .spec_id = manifest.listed->spec_id,
                               .sequence_number = sequence_number,
                               .deletes = {}});
      }
    }
    if (!deletes.is_empty()) {
      for (ScanFile& data : plan_.files) deletes.Attach(data);
    }
    return std::move(plan_);
  }

 private:
  struct Selected {
    const ManifestFile* listed;
    const iceberg::PartitionSpec* spec;
    std::vector<ManifestEntry> entries;
    int64_t live_count;
  };

  const iceberg::Schema& schema() const { return table_.metadata.current_schema(); }

  Status ReadOne(Selected& manifest) const {
    const ManifestFile& listed = *manifest.listed;
    // Values stored before a column was widened are compared as what the column is now.
    const auto types = iceberg::PartitionTypes(*manifest.spec, schema());
    const auto promote = [&types](iceberg::PartitionTuple& partition) {
      if (types) iceberg::PromoteTuple(partition, *types);
    };
    if (!is_filtered_ || listed.content != ManifestContent::kData) {
      DAYPART_TRY(auto decoded, ReadManifest(context_, listed));
      manifest.entries = std::move(decoded.entries);
      for (ManifestEntry& entry : manifest.entries) promote(entry.file.partition);
      manifest.live_count = std::count_if(
          manifest.entries.begin(), manifest.entries.end(),
          [](const ManifestEntry& entry) { return entry.status != EntryStatus::kDeleted; });
      return Ok();
    }
    iceberg::EntryFilter filter;
    filter.fields = fields_;
    filter.keeps_partition = [&](iceberg::PartitionTuple partition) {
      promote(partition);
      return iceberg::MayMatch(filter_, schema(), *manifest.spec, partition);
    };
    filter.keeps_file = [&](const DataFile& file) {
      return iceberg::MayMatch(filter_, schema(), file);
    };
    DAYPART_TRY(const std::string bytes, context_.store.Get(listed.location));
    auto decoded = iceberg::DecodeLiveEntries(bytes, listed, filter, &manifest.live_count);
    if (!decoded) return std::move(decoded).error().WithContext(listed.location);
    manifest.entries = std::move(decoded->entries);
    for (ManifestEntry& entry : manifest.entries) promote(entry.file.partition);
    return Ok();
  }

  const LakeContext& context_;
  const LoadedTable& table_;
  const iceberg::Expression& filter_;
  bool is_filtered_ = false;
  std::vector<iceberg::FieldId> fields_;
  std::vector<Selected> selected_;
  ScanPlan plan_;
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
  DAYPART_TRY(const auto manifests, ReadManifestList(context, snapshot->manifest_list));
  Planner planner(context, table, filter);
  DAYPART_RETURN_IF_ERROR(planner.Select(*manifests));
  DAYPART_RETURN_IF_ERROR(planner.Read());
  return std::move(planner).Finish();
}

}  // namespace daypart::lake
