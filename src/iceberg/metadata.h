// SPDX-License-Identifier: Apache-2.0
//
// Table metadata: the JSON file that a catalog points to, and the changes that make the next one.
// Source: Iceberg table spec, "Table Metadata", "Snapshots", Appendix C; the update and requirement
// names are those of the REST catalog's CommitTableRequest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "iceberg/ids.h"
#include "iceberg/manifest.h"
#include "iceberg/partition.h"
#include "iceberg/snapshot.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

enum class RefKind { kBranch, kTag };

struct SnapshotRef {
  SnapshotId snapshot_id;
  RefKind kind = RefKind::kBranch;
  std::optional<int32_t> min_snapshots_to_keep;
  std::optional<int64_t> max_snapshot_age_ms;
  std::optional<int64_t> max_ref_age_ms;
};

struct SnapshotLogEntry {
  UtcMicros timestamp;
  SnapshotId snapshot_id;
};

struct MetadataLogEntry {
  UtcMicros timestamp;
  std::string metadata_location;
};

inline constexpr std::string_view kMainBranch = "main";
/// The highest format version read and written.
inline constexpr int32_t kFormatVersionMax = 3;

struct TableMetadata {
  int32_t format_version = 2;
  std::string table_uuid;
  std::string location;
  SequenceNumber last_sequence_number;
  UtcMicros last_updated;
  FieldId last_column_id;
  SchemaId current_schema_id;
  std::vector<Schema> schemas;
  SpecId default_spec_id;
  std::vector<PartitionSpec> partition_specs;
  FieldId last_partition_id{999};
  SortOrderId default_sort_order_id;
  std::vector<SortOrder> sort_orders;
  std::map<std::string, std::string> properties;
  std::optional<SnapshotId> current_snapshot_id;
  SnapshotList snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::map<std::string, SnapshotRef> refs;
  int64_t next_row_id = 0;  // v3
  /// JSON text of "statistics" and "partition-statistics", kept as they came.
  std::string statistics_json = "[]";
  std::string partition_statistics_json = "[]";

  const Schema& current_schema() const;
  const PartitionSpec& default_spec() const;
  /// Null where there is none.
  const Schema* FindSchema(SchemaId id) const;
  const PartitionSpec* FindSpec(SpecId id) const;
  const SortOrder* FindSortOrder(SortOrderId id) const;
  const Snapshot* FindSnapshot(SnapshotId id) const;
  const Snapshot* current_snapshot() const;
  /// The current schema; with it, from older ones, the columns that were dropped since but that the
  /// spec is of, so that files of an old spec can still be told apart.
  Schema SchemaForSpec(const PartitionSpec& spec) const;
  /// The property's value, or `fallback`.
  std::string Property(std::string_view key, std::string_view fallback) const;
};

struct NewTable {
  std::string uuid;
  std::string location;
  Schema schema;       // ids are assigned afresh
  PartitionSpec spec;  // source ids refer to `schema` as given; re-bound by name
  SortOrder sort_order;
  std::map<std::string, std::string> properties;
  int32_t format_version = 2;
};

/// The first metadata of a table. errors: kInvalidArgument if parts contradict each other.
Result<TableMetadata> MakeTableMetadata(const NewTable& table, UtcMicros now);

/// json: plain or compressed by gzip.
/// errors: kCorruptData with the JSON path of what is wrong; kUnsupported for a higher format
/// version.
Result<TableMetadata> ParseTableMetadata(std::string_view json);
std::string SerializeTableMetadata(const TableMetadata& metadata);

/// A manifest of the table as the table is now: header of its spec, schema and format version,
/// partition values of the types that their columns have by now. errors: those of DecodeManifest;
///   kCorruptData if the table has no such spec.
Result<DecodedManifest> DecodeManifestOf(const TableMetadata& table, std::string_view bytes,
                                         const ManifestFile& listed);

// ---- changes, named as in the REST catalog ----
struct UpgradeFormatVersion {
  int32_t format_version;
};
struct AddSchema {
  Schema schema;
};
struct SetCurrentSchema {
  SchemaId schema_id;
};  // -1: the one just added
struct AddPartitionSpec {
  PartitionSpec spec;
};
struct SetDefaultSpec {
  SpecId spec_id;
};  // -1: the one just added
struct AddSortOrder {
  SortOrder order;
};
struct SetDefaultSortOrder {
  SortOrderId order_id;
};  // -1: the one just added
struct AddSnapshot {
  Snapshot snapshot;
};
struct SetSnapshotRef {
  std::string name;
  SnapshotRef ref;
};
struct RemoveSnapshots {
  std::vector<SnapshotId> snapshot_ids;
};
struct RemoveSnapshotRef {
  std::string name;
};
struct SetProperties {
  std::map<std::string, std::string> updates;
};
struct RemoveProperties {
  std::vector<std::string> removals;
};
struct SetLocation {
  std::string location;
};
/// statistics_json: one entry of the metadata's "statistics"; takes the place of the snapshot's.
struct SetStatistics {
  SnapshotId snapshot_id;
  std::string statistics_json;
};
struct RemoveStatistics {
  SnapshotId snapshot_id;
};
using TableUpdate =
    std::variant<UpgradeFormatVersion, AddSchema, SetCurrentSchema, AddPartitionSpec,
                 SetDefaultSpec, AddSortOrder, SetDefaultSortOrder, AddSnapshot, SetSnapshotRef,
                 RemoveSnapshots, RemoveSnapshotRef, SetProperties, RemoveProperties, SetLocation,
                 SetStatistics, RemoveStatistics>;

/// The metadata after the changes, in order; `base` stays as it is. Keeps the invariants of the
/// spec: last ids grow, main equals the current snapshot, snapshot log follows main, sequence
/// numbers rise. previous_location: where `base` is stored; goes to the metadata log, which keeps
/// the last
///   write.metadata.previous-versions-max (100) entries. Empty: nothing is logged.
Result<TableMetadata> ApplyUpdates(const TableMetadata& base, std::span<const TableUpdate> updates,
                                   UtcMicros now, std::string_view previous_location);

// ---- requirements, named as in the REST catalog ----
struct AssertTableUuid {
  std::string uuid;
};
struct AssertRefSnapshotId {
  std::string ref;
  std::optional<SnapshotId> snapshot_id;
};
struct AssertLastAssignedFieldId {
  FieldId field_id;
};
struct AssertCurrentSchemaId {
  SchemaId schema_id;
};
struct AssertLastAssignedPartitionId {
  FieldId field_id;
};
struct AssertDefaultSpecId {
  SpecId spec_id;
};
struct AssertDefaultSortOrderId {
  SortOrderId order_id;
};
using TableRequirement =
    std::variant<AssertTableUuid, AssertRefSnapshotId, AssertLastAssignedFieldId,
                 AssertCurrentSchemaId, AssertLastAssignedPartitionId, AssertDefaultSpecId,
                 AssertDefaultSortOrderId>;

/// kConflict, in the words of the REST conformance kit, for the first requirement that fails.
Status CheckRequirements(const TableMetadata& metadata, std::span<const TableRequirement> required);

}  // namespace daypart::iceberg
