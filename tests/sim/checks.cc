// SPDX-License-Identifier: Apache-2.0
//
// What must hold after every operation, read through a store without faults.
#include <algorithm>
#include <utility>

#include "lake/reachable_files.h"
#include "sim/rows_as_batches.h"
#include "sim/simulation.h"

namespace daypart::sim {
namespace {

/// Checks that need to read every manifest of every snapshot are made this often.
constexpr int64_t kFilesCheckedEvery = 6;
constexpr int64_t kHistoryReadEvery = 3;

std::string Difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& found) {
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(),
                      std::back_inserter(extra));
  std::string text = std::to_string(expected.size()) + " rows expected, found " +
                     std::to_string(found.size()) + "; lost:";
  for (size_t i = 0; i < std::min<size_t>(missing.size(), 3); ++i) text += " " + missing[i];
  text += "; too many:";
  for (size_t i = 0; i < std::min<size_t>(extra.size(), 3); ++i) text += " " + extra[i];
  return text;
}

Status SameRows(const std::string& what, const Rows& expected, const Rows& found,
                const std::vector<Column>& columns) {
  const auto left = TextOf(expected, columns);
  const auto right = TextOf(found, columns);
  if (left == right) return Ok();
  return CorruptData(what + ": " + Difference(left, right));
}

Rows Filtered(const Rows& rows, const Predicate& predicate) {
  Rows kept;
  for (const Row& row : rows) {
    if (predicate.Holds(row)) kept.push_back(row);
  }
  return kept;
}

/// All delete files of the snapshot, those that no data file needs any more among them.
Result<std::vector<iceberg::DataFile>> DeleteFilesOf(const lake::LakeContext& context,
                                                     const iceberg::Snapshot& snapshot) {
  std::vector<iceberg::DataFile> files;
  DAYPART_TRY(const std::string list, context.store.Get(snapshot.manifest_list));
  DAYPART_TRY(const auto manifests, iceberg::DecodeManifestList(list));
  for (const auto& manifest : manifests) {
    if (manifest.content != iceberg::ManifestContent::kDeletes) continue;
    DAYPART_TRY(const std::string bytes, context.store.Get(manifest.location));
    DAYPART_TRY(auto decoded, iceberg::DecodeManifest(bytes, manifest));
    for (auto& entry : decoded.entries) {
      if (entry.status != iceberg::EntryStatus::kDeleted) files.push_back(std::move(entry.file));
    }
  }
  return files;
}

template <typename Found>
Status Equal(const char* what, const Found& expected, const Found& found) {
  if (expected == found) return Ok();
  return CorruptData(std::string(what) + " is not what the model has");
}

}  // namespace

Status Simulation::CheckMetadata(const Model& model,
                                 const iceberg::TableMetadata& metadata) const {
  std::set<int64_t> expected;
  std::set<int64_t> found;
  for (const auto& [id, snapshot] : model.snapshots) expected.insert(id);
  for (const auto& snapshot : metadata.snapshots) found.insert(snapshot.id.value());
  DAYPART_RETURN_IF_ERROR(Equal("the set of snapshots", expected, found));
  std::optional<int64_t> current;
  if (metadata.current_snapshot_id) current = metadata.current_snapshot_id->value();
  DAYPART_RETURN_IF_ERROR(Equal("the current snapshot", model.current, current));
  std::map<std::string, int64_t> branches;
  std::map<std::string, int64_t> tags;
  for (const auto& [name, ref] : metadata.refs) {
    if (name == iceberg::kMainBranch) {
      DAYPART_RETURN_IF_ERROR(
          Equal("main", current, std::optional<int64_t>(ref.snapshot_id.value())));
      continue;
    }
    (ref.kind == iceberg::RefKind::kTag ? tags : branches)[name] = ref.snapshot_id.value();
  }
  DAYPART_RETURN_IF_ERROR(Equal("the set of branches", model.branches, branches));
  DAYPART_RETURN_IF_ERROR(Equal("the set of tags", model.tags, tags));
  const auto& fields = metadata.current_schema().fields;
  DAYPART_RETURN_IF_ERROR(Equal("the number of columns", model.columns.size(), fields.size()));
  for (size_t i = 0; i < fields.size(); ++i) {
    DAYPART_RETURN_IF_ERROR(Equal("a column's name", model.columns[i].name, fields[i].name));
    DAYPART_RETURN_IF_ERROR(
        Equal("a column's type", TypeOf(model.columns[i].kind), fields[i].type));
  }
  DAYPART_TRY(const auto spec, iceberg::ParsePartitionSpec(model.spec, metadata.current_schema()));
  const auto& own = metadata.default_spec().fields;
  DAYPART_RETURN_IF_ERROR(Equal("the partition spec", spec.fields.size(), own.size()));
  for (size_t i = 0; i < own.size(); ++i) {
    DAYPART_RETURN_IF_ERROR(
        Equal("a partition's column", spec.fields[i].source_id, own[i].source_id));
    DAYPART_RETURN_IF_ERROR(Equal("a transform", spec.fields[i].transform, own[i].transform));
  }
  return Equal("the format version", format_version_, metadata.format_version);
}

Status Simulation::CheckRows(const lake::LoadedTable& table) {
  DAYPART_TRY(auto all, lake::PlanScan(clean_, table, iceberg::Expression::True()));
  DAYPART_TRY(const ReadRows full, ReadPlan(clean_, table, std::move(all), model_.columns));
  DAYPART_RETURN_IF_ERROR(SameRows("full scan", model_.rows(), full.rows, model_.columns));
  const Predicate predicate = RandomPredicate(2);
  const auto filter =
      ExpressionOf(predicate, model_.columns, table.metadata.current_schema());
  DAYPART_TRY(auto pruned, lake::PlanScan(clean_, table, filter));
  DAYPART_TRY(const ReadRows some, ReadPlan(clean_, table, std::move(pruned), model_.columns));
  DAYPART_RETURN_IF_ERROR(
      SameRows("pruned scan, " + ToString(filter, table.metadata.current_schema()),
               Filtered(model_.rows(), predicate), Filtered(some.rows, predicate), model_.columns));
  if (model_.snapshots.empty() || step_ % kHistoryReadEvery != 0) return Ok();
  auto old = model_.snapshots.begin();
  std::advance(old, static_cast<ptrdiff_t>(Draw(model_.snapshots.size())));
  DAYPART_TRY(auto plan, lake::PlanScan(clean_, table, iceberg::Expression::True(),
                                        iceberg::SnapshotId(old->first)));
  DAYPART_TRY(const ReadRows then, ReadPlan(clean_, table, std::move(plan), model_.columns));
  return SameRows("snapshot " + std::to_string(old->first), *old->second.rows, then.rows,
                  model_.columns);
}

/// The totals of the summary are those of the files: a reader may answer count(*) from them.
Status Simulation::CheckTotals(const lake::LoadedTable& table) {
  const auto* snapshot = table.metadata.current_snapshot();
  if (snapshot == nullptr) return Ok();
  DAYPART_TRY(const auto plan, lake::PlanScan(clean_, table, iceberg::Expression::True()));
  std::set<std::string> paths;
  int64_t bytes = 0;
  for (const auto& file : plan.files) {
    bytes += file.file.file_bytes;
    if (!paths.insert(file.file.location).second) {
      return CorruptData("file " + file.file.location + " is in the snapshot twice");
    }
    const int64_t vectors = std::count_if(
        file.deletes.begin(), file.deletes.end(),
        [](const auto& deleted) { return deleted.content_offset.has_value(); });
    if (vectors > 1) return CorruptData(file.file.location + " has two deletion vectors");
  }
  int64_t delete_files = 0;
  int64_t delete_rows = 0;
  DAYPART_TRY(const auto deletes, DeleteFilesOf(clean_, *snapshot));
  for (const auto& file : deletes) {
    ++delete_files;
    delete_rows += file.record_count;
    bytes += file.content_bytes.value_or(file.file_bytes);
  }
  const std::map<std::string, int64_t> totals = {
      {"total-records", plan.rows},
      {"total-delete-files", delete_files},
      {"total-position-deletes", delete_rows},
      {"total-data-files", static_cast<int64_t>(plan.files.size())},
      {"total-files-size", bytes}};
  for (const auto& [key, value] : totals) {
    const auto found = snapshot->summary.find(key);
    if (found == snapshot->summary.end()) return CorruptData("the summary has no " + key);
    if (found->second != std::to_string(value)) {
      return CorruptData("summary: " + key + " is " + found->second + ", the files have " +
                         std::to_string(value));
    }
  }
  return Ok();
}

/// Everything that any snapshot refers to is there; after an undisturbed cleaning nothing else is.
Status Simulation::CheckFiles(const lake::LoadedTable& table) {
  std::vector<iceberg::SnapshotId> all;
  for (const auto& snapshot : table.metadata.snapshots) all.push_back(snapshot.id);
  DAYPART_TRY(auto files, lake::ReachableFiles(clean_, table, all));
  for (const std::string& file : files) {
    if (!store_->Head(file)) return CorruptData("a referenced file is gone: " + file);
  }
  if (!has_just_cleaned_) return Ok();
  files.merge(lake::MetadataFiles(table));
  DAYPART_TRY(const auto objects, store_->List(table.metadata.location));
  for (const auto& object : objects) {
    if (!files.contains(object.location)) {
      return CorruptData("an orphan was left: " + object.location);
    }
  }
  return Ok();
}

Status Simulation::Check() {
  DAYPART_TRY(const lake::LoadedTable table, lake::LoadTable(clean_, {"db", "t"}));
  DAYPART_RETURN_IF_ERROR(CheckMetadata(model_, table.metadata));
  DAYPART_RETURN_IF_ERROR(CheckRows(table));
  DAYPART_RETURN_IF_ERROR(CheckTotals(table));
  if (has_just_cleaned_ || step_ % kFilesCheckedEvery == 0) {
    DAYPART_RETURN_IF_ERROR(CheckFiles(table));
  }
  return Ok();
}

}  // namespace daypart::sim
