// SPDX-License-Identifier: Apache-2.0
//
// Which delete files of a table still take rows away, told by its manifests and, for those that are
// about a whole partition, by what is in them. Source: Iceberg table spec, "Scan Planning".
#include <algorithm>
#include <map>
#include <utility>

#include "lake/commit.h"
#include "lake/delete_filter.h"
#include "lake/maintenance.h"
#include "lake/manifest_lists.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::FileContent;
using iceberg::ManifestContent;
using iceberg::SequenceNumber;
using Place = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;

constexpr int kDeletePlansMax = 10;

struct DeleteEntry {
  DataFile file;
  Place place;
  SequenceNumber sequence_number;
  bool is_unpartitioned = false;
};

/// The live files of a snapshot.
class LiveFiles {
 public:
  LiveFiles(const LakeContext& context, const iceberg::TableMetadata& metadata)
      : metadata_(metadata), context_(context), filter_(context, metadata) {}

  Status Read(const iceberg::Snapshot& snapshot) {
    DAYPART_TRY(const auto list, ReadManifestList(context_, snapshot.manifest_list));
    for (const auto& listed : *list) {
      DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
      DAYPART_TRY(const std::string bytes, context_.store.Get(listed.location));
      // With tuples as the table has them now: a delete written after its partition's column was
      // widened is about files from before, too.
      DAYPART_TRY(auto decoded, iceberg::DecodeManifestOf(metadata_, bytes, listed));
      for (auto& entry : decoded.entries) {
        if (entry.status == iceberg::EntryStatus::kDeleted) continue;
        const auto number = entry.sequence_number.value_or(SequenceNumber(0));
        Place place{listed.spec_id, entry.file.partition};
        if (listed.content == ManifestContent::kDeletes) {
          deletes_.push_back({.file = std::move(entry.file),
                              .place = std::move(place),
                              .sequence_number = number,
                              .is_unpartitioned = decoded.header.spec.is_unpartitioned()});
          continue;
        }
        oldest_ = std::min(oldest_, number);
        numbers_[entry.file.location] = number;
        data_[std::move(place)].emplace_back(std::move(entry.file), number);
      }
    }
    return Ok();
  }

  const std::vector<DeleteEntry>& deletes() const { return deletes_; }

  /// Whether a reader of the table has to look at it.
  Result<bool> IsNeeded(const DeleteEntry& entry) {
    if (entry.file.referenced_data_file) {
      const auto data = numbers_.find(*entry.file.referenced_data_file);
      return data != numbers_.end() && data->second <= entry.sequence_number;
    }
    const bool is_equality = entry.file.content == FileContent::kEqualityDeletes;
    if (is_equality && entry.is_unpartitioned) return oldest_ < entry.sequence_number;
    const auto place = data_.find(entry.place);
    if (place == data_.end()) return false;
    for (const auto& [data, number] : place->second) {
      if (is_equality) {
        if (number < entry.sequence_number) return true;
        continue;
      }
      if (number > entry.sequence_number) continue;
      DAYPART_TRY(const auto rows, filter_.DeletedRows(data, entry.place.first, {entry.file}));
      if (rows != nullptr && rows->count() > 0) return true;
    }
    return false;
  }

 private:
  const iceberg::TableMetadata& metadata_;
  const LakeContext& context_;
  DeleteFilter filter_;
  std::vector<DeleteEntry> deletes_;
  SequenceNumber oldest_{INT64_MAX};
  std::map<std::string, SequenceNumber> numbers_;
  std::map<Place, std::vector<std::pair<DataFile, SequenceNumber>>> data_;
};

Status RemoveOnce(const LakeContext& context, const catalog::TableName& name,
                  const DeletesOptions& options, DeletesReport& report) {
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  const auto* snapshot = table.metadata.current_snapshot();
  if (snapshot == nullptr) return Ok();
  LiveFiles live(context, table.metadata);
  DAYPART_RETURN_IF_ERROR(live.Read(*snapshot));
  SnapshotChange change;
  change.operation = "replace";
  change.added_spec_id = table.metadata.default_spec_id;
  // What became of the files that deletes are about must be as it was seen.
  change.planned_on = snapshot->id;
  for (const DeleteEntry& entry : live.deletes()) {
    ++report.delete_files;
    DAYPART_TRY(const bool is_needed, live.IsNeeded(entry));
    if (is_needed) continue;
    report.dangling.push_back(entry.file.location);
    report.rows += entry.file.record_count;
    if (entry.file.content_offset) {
      change.replaced_vectors.insert(entry.file.referenced_data_file.value_or(""));
    } else {
      change.removed_deletes.insert(entry.file.location);
    }
  }
  if (report.dangling.empty() || options.dry_run) return Ok();
  DAYPART_TRY(const CommitOutcome outcome, CommitSnapshot(context, name, change));
  report.snapshot_id = outcome.snapshot_id;
  return Ok();
}

}  // namespace

Result<DeletesReport> RemoveDanglingDeletes(const LakeContext& context,
                                            const catalog::TableName& name,
                                            const DeletesOptions& options) {
  for (int plan = 1;; ++plan) {
    DeletesReport report;
    Status status = RemoveOnce(context, name, options, report);
    if (status) return report;
    if (status.error().code != ErrorCode::kConflict || plan == kDeletePlansMax) {
      return std::move(status).error();
    }
  }
}

}  // namespace daypart::lake
