// SPDX-License-Identifier: Apache-2.0
//
// Partitions first, bins within them.
#include "lake/compact_plan.h"

#include <algorithm>
#include <map>

namespace daypart::lake {
namespace {

void AddFile(CompactGroup& group, ScanFile file) {
  group.bytes += file.file.file_bytes;
  group.files.push_back(std::move(file));
}

bool has_deletes(const CompactGroup& group) {
  return std::any_of(group.files.begin(), group.files.end(),
                     [](const ScanFile& file) { return !file.deletes.empty(); });
}

/// Packs a partition's files, small ones first; a file alone stays as it is unless it has deletes.
std::vector<CompactGroup> PackBins(CompactGroup partition, int64_t bin_bytes, int64_t files_min) {
  std::stable_sort(partition.files.begin(), partition.files.end(),
                   [](const ScanFile& left, const ScanFile& right) {
                     return left.file.file_bytes < right.file.file_bytes;
                   });
  std::vector<CompactGroup> bins;
  for (ScanFile& file : partition.files) {
    if (bins.empty() || bins.back().bytes + file.file.file_bytes > bin_bytes) {
      bins.push_back({.place = partition.place, .files = {}, .bytes = 0});
    }
    AddFile(bins.back(), std::move(file));
  }
  std::erase_if(bins, [files_min](const CompactGroup& bin) {
    return static_cast<int64_t>(bin.files.size()) < files_min && !has_deletes(bin);
  });
  return bins;
}

}  // namespace

int64_t SmallFileBytesOf(const CompactOptions& options) {
  if (options.small_file_bytes > 0) return options.small_file_bytes;
  return options.write.file_bytes_target / 4 * 3;
}

Result<std::vector<CompactGroup>> PlanCompaction(const LakeContext& context,
                                                 const LoadedTable& table,
                                                 const CompactOptions& options,
                                                 const std::set<CompactPlace>& done) {
  DAYPART_TRY(ScanPlan plan, PlanScan(context, table, options.where));
  const bool is_packed = options.strategy == CompactStrategy::kBinPack;
  const int64_t target = options.write.file_bytes_target;
  const int64_t small = SmallFileBytesOf(options);
  std::map<CompactPlace, CompactGroup> partitions;
  for (ScanFile& file : plan.files) {
    if (is_packed && file.file.file_bytes >= small && file.deletes.empty()) continue;
    CompactPlace place{file.spec_id, file.file.partition};
    if (done.contains(place)) continue;
    CompactGroup& partition = partitions[place];
    partition.place = std::move(place);
    AddFile(partition, std::move(file));
  }
  std::vector<CompactGroup> groups;
  for (auto& [place, partition] : partitions) {
    if (!is_packed) {
      groups.push_back(std::move(partition));
      continue;
    }
    auto bins = PackBins(std::move(partition), target, std::max<int64_t>(options.files_min, 2));
    std::move(bins.begin(), bins.end(), std::back_inserter(groups));
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const CompactGroup& left, const CompactGroup& right) {
                     const auto left_count = static_cast<int64_t>(left.files.size());
                     const auto right_count = static_cast<int64_t>(right.files.size());
                     return left.bytes / left_count < right.bytes / right_count;
                   });
  return groups;
}

}  // namespace daypart::lake
