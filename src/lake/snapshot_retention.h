// SPDX-License-Identifier: Apache-2.0
//
// Which snapshots of a table stay. Pure: from metadata and time to ids, so that a dry run, an
// expiry and a commit that keeps the table bounded all decide alike. Source: Iceberg table spec,
// "Snapshot Retention Policy".
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/metadata.h"

namespace daypart::lake {

/// The newest snapshot of main; null if there is none.
const iceberg::Snapshot* MainHead(const iceberg::TableMetadata& metadata);

struct RetentionOptions {
  /// Instead of the refs' and the table's history.expire.max-snapshot-age-ms (5 days).
  std::optional<std::chrono::milliseconds> age_max;
  /// Instead of the refs' and the table's history.expire.min-snapshots-to-keep (1).
  std::optional<int64_t> snapshots_min;
};

/// Branches and tags (never main) whose snapshot is older than their max-ref-age-ms, or the
/// table's history.expire.max-ref-age-ms; without either they stay for ever.
Result<std::vector<std::string>> RefsToDrop(const iceberg::TableMetadata& metadata, UtcMicros now);

/// What refs point to, and of each branch the newest and the young ones; young snapshots of no
/// branch; and those that hold the last word of a stream (see KeepsStreamState).
Result<std::set<iceberg::SnapshotId>> SnapshotsToKeep(const iceberg::TableMetadata& metadata,
                                                      UtcMicros now,
                                                      const RetentionOptions& options);

/// What a commit drops to keep the table within daypart.commit.snapshots-max: ancestors of main
/// beyond the newest so many, once these are exceeded by a quarter (so that the work is done for
/// many at a time). Never what a ref points to or keeps, a stream's last word, or a snapshot that
/// is no ancestor of main. Empty without the property.
Result<std::vector<iceberg::SnapshotId>> SnapshotsOverLimit(const iceberg::TableMetadata& metadata);

/// Whether a summary key is how a writer finds its place again (Daypart's streams, Flink, Kafka
/// Connect): the newest snapshot of main with each such key is never dropped. A pipeline's ledger
/// is none, since the table's properties name it as well.
bool is_stream_state(std::string_view summary_key);

/// The newest snapshot of main's history that has the key in its summary, looked for beyond gaps
/// that expiry left; null if there is none.
const iceberg::Snapshot* NewestWithSummaryKey(const iceberg::TableMetadata& metadata,
                                              const std::string& key);

}  // namespace daypart::lake
