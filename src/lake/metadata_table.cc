// SPDX-License-Identifier: Apache-2.0
//
// Rows that the metadata file holds by itself, and a source that reads manifests one by one.
#include "lake/metadata_table.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <array>
#include <atomic>
#include <functional>
#include <set>
#include <vector>

#include "lake/arrow_schema.h"
#include "lake/cell_batch.h"
#include "lake/file_cells.h"
#include "lake/manifest_rows.h"

namespace daypart::lake {
namespace {

using iceberg::Field;
using iceberg::NestedField;
using iceberg::Snapshot;
using iceberg::TableMetadata;
using iceberg::Type;
using iceberg::TypeKind;

struct NamedKind {
  std::string_view name;
  MetadataTableKind kind;
};
constexpr std::array<NamedKind, 10> kKinds = {{
    {"snapshots", MetadataTableKind::kSnapshots},
    {"history", MetadataTableKind::kHistory},
    {"refs", MetadataTableKind::kRefs},
    {"metadata_log_entries", MetadataTableKind::kMetadataLogEntries},
    {"manifests", MetadataTableKind::kManifests},
    {"files", MetadataTableKind::kFiles},
    {"data_files", MetadataTableKind::kDataFiles},
    {"delete_files", MetadataTableKind::kDeleteFiles},
    {"entries", MetadataTableKind::kEntries},
    {"partitions", MetadataTableKind::kPartitions},
}};

std::vector<NestedField> SnapshotFields() {
  NestedField key = Field("key", TypeKind::kString);
  key.is_required = true;
  NestedField summary = Field("summary", TypeKind::kString);
  summary.type = Type::MapOf(std::move(key), Field("value", TypeKind::kString));
  return {Field("committed_at", TypeKind::kTimestamptz), Field("snapshot_id", TypeKind::kLong),
          Field("parent_id", TypeKind::kLong),           Field("operation", TypeKind::kString),
          Field("manifest_list", TypeKind::kString),     std::move(summary)};
}

std::vector<CellRow> SnapshotRows(const TableMetadata& metadata) {
  std::vector<CellRow> rows;
  for (const Snapshot& snapshot : metadata.snapshots) {
    std::vector<Cell> summary;
    Cell operation;
    for (const auto& [key, value] : snapshot.summary) {
      if (key == "operation") {
        operation = Cell(value);  // a column of its own, as in Spark
        continue;
      }
      summary.emplace_back(key);
      summary.emplace_back(value);
    }
    rows.push_back({Cell(snapshot.timestamp.value()), Cell(snapshot.id.value()),
                    snapshot.parent_id ? Cell(snapshot.parent_id->value()) : Cell(),
                    std::move(operation), Cell(snapshot.manifest_list),
                    Cell::Of(std::move(summary))});
  }
  return rows;
}

std::vector<CellRow> HistoryRows(const TableMetadata& metadata) {
  std::set<iceberg::SnapshotId> ancestors;
  for (const Snapshot* at = metadata.current_snapshot(); at != nullptr;) {
    if (!ancestors.insert(at->id).second || !at->parent_id) break;
    at = metadata.FindSnapshot(*at->parent_id);
  }
  std::vector<CellRow> rows;
  for (const auto& entry : metadata.snapshot_log) {
    const Snapshot* snapshot = metadata.FindSnapshot(entry.snapshot_id);
    const bool has_parent = snapshot != nullptr && snapshot->parent_id;
    rows.push_back({Cell(entry.timestamp.value()), Cell(entry.snapshot_id.value()),
                    has_parent ? Cell(snapshot->parent_id->value()) : Cell(),
                    Cell(ancestors.contains(entry.snapshot_id))});
  }
  return rows;
}

std::vector<CellRow> RefRows(const TableMetadata& metadata) {
  std::vector<CellRow> rows;
  for (const auto& [name, ref] : metadata.refs) {
    rows.push_back({Cell(name),
                    Cell(std::string(ref.kind == iceberg::RefKind::kTag ? "TAG" : "BRANCH")),
                    Cell(ref.snapshot_id.value()), Cell(ref.max_ref_age_ms),
                    Cell(ref.min_snapshots_to_keep), Cell(ref.max_snapshot_age_ms)});
  }
  return rows;
}

std::vector<CellRow> MetadataLogRows(const LoadedTable& table) {
  const TableMetadata& metadata = table.metadata;
  auto log = metadata.metadata_log;
  log.push_back({metadata.last_updated, table.metadata_location});
  std::vector<CellRow> rows;
  for (const auto& entry : log) {
    const Snapshot* latest = nullptr;
    for (const auto& made : metadata.snapshot_log) {
      if (made.timestamp <= entry.timestamp) latest = metadata.FindSnapshot(made.snapshot_id);
    }
    CellRow row = {Cell(entry.timestamp.value()), Cell(entry.metadata_location)};
    row.push_back(latest ? Cell(latest->id.value()) : Cell());
    row.push_back(latest && latest->schema_id ? Cell(latest->schema_id->value()) : Cell());
    row.push_back(latest ? Cell(latest->sequence_number.value()) : Cell());
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Gives what `next` gives, until it gives null. One call at a time hands out each batch's number.
class NumberedSource final : public source::BatchSource {
 public:
  using Make = std::function<Result<std::shared_ptr<arrow::RecordBatch>>(size_t)>;
  NumberedSource(std::shared_ptr<arrow::Schema> schema, size_t count, Make make)
      : schema_(std::move(schema)), count_(count), make_(std::move(make)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*this));
  }

 private:
  class Cursor final : public source::BatchCursor {
   public:
    explicit Cursor(NumberedSource& source) : source_(source) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      index_ = source_.next_.fetch_add(1);
      if (index_ >= source_.count_) return std::shared_ptr<arrow::RecordBatch>();
      return source_.make_(index_);
    }
    uint64_t batch_index() const override { return index_; }

   private:
    NumberedSource& source_;
    size_t index_ = 0;
  };

  std::shared_ptr<arrow::Schema> schema_;
  size_t count_;
  Make make_;
  std::atomic<size_t> next_{0};
};

Result<std::vector<NestedField>> Fields(const LoadedTable& table, MetadataTableKind kind) {
  switch (kind) {
    case MetadataTableKind::kSnapshots: return SnapshotFields();
    case MetadataTableKind::kHistory:
      return std::vector<NestedField>{
          Field("made_current_at", TypeKind::kTimestamptz), Field("snapshot_id", TypeKind::kLong),
          Field("parent_id", TypeKind::kLong), Field("is_current_ancestor", TypeKind::kBoolean)};
    case MetadataTableKind::kRefs:
      return std::vector<NestedField>{Field("name", TypeKind::kString),
                                      Field("type", TypeKind::kString),
                                      Field("snapshot_id", TypeKind::kLong),
                                      Field("max_reference_age_in_ms", TypeKind::kLong),
                                      Field("min_snapshots_to_keep", TypeKind::kInt),
                                      Field("max_snapshot_age_in_ms", TypeKind::kLong)};
    case MetadataTableKind::kMetadataLogEntries:
      return std::vector<NestedField>{Field("timestamp", TypeKind::kTimestamptz),
                                      Field("file", TypeKind::kString),
                                      Field("latest_snapshot_id", TypeKind::kLong),
                                      Field("latest_schema_id", TypeKind::kInt),
                                      Field("latest_sequence_number", TypeKind::kLong)};
    case MetadataTableKind::kManifests: return ManifestRows::Fields();
    case MetadataTableKind::kFiles:
    case MetadataTableKind::kDataFiles:
    case MetadataTableKind::kDeleteFiles:
    case MetadataTableKind::kEntries:
    case MetadataTableKind::kPartitions: break;
  }
  DAYPART_TRY(const FileCells cells, FileCells::Make(table.metadata));
  if (kind == MetadataTableKind::kPartitions) return PartitionRows::Fields(cells);
  return kind == MetadataTableKind::kEntries ? EntryRows::EntryFields(cells)
                                             : EntryRows::FileFields(cells);
}

/// All rows in one batch.
Result<std::unique_ptr<source::BatchSource>> AllAtOnce(std::shared_ptr<arrow::Schema> schema,
                                                       const std::vector<CellRow>& rows) {
  DAYPART_TRY(auto batch, MakeCellBatch(schema, rows));
  return std::unique_ptr<source::BatchSource>(std::make_unique<NumberedSource>(
      std::move(schema), 1,
      [batch = std::move(batch)](size_t) -> Result<std::shared_ptr<arrow::RecordBatch>> {
        return batch;
      }));
}

Result<std::unique_ptr<source::BatchSource>> OpenEntries(
    const LakeContext& context, const LoadedTable& table, MetadataTableKind kind,
    std::shared_ptr<arrow::Schema> schema, std::vector<iceberg::ManifestFile> manifests) {
  std::erase_if(manifests, [&](const iceberg::ManifestFile& listed) {
    const bool is_data = listed.content == iceberg::ManifestContent::kData;
    return (kind == MetadataTableKind::kDataFiles && !is_data) ||
           (kind == MetadataTableKind::kDeleteFiles && is_data);
  });
  DAYPART_TRY(FileCells cells, FileCells::Make(table.metadata));
  const bool has_entries = kind == MetadataTableKind::kEntries;
  const size_t count = manifests.size();
  return std::unique_ptr<source::BatchSource>(std::make_unique<NumberedSource>(
      schema, count,
      [&context, schema, has_entries, cells = std::move(cells), manifests = std::move(manifests)](
          size_t index) -> Result<std::shared_ptr<arrow::RecordBatch>> {
        DAYPART_RETURN_IF_ERROR(context.cancel.Check());
        DAYPART_TRY(const auto rows,
                    EntryRows::Of(context, manifests[index], cells, has_entries));
        return MakeCellBatch(schema, rows);
      }));
}

}  // namespace

Result<std::optional<std::pair<std::string, MetadataTableKind>>> ParseMetadataTableName(
    std::string_view name) {
  const size_t at = name.rfind('$');
  if (at == std::string_view::npos || at == 0) {
    return std::optional<std::pair<std::string, MetadataTableKind>>();
  }
  std::string known;
  for (const NamedKind& named : kKinds) {
    if (named.name == name.substr(at + 1)) {
      return std::optional(std::pair(std::string(name.substr(0, at)), named.kind));
    }
    known += (known.empty() ? "" : ", ") + std::string(named.name);
  }
  return InvalidArgument("one of these is expected after the '$' of a metadata table: " + known +
                         "; found " + std::string(name));
}

bool is_of_snapshot(MetadataTableKind kind) {
  switch (kind) {
    case MetadataTableKind::kSnapshots:
    case MetadataTableKind::kHistory:
    case MetadataTableKind::kRefs:
    case MetadataTableKind::kMetadataLogEntries: return false;
    case MetadataTableKind::kManifests:
    case MetadataTableKind::kFiles:
    case MetadataTableKind::kDataFiles:
    case MetadataTableKind::kDeleteFiles:
    case MetadataTableKind::kEntries:
    case MetadataTableKind::kPartitions: return true;
  }
  return true;
}

Result<iceberg::Schema> MetadataTableSchema(const LoadedTable& table, MetadataTableKind kind) {
  iceberg::Schema schema;
  DAYPART_TRY(schema.fields, Fields(table, kind));
  return iceberg::AssignFreshIds(std::move(schema));
}

Result<std::unique_ptr<source::BatchSource>> OpenMetadataTable(const LakeContext& context,
                                                               const LoadedTable& table,
                                                               MetadataTableKind kind) {
  DAYPART_TRY(const auto columns, MetadataTableSchema(table, kind));
  DAYPART_TRY(auto schema, ToArrowSchema(columns));
  switch (kind) {
    case MetadataTableKind::kSnapshots: return AllAtOnce(schema, SnapshotRows(table.metadata));
    case MetadataTableKind::kHistory: return AllAtOnce(schema, HistoryRows(table.metadata));
    case MetadataTableKind::kRefs: return AllAtOnce(schema, RefRows(table.metadata));
    case MetadataTableKind::kMetadataLogEntries: return AllAtOnce(schema, MetadataLogRows(table));
    case MetadataTableKind::kManifests:
    case MetadataTableKind::kFiles:
    case MetadataTableKind::kDataFiles:
    case MetadataTableKind::kDeleteFiles:
    case MetadataTableKind::kEntries:
    case MetadataTableKind::kPartitions: break;
  }
  std::vector<iceberg::ManifestFile> manifests;
  if (const Snapshot* snapshot = table.metadata.current_snapshot()) {
    DAYPART_TRY(const std::string list, context.store.Get(snapshot->manifest_list));
    auto decoded = iceberg::DecodeManifestList(list);
    if (!decoded) return std::move(decoded).error().WithContext(snapshot->manifest_list);
    manifests = std::move(decoded).value();
  }
  if (kind == MetadataTableKind::kManifests) {
    DAYPART_TRY(const auto rows, ManifestRows::Of(table.metadata, manifests));
    return AllAtOnce(schema, rows);
  }
  if (kind == MetadataTableKind::kPartitions) {
    DAYPART_TRY(const auto rows, PartitionRows::Of(context, table.metadata, manifests));
    return AllAtOnce(schema, rows);
  }
  return OpenEntries(context, table, kind, std::move(schema), std::move(manifests));
}

}  // namespace daypart::lake
