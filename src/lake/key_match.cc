// SPDX-License-Identifier: Apache-2.0
//
// Index a slice of the source's keys, probe the table with it, next slice.
#include "lake/key_match.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "lake/data_file_reader.h"
#include "lake/delete_filter.h"

namespace daypart::lake {
namespace {

using iceberg::Expression;
using iceberg::ExpressionKind;

/// Keys in the index of one pass: 2 M slots of 32 bytes at half load take 128 MiB.
constexpr uint64_t kIndexRowsMax = uint64_t{2} << 20;

/// A row of a staged file as one number: 24 bits of file, 40 bits of row.
constexpr int kRowBits = 40;
uint64_t PositionOf(size_t file, int64_t row) {
  return (static_cast<uint64_t>(file) << kRowBits) | static_cast<uint64_t>(row);
}
size_t FileOf(uint64_t position) { return static_cast<size_t>(position >> kRowBits); }
int64_t RowOf(uint64_t position) {
  return static_cast<int64_t>(position & ((uint64_t{1} << kRowBits) - 1));
}

/// Where in the source's order a staged row stands.
struct SourcePlace {
  uint64_t batch_index = 0;
  uint64_t row_number = 0;
  friend auto operator<=>(const SourcePlace&, const SourcePlace&) = default;
};

/// First rows of a file's runs, for finding the run of a row.
struct RunStarts {
  const std::vector<SourceRun>* runs = nullptr;
  std::vector<int64_t> first_rows;

  explicit RunStarts(const std::vector<SourceRun>& of) : runs(&of) {
    int64_t row = 0;
    for (const SourceRun& run : of) {
      first_rows.push_back(row);
      row += run.rows;
    }
  }
  SourcePlace PlaceOf(int64_t row) const {
    const auto after = std::upper_bound(first_rows.begin(), first_rows.end(), row);
    const auto run = static_cast<size_t>(after - first_rows.begin()) - 1;
    const auto in_run = static_cast<size_t>(row - first_rows[run]);
    const SourceRun& source = (*runs)[run];
    return {.batch_index = source.batch_index,
            .row_number = source.row_numbers.empty() ? in_run : source.row_numbers[in_run]};
  }
};

/// The range that the staged files' bounds leave for each key column: what prunes the table's
/// files.
Result<Expression> KeyRange(const iceberg::Schema& schema, const std::vector<WrittenFile>& staged,
                            const std::vector<std::string>& key_columns) {
  std::vector<Expression> bounds;
  for (const std::string& name : key_columns) {
    const iceberg::NestedField* field = schema.FindField(name);
    if (field == nullptr) return InvalidArgument("key column " + name + " is not in the table");
    std::optional<iceberg::Literal> low;
    std::optional<iceberg::Literal> high;
    bool is_bounded = true;
    for (const WrittenFile& written : staged) {
      const auto lower = written.file.lower_bounds.find(field->id);
      const auto upper = written.file.upper_bounds.find(field->id);
      if (lower == written.file.lower_bounds.end() || upper == written.file.upper_bounds.end()) {
        is_bounded = false;
        break;
      }
      DAYPART_TRY(auto file_low, iceberg::DeserializeLiteral(lower->second, field->type));
      DAYPART_TRY(auto file_high, iceberg::DeserializeLiteral(upper->second, field->type));
      if (!low || iceberg::Compare(file_low, *low) < 0) low = std::move(file_low);
      if (!high || iceberg::Compare(file_high, *high) > 0) high = std::move(file_high);
    }
    if (!is_bounded || !low) continue;
    bounds.push_back(Expression::Compare(ExpressionKind::kGreaterOrEqual, field->id, *low));
    bounds.push_back(Expression::Compare(ExpressionKind::kLessOrEqual, field->id, *high));
  }
  if (bounds.empty()) return Expression::True();
  return Expression::And(std::move(bounds));
}

class Matcher {
 public:
  Matcher(const LakeContext& context, const LoadedTable& table,
          const std::vector<WrittenFile>& staged, const MergeOptions& merge, int threads_count)
      : context_(context),
        table_(table),
        staged_(staged),
        merge_(merge),
        threads_count_(std::max(1, threads_count)),
        seed_(context.random.Next()),
        columns_(merge.key_columns) {
    if (!merge.order_column.empty()) columns_.push_back(merge.order_column);
  }

  Result<KeyMatchResult> Run() {
    DAYPART_RETURN_IF_ERROR(Prepare());
    for (uint64_t pass = 0; pass < passes_; ++pass) {
      DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
      KeyIndex index(std::min(kIndexRowsMax * 2, rows_ / passes_ * 9 / 8 + 1024));
      DAYPART_RETURN_IF_ERROR(IndexSource(pass, index));
      DAYPART_RETURN_IF_ERROR(ProbeTarget(pass, index));
    }
    for (const MatchedFile& file : result_.source) {
      result_.source_rows_dropped += file.dropped->count();
    }
    for (const MatchedFile& file : result_.target) {
      result_.target_rows_dropped += file.dropped->count() - file.deleted_before;
    }
    for (const auto& matched : matched_) result_.source_rows_matched += matched->count();
    return std::move(result_);
  }

 private:
  Status Prepare() {
    const iceberg::TableMetadata& metadata = table_.metadata;
    DAYPART_TRY(const Expression range,
                KeyRange(metadata.current_schema(), staged_, merge_.key_columns));
    for (const WrittenFile& written : staged_) {
      rows_ += static_cast<uint64_t>(written.file.record_count);
      run_starts_.emplace_back(written.runs);
      matched_.push_back(std::make_unique<RowBitmap>(written.file.record_count));
      result_.source.push_back({.file = written.file,
                                .spec_id = metadata.default_spec_id,
                                .dropped = std::make_unique<RowBitmap>(written.file.record_count)});
    }
    passes_ = (rows_ + kIndexRowsMax - 1) / kIndexRowsMax;
    DAYPART_TRY(ScanPlan plan, PlanScan(context_, table_, range));
    DeleteFilter filter(context_, metadata);
    for (ScanFile& scanned : plan.files) {
      DAYPART_TRY(auto dropped, filter.DeletedRows(scanned.file, scanned.spec_id, scanned.deletes));
      if (dropped == nullptr) dropped = std::make_unique<RowBitmap>(scanned.file.record_count);
      const int64_t deleted_before = dropped->count();
      result_.target.push_back({.file = std::move(scanned.file),
                                .spec_id = scanned.spec_id,
                                .dropped = std::move(dropped),
                                .deleted_before = deleted_before,
                                .sequence_number = scanned.sequence_number});
    }
    return Ok();
  }

  bool is_of_pass(const RowKey& key, uint64_t pass) const {
    return passes_ == 1 || (HashOf(key) >> 40) % passes_ == pass;
  }

  /// Order values of the batch, or none where there is no order column.
  Result<std::vector<int64_t>> OrdersOf(const arrow::RecordBatch& batch) const {
    if (merge_.order_column.empty()) return std::vector<int64_t>();
    return OrderValues(*batch.column(static_cast<int>(merge_.key_columns.size())));
  }

  Status IndexSource(uint64_t pass, KeyIndex& index) {
    for (size_t file = 0; file < staged_.size(); ++file) {
      DAYPART_TRY(const auto reader,
                  DataFileReader::Open(context_.store, table_.metadata, staged_[file].file,
                                       table_.metadata.default_spec_id, columns_));
      for (int group = 0; group < reader->row_groups_count(); ++group) {
        DAYPART_TRY(const auto batch, reader->ReadRowGroup(group));
        DAYPART_TRY(const BatchKeys keys,
                    KeysOf(*batch, static_cast<int>(merge_.key_columns.size()), seed_));
        DAYPART_TRY(const auto orders, OrdersOf(*batch));
        const int64_t first_row = reader->first_row_of_group(group);
        if (pass == 0) CountKeyless(*batch, keys);
        for (size_t row = 0; row < keys.keys.size(); ++row) {
          if (keys.has_key[row] == 0 || !is_of_pass(keys.keys[row], pass)) continue;
          Insert(index, keys.keys[row], PositionOf(file, first_row + static_cast<int64_t>(row)),
                 orders.empty() ? 0 : orders[row]);
        }
      }
    }
    return Ok();
  }

  void CountKeyless(const arrow::RecordBatch& batch, const BatchKeys& keys) {
    const auto keyless = std::count(keys.has_key.begin(), keys.has_key.end(), 0);
    if (keyless == 0) return;
    result_.source_rows_without_key += keyless;
    for (size_t i = 0; i < merge_.key_columns.size(); ++i) {
      if (batch.column(static_cast<int>(i))->null_count() == 0) continue;
      result_.null_key_columns.insert(merge_.key_columns[i]);
    }
  }

  void Insert(KeyIndex& index, const RowKey& key, uint64_t position, int64_t order) {
    KeyIndex::Slot& slot = index.Find(key);
    if (slot.position == KeyIndex::kEmpty) {
      slot = {.key = key, .position = position, .order = order};
      return;
    }
    const SourcePlace place = run_starts_[FileOf(position)].PlaceOf(RowOf(position));
    const SourcePlace held = run_starts_[FileOf(slot.position)].PlaceOf(RowOf(slot.position));
    // Of repeated events the first is the one that a table without this repetition would hold.
    const bool is_later = merge_.inserts_only ? place < held : place > held;
    const bool wins = order != slot.order ? order > slot.order : is_later;
    const uint64_t loser = wins ? slot.position : position;
    (void)result_.source[FileOf(loser)].dropped->Set(RowOf(loser));
    if (wins) slot = {.key = key, .position = position, .order = order};
  }

  Status ProbeTarget(uint64_t pass, const KeyIndex& index) {
    std::atomic<size_t> next_file{0};
    return RunInParallel(threads_count_, [&](int) -> Status {
      while (true) {
        const size_t file = next_file.fetch_add(1, std::memory_order_relaxed);
        if (file >= result_.target.size()) return Ok();
        DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
        DAYPART_RETURN_IF_ERROR(ProbeFile(pass, index, result_.target[file]));
      }
    });
  }

  Status ProbeFile(uint64_t pass, const KeyIndex& index, MatchedFile& target) {
    DAYPART_TRY(const auto reader, DataFileReader::Open(context_.store, table_.metadata,
                                                        target.file, target.spec_id, columns_));
    for (int group = 0; group < reader->row_groups_count(); ++group) {
      DAYPART_TRY(const auto batch, reader->ReadRowGroup(group));
      DAYPART_TRY(const BatchKeys keys,
                  KeysOf(*batch, static_cast<int>(merge_.key_columns.size()), seed_));
      DAYPART_TRY(const auto orders, OrdersOf(*batch));
      const int64_t first_row = reader->first_row_of_group(group);
      for (size_t row = 0; row < keys.keys.size(); ++row) {
        if (keys.has_key[row] == 0 || !is_of_pass(keys.keys[row], pass)) continue;
        const KeyIndex::Slot* slot = index.FindExisting(keys.keys[row]);
        if (slot == nullptr) continue;
        // A row that is deleted already matches nothing; one dropped in this pass has no equal.
        if (target.deleted_before > 0 &&
            target.dropped->Test(first_row + static_cast<int64_t>(row))) {
          continue;
        }
        const bool keeps_target = merge_.inserts_only || (merge_.keeps_newer && !orders.empty() &&
                                                          orders[row] > slot->order);
        const size_t source_file = FileOf(slot->position);
        if (keeps_target) {
          (void)result_.source[source_file].dropped->Set(RowOf(slot->position));
        } else {
          (void)target.dropped->Set(first_row + static_cast<int64_t>(row));
          (void)matched_[source_file]->Set(RowOf(slot->position));
        }
      }
    }
    return Ok();
  }

  const LakeContext& context_;
  const LoadedTable& table_;
  const std::vector<WrittenFile>& staged_;
  const MergeOptions& merge_;
  int threads_count_;
  uint64_t seed_;
  std::vector<std::string> columns_;
  uint64_t rows_ = 0;
  uint64_t passes_ = 1;
  std::vector<RunStarts> run_starts_;
  std::vector<std::unique_ptr<RowBitmap>> matched_;  // one a staged file
  KeyMatchResult result_;
};

}  // namespace

Result<KeyMatchResult> MatchKeys(const LakeContext& context, const LoadedTable& table,
                                 const std::vector<WrittenFile>& staged, const MergeOptions& merge,
                                 int threads_count) {
  return Matcher(context, table, staged, merge, threads_count).Run();
}

}  // namespace daypart::lake
