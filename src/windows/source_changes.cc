// SPDX-License-Identifier: Apache-2.0
//
// Snapshots by their summaries, added files by the manifests that a snapshot wrote itself.
#include "windows/source_changes.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "iceberg/manifest.h"
#include "lake/manifest_lists.h"

namespace daypart::windows {
namespace {

using iceberg::EntryStatus;
using iceberg::ManifestContent;

/// Of the rows of these files.
Result<std::optional<UtcMicros>> ScanGreatest(const lake::LakeContext& context,
                                              const lake::LoadedTable& table, lake::ScanPlan plan,
                                              const std::string& column, UtcMicros limit) {
  std::optional<UtcMicros> greatest;
  DAYPART_TRY(const auto scan, lake::OpenScan(context, table, std::move(plan), {column}));
  DAYPART_TRY(const auto cursor, scan->NewCursor());
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) return greatest;
    // A timestamp of microseconds is an int64 to its bits.
    const auto& times = static_cast<const arrow::TimestampArray&>(*batch->column(0));
    for (int64_t row = 0; row < times.length(); ++row) {
      if (times.IsNull(row) || times.Value(row) > limit.value()) continue;
      greatest = std::max(greatest.value_or(UtcMicros(times.Value(row))),
                          UtcMicros(times.Value(row)));
    }
  }
}

}  // namespace

std::optional<std::vector<const iceberg::Snapshot*>> SnapshotsSince(
    const iceberg::TableMetadata& source, iceberg::SnapshotId from) {
  std::vector<const iceberg::Snapshot*> since;
  const iceberg::Snapshot* snapshot = source.current_snapshot();
  while (snapshot != nullptr && snapshot->id != from) {
    since.push_back(snapshot);
    snapshot = snapshot->parent_id ? source.FindSnapshot(*snapshot->parent_id) : nullptr;
  }
  if (snapshot == nullptr) return std::nullopt;
  std::ranges::reverse(since);
  return since;
}

lake::LoadedTable AtSnapshot(const lake::LoadedTable& table, iceberg::SnapshotId id) {
  lake::LoadedTable then = table;
  then.metadata.current_snapshot_id = id;
  return then;
}

ChangeKind KindOf(const iceberg::Snapshot& snapshot) {
  const auto operation = snapshot.summary.find("operation");
  if (operation == snapshot.summary.end()) return ChangeKind::kOther;
  if (operation->second == "replace") return ChangeKind::kNone;
  return operation->second == "append" ? ChangeKind::kAppend : ChangeKind::kOther;
}

Result<lake::ScanPlan> AddedFiles(const lake::LakeContext& context,
                                  const lake::LoadedTable& table) {
  lake::ScanPlan plan;
  const iceberg::Snapshot* snapshot = table.metadata.current_snapshot();
  if (snapshot == nullptr) return plan;
  DAYPART_TRY(const auto manifests, lake::ReadManifestList(context, snapshot->manifest_list));
  for (const iceberg::ManifestFile& listed : *manifests) {
    const bool is_own =
        listed.content == ManifestContent::kData && listed.added_snapshot_id == snapshot->id;
    if (!is_own) continue;
    DAYPART_TRY(const std::string bytes, context.store.Get(listed.location));
    DAYPART_TRY(auto decoded, iceberg::DecodeManifestOf(table.metadata, bytes, listed));
    for (iceberg::ManifestEntry& entry : decoded.entries) {
      const bool is_added = entry.status == EntryStatus::kAdded &&
                            entry.snapshot_id.value_or(snapshot->id) == snapshot->id;
      if (!is_added) continue;
      plan.rows += entry.file.record_count;
      plan.files.push_back(
          {.file = std::move(entry.file),
           .spec_id = listed.spec_id,
           .sequence_number = entry.sequence_number.value_or(snapshot->sequence_number),
           .deletes = {}});
    }
  }
  return plan;
}

Result<std::optional<UtcMicros>> GreatestTime(const lake::LakeContext& context,
                                              const lake::LoadedTable& table,
                                              const lake::ScanPlan& plan,
                                              const std::string& column, UtcMicros limit) {
  const auto* field = table.metadata.current_schema().FindField(std::string_view(column));
  if (field == nullptr) return std::optional<UtcMicros>();
  std::optional<UtcMicros> greatest;
  lake::ScanPlan unknown;
  for (const lake::ScanFile& file : plan.files) {
    const auto bound = file.file.upper_bounds.find(field->id);
    if (bound != file.file.upper_bounds.end()) {
      DAYPART_TRY(const auto literal, iceberg::DeserializeLiteral(bound->second, field->type));
      const auto* micros = std::get_if<int64_t>(&literal);
      if (micros != nullptr && *micros <= limit.value()) {
        greatest = std::max(greatest.value_or(UtcMicros(*micros)), UtcMicros(*micros));
        continue;
      }
    }
    unknown.files.push_back(file);
    unknown.rows += file.file.record_count;
  }
  if (unknown.files.empty()) return greatest;
  DAYPART_TRY(const auto scanned,
              ScanGreatest(context, table, std::move(unknown), column, limit));
  return scanned && (!greatest || *scanned > *greatest) ? scanned : greatest;
}

Result<Delta> Delta::Open(const lake::LakeContext& context, catalog::RawCatalog& raw,
                          const query::EngineOptions& engine, const lake::LoadedTable& table,
                          const std::vector<std::string>& columns) {
  Delta delta;
  const iceberg::Snapshot& snapshot = *table.metadata.current_snapshot();
  if (KindOf(snapshot) == ChangeKind::kAppend || !snapshot.parent_id) {
    DAYPART_TRY(auto plan, AddedFiles(context, table));
    DAYPART_TRY(delta.added_, lake::OpenScan(context, table, std::move(plan), columns));
    return delta;
  }
  // Whole rows are compared, also where a table has identifiers: either way it is the rows that go
  // and come whose windows are computed again.
  DAYPART_TRY(auto diff,
              query::SnapshotDiff::Open(context, raw, engine, table,
                                        {.from = std::to_string(snapshot.parent_id->value()),
                                         .to = "",
                                         .key_columns = {}}));
  delta.diff_.emplace(std::move(diff));
  return delta;
}

}  // namespace daypart::windows
