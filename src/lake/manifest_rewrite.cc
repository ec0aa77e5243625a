// SPDX-License-Identifier: Apache-2.0
//
// Manifests sorted by partition: the part of the snapshot builder that does it, and the operation.
#include <algorithm>
#include <map>
#include <utility>

#include "lake/commit.h"
#include "lake/maintenance.h"
#include "lake/manifest_lists.h"
#include "lake/manifest_merge.h"
#include "lake/snapshot_builder.h"

namespace daypart::lake {
namespace {

using iceberg::EntryStatus;
using iceberg::ManifestContent;
using iceberg::ManifestEntry;
using iceberg::ManifestFile;

using ManifestKind = std::pair<ManifestContent, iceberg::SpecId>;

struct KindTotal {
  int64_t manifests = 0;
  int64_t bytes = 0;
};

int64_t FilledBy(int64_t bytes, int64_t bytes_target) {
  return std::max<int64_t>(1, (bytes + bytes_target - 1) / std::max<int64_t>(1, bytes_target));
}

}  // namespace

Status SnapshotBuilder::SortManifests(const iceberg::TableMetadata& base,
                                      iceberg::SequenceNumber sequence_number) {
  DAYPART_TRY(const MergePolicy policy, MergePolicyOf(base));
  std::map<ManifestKind, std::vector<ManifestFile>> kinds;
  for (ManifestFile& manifest : manifests_) {
    kinds[{manifest.content, manifest.spec_id}].push_back(std::move(manifest));
  }
  manifests_.clear();
  for (const auto& [kind, manifests] : kinds) {
    const auto* spec = base.FindSpec(kind.second);
    if (spec == nullptr) return CorruptData("a manifest is of a partition spec that is not there");
    std::vector<ManifestEntry> entries;
    int64_t bytes = 0;
    const iceberg::Schema schema = base.SchemaForSpec(*spec);
    for (const ManifestFile& manifest : manifests) {
      bytes += manifest.bytes;
      DAYPART_TRY(auto decoded, ReadManifest(context_, manifest));
      for (ManifestEntry& entry : decoded.entries) {
        if (entry.status == EntryStatus::kDeleted) continue;
        entry.status = EntryStatus::kExisting;
        entries.push_back(std::move(entry));
      }
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const ManifestEntry& left, const ManifestEntry& right) {
                       return left.file.partition < right.file.partition;
                     });
    const auto pieces = static_cast<size_t>(FilledBy(bytes, policy.bytes_target));
    const size_t step = std::max<size_t>(1, (entries.size() + pieces - 1) / pieces);
    for (size_t begin = 0; begin < entries.size(); begin += step) {
      const auto part = std::span(entries).subspan(begin, std::min(step, entries.size() - begin));
      ManifestFile listed;
      DAYPART_TRY(const std::string location, PutManifest(base,
                                                          {.schema = schema,
                                                           .spec = *spec,
                                                           .format_version = base.format_version,
                                                           .content = kind.first},
                                                          part, sequence_number, listed));
      attempt_locations_.push_back(location);
      manifests_.push_back(std::move(listed));
    }
  }
  return Ok();
}

Result<ManifestReport> RewriteManifests(const LakeContext& context, const catalog::TableName& name,
                                        const ManifestOptions& options) {
  ManifestReport report;
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  const auto* snapshot = table.metadata.current_snapshot();
  if (snapshot == nullptr) return report;
  DAYPART_TRY(const MergePolicy policy, MergePolicyOf(table.metadata));
  DAYPART_TRY(const auto list, ReadManifestList(context, snapshot->manifest_list));
  std::map<ManifestKind, KindTotal> kinds;
  for (const ManifestFile& manifest : *list) {
    KindTotal& total = kinds[{manifest.content, manifest.spec_id}];
    ++total.manifests;
    total.bytes += manifest.bytes;
  }
  bool is_needed = false;
  for (const auto& [kind, total] : kinds) {
    const int64_t after = FilledBy(total.bytes, policy.bytes_target);
    is_needed |= after < total.manifests;
    report.manifests_before += total.manifests;
    report.manifests_after += after;
    report.bytes_before += total.bytes;
  }
  if (!is_needed) return ManifestReport{};
  if (options.dry_run) return report;
  SnapshotChange change;
  change.operation = "replace";
  change.attempts_min = 100;  // reading all manifests takes long beside a fast writer
  change.added_spec_id = table.metadata.default_spec_id;
  change.rewrites_manifests = true;
  DAYPART_TRY(const CommitOutcome outcome, CommitSnapshot(context, name, change));
  report.snapshot_id = outcome.snapshot_id;
  DAYPART_TRY(const LoadedTable after, LoadTable(context, name));
  const auto* made = after.metadata.FindSnapshot(outcome.snapshot_id);
  if (made == nullptr) return report;
  DAYPART_TRY(const auto written, ReadManifestList(context, made->manifest_list));
  report.manifests_after = static_cast<int64_t>(written->size());
  return report;
}

}  // namespace daypart::lake
