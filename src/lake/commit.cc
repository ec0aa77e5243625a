// SPDX-License-Identifier: Apache-2.0
//
// The attempt loop around the catalog's compare-and-swap.
#include "lake/commit.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/log.h"
#include "lake/checkpoint.h"
#include "lake/commit_turns.h"
#include "lake/commit_upkeep.h"
#include "lake/snapshot_builder.h"
#include "lake/table_cache.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

using iceberg::TableMetadata;
using iceberg::TableUpdate;

/// Attempts before a commit of metadata alone gives up, and the retries of the others where the
/// table's properties say nothing: waits of 10 to 20 ms doubling to 1 s. Twenty attempts see a
/// commit through beside a dozen writers that never pause.
constexpr int kAttemptsMax = 20;
constexpr int64_t kBackoffMicrosMin = 10'000;
constexpr int64_t kBackoffMicrosMax = 1'000'000;
/// Looks at the table after a swap with unknown outcome.
constexpr int kUnknownLooksMax = 5;

/// How long a commit is tried: commit.retry.* of the table, with Iceberg's names and meaning.
struct RetryLimits {
  int64_t retries_max = kAttemptsMax - 1;
  int64_t wait_micros_min = kBackoffMicrosMin;
  int64_t wait_micros_max = kBackoffMicrosMax;
  int64_t total_micros_max = int64_t{30} * 60 * 1'000'000;
};

Result<RetryLimits> RetryLimitsOf(const TableMetadata& metadata) {
  RetryLimits limits;
  DAYPART_TRY(limits.retries_max,
              NumberProperty(metadata, "commit.retry.num-retries", limits.retries_max));
  const auto read_millis = [&](std::string_view key, int64_t& micros) -> Status {
    DAYPART_TRY(const int64_t millis, NumberProperty(metadata, key, micros / 1000));
    micros = std::min(millis, INT64_MAX / 1000) * 1000;
    return Ok();
  };
  DAYPART_RETURN_IF_ERROR(read_millis("commit.retry.min-wait-ms", limits.wait_micros_min));
  DAYPART_RETURN_IF_ERROR(read_millis("commit.retry.max-wait-ms", limits.wait_micros_max));
  DAYPART_RETURN_IF_ERROR(read_millis("commit.retry.total-timeout-ms", limits.total_micros_max));
  return limits;
}

/// Waits between the shortest wait and twice it, then twice that, …, never longer than the longest.
void BackOff(const LakeContext& context, int attempt, const RetryLimits& limits = {}) {
  const int64_t longest = limits.wait_micros_max;
  int64_t ceiling = std::max<int64_t>(limits.wait_micros_min, 1);
  for (int i = 0; i < attempt && ceiling < longest; ++i) {
    ceiling = ceiling > longest / 2 ? longest : ceiling * 2;
  }
  ceiling = std::min(ceiling, longest);
  const int64_t floor = std::min(std::max(ceiling / 2, limits.wait_micros_min), ceiling);
  const auto jitter = context.random.Next() % static_cast<uint64_t>(ceiling - floor + 1);
  context.clock.Sleep(std::chrono::microseconds(floor + static_cast<int64_t>(jitter)));
}

/// The turn of one attempt among the commits of this process; null where there are no turns.
std::unique_ptr<CommitTurns::Turn> TakeTurn(const LakeContext& context,
                                            const catalog::TableName& name) {
  if (context.turns == nullptr) return nullptr;
  return std::make_unique<CommitTurns::Turn>(*context.turns, name, CommitTurns::kWaitMax);
}

/// Whether the snapshot is in the table; kCommitUnknown if the table cannot be read.
Result<bool> HasSnapshot(const LakeContext& context, const catalog::TableName& name,
                         iceberg::SnapshotId snapshot_id) {
  for (int look = 0; look < kUnknownLooksMax; ++look) {
    const auto table = LoadTable(context, name);
    if (table) return table->metadata.FindSnapshot(snapshot_id) != nullptr;
    BackOff(context, look);
  }
  return CommitUnknown("table " + ToString(name) +
                       " could not be read after a commit whose outcome is unknown; snapshot " +
                       std::to_string(snapshot_id.value()) + " tells it: see daypart snapshots");
}

enum class SwapOutcome { kDone, kLost };

/// Writes the metadata file and swaps it in. kLost: nothing was changed and the file is gone again.
Result<SwapOutcome> Swap(const LakeContext& context, const LoadedTable& base,
                         const std::shared_ptr<const TableMetadata>& next,
                         const std::optional<iceberg::SnapshotId>& snapshot_id) {
  const std::string location = NextMetadataLocation(*next, base.metadata_location, context.random);
  const std::string json = iceberg::SerializeTableMetadata(*next);
  DAYPART_RETURN_IF_ERROR(context.store.Put(location, json, store::WriteMode::kIfAbsent));
  Status swapped = context.catalog.CompareAndSwap(base.name, base.metadata_location, location);
  if (swapped) {
    // The next commit of this process builds on it without reading it back.
    if (context.cache != nullptr) {
      context.cache->Put(location, next, static_cast<int64_t>(json.size()));
    }
    return SwapOutcome::kDone;
  }
  if (swapped.error().code == ErrorCode::kCommitUnknown) {
    Log(LogLevel::kWarning, "commit to " + ToString(base.name) +
                                ": outcome unknown, looking for it: " + swapped.error().message);
    if (snapshot_id) {
      DAYPART_TRY(const bool is_there, HasSnapshot(context, base.name, *snapshot_id));
      if (is_there) return SwapOutcome::kDone;
    }
    // Not seen now does not mean that it cannot come: the files stay, the caller is told.
    return std::move(swapped).error();
  }
  (void)context.store.Delete(location);  // refused for certain, so nothing refers to it
  if (swapped.error().code == ErrorCode::kConflict ||
      swapped.error().code == ErrorCode::kUnavailable) {
    return SwapOutcome::kLost;
  }
  return std::move(swapped).error();
}

Result<CommitOutcome> TryCommit(const LakeContext& context, const catalog::TableName& name,
                                const SnapshotChange& change, SnapshotBuilder& builder,
                                iceberg::SnapshotId snapshot_id) {
  const UtcMicros start = context.clock.Now();
  RetryLimits limits;
  for (int attempt = 0; attempt <= limits.retries_max; ++attempt) {
    if (attempt > 0) BackOff(context, attempt, limits);
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    const auto turn = TakeTurn(context, name);
    DAYPART_TRY(const LoadedTable base, LoadTable(context, name));
    DAYPART_TRY(limits, RetryLimitsOf(base.metadata));
    limits.retries_max = std::max<decltype(limits.retries_max)>(limits.retries_max,
                                                                change.attempts_min - 1);
    if (!change.table_uuid.empty() && change.table_uuid != base.metadata.table_uuid) {
      return Conflict("table " + ToString(name) + " was replaced by another one meanwhile: uuid " +
                      change.table_uuid + " was expected, found " + base.metadata.table_uuid +
                      "; nothing was changed, run it again if the new table is meant");
    }
    DAYPART_TRY(const TableMetadata head, OnBranch(base.metadata, change.branch));
    if (change.planned_on && *change.planned_on != head.current_snapshot_id) {
      return Conflict("table " + ToString(name) + " was changed by another writer meanwhile");
    }
    if (change.check) DAYPART_RETURN_IF_ERROR(change.check(head));
    DAYPART_TRY(const BuiltSnapshot built, builder.Build(head));
    std::vector<TableUpdate> updates;
    updates.emplace_back(iceberg::AddSnapshot{built.snapshot});
    // A branch keeps what is said of its retention.
    const auto known = base.metadata.refs.find(change.branch);
    iceberg::SnapshotRef ref;
    if (known != base.metadata.refs.end()) ref = known->second;
    ref.snapshot_id = snapshot_id;
    updates.emplace_back(iceberg::SetSnapshotRef{.name = change.branch, .ref = ref});
    if (!change.properties.empty()) {
      updates.emplace_back(iceberg::SetProperties{WithSetters(change.properties, built.snapshot)});
    }
    // Commits to other branches are few, and what main keeps is for commits to main to say.
    std::vector<iceberg::SnapshotId> dropped;
    if (change.branch == iceberg::kMainBranch) {
      DAYPART_TRY(dropped, PlanUpkeep(base.metadata));
    }
    if (!dropped.empty()) updates.emplace_back(iceberg::RemoveSnapshots{dropped});
    DAYPART_TRY(TableMetadata metadata,
                iceberg::ApplyUpdates(base.metadata, updates, built.snapshot.timestamp,
                                      base.metadata_location));
    const auto next = std::make_shared<const TableMetadata>(std::move(metadata));
    DAYPART_TRY(const SwapOutcome outcome, Swap(context, base, next, snapshot_id));
    if (outcome == SwapOutcome::kDone) {
      FinishUpkeep(context, base, *next, dropped);
      return CommitOutcome{.snapshot_id = snapshot_id,
                           .attempts = attempt + 1,
                           .files_removed = built.files_removed,
                           .rows_removed = built.rows_removed};
    }
    Log(LogLevel::kInfo, "commit to " + ToString(name) + " lost attempt " +
                             std::to_string(attempt + 1) + " to another writer, building it anew");
    builder.DiscardAttempt();
    if (context.clock.Now().value() - start.value() >= limits.total_micros_max) {
      return Conflict("the commit to table " + ToString(name) + " lost to other writers for " +
                      std::to_string(limits.total_micros_max / 1000) +
                      " ms, which is its commit.retry.total-timeout-ms");
    }
  }
  return Conflict("the commit to table " + ToString(name) + " lost to other writers " +
                  std::to_string(limits.retries_max + 1) +
                  " times; run it again when they pause, or raise commit.retry.num-retries");
}

}  // namespace

Result<TableMetadata> OnBranch(TableMetadata metadata, const std::string& branch) {
  if (branch == iceberg::kMainBranch) return metadata;
  const auto ref = metadata.refs.find(branch);
  if (ref == metadata.refs.end()) {
    std::string names;
    for (const auto& [name, known] : metadata.refs) names += (names.empty() ? "" : ", ") + name;
    return NotFound("the table has no branch " + branch + "; there are: " + names);
  }
  if (ref->second.kind != iceberg::RefKind::kBranch) {
    return InvalidArgument(branch + " is a tag, which stays as it is; a branch is expected");
  }
  metadata.current_snapshot_id = ref->second.snapshot_id;
  return metadata;
}

std::string MetadataDirectory(const TableMetadata& metadata) {
  return metadata.Property("write.metadata.path", metadata.location + "/metadata");
}

std::string NextMetadataLocation(const TableMetadata& metadata, std::string_view previous,
                                 Random& random) {
  int version = -1;
  const std::string_view file = previous.substr(previous.rfind('/') + 1);
  // Names that are not <number>-<uuid>.metadata.json (v3.metadata.json of other writers) count as
  // 0.
  (void)std::from_chars(file.data(), file.data() + file.size(), version);
  if (!previous.empty() && version < 0) version = 0;
  char number[16];
  std::snprintf(number, sizeof(number), "%05d-", version + 1);
  return MetadataDirectory(metadata) + '/' + number + NewUuid(random) + ".metadata.json";
}

Result<CommitOutcome> CommitSnapshot(const LakeContext& context, const catalog::TableName& name,
                                     const SnapshotChange& change) {
  // A positive id, so that no client takes it for the -1 that stands for "no snapshot".
  const iceberg::SnapshotId snapshot_id(
      static_cast<int64_t>(context.random.Next() & 0x7FFF'FFFF'FFFF'FFFFULL));
  SnapshotBuilder builder(context, change, snapshot_id);
  auto outcome = TryCommit(context, name, change, builder, snapshot_id);
  const bool is_certain = outcome || outcome.error().code != ErrorCode::kCommitUnknown;
  if (!outcome && is_certain) builder.DiscardAll();
  return outcome;
}

Status CommitUpdates(
    const LakeContext& context, const catalog::TableName& name,
    const std::function<Result<std::vector<TableUpdate>>(const TableMetadata&)>& make) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) BackOff(context, attempt);
    const auto turn = TakeTurn(context, name);
    DAYPART_TRY(const LoadedTable base, LoadTable(context, name));
    DAYPART_TRY(const auto updates, make(base.metadata));
    if (updates.empty()) return Ok();
    const UtcMicros now = std::max(context.clock.Now(), base.metadata.last_updated);
    DAYPART_TRY(TableMetadata metadata,
                iceberg::ApplyUpdates(base.metadata, updates, now, base.metadata_location));
    const auto next = std::make_shared<const TableMetadata>(std::move(metadata));
    DAYPART_TRY(const SwapOutcome outcome, Swap(context, base, next, std::nullopt));
    if (outcome == SwapOutcome::kDone) {
      FinishUpkeep(context, base, *next, {});
      return Ok();
    }
  }
  return Conflict("the change of table " + ToString(name) + " lost to other writers " +
                  std::to_string(kAttemptsMax) + " times");
}

}  // namespace daypart::lake
