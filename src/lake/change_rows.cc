// SPDX-License-Identifier: Apache-2.0
//
// Rows pass once: their positions are gathered file by file, the rest goes into new data files.
// Then the positions become rewritten files, position delete files or deletion vectors.
#include "lake/change_rows.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/util.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "iceberg/deletion_vector.h"
#include "iceberg/position_set.h"
#include "iceberg/puffin.h"
#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"
#include "lake/commit.h"
#include "lake/conflict_check.h"
#include "lake/data_file_writer.h"
#include "lake/delete_filter.h"
#include "lake/row_lineage.h"
#include "lake/table_scan.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::PositionSet;
using PositionsByFile = std::map<std::string, PositionSet, std::less<>>;

/// Field that the blob of a deletion vector names: the reserved id of `_pos`.
constexpr int32_t kPositionFieldId = 2147483545;
constexpr int64_t kDeleteRowGroupRows = 1 << 20;

/// The rows without `_file`, `_pos` and `_action`, which are gathered as they pass; rows that are
/// only deleted do not come out.
class GatheringSource final : public source::BatchSource {
 public:
  static Result<std::unique_ptr<GatheringSource>> Make(source::BatchSource& rows, bool may_repeat) {
    const auto schema = rows.schema();
    const Columns columns{.file = schema->GetFieldIndex(kFileColumn),
                          .position = schema->GetFieldIndex(kPositionColumn),
                          .action = schema->GetFieldIndex(kActionColumn)};
    if (columns.file < 0 || columns.position < 0) {
      return InvalidArgument("columns _file and _pos are expected, found " + schema->ToString());
    }
    arrow::FieldVector rest;
    for (int i = 0; i < schema->num_fields(); ++i) {
      if (!columns.Has(i)) rest.push_back(schema->field(i));
    }
    return std::unique_ptr<GatheringSource>(
        new GatheringSource(rows, columns, arrow::schema(std::move(rest)), may_repeat));
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    DAYPART_TRY(auto cursor, rows_.NewCursor());
    return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*this, std::move(cursor)));
  }
  bool has_rows() const { return schema_->num_fields() > 0; }
  /// To be read once all cursors are at their end.
  PositionsByFile& positions() { return positions_; }
  int64_t rows_updated() const { return rows_updated_; }

 private:
  struct Columns {
    int file = -1;
    int position = -1;
    int action = -1;
    bool Has(int column) const {
      return column == file || column == position || column == action;
    }
  };

  class Cursor final : public source::BatchCursor {
   public:
    Cursor(GatheringSource& source, std::unique_ptr<source::BatchCursor> cursor)
        : source_(source), cursor_(std::move(cursor)) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      DAYPART_TRY(const auto batch, cursor_->Next());
      if (batch == nullptr) return std::shared_ptr<arrow::RecordBatch>();
      return source_.Gather(*batch);
    }
    uint64_t batch_index() const override { return cursor_->batch_index(); }

   private:
    GatheringSource& source_;
    std::unique_ptr<source::BatchCursor> cursor_;
  };

  GatheringSource(source::BatchSource& rows, Columns columns, std::shared_ptr<arrow::Schema> schema,
                  bool may_repeat)
      : rows_(rows), columns_(columns), schema_(std::move(schema)), may_repeat_(may_repeat) {}

  RowAction ActionOf(const arrow::RecordBatch& batch, int64_t row) const {
    if (columns_.action < 0) return has_rows() ? RowAction::kUpdate : RowAction::kDelete;
    const auto& actions = static_cast<const arrow::Int32Array&>(*batch.column(columns_.action));
    return static_cast<RowAction>(actions.Value(row));
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Gather(const arrow::RecordBatch& batch) {
    arrow::BooleanBuilder keep;
    DAYPART_RETURN_IF_ERROR(StatusFromArrow(keep.Reserve(batch.num_rows())));
    int64_t kept = 0;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const bool is_kept = ActionOf(batch, row) != RowAction::kDelete;
      keep.UnsafeAppend(is_kept);
      kept += is_kept ? 1 : 0;
    }
    DAYPART_RETURN_IF_ERROR(GatherPositions(batch));
    arrow::ArrayVector rest;
    for (int i = 0; i < batch.num_columns(); ++i) {
      if (!columns_.Has(i)) rest.push_back(batch.column(i));
    }
    auto rows = arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(rest));
    if (kept == batch.num_rows() || !has_rows()) return rows;
    DAYPART_TRY(const auto mask, FromArrow(keep.Finish()));
    DAYPART_TRY(const auto filtered,
                FromArrow(arrow::compute::Filter(arrow::Datum(rows), arrow::Datum(mask))));
    return filtered.record_batch();
  }

  Status GatherPositions(const arrow::RecordBatch& batch) {
    const auto& files = static_cast<const arrow::StringArray&>(*batch.column(columns_.file));
    const auto& positions =
        static_cast<const arrow::Int64Array&>(*batch.column(columns_.position));
    const std::lock_guard lock(mutex_);
    auto last = positions_.end();
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const RowAction action = ActionOf(batch, row);
      if (action == RowAction::kInsert) continue;
      rows_updated_ += action == RowAction::kUpdate ? 1 : 0;
      const std::string_view file = files.GetView(row);
      if (last == positions_.end() || last->first != file) {
        last = positions_.try_emplace(std::string(file)).first;
      }
      const auto position = static_cast<uint64_t>(positions.Value(row));
      if (!may_repeat_ && last->second.Contains(position)) {
        return InvalidArgument(
            "each row of the table is expected to be changed by one row of the source at most, one "
            "is matched by two or more; make the source's keys unique");
      }
      last->second.Add(position);
    }
    return Ok();
  }

  source::BatchSource& rows_;
  Columns columns_;
  std::shared_ptr<arrow::Schema> schema_;
  bool may_repeat_;
  std::mutex mutex_;  // guards positions_ and rows_updated_
  PositionsByFile positions_;
  int64_t rows_updated_ = 0;
};

/// A data file of which rows go.
struct TouchedFile {
  ScanFile scanned;
  PositionSet positions;               // that go now
  std::unique_ptr<RowBitmap> dropped;  // those, and the ones that had gone before
  int64_t rows_left = 0;
};

class RowChange {
 public:
  RowChange(const LakeContext& context, const LoadedTable& table, const WriteOptions& options)
      : context_(context),
        table_(table),
        moved_(WithRowLineage(table.metadata)),
        options_(options) {}

  Result<CommitResult> Run(source::BatchSource& rows, const ChangeOptions& change) {
    auto result = Prepare(rows, change);
    if (result) result = Commit(*std::move(result), change);
    const bool is_certain = result || result.error().code != ErrorCode::kCommitUnknown;
    if (!result && is_certain) RemoveUncommitted(context_, written_);
    return result;
  }

 private:
  Result<CommitResult> Prepare(source::BatchSource& rows, const ChangeOptions& change) {
    CommitResult result;
    DAYPART_TRY(const auto gathering, GatheringSource::Make(rows, change.may_repeat));
    if (gathering->has_rows()) {
      const bool keeps_ids = gathering->schema()->GetFieldIndex(kRowIdColumn) >= 0;
      DAYPART_TRY(auto staged,
                  WriteDataFiles(context_, keeps_ids ? moved_ : table_.metadata, *gathering,
                                 options_, /*keeps_runs=*/false));
      for (WrittenFile& file : staged) {
        result.rows_added += file.file.record_count;
        Add(std::move(file.file));
      }
      result.rows_updated = gathering->rows_updated();
    } else {
      DAYPART_RETURN_IF_ERROR(Drain(*gathering));
    }
    DAYPART_TRY(auto touched, Touched(gathering->positions(), result));
    if (change.mode == ChangeMode::kCopyOnWrite) {
      DAYPART_RETURN_IF_ERROR(Rewrite(touched));
    } else if (table_.metadata.format_version >= 3) {
      DAYPART_RETURN_IF_ERROR(WriteVectors(touched));
    } else {
      DAYPART_RETURN_IF_ERROR(WritePositionDeletes(touched));
    }
    result.files_added = static_cast<int64_t>(change_.added.size());
    for (const DataFile& file : change_.added) result.bytes_added += file.file_bytes;
    return result;
  }

  static Status Drain(source::BatchSource& rows) {
    DAYPART_TRY(const auto cursor, rows.NewCursor());
    while (true) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) return Ok();
    }
  }

  void Add(DataFile file) {
    written_.push_back(file.location);
    change_.added.push_back(std::move(file));
  }

  /// Files that lose rows; those that lose their last one leave the table at once.
  Result<std::vector<TouchedFile>> Touched(PositionsByFile& positions, CommitResult& result) {
    std::vector<TouchedFile> touched;
    if (positions.empty()) return touched;
    DAYPART_TRY(ScanPlan plan, PlanScan(context_, table_, iceberg::Expression::True()));
    DeleteFilter filter(context_, table_.metadata);
    for (ScanFile& scanned : plan.files) {
      const auto found = positions.find(scanned.file.location);
      if (found == positions.end()) continue;
      TouchedFile file;
      DAYPART_TRY(file.dropped, filter.DeletedRows(scanned.file, scanned.spec_id, scanned.deletes));
      if (file.dropped == nullptr) {
        file.dropped = std::make_unique<RowBitmap>(scanned.file.record_count);
      }
      bool is_inside = true;
      found->second.ForEach([&](uint64_t position) {
        is_inside &= position < static_cast<uint64_t>(scanned.file.record_count);
        if (is_inside && file.dropped->Set(static_cast<int64_t>(position))) {
          file.positions.Add(position);
        }
      });
      if (!is_inside) return InvalidArgument("a position beyond the rows of " + found->first);
      positions.erase(found);
      result.rows_deleted += static_cast<int64_t>(file.positions.count());
      if (file.positions.is_empty()) continue;
      assumption_.touched.emplace(scanned.file.location,
                                  ChangeAssumption::Place(scanned.spec_id, scanned.file.partition));
      file.rows_left = scanned.file.record_count - file.dropped->count();
      if (file.rows_left == 0) {
        change_.removed.push_back(scanned.file.location);
        continue;
      }
      file.scanned = std::move(scanned);
      touched.push_back(std::move(file));
    }
    if (!positions.empty()) {
      return InvalidArgument(positions.begin()->first + " is no data file of table " +
                             ToString(table_.name));
    }
    return touched;
  }

  Status Rewrite(const std::vector<TouchedFile>& touched) {
    if (touched.empty()) return Ok();
    std::vector<FileToScan> files;
    for (const TouchedFile& file : touched) {
      change_.removed.push_back(file.scanned.file.location);
      files.push_back({.file = file.scanned.file,
                       .spec_id = file.scanned.spec_id,
                       .dropped = file.dropped.get(),
                       .sequence_number = file.scanned.sequence_number});
    }
    DAYPART_TRY(const auto scan, MakeTableScan(context_, moved_, std::move(files), {}));
    DAYPART_TRY(auto rewritten, WriteDataFiles(context_, moved_, *scan, options_, false));
    for (WrittenFile& file : rewritten) Add(std::move(file.file));
    return Ok();
  }

  /// Deletion vectors in one Puffin file; each takes in what older delete files said of its data
  /// file.
  Status WriteVectors(const std::vector<TouchedFile>& touched) {
    if (touched.empty()) return Ok();
    iceberg::PuffinFile puffin;
    std::vector<std::string> contents;
    std::vector<DataFile> entries;
    for (const TouchedFile& file : touched) {
      DAYPART_TRY(const PositionSet positions, AllPositions(file));
      const std::string& location = file.scanned.file.location;
      const std::string cardinality = std::to_string(positions.count());
      puffin.blobs.push_back({.type = iceberg::kDeletionVectorBlob,
                              .fields = {iceberg::FieldId(kPositionFieldId)},
                              .properties = {{iceberg::kReferencedDataFile, location},
                                             {iceberg::kCardinality, cardinality}}});
      contents.push_back(iceberg::EncodeDeletionVector(positions));
      DataFile entry;
      entry.content = iceberg::FileContent::kPositionDeletes;
      entry.format = "PUFFIN";
      entry.partition = file.scanned.file.partition;
      entry.record_count = static_cast<int64_t>(positions.count());
      entry.referenced_data_file = location;
      entries.push_back(std::move(entry));
      change_.replaced_vectors.insert(location);
    }
    puffin.properties["created-by"] = "Daypart";
    const std::string bytes = iceberg::EncodePuffin(puffin, contents);
    const std::string location =
        DataLocation(table_.metadata) + '/' + NewUuid(context_.random) + "-deletes.puffin";
    written_.push_back(location);
    DAYPART_RETURN_IF_ERROR(context_.store.Put(location, bytes, store::WriteMode::kIfAbsent));
    for (size_t i = 0; i < entries.size(); ++i) {
      entries[i].location = location;
      entries[i].file_bytes = static_cast<int64_t>(bytes.size());
      entries[i].content_offset = puffin.blobs[i].offset;
      entries[i].content_bytes = puffin.blobs[i].length;
      change_.added_deletes.push_back(
          {.file = std::move(entries[i]), .spec_id = touched[i].scanned.spec_id});
    }
    return Ok();
  }

  /// Positions now and by older position deletes and vectors, but not those of equality deletes,
  /// which stay in force by themselves.
  Result<PositionSet> AllPositions(const TouchedFile& file) {
    PositionSet all = file.positions;
    std::vector<DataFile> positional;
    for (const DataFile& deleted : file.scanned.deletes) {
      if (deleted.content == iceberg::FileContent::kPositionDeletes) positional.push_back(deleted);
    }
    DeleteFilter filter(context_, table_.metadata);
    DAYPART_TRY(const auto rows,
                filter.DeletedRows(file.scanned.file, file.scanned.spec_id, positional));
    for (int64_t row = 0; rows != nullptr && row < file.scanned.file.record_count; ++row) {
      if (rows->Test(row)) all.Add(static_cast<uint64_t>(row));
    }
    return all;
  }

  /// One delete file a partition, rows by file and position as the spec demands.
  Status WritePositionDeletes(const std::vector<TouchedFile>& touched) {
    using Place = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;
    std::map<Place, std::map<std::string_view, const PositionSet*>> partitions;
    for (const TouchedFile& file : touched) {
      partitions[{file.scanned.spec_id, file.scanned.file.partition}][file.scanned.file.location] =
          &file.positions;
    }
    for (const auto& [place, files] : partitions) {
      DAYPART_TRY(DataFile entry, WriteDeleteFile(place.second, files));
      entry.content = iceberg::FileContent::kPositionDeletes;
      if (files.size() == 1) entry.referenced_data_file = std::string(files.begin()->first);
      change_.added_deletes.push_back({.file = std::move(entry), .spec_id = place.first});
    }
    return Ok();
  }

  Result<DataFile> WriteDeleteFile(const iceberg::PartitionTuple& partition,
                                   const std::map<std::string_view, const PositionSet*>& files) {
    DAYPART_TRY(const auto schema, ToArrowSchema(PositionDeleteSchema()));
    const std::string location =
        DataLocation(table_.metadata) + '/' + NewUuid(context_.random) + "-deletes.parquet";
    written_.push_back(location);
    DataFileWriter writer(context_.store, PositionDeleteSchema(), schema,
                          {.location = location,
                           .partition = partition,
                           .row_group_rows = kDeleteRowGroupRows,
                           .zstd_level = options_.zstd_level,
                           .metrics = MetricsConfig::Full()});
    for (const auto& [file, positions] : files) {
      arrow::StringBuilder path;
      arrow::Int64Builder numbers;
      DAYPART_RETURN_IF_ERROR(StatusFromArrow(path.Append(file)));
      DAYPART_RETURN_IF_ERROR(
          StatusFromArrow(numbers.Reserve(static_cast<int64_t>(positions->count()))));
      positions->ForEach(
          [&](uint64_t position) { numbers.UnsafeAppend(static_cast<int64_t>(position)); });
      DAYPART_TRY(auto number_array, FromArrow(numbers.Finish()));
      // The one path as a dictionary: spelled out, it is most of the work.
      DAYPART_TRY(const auto path_once, FromArrow(path.Finish()));
      DAYPART_TRY(const auto indices, FromArrow(arrow::MakeArrayFromScalar(
                                          arrow::Int32Scalar(0), number_array->length())));
      DAYPART_TRY(auto path_array,
                  FromArrow(arrow::DictionaryArray::FromArrays(indices, path_once)));
      const int64_t rows = number_array->length();
      writer.Add(arrow::RecordBatch::Make(schema, rows,
                                          {std::move(path_array), std::move(number_array)}));
      if (writer.is_group_full()) DAYPART_RETURN_IF_ERROR(writer.Flush());
    }
    DAYPART_TRY(auto entry, writer.Complete());
    DAYPART_RETURN_IF_ERROR(writer.Publish());
    return entry;
  }

  Result<CommitResult> Commit(CommitResult result, const ChangeOptions& change) {
    const bool is_nothing =
        change_.added.empty() && change_.removed.empty() && change_.added_deletes.empty();
    if (is_nothing && !options_.commits_empty) return result;
    const bool only_deletes = result.rows_added == 0 && change_.added.empty();
    change_.operation = is_nothing ? "append" : only_deletes ? "delete" : "overwrite";
    change_.branch = table_.branch;
    change_.added_spec_id = table_.metadata.default_spec_id;
    assumption_.planned_on = table_.metadata;
    if (change.is_serializable) assumption_.filter = change.filter;
    change_.check = [this](const iceberg::TableMetadata& now) -> Status {
      if (options_.check) DAYPART_RETURN_IF_ERROR(options_.check(now));
      return CheckAssumption(context_, now, assumption_);
    };
    change_.table_uuid = table_.metadata.table_uuid;
    change_.summary = options_.summary;
    change_.properties = options_.properties;
    if (options_.before_commit) DAYPART_RETURN_IF_ERROR(options_.before_commit());
    DAYPART_TRY(const auto outcome, CommitSnapshot(context_, table_.name, change_));
    result.snapshot_id = outcome.snapshot_id;
    result.attempts = outcome.attempts;
    result.files_removed = outcome.files_removed;
    return result;
  }

  const LakeContext& context_;
  const LoadedTable& table_;
  const iceberg::TableMetadata moved_;  // with the columns that moved rows are written with
  const WriteOptions& options_;
  SnapshotChange change_;
  ChangeAssumption assumption_;
  std::vector<std::string> written_;
};

}  // namespace

Result<ChangeMode> ChangeModeOf(const iceberg::TableMetadata& metadata, const char* property) {
  const std::string mode = metadata.Property(property, "copy-on-write");
  if (mode == "copy-on-write") return ChangeMode::kCopyOnWrite;
  if (mode != "merge-on-read") {
    return InvalidArgument(std::string("table property ") + property +
                           ": copy-on-write or merge-on-read is expected, found '" + mode + "'");
  }
  if (metadata.format_version < 2) {
    return Unsupported("merge-on-read needs a table of format version 2 or above");
  }
  return ChangeMode::kMergeOnRead;
}

Result<CommitResult> ChangeRows(const LakeContext& context, const LoadedTable& table,
                                source::BatchSource& rows, const ChangeOptions& change,
                                const WriteOptions& options) {
  return RowChange(context, table, options).Run(rows, change);
}

}  // namespace daypart::lake
