// SPDX-License-Identifier: Apache-2.0
//
// Expiry and orphans: what stays is found first, what goes is the rest.
#include "lake/maintenance.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "lake/commit.h"
#include "lake/expired_files.h"
#include "lake/reachable_files.h"
#include "lake/snapshot_retention.h"
#include "lake/table_properties.h"

namespace daypart::lake {
namespace {

using iceberg::SnapshotId;
using iceberg::TableMetadata;

/// The locations that are not among the others, however these are written.
std::set<std::string> Without(const std::set<std::string>& locations,
                              const std::set<std::string>& others) {
  std::set<std::string> known;
  for (const std::string& other : others) known.insert(ComparableLocation(other));
  std::set<std::string> rest;
  for (const std::string& location : locations) {
    if (!known.contains(ComparableLocation(location))) rest.insert(location);
  }
  return rest;
}

int64_t BytesOf(const LakeContext& context, const std::vector<std::string>& files) {
  int64_t bytes = 0;
  for (const std::string& file : files) {
    const auto info = context.store.Head(file);
    if (info) bytes += static_cast<int64_t>(info->bytes);
  }
  return bytes;
}

/// What earlier commits left to be deleted. To the expiry that asks it is no matter of success:
/// that is committed by then.
Result<ExpiredFilesReport> DeleteWaitingFiles(const LakeContext& context,
                                              const catalog::TableName& name) {
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  return DeleteExpiredFiles(context, table.metadata);
}

Status CheckGarbage(const catalog::TableName& name, const TableMetadata& metadata) {
  if (may_collect_garbage(metadata)) return Ok();
  return InvalidArgument("table " + ToString(name) +
                         " has gc.enabled=false: others may use its files; set it to true if none "
                         "does");
}

bool is_below(std::string_view location, std::string_view folder) {
  return location.size() > folder.size() && location.starts_with(folder) &&
         location[folder.size()] == '/';
}

/// What below a table's location belongs to other tables. A renamed table keeps its location, which
/// a new table of the old name may share, and a table may be made inside of another's folder.
struct OthersFiles {
  std::set<std::string> files;
  std::vector<std::string> folders;  // comparable; all of what is there is theirs

  bool Has(const std::string& location) const {
    const std::string comparable = ComparableLocation(location);
    return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
      return is_below(comparable, folder);
    });
  }
};

/// errors: those of reading another table, since what it needs has to be known.
Result<OthersFiles> FilesOfOthers(const LakeContext& context, const LoadedTable& of) {
  const std::string folder = ComparableLocation(of.metadata.location);
  OthersFiles others;
  DAYPART_TRY(const auto databases, context.catalog.ListDatabases());
  for (const std::string& database : databases) {
    DAYPART_TRY(const auto names, context.catalog.ListTables(database));
    for (const auto& name : names) {
      if (name == of.name) continue;
      DAYPART_RETURN_IF_ERROR(context.cancel.Check());
      auto other = LoadTable(context, name);
      if (!other) {
        return std::move(other).error().WithContext(
            "which files table " + ToString(name) + " needs must be known before others go");
      }
      std::string location = ComparableLocation(other->metadata.location);
      if (is_below(location, folder)) others.folders.push_back(std::move(location));
      std::vector<SnapshotId> all;
      for (const auto& snapshot : other->metadata.snapshots) all.push_back(snapshot.id);
      DAYPART_TRY(auto own, ReachableFiles(context, *other, all));
      own.merge(MetadataFiles(*other));
      for (const std::string& file : own) {
        if (is_below(ComparableLocation(file), folder)) others.files.insert(file);
      }
    }
  }
  return others;
}

}  // namespace

Result<ExpireReport> ExpireSnapshots(const LakeContext& context, const catalog::TableName& name,
                                     const ExpireOptions& options) {
  ExpireReport report;
  const auto plan =
      [&](const TableMetadata& metadata) -> Result<std::vector<iceberg::TableUpdate>> {
    report = {};
    DAYPART_RETURN_IF_ERROR(CheckGarbage(name, metadata));
    std::vector<iceberg::TableUpdate> updates;
    TableMetadata without_refs = metadata;
    DAYPART_TRY(report.refs, RefsToDrop(metadata, context.clock.Now()));
    for (const std::string& ref : report.refs) {
      updates.emplace_back(iceberg::RemoveSnapshotRef{ref});
      without_refs.refs.erase(ref);
    }
    DAYPART_TRY(const auto kept,
                SnapshotsToKeep(without_refs, context.clock.Now(),
                                {.age_max = options.age_max,
                                 .snapshots_min = options.snapshots_min}));
    std::vector<SnapshotId> retained;
    for (const auto& snapshot : metadata.snapshots) {
      (kept.contains(snapshot.id) ? retained : report.snapshots).push_back(snapshot.id);
    }
    if (report.snapshots.empty()) return updates;
    const LoadedTable table{.name = name, .metadata_location = "", .metadata = metadata};
    DAYPART_TRY(report.files, FilesOnlyOf(context, table, report.snapshots, retained));
    updates.emplace_back(iceberg::RemoveSnapshots{report.snapshots});
    return updates;
  };
  if (options.dry_run) {
    DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
    DAYPART_TRY(const auto updates, plan(table.metadata));
    (void)updates;
    report.bytes = BytesOf(context, report.files);
    return report;
  }
  DAYPART_RETURN_IF_ERROR(CommitUpdates(context, name, plan));
  report.bytes = BytesOf(context, report.files);
  // The commit is certain here: nothing that a reader can load names these files any more.
  report.files_failed = DeleteFiles(context, report.files);
  const auto waiting = DeleteWaitingFiles(context, name);
  if (waiting) {
    report.files_failed += waiting->files_failed;
    report.files_of_commits = waiting->files_deleted;
  } else {
    Log(LogLevel::kWarning, ToString(name) + ": files that earlier commits left stay for the " +
                                "next expiry: " + waiting.error().message);
  }
  return report;
}

Result<OrphanReport> RemoveOrphans(const LakeContext& context, const catalog::TableName& name,
                                   const OrphanOptions& options) {
  // Listed before the table is loaded: what a commit adds in between is then in the metadata.
  DAYPART_TRY(const LoadedTable before, LoadTable(context, name));
  DAYPART_RETURN_IF_ERROR(CheckGarbage(name, before.metadata));
  DAYPART_TRY(const auto objects, context.store.List(before.metadata.location + '/'));
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  if (table.metadata.location != before.metadata.location) {
    return Conflict("table " + ToString(name) + " was moved meanwhile; run it again");
  }
  std::vector<SnapshotId> all;
  for (const auto& snapshot : table.metadata.snapshots) all.push_back(snapshot.id);
  DAYPART_TRY(auto referred, ReachableFiles(context, table, all));
  referred.merge(MetadataFiles(table));
  DAYPART_TRY(auto others, FilesOfOthers(context, table));
  referred.merge(others.files);
  const int64_t youngest =
      context.clock.Now().value() -
      std::chrono::duration_cast<std::chrono::microseconds>(options.age_min).count();
  OrphanReport report;
  std::set<std::string> old;
  std::map<std::string, int64_t> bytes;
  for (const auto& object : objects) {
    if (object.modified.value() > youngest || others.Has(object.location)) continue;
    old.insert(object.location);
    bytes[object.location] = static_cast<int64_t>(object.bytes);
  }
  for (const std::string& location : Without(old, referred)) {
    report.files.push_back(location);
    report.bytes += bytes.at(location);
  }
  if (!options.dry_run) report.files_failed = DeleteFiles(context, report.files);
  return report;
}

}  // namespace daypart::lake
