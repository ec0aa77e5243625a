// SPDX-License-Identifier: Apache-2.0
//
// Manifests, their entries, and sums over these by partition.
#include "lake/manifest_rows.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lake/manifest_lists.h"

namespace daypart::lake {
namespace {

using iceberg::EntryStatus;
using iceberg::FileContent;
using iceberg::ManifestContent;
using iceberg::ManifestEntry;
using iceberg::ManifestFile;
using iceberg::Field;
using iceberg::NestedField;
using iceberg::Type;
using iceberg::TypeKind;

Result<std::vector<ManifestEntry>> EntriesOf(const LakeContext& context,
                                             const ManifestFile& listed) {
  DAYPART_TRY(auto decoded, ReadManifest(context, listed));
  return std::move(decoded.entries);
}

Result<Cell> SummariesCell(const iceberg::TableMetadata& metadata, const ManifestFile& listed) {
  if (!listed.partitions) return Cell();
  const auto* spec = metadata.FindSpec(listed.spec_id);
  std::vector<Type> types;
  if (spec != nullptr) {
    auto known = iceberg::PartitionTypes(*spec, metadata.current_schema());
    if (known) types = std::move(known).value();
  }
  std::vector<Cell> summaries;
  for (size_t i = 0; i < listed.partitions->size(); ++i) {
    const iceberg::FieldSummary& summary = (*listed.partitions)[i];
    const auto text = [&](const std::optional<std::string>& bytes) -> Cell {
      if (!bytes || i >= types.size()) return {};
      const auto value = iceberg::DeserializeLiteral(*bytes, types[i]);
      if (!value) return {};
      return Cell(iceberg::PartitionValueText(spec->fields[i].transform, types[i], *value));
    };
    summaries.push_back(Cell::Of({Cell(summary.contains_null), Cell(summary.contains_nan),
                                  text(summary.lower_bound), text(summary.upper_bound)}));
  }
  return Cell::Of(std::move(summaries));
}

/// What `t$partitions` tells of one partition.
struct PartitionSum {
  iceberg::SpecId spec_id;
  int64_t rows = 0;
  int64_t bytes = 0;
  int32_t files = 0;
  int64_t position_delete_rows = 0;
  int32_t position_delete_files = 0;
  int64_t equality_delete_rows = 0;
  int32_t equality_delete_files = 0;
  const iceberg::Snapshot* last = nullptr;

  void Add(const ManifestEntry& entry, iceberg::SpecId spec, const iceberg::Snapshot* snapshot) {
    const iceberg::DataFile& file = entry.file;
    spec_id = std::max(spec_id, spec);
    switch (file.content) {
      case FileContent::kData:
        rows += file.record_count;
        bytes += file.file_bytes;
        ++files;
        break;
      case FileContent::kPositionDeletes:
        position_delete_rows += file.record_count;
        ++position_delete_files;
        break;
      case FileContent::kEqualityDeletes:
        equality_delete_rows += file.record_count;
        ++equality_delete_files;
        break;
    }
    const bool is_newer =
        snapshot != nullptr && (last == nullptr || snapshot->timestamp > last->timestamp);
    if (is_newer) last = snapshot;
  }
};

}  // namespace

std::vector<NestedField> ManifestRows::Fields() {
  const Type summary = Type::StructOf(
      {Field("contains_null", TypeKind::kBoolean), Field("contains_nan", TypeKind::kBoolean),
       Field("lower_bound", TypeKind::kString), Field("upper_bound", TypeKind::kString)});
  return {Field("content", TypeKind::kInt),
          Field("path", TypeKind::kString),
          Field("length", TypeKind::kLong),
          Field("partition_spec_id", TypeKind::kInt),
          Field("added_snapshot_id", TypeKind::kLong),
          Field("added_data_files_count", TypeKind::kInt),
          Field("existing_data_files_count", TypeKind::kInt),
          Field("deleted_data_files_count", TypeKind::kInt),
          Field("added_delete_files_count", TypeKind::kInt),
          Field("existing_delete_files_count", TypeKind::kInt),
          Field("deleted_delete_files_count", TypeKind::kInt),
          Field("partition_summaries", Type::ListOf(Field("element", summary)))};
}

Result<std::vector<CellRow>> ManifestRows::Of(const iceberg::TableMetadata& metadata,
                                              std::span<const ManifestFile> manifests) {
  std::vector<CellRow> rows;
  for (const ManifestFile& listed : manifests) {
    const bool is_data = listed.content == ManifestContent::kData;
    const auto count = [](bool counts, int32_t files) { return Cell(counts ? files : 0); };
    DAYPART_TRY(Cell summaries, SummariesCell(metadata, listed));
    rows.push_back({Cell(static_cast<int32_t>(listed.content)), Cell(listed.location),
                    Cell(listed.bytes), Cell(listed.spec_id.value()),
                    Cell(listed.added_snapshot_id.value()),
                    count(is_data, listed.added_files_count),
                    count(is_data, listed.existing_files_count),
                    count(is_data, listed.deleted_files_count),
                    count(!is_data, listed.added_files_count),
                    count(!is_data, listed.existing_files_count),
                    count(!is_data, listed.deleted_files_count), std::move(summaries)});
  }
  return rows;
}

std::vector<NestedField> EntryRows::FileFields(const FileCells& cells) {
  std::vector<NestedField> fields = cells.FileFields();
  auto metrics = cells.MetricsFields();
  if (!metrics.empty()) {
    fields.push_back(Field("readable_metrics", Type::StructOf(std::move(metrics))));
  }
  return fields;
}

std::vector<NestedField> EntryRows::EntryFields(const FileCells& cells) {
  std::vector<NestedField> fields = {
      Field("status", TypeKind::kInt), Field("snapshot_id", TypeKind::kLong),
      Field("sequence_number", TypeKind::kLong), Field("file_sequence_number", TypeKind::kLong),
      Field("data_file", Type::StructOf(cells.FileFields()))};
  auto metrics = cells.MetricsFields();
  if (!metrics.empty()) {
    fields.push_back(Field("readable_metrics", Type::StructOf(std::move(metrics))));
  }
  return fields;
}

Result<std::vector<CellRow>> EntryRows::Of(const LakeContext& context, const ManifestFile& listed,
                                           const FileCells& cells, bool has_entries) {
  DAYPART_TRY(const auto entries, EntriesOf(context, listed));
  const bool has_metrics = !cells.MetricsFields().empty();
  std::vector<CellRow> rows;
  for (const ManifestEntry& entry : entries) {
    if (!has_entries && entry.status == EntryStatus::kDeleted) continue;
    CellRow row = cells.FileRow(entry.file, listed.spec_id);
    if (has_entries) {
      CellRow whole = {Cell(static_cast<int32_t>(entry.status))};
      whole.push_back(entry.snapshot_id ? Cell(entry.snapshot_id->value()) : Cell());
      whole.push_back(entry.sequence_number ? Cell(entry.sequence_number->value()) : Cell());
      whole.push_back(entry.file_sequence_number ? Cell(entry.file_sequence_number->value())
                                                 : Cell());
      whole.push_back(Cell::Of(std::move(row)));
      row = std::move(whole);
    }
    if (has_metrics) row.push_back(cells.MetricsCell(entry.file));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<NestedField> PartitionRows::Fields(const FileCells& cells) {
  std::vector<NestedField> fields;
  auto partition = cells.PartitionFields();
  if (!partition.empty()) {
    fields.push_back(Field("partition", Type::StructOf(std::move(partition))));
    fields.push_back(Field("spec_id", TypeKind::kInt));
  }
  fields.push_back(Field("record_count", TypeKind::kLong));
  fields.push_back(Field("file_count", TypeKind::kInt));
  fields.push_back(Field("total_data_file_size_in_bytes", TypeKind::kLong));
  fields.push_back(Field("position_delete_record_count", TypeKind::kLong));
  fields.push_back(Field("position_delete_file_count", TypeKind::kInt));
  fields.push_back(Field("equality_delete_record_count", TypeKind::kLong));
  fields.push_back(Field("equality_delete_file_count", TypeKind::kInt));
  fields.push_back(Field("last_updated_at", TypeKind::kTimestamptz));
  fields.push_back(Field("last_updated_snapshot_id", TypeKind::kLong));
  return fields;
}

Result<std::vector<CellRow>> PartitionRows::Of(const LakeContext& context,
                                               const iceberg::TableMetadata& metadata,
                                               std::span<const ManifestFile> manifests) {
  DAYPART_TRY(const FileCells cells, FileCells::Make(metadata));
  std::map<iceberg::PartitionTuple, PartitionSum> sums;
  for (const ManifestFile& listed : manifests) {
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    DAYPART_TRY(const auto entries, EntriesOf(context, listed));
    for (const ManifestEntry& entry : entries) {
      if (entry.status == EntryStatus::kDeleted) continue;
      const auto* snapshot =
          entry.snapshot_id ? metadata.FindSnapshot(*entry.snapshot_id) : nullptr;
      sums[cells.PartitionOf(entry.file, listed.spec_id)].Add(entry, listed.spec_id, snapshot);
    }
  }
  const bool is_partitioned = !cells.PartitionFields().empty();
  std::vector<CellRow> rows;
  for (const auto& [partition, sum] : sums) {
    CellRow row;
    if (is_partitioned) {
      row.push_back(FileCells::PartitionCell(partition));
      row.emplace_back(sum.spec_id.value());
    }
    row.insert(row.end(), {Cell(sum.rows), Cell(sum.files), Cell(sum.bytes),
                           Cell(sum.position_delete_rows), Cell(sum.position_delete_files),
                           Cell(sum.equality_delete_rows), Cell(sum.equality_delete_files)});
    row.push_back(sum.last ? Cell(sum.last->timestamp.value()) : Cell());
    row.push_back(sum.last ? Cell(sum.last->id.value()) : Cell());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace daypart::lake
