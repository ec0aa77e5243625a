// SPDX-License-Identifier: Apache-2.0
//
// Creating and loading tables, and the two writes that need no look at the rows already there.
#include "lake/table.h"

#include <utility>

#include "lake/added_files.h"
#include "lake/commit.h"
#include "lake/commit_upkeep.h"
#include "lake/table_cache.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;

/// Looks at a table whose metadata file is gone by the time it is read.
constexpr int kLoadsMax = 5;

Result<CommitResult> WriteAndCommit(const LakeContext& context, const catalog::TableName& name,
                                    source::BatchSource& rows, const WriteOptions& options,
                                    bool replaces_all) {
  DAYPART_TRY(const LoadedTable table, LoadBranch(context, name, options.branch));
  DAYPART_TRY(auto written, WriteDataFiles(context, table.metadata, rows, options, false));
  CommitResult result;
  SnapshotChange change;
  change.branch = table.branch;
  change.operation = replaces_all ? "overwrite" : "append";
  change.added_spec_id = table.metadata.default_spec_id;
  change.table_uuid = table.metadata.table_uuid;
  change.removes_all = replaces_all;
  change.check = options.check;
  const std::vector<std::string> locations = AddFiles(std::move(written), change, result);
  if (options.before_commit) {
    Status status = options.before_commit();
    if (!status) {
      RemoveUncommitted(context, locations);
      return std::move(status).error();
    }
  }
  change.summary = options.summary;
  change.properties = options.properties;
  const bool has_old_rows = replaces_all && table.metadata.current_snapshot() != nullptr;
  if (change.added.empty() && !has_old_rows && !options.commits_empty) return result;
  auto outcome = CommitSnapshot(context, name, change);
  if (!outcome) {
    if (outcome.error().code != ErrorCode::kCommitUnknown) RemoveUncommitted(context, locations);
    return std::move(outcome).error();
  }
  result.snapshot_id = outcome->snapshot_id;
  result.attempts = outcome->attempts;
  result.files_removed = outcome->files_removed;
  result.rows_deleted = outcome->rows_removed;
  return result;
}

/// Fills in table.metadata from its location. errors: kNotFound if the file is not there.
Status LoadMetadata(const LakeContext& context, LoadedTable& table) {
  if (context.cache != nullptr) {
    const auto known = context.cache->FindMetadata(table.metadata_location);
    if (known != nullptr) {
      table.metadata = *known;
      return Ok();
    }
  }
  DAYPART_TRY(const std::string json, context.store.Get(table.metadata_location));
  DAYPART_TRY(table.metadata, iceberg::ParseTableMetadata(json));
  if (context.cache != nullptr) {
    context.cache->Put(table.metadata_location,
                       std::make_shared<const iceberg::TableMetadata>(table.metadata),
                       static_cast<int64_t>(json.size()));
  }
  return Ok();
}

}  // namespace

Result<LoadedTable> LoadTable(const LakeContext& context, const catalog::TableName& name) {
  LoadedTable table;
  table.name = name;
  DAYPART_TRY(table.metadata_location, context.catalog.MetadataLocation(name));
  for (int attempt = 1;; ++attempt) {
    Status loaded = LoadMetadata(context, table);
    if (loaded) return table;
    const std::string what = "table " + ToString(name) + ", metadata " + table.metadata_location;
    if (loaded.error().code != ErrorCode::kNotFound) {
      return std::move(loaded).error().WithContext(what);
    }
    // Beside fast writers the file may have been followed by so many others that it is gone.
    DAYPART_TRY(std::string now, context.catalog.MetadataLocation(name));
    if (now == table.metadata_location || attempt == kLoadsMax) {
      return CorruptData(what + ": the catalog names this file, but it is not there");
    }
    table.metadata_location = std::move(now);
  }
}

Result<LoadedTable> LoadBranch(const LakeContext& context, const catalog::TableName& name,
                               const std::string& branch) {
  DAYPART_TRY(LoadedTable table, LoadTable(context, name));
  auto head = OnBranch(std::move(table.metadata), branch);
  if (!head) return std::move(head).error().WithContext("table " + ToString(name));
  table.metadata = std::move(head).value();
  table.branch = branch;
  return table;
}

Result<iceberg::TableMetadata> NewTableMetadata(const LakeContext& context,
                                                const catalog::TableName& name,
                                                const CreateOptions& options) {
  const std::string uuid = NewUuid(context.random);
  std::string location = context.warehouse + '/' + name.database + '/' + name.table;
  // A table that was renamed keeps its location, and one that was dropped its files: a new table of
  // the name gets a folder of its own.
  DAYPART_TRY(const auto taken, context.store.List(location + "/metadata/"));
  if (!taken.empty()) location += '-' + uuid.substr(0, uuid.find('-'));
  auto properties = options.properties;
  SetDefaultProperties(properties);
  return iceberg::MakeTableMetadata({.uuid = uuid,
                                     .location = std::move(location),
                                     .schema = options.schema,
                                     .spec = options.spec,
                                     .sort_order = options.sort_order,
                                     .properties = std::move(properties),
                                     .format_version = options.format_version},
                                    context.clock.Now());
}

Result<LoadedTable> CreateTable(const LakeContext& context, const catalog::TableName& name,
                                const CreateOptions& options) {
  LoadedTable table;
  table.name = name;
  DAYPART_TRY(table.metadata, NewTableMetadata(context, name, options));
  Status database = context.catalog.CreateDatabase(name.database, {});
  if (!database && database.error().code != ErrorCode::kAlreadyExists) {
    return std::move(database).error();
  }
  table.metadata_location = NextMetadataLocation(table.metadata, "", context.random);
  DAYPART_RETURN_IF_ERROR(context.store.Put(table.metadata_location,
                                            iceberg::SerializeTableMetadata(table.metadata),
                                            store::WriteMode::kIfAbsent));
  Status created = context.catalog.CreateTable(name, table.metadata_location);
  if (!created) {
    if (created.error().code != ErrorCode::kCommitUnknown) {
      (void)context.store.Delete(table.metadata_location);  // an orphan at worst
    }
    return std::move(created).error();
  }
  return table;
}

Result<CommitResult> Append(const LakeContext& context, const catalog::TableName& name,
                            source::BatchSource& rows, const WriteOptions& options) {
  return WriteAndCommit(context, name, rows, options, false);
}

Result<CommitResult> Overwrite(const LakeContext& context, const catalog::TableName& name,
                               source::BatchSource& rows, const WriteOptions& options) {
  return WriteAndCommit(context, name, rows, options, true);
}

}  // namespace daypart::lake
