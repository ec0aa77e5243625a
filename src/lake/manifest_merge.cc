// SPDX-License-Identifier: Apache-2.0
//
// The tiers are filled from below by counts alone, so that a merge that fills the next tier is
// planned as one and nothing is written twice in a commit.
#include "lake/manifest_merge.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

using iceberg::ManifestFile;

/// commit.manifest.target-size-bytes of the reference.
constexpr int64_t kManifestBytesTarget = int64_t{8} << 20;
/// The reference merges from 100 on, but then all at once; a tier of 16 keeps a list below 64
/// entries up to 65,536 commits (ManifestMerge.WritesEachEntryOnceATier; bench/commits.cc).
constexpr int64_t kFanIn = 16;

/// Manifests that are, or will be, one.
struct Node {
  std::vector<size_t> members;
  int64_t files = 0;
  int64_t bytes = 0;
};

int TierOf(int64_t files, int64_t fan_in) {
  int tier = 0;
  for (int64_t above = fan_in; above <= files; above *= fan_in) ++tier;
  return tier;
}

/// The nodes of a full tier, joined up to the target size each.
std::vector<Node> Join(std::vector<Node> nodes, int64_t bytes_target) {
  std::vector<Node> joined;
  for (Node& node : nodes) {
    if (joined.empty() || joined.back().bytes + node.bytes > bytes_target) joined.emplace_back();
    Node& last = joined.back();
    last.members.insert(last.members.end(), node.members.begin(), node.members.end());
    last.files += node.files;
    last.bytes += node.bytes;
  }
  return joined;
}

std::vector<Node> FillTiers(std::map<int, std::vector<Node>> tiers, const MergePolicy& policy) {
  std::vector<Node> done;
  while (!tiers.empty()) {
    auto lowest = tiers.extract(tiers.begin());
    if (static_cast<int64_t>(lowest.mapped().size()) < policy.count_min) {
      std::move(lowest.mapped().begin(), lowest.mapped().end(), std::back_inserter(done));
      continue;
    }
    for (Node& node : Join(std::move(lowest.mapped()), policy.bytes_target)) {
      const int tier = TierOf(node.files, policy.count_min);
      // Half a target is full: with a manifest of its own size it would exceed the target.
      const bool is_full = node.bytes * 2 > policy.bytes_target || tier <= lowest.key();
      if (is_full) {
        done.push_back(std::move(node));
      } else {
        tiers[tier].push_back(std::move(node));
      }
    }
  }
  return done;
}

}  // namespace

Result<MergePolicy> MergePolicyOf(const iceberg::TableMetadata& metadata) {
  MergePolicy policy;
  DAYPART_TRY(policy.is_enabled, FlagProperty(metadata, "commit.manifest-merge.enabled", true));
  DAYPART_TRY(policy.count_min,
              NumberProperty(metadata, "commit.manifest.min-count-to-merge", kFanIn));
  DAYPART_TRY(policy.bytes_target,
              NumberProperty(metadata, "commit.manifest.target-size-bytes", kManifestBytesTarget));
  policy.count_min = std::max<int64_t>(policy.count_min, 2);
  return policy;
}

std::vector<std::vector<size_t>> PlanManifestMerge(std::span<const ManifestFile> manifests,
                                                   const MergePolicy& policy,
                                                   iceberg::SnapshotId own) {
  std::vector<std::vector<size_t>> groups;
  if (!policy.is_enabled) return groups;
  std::map<std::pair<iceberg::ManifestContent, iceberg::SpecId>, std::map<int, std::vector<Node>>>
      kinds;
  for (size_t i = 0; i < manifests.size(); ++i) {
    const ManifestFile& manifest = manifests[i];
    if (manifest.added_snapshot_id == own || manifest.bytes * 2 > policy.bytes_target) continue;
    const int64_t files = int64_t{manifest.added_files_count} + manifest.existing_files_count;
    kinds[{manifest.content, manifest.spec_id}][TierOf(files, policy.count_min)].push_back(
        {.members = {i}, .files = files, .bytes = manifest.bytes});
  }
  for (auto& [kind, tiers] : kinds) {
    for (Node& node : FillTiers(std::move(tiers), policy)) {
      if (node.members.size() < 2) continue;
      std::sort(node.members.begin(), node.members.end());
      groups.push_back(std::move(node.members));
    }
  }
  return groups;
}

}  // namespace daypart::lake
