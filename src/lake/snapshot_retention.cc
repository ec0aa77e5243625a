// SPDX-License-Identifier: Apache-2.0
//
// Walks along the ancestors of each ref.
#include "lake/snapshot_retention.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "lake/checkpoint.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

using iceberg::Snapshot;
using iceberg::SnapshotId;
using iceberg::SnapshotRef;
using iceberg::TableMetadata;

/// Defaults of the reference implementation.
constexpr int64_t kSnapshotAgeMaxMs = int64_t{5} * 24 * 3600 * 1000;
constexpr int64_t kSnapshotsMin = 1;

/// Looks snapshots up by id in constant time, which a walk over thousands needs.
class Ancestry {
 public:
  explicit Ancestry(const TableMetadata& metadata) {
    for (const Snapshot& snapshot : metadata.snapshots) by_id_.emplace(snapshot.id, &snapshot);
  }
  const Snapshot* Find(SnapshotId id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  const Snapshot* ParentOf(const Snapshot& snapshot) const {
    return snapshot.parent_id ? Find(*snapshot.parent_id) : nullptr;
  }

 private:
  std::unordered_map<SnapshotId, const Snapshot*> by_id_;
};

/// Main's history, newest first. Behind a gap that an expiry left it goes on with older snapshots
/// that no other branch is known to own.
std::vector<const Snapshot*> MainHistory(const TableMetadata& metadata, const Ancestry& ancestry) {
  std::set<SnapshotId> of_others;
  for (const auto& [name, ref] : metadata.refs) {
    if (name == iceberg::kMainBranch || ref.kind == iceberg::RefKind::kTag) continue;
    for (const auto* at = ancestry.Find(ref.snapshot_id); at != nullptr;
         at = ancestry.ParentOf(*at)) {
      of_others.insert(at->id);
    }
  }
  std::vector<const Snapshot*> history;
  const Snapshot* at = MainHead(metadata);
  for (; at != nullptr; at = ancestry.ParentOf(*at)) history.push_back(at);
  if (history.empty()) return history;
  const auto oldest = history.back()->sequence_number;
  const bool has_gap = history.back()->parent_id.has_value();
  for (auto it = metadata.snapshots.rbegin(); has_gap && it != metadata.snapshots.rend(); ++it) {
    if (it->sequence_number < oldest && !of_others.contains(it->id)) history.push_back(&*it);
  }
  return history;
}

void KeepStreamState(const TableMetadata& metadata, const Ancestry& ancestry,
                     std::set<SnapshotId>& kept) {
  std::set<std::string_view> keys;
  for (const Snapshot* snapshot : MainHistory(metadata, ancestry)) {
    for (const auto& [key, value] : snapshot->summary) {
      if (is_stream_state(key) && keys.insert(key).second) kept.insert(snapshot->id);
    }
  }
  // Whoever rolls back to a snapshot of another program's finds there how far a stream was.
  for (const std::string_view key : keys) {
    std::set<SnapshotId> looked_at;
    std::vector<SnapshotId> found;
    for (const SnapshotId id : kept) {
      const Snapshot* at = ancestry.Find(id);
      for (; at != nullptr && looked_at.insert(at->id).second; at = ancestry.ParentOf(*at)) {
        if (!at->summary.contains(std::string(key))) continue;
        found.push_back(at->id);
        break;
      }
    }
    kept.insert(found.begin(), found.end());
  }
}

/// Keeps the branch's newest `count` snapshots and those not older than `oldest`.
void KeepBranch(const Ancestry& ancestry, const SnapshotRef& ref, int64_t count, UtcMicros oldest,
                std::set<SnapshotId>& kept) {
  int64_t place = 0;
  const auto* snapshot = ancestry.Find(ref.snapshot_id);
  while (snapshot != nullptr && (place < count || snapshot->timestamp >= oldest)) {
    kept.insert(snapshot->id);
    ++place;
    snapshot = ancestry.ParentOf(*snapshot);
  }
}

UtcMicros Before(UtcMicros now, int64_t age_ms) {
  // Ages near the largest number, as people write "never", must not wrap around.
  const int64_t limited = std::min(age_ms, now.value() / 1000);
  return UtcMicros(now.value() - limited * 1000);
}

}  // namespace

const Snapshot* MainHead(const TableMetadata& metadata) {
  const auto main = metadata.refs.find(std::string(iceberg::kMainBranch));
  return main == metadata.refs.end() ? nullptr : metadata.FindSnapshot(main->second.snapshot_id);
}

bool is_stream_state(std::string_view summary_key) {
  return is_checkpoint(summary_key) || summary_key.starts_with("flink.") ||
         summary_key.starts_with("kafka.connect.");
}

const Snapshot* NewestWithSummaryKey(const TableMetadata& metadata, const std::string& key) {
  for (const Snapshot* snapshot : MainHistory(metadata, Ancestry(metadata))) {
    if (snapshot->summary.contains(key)) return snapshot;
  }
  return nullptr;
}

Result<std::vector<std::string>> RefsToDrop(const TableMetadata& metadata, UtcMicros now) {
  DAYPART_TRY(const int64_t table_age_ms,
              NumberProperty(metadata, "history.expire.max-ref-age-ms", INT64_MAX));
  std::vector<std::string> dropped;
  for (const auto& [name, ref] : metadata.refs) {
    if (name == iceberg::kMainBranch) continue;
    const int64_t age_ms = ref.max_ref_age_ms.value_or(table_age_ms);
    const auto* snapshot = metadata.FindSnapshot(ref.snapshot_id);
    if (snapshot == nullptr || snapshot->timestamp < Before(now, age_ms)) dropped.push_back(name);
  }
  return dropped;
}

Result<std::set<SnapshotId>> SnapshotsToKeep(const TableMetadata& metadata, UtcMicros now,
                                             const RetentionOptions& options) {
  DAYPART_TRY(const int64_t age_ms,
              NumberProperty(metadata, "history.expire.max-snapshot-age-ms", kSnapshotAgeMaxMs));
  DAYPART_TRY(const int64_t count,
              NumberProperty(metadata, "history.expire.min-snapshots-to-keep", kSnapshotsMin));
  const Ancestry ancestry(metadata);
  std::set<SnapshotId> kept;
  for (const auto& [name, ref] : metadata.refs) {
    kept.insert(ref.snapshot_id);
    if (ref.kind != iceberg::RefKind::kBranch) continue;
    const int64_t branch_age_ms =
        options.age_max ? options.age_max->count() : ref.max_snapshot_age_ms.value_or(age_ms);
    int64_t branch_count = count;
    if (ref.min_snapshots_to_keep) branch_count = *ref.min_snapshots_to_keep;
    KeepBranch(ancestry, ref, options.snapshots_min.value_or(branch_count),
               Before(now, branch_age_ms), kept);
  }
  // Snapshots of no branch: those of a commit that was rolled back, or staged. Age alone decides.
  const UtcMicros oldest = Before(now, options.age_max ? options.age_max->count() : age_ms);
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (snapshot.timestamp >= oldest) kept.insert(snapshot.id);
  }
  KeepStreamState(metadata, ancestry, kept);
  return kept;
}

Result<std::vector<SnapshotId>> SnapshotsOverLimit(const TableMetadata& metadata) {
  // Others may use the files of a table that says so.
  if (!may_collect_garbage(metadata)) return std::vector<SnapshotId>();
  DAYPART_TRY(const int64_t limit, NumberProperty(metadata, kSnapshotsMaxProperty, 0));
  std::vector<SnapshotId> dropped;
  const auto count = static_cast<int64_t>(metadata.snapshots.size());
  if (limit == 0 || count < limit + std::max<int64_t>(1, limit / 4)) return dropped;
  DAYPART_TRY(const int64_t count_min,
              NumberProperty(metadata, "history.expire.min-snapshots-to-keep", kSnapshotsMin));
  const Ancestry ancestry(metadata);
  std::set<SnapshotId> kept;
  for (const auto& [name, ref] : metadata.refs) {
    kept.insert(ref.snapshot_id);
    if (ref.kind != iceberg::RefKind::kBranch) continue;
    // Branches besides main keep all of their own history here: only an expiry shortens it.
    const int64_t own = ref.min_snapshots_to_keep ? *ref.min_snapshots_to_keep : count_min;
    const bool is_main = name == iceberg::kMainBranch;
    KeepBranch(ancestry, ref, is_main ? std::max(limit, own) : INT64_MAX, UtcMicros(INT64_MAX),
               kept);
  }
  KeepStreamState(metadata, ancestry, kept);
  for (const Snapshot* at = MainHead(metadata); at != nullptr; at = ancestry.ParentOf(*at)) {
    if (!kept.contains(at->id)) dropped.push_back(at->id);
  }
  return dropped;
}

}  // namespace daypart::lake
