// SPDX-License-Identifier: Apache-2.0
//
// Branches and tags, and which snapshot main shows: made, replaced, dropped, rolled back, moved on.
// Each change is one commit of metadata that is derived anew if another writer comes first; what is
// no longer right then is refused. Source: Iceberg table spec, "Snapshot References"; the words
// of Spark's procedures.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

/// What CREATE and REPLACE BRANCH or TAG say.
struct RefChange {
  std::string name;
  iceberg::RefKind kind = iceberg::RefKind::kBranch;
  enum class Mode { kCreate, kCreateIfAbsent, kCreateOrReplace, kReplace };
  Mode mode = Mode::kCreate;
  std::optional<iceberg::SnapshotId> snapshot_id;  // the current one if absent
  std::optional<int32_t> min_snapshots_to_keep;
  std::optional<int64_t> max_snapshot_age_ms;
  std::optional<int64_t> max_ref_age_ms;
};

/// errors: kAlreadyExists; kNotFound for a snapshot or ref that is not there; kInvalidArgument for
/// a table without snapshots, or a tag where a branch is meant.
Status ChangeRef(const LakeContext& context, const catalog::TableName& name,
                 const RefChange& change);
/// errors: kNotFound, unless if_exists; kInvalidArgument for main.
Status DropRef(const LakeContext& context, const catalog::TableName& name, const std::string& ref,
               iceberg::RefKind kind, bool if_exists);

/// The snapshot that a branch showed before a change and after it.
struct MovedRef {
  std::optional<iceberg::SnapshotId> previous;
  iceberg::SnapshotId current;
};

/// Main goes back to one of its ancestors. errors: kInvalidArgument for a snapshot that is none.
Result<MovedRef> RollBackToSnapshot(const LakeContext& context, const catalog::TableName& name,
                                    iceberg::SnapshotId snapshot_id);
/// Main goes back to its last ancestor from before the time.
Result<MovedRef> RollBackToTime(const LakeContext& context, const catalog::TableName& name,
                                UtcMicros time);
/// Main shows the snapshot (an id, or the name of a ref), related to its history or not.
Result<MovedRef> SetCurrentSnapshot(const LakeContext& context, const catalog::TableName& name,
                                    const std::string& snapshot_or_ref);
/// The branch moves on to the snapshot of `to`, of which it must be an ancestor. A branch that is
/// not there is made.
Result<MovedRef> FastForward(const LakeContext& context, const catalog::TableName& name,
                             const std::string& branch, const std::string& to);
/// Adds to main what an append, on another branch or rolled back, added: its files are committed
/// again. errors: kInvalidArgument if main has it already; kUnsupported for another operation.
Result<MovedRef> CherryPick(const LakeContext& context, const catalog::TableName& name,
                            iceberg::SnapshotId snapshot_id);

/// A snapshot id, or the name of a branch or tag. errors: kNotFound.
Result<iceberg::SnapshotId> FindSnapshotOrRef(const iceberg::TableMetadata& metadata,
                                              const std::string& snapshot_or_ref);

}  // namespace daypart::lake
