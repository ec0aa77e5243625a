// SPDX-License-Identifier: Apache-2.0
//
// Manifests of added files, manifests rewritten without removed files, small manifests merged, and
// the list of them all.
#include "lake/snapshot_builder.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "lake/checkpoint.h"
#include "lake/manifest_lists.h"
#include "lake/manifest_merge.h"
#include "lake/table_cache.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::EntryStatus;
using iceberg::ManifestContent;
using iceberg::ManifestEntry;
using iceberg::ManifestFile;
using iceberg::ManifestHeader;
using iceberg::SequenceNumber;
using iceberg::TableMetadata;

/// The number that a summary holds under the key, if it does.
std::optional<int64_t> SummaryNumber(const iceberg::Snapshot* snapshot, const std::string& key) {
  if (snapshot == nullptr) return 0;
  const auto found = snapshot->summary.find(key);
  if (found == snapshot->summary.end()) return std::nullopt;
  int64_t number = 0;
  const std::string& text = found->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

/// What the file counts for in a summary's sizes: of a deletion vector its blob, not the Puffin
/// file that it shares with others, as the reference counts.
int64_t BytesOf(const DataFile& file) { return file.content_bytes.value_or(file.file_bytes); }

/// An entry carried into a rewritten manifest: its numbers spelled out, as the spec demands.
ManifestEntry CarriedEntry(ManifestEntry entry, EntryStatus status) {
  entry.status = status;
  return entry;
}

}  // namespace

SnapshotBuilder::SnapshotBuilder(const LakeContext& context, const SnapshotChange& change,
                                 iceberg::SnapshotId snapshot_id)
    : context_(context), change_(change), snapshot_id_(snapshot_id) {
  removed_.insert(change.removed.begin(), change.removed.end());
}

Result<std::string> SnapshotBuilder::PutManifest(const TableMetadata& base,
                                                 const ManifestHeader& header,
                                                 std::span<const ManifestEntry> entries,
                                                 SequenceNumber sequence_number,
                                                 ManifestFile& listed) {
  DAYPART_TRY(const std::string bytes, iceberg::EncodeManifest(header, entries));
  std::string location = MetadataDirectory(base) + '/' + NewUuid(context_.random) + "-m0.avro";
  DAYPART_RETURN_IF_ERROR(context_.store.Put(location, bytes, store::WriteMode::kIfAbsent));
  DAYPART_TRY(listed, iceberg::SummarizeManifest(header, entries, snapshot_id_, sequence_number));
  listed.location = location;
  listed.bytes = static_cast<int64_t>(bytes.size());
  return location;
}

Status SnapshotBuilder::PutAddedManifest(const TableMetadata& base, iceberg::SpecId spec_id,
                                         ManifestContent content,
                                         const std::vector<const DataFile*>& files,
                                         SequenceNumber sequence_number) {
  const auto* spec = base.FindSpec(spec_id);
  if (spec == nullptr) return Conflict("the partition spec of the written files is gone");
  std::vector<ManifestEntry> entries;
  entries.reserve(files.size());
  for (const DataFile* file : files) {
    entries.push_back({.status = EntryStatus::kAdded,
                       .snapshot_id = snapshot_id_,
                       .sequence_number = std::nullopt,
                       .file_sequence_number = std::nullopt,
                       .file = *file});
  }
  ManifestFile listed;
  DAYPART_TRY(const std::string location, PutManifest(base,
                                                      {.schema = base.SchemaForSpec(*spec),
                                                       .spec = *spec,
                                                       .format_version = base.format_version,
                                                       .content = content},
                                                      entries, sequence_number, listed));
  added_.push_back(std::move(listed));
  return Ok();
}

Status SnapshotBuilder::AddAddedManifests(const TableMetadata& base,
                                          SequenceNumber sequence_number) {
  if (added_.empty()) {
    std::vector<const DataFile*> data;
    for (const DataFile& file : change_.added) data.push_back(&file);
    if (!data.empty()) {
      DAYPART_RETURN_IF_ERROR(PutAddedManifest(base, change_.added_spec_id, ManifestContent::kData,
                                               data, sequence_number));
    }
    std::map<iceberg::SpecId, std::vector<const DataFile*>> deletes;
    for (const AddedDeleteFile& added : change_.added_deletes) {
      deletes[added.spec_id].push_back(&added.file);
    }
    for (const auto& [spec_id, files] : deletes) {
      DAYPART_RETURN_IF_ERROR(
          PutAddedManifest(base, spec_id, ManifestContent::kDeletes, files, sequence_number));
    }
  }
  // The entries inherit: only the list tells the sequence number, so a retry changes nothing but
  // it.
  for (ManifestFile& listed : added_) {
    listed.sequence_number = sequence_number;
    listed.min_sequence_number = sequence_number;
    manifests_.push_back(listed);
  }
  return Ok();
}

void SnapshotBuilder::AssignRowIds(const TableMetadata& base, iceberg::Snapshot& snapshot) {
  if (base.format_version < 3) return;
  int64_t next = base.next_row_id;
  for (ManifestFile& listed : manifests_) {
    if (listed.content != ManifestContent::kData || listed.first_row_id) continue;
    listed.first_row_id = next;
    next += listed.added_rows_count + listed.existing_rows_count;
  }
  snapshot.first_row_id = base.next_row_id;
  snapshot.added_rows = next - base.next_row_id;
}

Status SnapshotBuilder::CarryOver(const TableMetadata& base, const ManifestFile& listed,
                                  SequenceNumber sequence_number) {
  const bool has_live_files = listed.added_files_count + listed.existing_files_count > 0;
  const bool may_lose_files =
      change_.removes_all || !removed_.empty() ||
      (listed.content == ManifestContent::kDeletes &&
       !(change_.replaced_vectors.empty() && change_.removed_deletes.empty()));
  if (!may_lose_files) {
    // A manifest of nothing but deleted entries told of its own snapshot only.
    if (has_live_files) manifests_.push_back(listed);
    return Ok();
  }
  DAYPART_TRY(auto decoded, ReadManifest(context_, listed));
  std::vector<ManifestEntry> entries;
  int64_t removed_here = 0;
  for (ManifestEntry& entry : decoded.entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    const bool is_data = listed.content == ManifestContent::kData;
    const std::string& about =
        is_data ? entry.file.location : entry.file.referenced_data_file.value_or("");
    const bool is_vector = entry.file.content_offset.has_value();
    const bool is_replaced =
        !is_data && (is_vector ? change_.replaced_vectors.contains(about)
                               : change_.removed_deletes.contains(entry.file.location));
    const bool is_removed = change_.removes_all || is_replaced || removed_.contains(about);
    if (is_removed && !is_data) {
      // What took rows away from a file that goes has nothing left to do.
      ++removed_here;
      ++delete_files_removed_;
      (entry.file.content == iceberg::FileContent::kEqualityDeletes ? equality_deletes_removed_
                                                                    : position_deletes_removed_) +=
          entry.file.record_count;
      bytes_removed_ += BytesOf(entry.file);
      entry.snapshot_id = snapshot_id_;
    } else if (is_removed) {
      ++removed_here;
      ++files_removed_;
      rows_removed_ += entry.file.record_count;
      bytes_removed_ += BytesOf(entry.file);
      entry.snapshot_id = snapshot_id_;
    }
    entries.push_back(CarriedEntry(std::move(entry),
                                   is_removed ? EntryStatus::kDeleted : EntryStatus::kExisting));
  }
  if (removed_here == 0) {
    if (has_live_files) manifests_.push_back(listed);
    return Ok();
  }
  const auto* spec = base.FindSpec(listed.spec_id);
  if (spec == nullptr) {
    return CorruptData("manifest " + listed.location + " is of partition spec " +
                       std::to_string(listed.spec_id.value()) + ", which the table does not have");
  }
  decoded.header.spec = *spec;
  // A column that an old spec is made of may be gone; an older schema has it then.
  decoded.header.schema = base.SchemaForSpec(*spec);
  decoded.header.format_version = base.format_version;
  ManifestFile rewritten;
  DAYPART_TRY(const std::string location,
              PutManifest(base, decoded.header, entries, sequence_number, rewritten));
  attempt_locations_.push_back(location);
  manifests_.push_back(std::move(rewritten));
  return Ok();
}

Status SnapshotBuilder::MergeSmallManifests(const TableMetadata& base,
                                            SequenceNumber sequence_number) {
  DAYPART_TRY(const MergePolicy policy, MergePolicyOf(base));
  const auto groups = PlanManifestMerge(manifests_, policy, snapshot_id_);
  if (groups.empty()) return Ok();
  std::vector<bool> is_merged(manifests_.size(), false);
  std::vector<ManifestFile> merged;
  for (const auto& group : groups) {
    const ManifestFile& first = manifests_[group.front()];
    const auto* spec = base.FindSpec(first.spec_id);
    if (spec == nullptr) continue;  // told by whoever has to read it
    const iceberg::Schema schema = base.SchemaForSpec(*spec);
    // No schema knows the column that the spec is made of: these manifests stay as they are.
    if (!iceberg::PartitionTypes(*spec, schema)) continue;
    std::vector<ManifestEntry> entries;
    for (const size_t place : group) {
      DAYPART_TRY(auto decoded, ReadManifest(context_, manifests_[place]));
      for (ManifestEntry& entry : decoded.entries) {
        // What was removed told of a snapshot before this one and is of no use here.
        if (entry.status == EntryStatus::kDeleted) continue;
        entries.push_back(CarriedEntry(std::move(entry), EntryStatus::kExisting));
      }
      is_merged[place] = true;
    }
    ManifestFile listed;
    DAYPART_TRY(const std::string location, PutManifest(base,
                                                        {.schema = schema,
                                                         .spec = *spec,
                                                         .format_version = base.format_version,
                                                         .content = first.content},
                                                        entries, sequence_number, listed));
    attempt_locations_.push_back(location);
    merged.push_back(std::move(listed));
  }
  std::vector<ManifestFile> kept;
  for (size_t i = 0; i < manifests_.size(); ++i) {
    if (!is_merged[i]) kept.push_back(std::move(manifests_[i]));
  }
  std::move(merged.begin(), merged.end(), std::back_inserter(kept));
  manifests_ = std::move(kept);
  return Ok();
}

std::map<std::string, std::string> SnapshotBuilder::Summarize(const TableMetadata& base) const {
  std::map<std::string, std::string> summary = change_.summary;
  summary["operation"] = change_.operation;
  const iceberg::Snapshot* parent = base.current_snapshot();
  if (parent != nullptr) {
    for (const auto& [key, value] : parent->summary) {
      if (is_checkpoint(key)) summary.emplace(key, value);
    }
  }
  const auto put_count = [&summary](const char* key, int64_t count) {
    if (count > 0) summary[key] = std::to_string(count);
  };
  int64_t added_rows = 0;
  int64_t added_bytes = 0;
  std::set<iceberg::PartitionTuple> partitions;
  for (const DataFile& file : change_.added) {
    added_rows += file.record_count;
    added_bytes += BytesOf(file);
    partitions.insert(file.partition);
  }
  for (const AddedDeleteFile& added : change_.added_deletes) added_bytes += BytesOf(added.file);
  put_count("added-data-files", static_cast<int64_t>(change_.added.size()));
  put_count("added-records", added_rows);
  put_count("added-files-size", added_bytes);
  put_count("deleted-data-files", files_removed_);
  put_count("deleted-records", rows_removed_);
  put_count("removed-files-size", bytes_removed_);
  put_count("changed-partition-count", static_cast<int64_t>(partitions.size()));
  const auto put_total = [&](const char* key, int64_t added, int64_t removed) {
    // A total is told only while it is known; a parent without one ends the chain.
    const auto before = SummaryNumber(parent, key);
    if (before) summary[key] = std::to_string(*before + added - removed);
  };
  put_total("total-data-files", static_cast<int64_t>(change_.added.size()), files_removed_);
  put_total("total-records", added_rows, rows_removed_);
  put_total("total-files-size", added_bytes, bytes_removed_);
  int64_t position_deletes_added = 0;
  for (const AddedDeleteFile& added : change_.added_deletes) {
    position_deletes_added += added.file.record_count;
  }
  const auto delete_files_added = static_cast<int64_t>(change_.added_deletes.size());
  put_count("added-delete-files", delete_files_added);
  put_count("added-position-deletes", position_deletes_added);
  put_total("total-delete-files", delete_files_added, delete_files_removed_);
  put_total("total-position-deletes", position_deletes_added, position_deletes_removed_);
  put_total("total-equality-deletes", 0, equality_deletes_removed_);
  put_count("removed-delete-files", delete_files_removed_);
  put_count("removed-position-deletes", position_deletes_removed_);
  put_count("removed-equality-deletes", equality_deletes_removed_);
  return summary;
}

Result<BuiltSnapshot> SnapshotBuilder::Build(const TableMetadata& base) {
  manifests_.clear();
  files_removed_ = rows_removed_ = bytes_removed_ = 0;
  delete_files_removed_ = position_deletes_removed_ = equality_deletes_removed_ = 0;
  const SequenceNumber sequence_number(
      base.format_version == 1 ? 0 : base.last_sequence_number.value() + 1);
  DAYPART_RETURN_IF_ERROR(AddAddedManifests(base, sequence_number));
  const auto* parent = base.current_snapshot();
  if (parent != nullptr) {
    DAYPART_TRY(const auto listed, ReadManifestList(context_, parent->manifest_list));
    for (const ManifestFile& manifest : *listed) {
      DAYPART_RETURN_IF_ERROR(CarryOver(base, manifest, sequence_number));
    }
  }
  if (!change_.removes_all && files_removed_ != static_cast<int64_t>(removed_.size())) {
    return Conflict(std::to_string(removed_.size()) + " file(s) were to be replaced, only " +
                    std::to_string(files_removed_) + " are still in the table");
  }
  if (change_.rewrites_manifests) {
    DAYPART_RETURN_IF_ERROR(SortManifests(base, sequence_number));
  } else {
    DAYPART_RETURN_IF_ERROR(MergeSmallManifests(base, sequence_number));
  }

  BuiltSnapshot built;
  built.files_removed = files_removed_;
  built.rows_removed = rows_removed_;
  iceberg::Snapshot& snapshot = built.snapshot;
  snapshot.id = snapshot_id_;
  if (parent != nullptr) snapshot.parent_id = parent->id;
  snapshot.sequence_number = sequence_number;
  // The spec wants snapshots in time's order even where the clock was set back.
  snapshot.timestamp = std::max(context_.clock.Now(), base.last_updated);
  snapshot.schema_id = base.current_schema_id;
  snapshot.summary = Summarize(base);
  AssignRowIds(base, snapshot);
  snapshot.manifest_list = MetadataDirectory(base) + "/snap-" +
                           std::to_string(snapshot_id_.value()) + '-' + NewUuid(context_.random) +
                           ".avro";
  DAYPART_TRY(const std::string bytes,
              iceberg::EncodeManifestList({.snapshot_id = snapshot.id,
                                           .parent_snapshot_id = snapshot.parent_id,
                                           .sequence_number = sequence_number,
                                           .format_version = base.format_version},
                                          manifests_));
  DAYPART_RETURN_IF_ERROR(
      context_.store.Put(snapshot.manifest_list, bytes, store::WriteMode::kIfAbsent));
  attempt_locations_.push_back(snapshot.manifest_list);
  if (context_.cache != nullptr) {
    context_.cache->Put(snapshot.manifest_list,
                        std::make_shared<const std::vector<ManifestFile>>(manifests_),
                        static_cast<int64_t>(bytes.size()));
  }
  return built;
}

void SnapshotBuilder::DiscardAttempt() {
  for (const std::string& location : attempt_locations_) {
    (void)context_.store.Delete(location);  // an orphan at worst
  }
  attempt_locations_.clear();
}

void SnapshotBuilder::DiscardAll() {
  DiscardAttempt();
  for (const ManifestFile& listed : added_) {
    (void)context_.store.Delete(listed.location);  // an orphan at worst
  }
  added_.clear();
}

}  // namespace daypart::lake
