// SPDX-License-Identifier: Apache-2.0
//
// Groups of files are read, put in order if asked for, and written anew; then the commit replaces
// the ones by the others.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/compact_order.h"
#include "lake/compact_plan.h"
#include "lake/maintenance.h"
#include "lake/new_deletes.h"
#include "lake/row_lineage.h"
#include "lake/sorted_source.h"
#include "lake/table_scan.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

/// Plans before a compaction gives up beside writers that keep changing the same files.
constexpr int kPlansMax = 10;
/// Attempts of each commit, see SnapshotChange.
constexpr int kAttemptsMax = 100;

using Groups = std::vector<CompactGroup>;

std::vector<FileToScan> FilesOf(const CompactGroup& group) {
  std::vector<FileToScan> files;
  for (const ScanFile& file : group.files) {
    files.push_back({.file = file.file,
                     .spec_id = file.spec_id,
                     .dropped = nullptr,
                     .deletes = file.deletes,
                     .sequence_number = file.sequence_number});
  }
  return files;
}

/// One compaction: what is asked for, and how far it is.
class Compaction {
 public:
  Compaction(const LakeContext& context, const catalog::TableName& name,
             const CompactOptions& options)
      : context_(context), name_(name), options_(options) {}

  Result<CompactReport> Run() {
    for (int plan = 1;; ++plan) {
      Status status = RunPlan();
      if (status) return std::move(report_);
      if (status.error().code != ErrorCode::kConflict || plan == kPlansMax) {
        return std::move(status).error();
      }
      Log(LogLevel::kInfo, "compaction of " + ToString(name_) + " is planned anew: " +
                               status.error().message);
    }
  }

 private:
  Status RunPlan() {
    DAYPART_TRY(const LoadedTable table, LoadTable(context_, name_));
    DAYPART_RETURN_IF_ERROR(FindOrder(table));
    DAYPART_TRY(Groups groups, PlanCompaction(context_, table, options_, done_));
    ++report_.plans;
    const size_t step = options_.groups_per_commit > 0 && !options_.dry_run
                            ? static_cast<size_t>(options_.groups_per_commit)
                            : std::max<size_t>(groups.size(), 1);
    for (size_t begin = 0; begin < groups.size(); begin += step) {
      const size_t end = std::min(groups.size(), begin + step);
      const Groups part(std::make_move_iterator(groups.begin() + static_cast<ptrdiff_t>(begin)),
                        std::make_move_iterator(groups.begin() + static_cast<ptrdiff_t>(end)));
      if (options_.dry_run) {
        CountInput(part);
      } else {
        DAYPART_RETURN_IF_ERROR(RewriteAndCommit(table, part));
      }
    }
    return Ok();
  }

  /// The sort fields of the strategy, checked before anything is read.
  Status FindOrder(const LoadedTable& table) {
    order_.clear();
    sort_order_id_.reset();
    const iceberg::Schema& schema = table.metadata.current_schema();
    if (options_.strategy == CompactStrategy::kBinPack) {
      if (options_.columns.empty()) return Ok();
      return InvalidArgument("bin-packing takes no columns; --strategy sort or zorder does");
    }
    DAYPART_TRY(order_, ParseSortColumns(schema, options_.columns));
    if (options_.strategy == CompactStrategy::kZOrder) {
      if (order_.size() >= 2 && order_.size() <= kZOrderColumnsMax) return Ok();
      return InvalidArgument("a Z-order takes 2 to " + std::to_string(kZOrderColumnsMax) +
                             " columns, found " + std::to_string(order_.size()));
    }
    const auto* own = table.metadata.FindSortOrder(table.metadata.default_sort_order_id);
    if (order_.empty() && own != nullptr) order_ = own->fields;
    if (order_.empty()) {
      return InvalidArgument("table " + ToString(name_) +
                             " has no sort order: name the columns to sort by");
    }
    if (own != nullptr && own->fields == order_) sort_order_id_ = own->id;
    return Ok();
  }

  void CountInput(const Groups& groups) {
    std::set<CompactPlace> places;
    for (const CompactGroup& group : groups) {
      report_.files_before += static_cast<int64_t>(group.files.size());
      report_.bytes_before += group.bytes;
      report_.small_file_bytes = SmallFileBytesOf(options_);
      for (const ScanFile& file : group.files) {
        report_.files_small += file.file.file_bytes < report_.small_file_bytes ? 1 : 0;
        report_.files_with_deletes += file.deletes.empty() ? 0 : 1;
      }
      places.insert(group.place);
    }
    report_.partitions += static_cast<int64_t>(places.size());
  }

  Result<KeyFunction> KeysOf(const LoadedTable& table, const CompactGroup& group) const {
    const iceberg::Schema& schema = table.metadata.current_schema();
    if (options_.strategy == CompactStrategy::kSort) return SortKeys(schema, order_);
    std::vector<std::string> names;
    for (const auto& field : order_) {
      for (const auto& column : schema.fields) {
        if (column.id == field.source_id) names.push_back(column.name);
      }
    }
    int64_t rows = 0;
    for (const ScanFile& file : group.files) rows += file.file.record_count;
    DAYPART_TRY(const auto sample,
                MakeTableScan(context_, table.metadata, FilesOf(group), std::move(names)));
    return ZOrderKeys(schema, order_, *sample, rows);
  }

  Result<std::vector<WrittenFile>> RewriteGroup(const LoadedTable& table,
                                                const iceberg::TableMetadata& moved,
                                                const CompactGroup& group,
                                                const WriteOptions& write) const {
    DAYPART_TRY(auto rows, MakeTableScan(context_, moved, FilesOf(group), {}));
    if (options_.strategy == CompactStrategy::kBinPack) {
      return WriteDataFiles(context_, moved, *rows, write, /*keeps_runs=*/false);
    }
    DAYPART_TRY(const KeyFunction keys, KeysOf(table, group));
    DAYPART_TRY(const auto sorted,
                MakeSortedSource(*rows, keys, context_.random,
                                 {.buffer_bytes_max = write.buffer_bytes_max,
                                  .folder = "",
                                  .threads_count = write.threads_count}));
    // One writer, so that the files follow each other in the order.
    WriteOptions in_order = write;
    in_order.threads_count = 1;
    in_order.keeps_order = true;
    DAYPART_TRY(auto files,
                WriteDataFiles(context_, moved, *sorted, in_order, /*keeps_runs=*/false));
    for (WrittenFile& file : files) file.file.sort_order_id = sort_order_id_;
    return files;
  }

  /// Rewrites the groups, several at a time. On error nothing is left.
  Result<std::vector<iceberg::DataFile>> Rewrite(const LoadedTable& table,
                                                 const Groups& groups) const {
    std::vector<iceberg::DataFile> written;
    std::mutex mutex;  // guards written
    std::atomic<size_t> next{0};
    const int threads = std::max(1, options_.write.threads_count);
    const int workers = std::min(threads, static_cast<int>(groups.size()));
    WriteOptions write = options_.write;
    write.before_commit = nullptr;
    // A bin is to become one file, so one thread writes it.
    const bool is_packed = options_.strategy == CompactStrategy::kBinPack;
    write.threads_count = is_packed ? 1 : std::max(1, threads / workers);
    write.buffer_bytes_max /= workers;
    const iceberg::TableMetadata moved = WithRowLineage(table.metadata);
    Status status = RunInParallel(workers, [&](int) -> Status {
      while (true) {
        const size_t group = next.fetch_add(1, std::memory_order_relaxed);
        if (group >= groups.size()) return Ok();
        DAYPART_TRY(auto made, RewriteGroup(table, moved, groups[group], write));
        const std::lock_guard lock(mutex);
        for (WrittenFile& file : made) written.push_back(std::move(file.file));
      }
    });
    if (status) return written;
    RemoveUncommitted(context_, LocationsOf(written));
    return std::move(status).error();
  }

  static std::vector<std::string> LocationsOf(const std::vector<iceberg::DataFile>& files) {
    std::vector<std::string> locations;
    for (const auto& file : files) locations.push_back(file.location);
    return locations;
  }

  Status RewriteAndCommit(const LoadedTable& table, const Groups& groups) {
    std::vector<ScanFile> inputs;
    for (const CompactGroup& group : groups) {
      inputs.insert(inputs.end(), group.files.begin(), group.files.end());
    }
    SnapshotChange change;
    change.operation = "replace";
    change.table_uuid = table.metadata.table_uuid;
    change.attempts_min = kAttemptsMax;
    change.added_spec_id = table.metadata.default_spec_id;
    for (const ScanFile& file : inputs) change.removed.push_back(file.file.location);
    DAYPART_TRY(change.added, Rewrite(table, groups));
    const auto locations = LocationsOf(change.added);
    const auto planned = table.metadata.last_sequence_number;
    change.check = [&, schema = table.metadata.current_schema_id,
                    spec = table.metadata.default_spec_id](
                       const iceberg::TableMetadata& now) -> Status {
      if (now.current_schema_id != schema || now.default_spec_id != spec) {
        return Conflict("the table's schema or partitioning changed during the compaction");
      }
      DAYPART_TRY(const bool has_deletes, HasNewDeletes(context_, now, planned, inputs));
      if (has_deletes) return Conflict("rows were deleted during the compaction");
      return Ok();
    };
    Status ready = options_.write.before_commit ? options_.write.before_commit() : Ok();
    if (!ready) {
      RemoveUncommitted(context_, locations);
      return ready;
    }
    auto outcome = CommitSnapshot(context_, name_, change);
    if (!outcome) {
      if (outcome.error().code != ErrorCode::kCommitUnknown) RemoveUncommitted(context_, locations);
      return std::move(outcome).error();
    }
    CountInput(groups);
    CountOutput(inputs, change.added);
    for (const CompactGroup& group : groups) {
      // Bins that were committed are small files no more; a sorted partition looks as before.
      if (options_.strategy != CompactStrategy::kBinPack) done_.insert(group.place);
    }
    report_.snapshot_id = outcome->snapshot_id;
    ++report_.commits;
    return Ok();
  }

  void CountOutput(const std::vector<ScanFile>& inputs,
                   const std::vector<iceberg::DataFile>& written) {
    int64_t rows = 0;
    for (const ScanFile& file : inputs) report_.rows_deleted_applied += file.file.record_count;
    for (const auto& file : written) {
      rows += file.record_count;
      report_.bytes_after += file.file_bytes;
    }
    report_.rows += rows;
    report_.rows_deleted_applied -= rows;
    report_.files_after += static_cast<int64_t>(written.size());
  }

  const LakeContext& context_;
  const catalog::TableName& name_;
  const CompactOptions& options_;
  std::vector<iceberg::SortField> order_;
  std::optional<iceberg::SortOrderId> sort_order_id_;  // if the order is the table's own
  std::set<CompactPlace> done_;
  CompactReport report_;
};

}  // namespace

Result<CompactReport> Compact(const LakeContext& context, const catalog::TableName& name,
                              const CompactOptions& options) {
  return Compaction(context, name, options).Run();
}

}  // namespace daypart::lake
