// SPDX-License-Identifier: Apache-2.0
//
// Updates of metadata, and the two ends of a table's life.
#include "lake/evolve.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "lake/added_files.h"
#include "lake/commit.h"
#include "lake/reachable_files.h"
#include "lake/snapshot_builder.h"
#include "lake/table_properties.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

using iceberg::TableMetadata;
using iceberg::TableUpdate;

constexpr char kFormatVersion[] = "format-version";
/// What the reference keeps for itself; a property of that name would be taken for the truth.
constexpr std::array<std::string_view, 8> kReservedProperties = {
    "uuid",
    "snapshot-count",
    "current-snapshot-summary",
    "current-snapshot-id",
    "current-snapshot-timestamp-ms",
    "current-schema",
    "default-partition-spec",
    "default-sort-order"};
/// Stands for "the one just added" in updates.
constexpr int32_t kLastAdded = -1;

Status CheckNotReserved(const std::string& key) {
  const auto found = std::find(kReservedProperties.begin(), kReservedProperties.end(), key);
  if (found == kReservedProperties.end()) return Ok();
  return InvalidArgument("property " + key + " is told by the table's metadata and cannot be set");
}

Result<int32_t> ParseFormatVersion(const std::string& text) {
  int32_t version = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, version);
  if (parsed.ec == std::errc() && parsed.ptr == end) return version;
  return InvalidArgument("property format-version: 1, 2 or 3 is expected, found '" + text + "'");
}

}  // namespace

Status EvolveSchema(
    const LakeContext& context, const catalog::TableName& name,
    const std::function<Status(iceberg::SchemaUpdate&, const TableMetadata&)>& edit) {
  return CommitUpdates(
      context, name, [&](const TableMetadata& metadata) -> Result<std::vector<TableUpdate>> {
        iceberg::SchemaUpdate update(metadata);
        DAYPART_RETURN_IF_ERROR(edit(update, metadata));
        if (update.schema() == metadata.current_schema()) return std::vector<TableUpdate>();
        return std::vector<TableUpdate>{
            iceberg::AddSchema{update.schema()},
            iceberg::SetCurrentSchema{iceberg::SchemaId(kLastAdded)}};
      });
}

Status EvolveSpec(const LakeContext& context, const catalog::TableName& name,
                  const std::function<Status(iceberg::SpecUpdate&)>& edit) {
  return CommitUpdates(
      context, name, [&](const TableMetadata& metadata) -> Result<std::vector<TableUpdate>> {
        iceberg::SpecUpdate update(metadata);
        DAYPART_RETURN_IF_ERROR(edit(update));
        if (update.spec() == metadata.default_spec()) return std::vector<TableUpdate>();
        return std::vector<TableUpdate>{
            iceberg::AddPartitionSpec{update.spec()},
            iceberg::SetDefaultSpec{iceberg::SpecId(kLastAdded)}};
      });
}

Status SetWriteOrder(const LakeContext& context, const catalog::TableName& name,
                     const std::string& order) {
  return CommitUpdates(
      context, name, [&](const TableMetadata& metadata) -> Result<std::vector<TableUpdate>> {
        DAYPART_TRY(const auto parsed, iceberg::ParseSortOrder(order, metadata.current_schema()));
        return std::vector<TableUpdate>{
            iceberg::AddSortOrder{parsed},
            iceberg::SetDefaultSortOrder{iceberg::SortOrderId(kLastAdded)}};
      });
}

Status ChangeProperties(const LakeContext& context, const catalog::TableName& name,
                        const std::map<std::string, std::string>& set,
                        const std::vector<std::string>& unset) {
  for (const auto& [key, value] : set) DAYPART_RETURN_IF_ERROR(CheckNotReserved(key));
  for (const std::string& key : unset) DAYPART_RETURN_IF_ERROR(CheckNotReserved(key));
  return CommitUpdates(
      context, name, [&](const TableMetadata& metadata) -> Result<std::vector<TableUpdate>> {
        std::vector<TableUpdate> updates;
        auto properties = set;
        if (const auto version = properties.find(kFormatVersion); version != properties.end()) {
          DAYPART_TRY(const int32_t number, ParseFormatVersion(version->second));
          if (number != metadata.format_version) {
            updates.emplace_back(iceberg::UpgradeFormatVersion{number});
          }
          properties.erase(version);
        }
        if (!properties.empty()) updates.emplace_back(iceberg::SetProperties{properties});
        if (!unset.empty()) updates.emplace_back(iceberg::RemoveProperties{unset});
        return updates;
      });
}

namespace {

/// Metadata of the new table with the snapshot of its first rows, if there are any.
Result<TableMetadata> WithRows(const TableMetadata& empty,
                               const SnapshotChange& change, iceberg::SnapshotId snapshot_id,
                               SnapshotBuilder& builder) {
  if (change.added.empty()) return empty;
  DAYPART_TRY(const BuiltSnapshot built, builder.Build(empty));
  iceberg::SnapshotRef main;
  main.snapshot_id = snapshot_id;
  const std::vector<TableUpdate> updates = {
      iceberg::AddSnapshot{built.snapshot},
      iceberg::SetSnapshotRef{std::string(iceberg::kMainBranch), main}};
  return iceberg::ApplyUpdates(empty, updates, built.snapshot.timestamp, "");
}

Status Register(const LakeContext& context, const catalog::TableName& name,
                const TableMetadata& metadata) {
  Status database = context.catalog.CreateDatabase(name.database, {});
  if (!database && database.error().code != ErrorCode::kAlreadyExists) return database;
  const std::string location = NextMetadataLocation(metadata, "", context.random);
  DAYPART_RETURN_IF_ERROR(context.store.Put(location, iceberg::SerializeTableMetadata(metadata),
                                            store::WriteMode::kIfAbsent));
  Status created = context.catalog.CreateTable(name, location);
  if (!created && created.error().code != ErrorCode::kCommitUnknown) {
    (void)context.store.Delete(location);  // an orphan at worst
  }
  return created;
}

}  // namespace

Result<CommitResult> CreateTableWithRows(const LakeContext& context, const catalog::TableName& name,
                                         const CreateOptions& options, source::BatchSource& rows,
                                         const WriteOptions& write) {
  if (context.catalog.MetadataLocation(name)) {
    return AlreadyExists("table " + ToString(name) + " is there already");
  }
  DAYPART_TRY(const TableMetadata metadata, NewTableMetadata(context, name, options));
  DAYPART_TRY(auto written, WriteDataFiles(context, metadata, rows, write, false));
  CommitResult result;
  SnapshotChange change;
  change.operation = "append";
  change.added_spec_id = metadata.default_spec_id;
  change.summary = write.summary;
  const std::vector<std::string> locations = AddFiles(std::move(written), change, result);
  const iceberg::SnapshotId snapshot_id(
      static_cast<int64_t>(context.random.Next() & 0x7FFF'FFFF'FFFF'FFFFULL));
  SnapshotBuilder builder(context, change, snapshot_id);
  auto whole = WithRows(metadata, change, snapshot_id, builder);
  Status status = whole ? Register(context, name, *whole) : Status(whole.error());
  if (!status) {
    if (status.error().code != ErrorCode::kCommitUnknown) {
      builder.DiscardAll();
      RemoveUncommitted(context, locations);
    }
    return std::move(status).error();
  }
  if (!change.added.empty()) result.snapshot_id = snapshot_id;
  return result;
}

Status DropTable(const LakeContext& context, const catalog::TableName& name, bool purges) {
  if (!purges) return context.catalog.DropTable(name);
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  if (!may_collect_garbage(table.metadata)) {
    return InvalidArgument("table " + ToString(name) +
                           " has gc.enabled=false: others may use its files; drop it without " +
                           "PURGE");
  }
  std::vector<iceberg::SnapshotId> snapshots;
  for (const auto& snapshot : table.metadata.snapshots) snapshots.push_back(snapshot.id);
  DAYPART_TRY(const auto files, ReachableFiles(context, table, snapshots));
  const auto metadata_files = MetadataFiles(table);
  DAYPART_RETURN_IF_ERROR(context.catalog.DropTable(name));
  for (const std::string& location : files) (void)context.store.Delete(location);
  for (const std::string& location : metadata_files) (void)context.store.Delete(location);
  return Ok();
}

}  // namespace daypart::lake
