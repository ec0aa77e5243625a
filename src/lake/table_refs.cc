// SPDX-License-Identifier: Apache-2.0
//
// Updates of refs, and the files of a picked snapshot as a change of their own.
#include "lake/table_refs.h"

#include <charconv>
#include <functional>
#include <vector>

#include "lake/commit.h"
#include "lake/manifest_lists.h"

namespace daypart::lake {
namespace {

using iceberg::RefKind;
using iceberg::Snapshot;
using iceberg::SnapshotId;
using iceberg::SnapshotRef;
using iceberg::TableMetadata;
using iceberg::TableUpdate;

constexpr char kSourceSnapshot[] = "source-snapshot-id";

std::string Text(SnapshotId id) { return std::to_string(id.value()); }
std::string Text(RefKind kind) { return kind == RefKind::kTag ? "tag" : "branch"; }

Error NoSnapshot(const std::string& what) {
  return NotFound("the table has no snapshot " + what + "; see daypart snapshots");
}

/// Calls `visit` with the snapshot and its ancestors, newest first, until it returns true.
/// returns: the one it returned true for.
const Snapshot* FindAncestor(const TableMetadata& metadata, std::optional<SnapshotId> from,
                             const std::function<bool(const Snapshot&)>& visit) {
  size_t steps = 0;  // a faulty table may have a ring
  while (from && steps++ <= metadata.snapshots.size()) {
    const Snapshot* snapshot = metadata.FindSnapshot(*from);
    if (snapshot == nullptr || visit(*snapshot)) return snapshot;
    from = snapshot->parent_id;
  }
  return nullptr;
}

bool is_ancestor(const TableMetadata& metadata, std::optional<SnapshotId> of, SnapshotId id) {
  return FindAncestor(metadata, of, [&](const Snapshot& s) { return s.id == id; }) != nullptr;
}

Result<std::vector<TableUpdate>> MakeRef(const TableMetadata& metadata, const RefChange& change) {
  using Mode = RefChange::Mode;
  const auto known = metadata.refs.find(change.name);
  const bool is_there = known != metadata.refs.end();
  const std::string what = Text(change.kind) + ' ' + change.name;
  if (is_there && known->second.kind != change.kind) {
    return InvalidArgument(change.name + " is a " + Text(known->second.kind) +
                           " of the table; drop it first");
  }
  if (is_there && change.mode == Mode::kCreate) return AlreadyExists(what + " is there already");
  if (is_there && change.mode == Mode::kCreateIfAbsent) return std::vector<TableUpdate>();
  if (!is_there && change.mode == Mode::kReplace) {
    return NotFound("the table has no " + what + " to replace");
  }
  SnapshotRef ref;
  ref.kind = change.kind;
  if (change.snapshot_id) {
    if (metadata.FindSnapshot(*change.snapshot_id) == nullptr) {
      return NoSnapshot(Text(*change.snapshot_id));
    }
    ref.snapshot_id = *change.snapshot_id;
  } else if (metadata.current_snapshot_id) {
    ref.snapshot_id = *metadata.current_snapshot_id;
  } else {
    return InvalidArgument("the table has no snapshot yet that a " + Text(change.kind) +
                           " could name; write to it first");
  }
  ref.min_snapshots_to_keep = change.min_snapshots_to_keep;
  ref.max_snapshot_age_ms = change.max_snapshot_age_ms;
  ref.max_ref_age_ms = change.max_ref_age_ms;
  return std::vector<TableUpdate>{iceberg::SetSnapshotRef{change.name, ref}};
}

/// Moves a branch to the snapshot that `choose` gives.
Result<MovedRef> MoveBranch(const LakeContext& context, const catalog::TableName& name,
                            const std::string& branch,
                            const std::function<Result<SnapshotId>(const TableMetadata&)>& choose) {
  MovedRef moved;
  DAYPART_RETURN_IF_ERROR(CommitUpdates(
      context, name,
      [&](const TableMetadata& metadata) -> Result<std::vector<TableUpdate>> {
        DAYPART_TRY(moved.current, choose(metadata));
        SnapshotRef ref;
        moved.previous.reset();
        if (const auto known = metadata.refs.find(branch); known != metadata.refs.end()) {
          ref = known->second;
          moved.previous = ref.snapshot_id;
        }
        if (ref.kind != RefKind::kBranch) {
          return InvalidArgument(branch + " is a tag, which stays as it is");
        }
        if (moved.previous == moved.current) return std::vector<TableUpdate>();
        ref.snapshot_id = moved.current;
        return std::vector<TableUpdate>{iceberg::SetSnapshotRef{branch, ref}};
      }));
  return moved;
}

const std::string kMain(iceberg::kMainBranch);

/// The files that the snapshot added, as a change that adds them again.
Result<SnapshotChange> ChangeOf(const LakeContext& context, const TableMetadata& metadata,
                                const Snapshot& snapshot) {
  const auto operation = snapshot.summary.find("operation");
  if (operation == snapshot.summary.end() || operation->second != "append") {
    return Unsupported("only a snapshot that appends can be picked, " + Text(snapshot.id) +
                       " is '" +
                       (operation == snapshot.summary.end() ? "?" : operation->second) + "'");
  }
  SnapshotChange change;
  change.operation = "append";
  change.summary[kSourceSnapshot] = Text(snapshot.id);
  DAYPART_TRY(const std::string list, context.store.Get(snapshot.manifest_list));
  auto manifests = iceberg::DecodeManifestList(list);
  if (!manifests) return std::move(manifests).error().WithContext(snapshot.manifest_list);
  std::optional<iceberg::SpecId> spec_id;
  for (const iceberg::ManifestFile& listed : *manifests) {
    if (listed.added_snapshot_id != snapshot.id || listed.added_files_count == 0) continue;
    DAYPART_TRY(auto decoded, ReadManifest(context, listed));
    if (spec_id && *spec_id != listed.spec_id) {
      return Unsupported("snapshot " + Text(snapshot.id) +
                         " added files of several partition specs, which cannot be picked");
    }
    spec_id = listed.spec_id;
    for (iceberg::ManifestEntry& entry : decoded.entries) {
      const bool is_added = entry.status == iceberg::EntryStatus::kAdded;
      if (!is_added || entry.snapshot_id != snapshot.id) continue;
      entry.file.first_row_id.reset();  // rows get ids of main's
      change.added.push_back(std::move(entry.file));
    }
  }
  change.added_spec_id = spec_id.value_or(metadata.default_spec_id);
  return change;
}

/// errors: kInvalidArgument if main has the snapshot, or a pick of it.
Status CheckNotPicked(const TableMetadata& metadata, SnapshotId id) {
  const auto* found =
      FindAncestor(metadata, metadata.current_snapshot_id, [&](const Snapshot& ancestor) {
        const auto source = ancestor.summary.find(kSourceSnapshot);
        return ancestor.id == id ||
               (source != ancestor.summary.end() && source->second == Text(id));
      });
  if (found == nullptr) return Ok();
  return InvalidArgument("main has the rows of snapshot " + Text(id) + " already, by snapshot " +
                         Text(found->id));
}

}  // namespace

Result<SnapshotId> FindSnapshotOrRef(const TableMetadata& metadata,
                                     const std::string& snapshot_or_ref) {
  const auto ref = metadata.refs.find(snapshot_or_ref);
  if (ref != metadata.refs.end()) return ref->second.snapshot_id;
  int64_t id = 0;
  const char* end = snapshot_or_ref.data() + snapshot_or_ref.size();
  const auto parsed = std::from_chars(snapshot_or_ref.data(), end, id);
  const bool is_id = parsed.ec == std::errc() && parsed.ptr == end;
  if (is_id && metadata.FindSnapshot(SnapshotId(id)) != nullptr) return SnapshotId(id);
  return NotFound("the table has no snapshot, branch or tag " + snapshot_or_ref +
                  "; see daypart snapshots");
}

Status ChangeRef(const LakeContext& context, const catalog::TableName& name,
                 const RefChange& change) {
  return CommitUpdates(context, name, [&](const TableMetadata& metadata) {
    return MakeRef(metadata, change);
  });
}

Status DropRef(const LakeContext& context, const catalog::TableName& name, const std::string& ref,
               RefKind kind, bool if_exists) {
  if (ref == iceberg::kMainBranch) return InvalidArgument("branch main cannot be dropped");
  return CommitUpdates(
      context, name, [&](const TableMetadata& metadata) -> Result<std::vector<TableUpdate>> {
        const auto known = metadata.refs.find(ref);
        if (known != metadata.refs.end() && known->second.kind == kind) {
          return std::vector<TableUpdate>{iceberg::RemoveSnapshotRef{ref}};
        }
        if (if_exists) return std::vector<TableUpdate>();
        return NotFound("the table has no " + Text(kind) + ' ' + ref);
      });
}

Result<MovedRef> RollBackToSnapshot(const LakeContext& context, const catalog::TableName& name,
                                    SnapshotId snapshot_id) {
  return MoveBranch(context, name, kMain,
                    [&](const TableMetadata& metadata) -> Result<SnapshotId> {
                      if (metadata.FindSnapshot(snapshot_id) == nullptr) {
                        return NoSnapshot(Text(snapshot_id));
                      }
                      if (is_ancestor(metadata, metadata.current_snapshot_id, snapshot_id)) {
                        return snapshot_id;
                      }
                      return InvalidArgument(
                          "snapshot " + Text(snapshot_id) +
                          " is no ancestor of the current one; to show it all the same: CALL "
                          "system.set_current_snapshot");
                    });
}

Result<MovedRef> RollBackToTime(const LakeContext& context, const catalog::TableName& name,
                                UtcMicros time) {
  return MoveBranch(context, name, kMain,
                    [&](const TableMetadata& metadata) -> Result<SnapshotId> {
                      const Snapshot* found = FindAncestor(
                          metadata, metadata.current_snapshot_id,
                          [&](const Snapshot& snapshot) { return snapshot.timestamp < time; });
                      if (found != nullptr) return found->id;
                      return NoSnapshot("from before that time in its history");
                    });
}

Result<MovedRef> SetCurrentSnapshot(const LakeContext& context, const catalog::TableName& name,
                                    const std::string& snapshot_or_ref) {
  return MoveBranch(context, name, kMain, [&](const TableMetadata& metadata) {
    return FindSnapshotOrRef(metadata, snapshot_or_ref);
  });
}

Result<MovedRef> FastForward(const LakeContext& context, const catalog::TableName& name,
                             const std::string& branch, const std::string& to) {
  return MoveBranch(
      context, name, branch, [&](const TableMetadata& metadata) -> Result<SnapshotId> {
        const auto target = metadata.refs.find(to);
        if (target == metadata.refs.end()) return NotFound("the table has no branch or tag " + to);
        const SnapshotId id = target->second.snapshot_id;
        const auto from = metadata.refs.find(branch);
        if (from == metadata.refs.end() || is_ancestor(metadata, id, from->second.snapshot_id)) {
          return id;
        }
        return InvalidArgument("branch " + branch + " has snapshots that " + to +
                               " lacks, so it cannot be moved on to it");
      });
}

Result<MovedRef> CherryPick(const LakeContext& context, const catalog::TableName& name,
                            SnapshotId snapshot_id) {
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  const Snapshot* snapshot = table.metadata.FindSnapshot(snapshot_id);
  if (snapshot == nullptr) return NoSnapshot(Text(snapshot_id));
  DAYPART_RETURN_IF_ERROR(CheckNotPicked(table.metadata, snapshot_id));
  DAYPART_TRY(SnapshotChange change, ChangeOf(context, table.metadata, *snapshot));
  change.check = [snapshot_id](const TableMetadata& now) {
    return CheckNotPicked(now, snapshot_id);
  };
  MovedRef moved;
  moved.previous = table.metadata.current_snapshot_id;
  // What comes straight after main needs no commit of its own.
  if (snapshot->parent_id == table.metadata.current_snapshot_id) {
    return MoveBranch(context, name, kMain,
                      [&](const TableMetadata& now) -> Result<SnapshotId> {
                        const Snapshot* picked = now.FindSnapshot(snapshot_id);
                        if (picked != nullptr && picked->parent_id == now.current_snapshot_id) {
                          return snapshot_id;
                        }
                        return Conflict("the table was changed by another writer meanwhile; run "
                                        "the statement again");
                      });
  }
  DAYPART_TRY(const CommitOutcome outcome, CommitSnapshot(context, name, change));
  moved.current = outcome.snapshot_id;
  return moved;
}

}  // namespace daypart::lake
