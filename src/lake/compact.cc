// SPDX-License-Identifier: Apache-2.0
//
// Bin-packing by partition: the small files and those with deletes of each are read and written
// anew.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/delete_filter.h"
#include "lake/maintenance.h"
#include "lake/row_lineage.h"
#include "lake/table_scan.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

constexpr int kPlansMax = 10;

using Place = std::pair<iceberg::SpecId, iceberg::PartitionTuple>;

/// Files that become one: of one partition, together about as large as a file is to be.
using Bin = std::vector<ScanFile>;

/// Packs a partition's files in their order; a file alone stays as it is unless it has deletes.
std::vector<Bin> PackBins(std::vector<ScanFile> files, int64_t bin_bytes, int64_t files_min) {
  std::vector<Bin> bins;
  int64_t bytes = 0;
  for (ScanFile& file : files) {
    if (bins.empty() || bytes + file.file.file_bytes > bin_bytes) {
      bins.emplace_back();
      bytes = 0;
    }
    bytes += file.file.file_bytes;
    bins.back().push_back(std::move(file));
  }
  std::erase_if(bins, [files_min](const Bin& bin) {
    const bool has_deletes =
        std::any_of(bin.begin(), bin.end(), [](const auto& file) { return !file.deletes.empty(); });
    return static_cast<int64_t>(bin.size()) < files_min && !has_deletes;
  });
  return bins;
}

/// What to rewrite. Files of old partition specs go along once they are small.
Result<std::vector<Bin>> PlanBins(const LakeContext& context, const LoadedTable& table,
                                  const CompactOptions& options, CompactReport& report) {
  DAYPART_TRY(ScanPlan plan, PlanScan(context, table, iceberg::Expression::True()));
  const int64_t target = options.write.file_bytes_target;
  const int64_t small = options.small_file_bytes > 0 ? options.small_file_bytes : target / 4 * 3;
  std::map<Place, std::vector<ScanFile>> partitions;
  for (ScanFile& file : plan.files) {
    if (file.file.file_bytes >= small && file.deletes.empty()) continue;
    partitions[{file.spec_id, file.file.partition}].push_back(std::move(file));
  }
  std::vector<Bin> bins;
  for (auto& [place, files] : partitions) {
    auto packed = PackBins(std::move(files), target, std::max<int64_t>(options.files_min, 2));
    report.partitions += packed.empty() ? 0 : 1;
    for (Bin& bin : packed) {
      for (const ScanFile& file : bin) report.bytes_before += file.file.file_bytes;
      report.files_before += static_cast<int64_t>(bin.size());
      bins.push_back(std::move(bin));
    }
  }
  return bins;
}

/// Rewrites the bins, each by one thread, so that a bin becomes one file. On error nothing is left.
Result<std::vector<iceberg::DataFile>> RewriteBins(const LakeContext& context,
                                                   const LoadedTable& table,
                                                   const std::vector<Bin>& bins,
                                                   const CompactOptions& options) {
  std::vector<iceberg::DataFile> written;
  std::mutex mutex;  // guards written
  std::atomic<size_t> next{0};
  WriteOptions write = options.write;
  write.threads_count = 1;
  const iceberg::TableMetadata moved = WithRowLineage(table.metadata);
  write.buffer_bytes_max /= std::max(1, options.write.threads_count);
  Status status = RunInParallel(options.write.threads_count, [&](int) -> Status {
    while (true) {
      const size_t bin = next.fetch_add(1, std::memory_order_relaxed);
      if (bin >= bins.size()) return Ok();
      std::vector<FileToScan> files;
      for (const ScanFile& file : bins[bin]) {
        files.push_back({.file = file.file,
                         .spec_id = file.spec_id,
                         .dropped = nullptr,
                         .deletes = file.deletes,
                         .sequence_number = file.sequence_number});
      }
      DAYPART_TRY(const auto scan, MakeTableScan(context, moved, std::move(files), {}));
      DAYPART_TRY(auto made, WriteDataFiles(context, moved, *scan, write,
                                            /*keeps_runs=*/false));
      const std::lock_guard lock(mutex);
      for (WrittenFile& file : made) written.push_back(std::move(file.file));
    }
  });
  if (status) return written;
  std::vector<std::string> locations;
  for (const auto& file : written) locations.push_back(file.location);
  RemoveUncommitted(context, locations);
  return std::move(status).error();
}

/// Whether commits since `planned` may have added delete files: they could be about our files,
/// whose rewritten rows they would miss.
bool may_have_new_deletes(const iceberg::TableMetadata& now,
                          const std::optional<iceberg::SnapshotId>& planned) {
  const auto* snapshot = now.current_snapshot();
  while (snapshot != nullptr && snapshot->id != planned) {
    const auto& summary = snapshot->summary;
    const auto operation = summary.find("operation");
    const bool is_append = operation != summary.end() && operation->second == "append";
    const bool is_told = summary.contains("total-delete-files");
    if (summary.contains("added-delete-files") || (!is_append && !is_told)) return true;
    snapshot = snapshot->parent_id ? now.FindSnapshot(*snapshot->parent_id) : nullptr;
  }
  // Not found: rolled back or expired since, so nothing is known of what lies between.
  return snapshot == nullptr;
}

Result<CompactReport> TryCompact(const LakeContext& context, const catalog::TableName& name,
                                 const CompactOptions& options) {
  CompactReport report;
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  DAYPART_TRY(const auto bins, PlanBins(context, table, options, report));
  if (bins.empty() || options.dry_run) return report;
  SnapshotChange change;
  change.operation = "replace";
  change.added_spec_id = table.metadata.default_spec_id;
  int64_t rows_before = 0;
  for (const Bin& bin : bins) {
    for (const ScanFile& file : bin) {
      rows_before += file.file.record_count;
      change.removed.push_back(file.file.location);
    }
  }
  DAYPART_TRY(change.added, RewriteBins(context, table, bins, options));
  std::vector<std::string> locations;
  for (const auto& file : change.added) {
    report.rows += file.record_count;
    report.bytes_after += file.file_bytes;
    locations.push_back(file.location);
  }
  report.files_after = static_cast<int64_t>(change.added.size());
  report.rows_deleted_applied = rows_before - report.rows;
  const auto planned = table.metadata.current_snapshot_id;
  change.check = [planned, schema = table.metadata.current_schema_id,
                  spec =
                      table.metadata.default_spec_id](const iceberg::TableMetadata& now) -> Status {
    if (now.current_schema_id != schema || now.default_spec_id != spec) {
      return Conflict("the table's schema or partitioning changed during the compaction");
    }
    if (may_have_new_deletes(now, planned)) {
      return Conflict("rows were deleted during the compaction");
    }
    return Ok();
  };
  Status ready = options.write.before_commit ? options.write.before_commit() : Ok();
  if (!ready) {
    RemoveUncommitted(context, locations);
    return std::move(ready).error();
  }
  auto outcome = CommitSnapshot(context, name, change);
  if (!outcome) {
    if (outcome.error().code != ErrorCode::kCommitUnknown) RemoveUncommitted(context, locations);
    return std::move(outcome).error();
  }
  report.snapshot_id = outcome->snapshot_id;
  return report;
}

}  // namespace

Result<CompactReport> Compact(const LakeContext& context, const catalog::TableName& name,
                              const CompactOptions& options) {
  for (int attempt = 1;; ++attempt) {
    auto report = TryCompact(context, name, options);
    if (report || report.error().code != ErrorCode::kConflict || attempt == kPlansMax) {
      return report;
    }
    Log(LogLevel::kInfo,
        "compaction of " + ToString(name) + " is planned anew: " + report.error().message);
  }
}

}  // namespace daypart::lake
