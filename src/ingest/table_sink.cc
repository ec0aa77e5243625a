// SPDX-License-Identifier: Apache-2.0
//
// Data files, quarantine, commit: in this order, so that what a crash leaves behind is either
// nothing that counts or the whole epoch.
#include "ingest/table_sink.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "ingest/left_out_keys.h"
#include "ingest/quarantine.h"

namespace daypart::ingest {
namespace {

/// Whether rows of the schema `before` are as they would be of `now`: it has their columns as they
/// were, and those that came are null in records that have no value for them.
bool is_extended_by(const iceberg::Schema& before, const iceberg::Schema& now) {
  const auto is_kept = [&now](const iceberg::NestedField& field) {
    const auto* same = now.FindField(field.id);
    return same != nullptr && *same == field;
  };
  const auto is_null_or_known = [&before](const iceberg::NestedField& field) {
    return before.FindField(field.id) != nullptr ||
           (!field.is_required && field.write_default.empty());
  };
  return std::ranges::all_of(before.fields, is_kept) &&
         std::ranges::all_of(now.fields, is_null_or_known);
}

}  // namespace

std::string HourPartition(const iceberg::Schema& schema, const std::string& column) {
  const auto* field = schema.FindField(std::string_view(column));
  const bool is_timed = field != nullptr && (field->type.kind == iceberg::TypeKind::kTimestamp ||
                                             field->type.kind == iceberg::TypeKind::kTimestamptz);
  return is_timed ? "hour(" + column + ")" : "";
}

Result<std::vector<std::shared_ptr<arrow::Array>>> RecentValues(const lake::LakeContext& context,
                                                                const lake::LoadedTable& table,
                                                                const std::string& column,
                                                                int64_t rows_max) {
  std::vector<std::shared_ptr<arrow::Array>> values;
  DAYPART_TRY(auto plan, lake::PlanScan(context, table, iceberg::Expression::True()));
  std::stable_sort(plan.files.begin(), plan.files.end(), [](const auto& left, const auto& right) {
    return left.sequence_number > right.sequence_number;
  });
  int64_t rows = 0;
  size_t files = 0;
  while (files < plan.files.size() && rows < rows_max) {
    rows += plan.files[files++].file.record_count;
  }
  for (size_t i = files; i > 0; --i) {
    lake::ScanPlan one;
    one.files.push_back(std::move(plan.files[i - 1]));
    DAYPART_TRY(const auto scan, lake::OpenScan(context, table, std::move(one), {column}));
    DAYPART_TRY(const auto cursor, scan->NewCursor());
    while (true) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      values.push_back(batch->column(0));
    }
  }
  return values;
}

TableSink::TableSink(const lake::LakeContext& context, TableSinkOptions options)
    : context_(context), options_(std::move(options)) {}

Result<std::optional<OpenedSink>> TableSink::Open() {
  auto table = lake::LoadTable(context_, options_.table);
  if (!table && table.error().code == ErrorCode::kNotFound) return std::optional<OpenedSink>();
  if (!table) return std::move(table).error();
  metadata_ = table->metadata;
  OpenedSink opened;
  opened.shape = {.schema = metadata_.current_schema(), .source_names = SourceNames(metadata_)};
  DAYPART_TRY(state_text_, StreamStateText(metadata_, options_.source_name));
  DAYPART_TRY(state_, ReadStreamState(context_, metadata_, options_.source_name));
  opened.state = state_;
  const std::string ids =
      ColumnOf(opened.shape.schema, opened.shape.source_names, options_.id_column);
  if (!ids.empty()) {
    DAYPART_TRY(opened.recent_ids, RecentValues(context_, *table, ids, options_.window_ids_max));
  }
  return std::optional(std::move(opened));
}

Result<std::optional<StreamState>> TableSink::State() const {
  const auto table = lake::LoadTable(context_, options_.table);
  if (!table && table.error().code == ErrorCode::kNotFound) return std::optional<StreamState>();
  if (!table) return table.error();
  DAYPART_TRY(auto state, ReadStreamState(context_, table->metadata, options_.source_name));
  return std::optional(std::move(state));
}

Status TableSink::Create(const std::vector<LearntColumn>& columns) {
  lake::CreateOptions create;
  for (const LearntColumn& column : columns) {
    create.schema.fields.push_back({.name = column.name, .type = column.type, .doc = ""});
  }
  create.schema = iceberg::AssignFreshIds(std::move(create.schema));
  AddColumnProperties(create.schema, columns, create.properties);
  const std::string partition = options_.partition.empty()
                                    ? HourPartition(create.schema, options_.time_column)
                                    : options_.partition;
  DAYPART_TRY(create.spec, iceberg::ParsePartitionSpec(partition, create.schema));
  create.format_version = options_.format_version;
  // Commits every half a minute make small files; the server folds them unless somebody objects.
  create.properties["daypart.maintain.enabled"] = "true";
  auto created = lake::CreateTable(context_, options_.table, create);
  // Another process may have been first, which serves as well.
  if (!created && created.error().code != ErrorCode::kAlreadyExists) {
    return std::move(created).error();
  }
  return Ok();
}

Result<SinkShape> TableSink::AddColumns(const std::vector<LearntColumn>& columns) {
  DAYPART_RETURN_IF_ERROR(
      lake::CommitUpdates(context_, options_.table, [&](const iceberg::TableMetadata& metadata) {
        return AddColumnUpdates(metadata, columns);
      }));
  DAYPART_TRY(const auto table, lake::LoadTable(context_, options_.table));
  metadata_ = table.metadata;
  return SinkShape{.schema = metadata_.current_schema(), .source_names = SourceNames(metadata_)};
}

Status TableSink::KeepRejects(const std::vector<RejectedRecord>& rejects) {
  if (rejects.empty()) return Ok();
  DAYPART_TRY(const auto quarantine, Quarantine::Open(options_.table));
  for (const RejectedRecord& reject : rejects) {
    DAYPART_RETURN_IF_ERROR(quarantine->Add(
        reject.file, reject.row, reject.raw_format == nullptr ? "" : *reject.raw_format));
  }
  return quarantine->Commit(context_);
}

Status TableSink::Commit(const std::vector<lake::WrittenFile>& files, const EpochResult& epoch) {
  const StreamState& state = epoch.state;
  lake::SnapshotChange change;
  change.operation = "append";
  change.added_spec_id = metadata_.default_spec_id;
  for (const lake::WrittenFile& file : files) change.added.push_back(file.file);
  DAYPART_TRY(const std::string text, WriteStreamState(context_, metadata_, state));
  const std::string key = StreamStateKey(options_.source_name);
  change.summary[key] = text;
  if (!epoch.left_out_keys.empty()) {
    change.summary[kLeftOutKeysSummary] = LeftOutKeysToJson(epoch.left_out_keys);
  }
  change.properties[key] = text;
  // Two consumers of one stream: the one that commits second finds the positions moved.
  change.check = [&](const iceberg::TableMetadata& base) -> Status {
    const bool is_same = base.current_schema_id == metadata_.current_schema_id;
    // Another sink of the stream may have added a column first; this one meets its key yet.
    const bool is_extended = epoch.has_all_values && is_extended_by(metadata_.current_schema(),
                                                                    base.current_schema());
    if (!is_same && !is_extended) {
      return Conflict("the columns of table " + ToString(options_.table) +
                      " were changed; its records are read again for those it has now");
    }
    DAYPART_TRY(const std::string text_there, StreamStateText(base, options_.source_name));
    if (text_there == state_text_) return Ok();
    return Conflict("another consumer of " + options_.source_name + " writes to table " +
                    ToString(options_.table) + "; there may be one at a time");
  };
  auto committed = lake::CommitSnapshot(context_, options_.table, change);
  if (!committed) return std::move(committed).error();
  state_text_ = text;
  state_ = state;
  return Ok();
}

Result<EpochCommit> TableSink::WriteEpoch(source::BatchSource& rows,
                                          const std::function<EpochResult()>& end) {
  DAYPART_TRY(const auto files,
              lake::WriteDataFiles(context_, metadata_, rows, options_.write, false));
  EpochCommit out;
  out.epoch = end();
  std::vector<std::string> locations;
  for (const lake::WrittenFile& file : files) {
    locations.push_back(file.file.location);
    out.bytes_written += file.file.file_bytes;
  }
  out.files_written = static_cast<int64_t>(files.size());
  if (files.empty() && out.epoch.state == state_) return out;
  Status done = KeepRejects(out.epoch.rejects);
  if (done) done = Commit(files, out.epoch);
  if (!done) {
    const bool is_certain = done.error().code != ErrorCode::kCommitUnknown;
    if (is_certain) lake::RemoveUncommitted(context_, locations);
    return std::move(done).error();
  }
  return out;
}

}  // namespace daypart::ingest
