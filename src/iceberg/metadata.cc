// SPDX-License-Identifier: Apache-2.0
//
// Look-ups in table metadata, its first version, and the changes that make the next.
#include "iceberg/metadata.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>
#include <utility>

namespace daypart::iceberg {
namespace {

/// write.metadata.previous-versions-max of the reference.
constexpr size_t kMetadataLogMax = 100;
/// Stands for "the one that this list of updates just added", as in the REST catalog.
constexpr int32_t kLastAdded = -1;

template <typename Items, typename Id>
const typename Items::value_type* FindById(const Items& items, Id id) {
  const auto found =
      std::find_if(items.begin(), items.end(), [id](const auto& item) { return item.id == id; });
  return found == items.end() ? nullptr : &*found;
}

template <typename Items>
int32_t NextId(const Items& items) {
  int32_t next = 0;
  for (const auto& item : items) next = std::max(next, item.id.value() + 1);
  return next;
}

/// Whether two specs place rows alike, whatever their ids.
bool is_equivalent(const PartitionSpec& left, const PartitionSpec& right) {
  return std::equal(left.fields.begin(), left.fields.end(), right.fields.begin(),
                    right.fields.end(), [](const PartitionField& a, const PartitionField& b) {
                      return a.source_id == b.source_id && a.transform == b.transform &&
                             a.name == b.name;
                    });
}

Status CheckSpec(const PartitionSpec& spec, const Schema& schema) {
  for (const PartitionField& field : spec.fields) {
    if (field.transform.kind == TransformKind::kUnknown) {
      return Unsupported("partition field " + field.name + " has transform '" +
                         field.transform.unknown_name + "', which this version does not write");
    }
  }
  DAYPART_TRY(const auto types, PartitionTypes(spec, schema));
  (void)types;
  return Ok();
}

/// Types that only format v3 has.
Status CheckTypes(const std::vector<NestedField>& fields, int32_t format_version) {
  for (const NestedField& field : fields) {
    const TypeKind kind = field.type.kind;
    const bool is_new = kind == TypeKind::kTimestampNs || kind == TypeKind::kTimestamptzNs;
    if (is_new && format_version < 3) {
      return Unsupported("column " + field.name + " of type " + ToString(field.type) +
                         " needs a table of format version 3, this one has " +
                         std::to_string(format_version));
    }
    DAYPART_RETURN_IF_ERROR(CheckTypes(field.type.fields(), format_version));
  }
  return Ok();
}

/// Applies one update after the other to a copy of the base.
class Updater {
 public:
  Updater(TableMetadata metadata, UtcMicros now) : metadata_(std::move(metadata)), now_(now) {}

  Status operator()(const UpgradeFormatVersion& update) {
    if (update.format_version > kFormatVersionMax) {
      return Unsupported("format version " + std::to_string(update.format_version) +
                         " is not known to this version");
    }
    if (update.format_version < metadata_.format_version) {
      return InvalidArgument("format version " + std::to_string(metadata_.format_version) +
                             " cannot go back to " + std::to_string(update.format_version));
    }
    metadata_.format_version = update.format_version;
    return Ok();
  }

  Status operator()(const AddSchema& update) {
    for (const Schema& schema : metadata_.schemas) {
      if (schema.fields == update.schema.fields &&
          schema.identifier_field_ids == update.schema.identifier_field_ids) {
        last_schema_ = schema.id;  // the same schema is not stored twice
        return Ok();
      }
    }
    DAYPART_RETURN_IF_ERROR(CheckTypes(update.schema.fields, metadata_.format_version));
    Schema schema = update.schema;
    schema.id = SchemaId(NextId(metadata_.schemas));
    last_schema_ = schema.id;
    metadata_.last_column_id = std::max(metadata_.last_column_id, schema.highest_field_id());
    metadata_.schemas.push_back(std::move(schema));
    return Ok();
  }

  Status operator()(const SetCurrentSchema& update) {
    const SchemaId id = update.schema_id.value() == kLastAdded ? last_schema_ : update.schema_id;
    if (metadata_.FindSchema(id) == nullptr) {
      return InvalidArgument("there is no schema " + std::to_string(id.value()));
    }
    metadata_.current_schema_id = id;
    return Ok();
  }

  Status operator()(const AddPartitionSpec& update) {
    for (const PartitionSpec& spec : metadata_.partition_specs) {
      if (is_equivalent(spec, update.spec)) {
        last_spec_ = spec.id;
        return Ok();
      }
    }
    DAYPART_RETURN_IF_ERROR(CheckSpec(update.spec, metadata_.current_schema()));
    PartitionSpec spec = update.spec;
    spec.id = SpecId(NextId(metadata_.partition_specs));
    last_spec_ = spec.id;
    std::set<FieldId> used;
    for (PartitionField& field : spec.fields) {
      field.field_id = FieldIdFor(field, used);
      used.insert(field.field_id);
    }
    metadata_.partition_specs.push_back(std::move(spec));
    return Ok();
  }

  Status operator()(const SetDefaultSpec& update) {
    const SpecId id = update.spec_id.value() == kLastAdded ? last_spec_ : update.spec_id;
    if (metadata_.FindSpec(id) == nullptr) {
      return InvalidArgument("there is no partition spec " + std::to_string(id.value()));
    }
    metadata_.default_spec_id = id;
    return Ok();
  }

  Status operator()(const AddSortOrder& update) {
    for (const SortOrder& order : metadata_.sort_orders) {
      if (order.fields == update.order.fields) {
        last_order_ = order.id;
        return Ok();
      }
    }
    SortOrder order = update.order;
    // 0 is the unsorted order's, and no other's.
    order.id = SortOrderId(order.fields.empty() ? 0 : std::max(1, NextId(metadata_.sort_orders)));
    last_order_ = order.id;
    metadata_.sort_orders.push_back(std::move(order));
    return Ok();
  }

  Status operator()(const SetDefaultSortOrder& update) {
    const SortOrderId id = update.order_id.value() == kLastAdded ? last_order_ : update.order_id;
    if (metadata_.FindSortOrder(id) == nullptr) {
      return InvalidArgument("there is no sort order " + std::to_string(id.value()));
    }
    metadata_.default_sort_order_id = id;
    return Ok();
  }

  Status operator()(const AddSnapshot& update) {
    const Snapshot& snapshot = update.snapshot;
    if (metadata_.FindSnapshot(snapshot.id) != nullptr) {
      return InvalidArgument("snapshot " + std::to_string(snapshot.id.value()) +
                             " is there already");
    }
    if (metadata_.format_version > 1 && snapshot.parent_id &&
        snapshot.sequence_number <= metadata_.last_sequence_number) {
      return InvalidArgument(
          "a sequence number above " + std::to_string(metadata_.last_sequence_number.value()) +
          " is expected, found " + std::to_string(snapshot.sequence_number.value()));
    }
    metadata_.last_sequence_number =
        std::max(metadata_.last_sequence_number, snapshot.sequence_number);
    metadata_.snapshots.push_back(snapshot);
    if (snapshot.added_rows) metadata_.next_row_id += *snapshot.added_rows;
    return Ok();
  }

  Status operator()(const SetSnapshotRef& update) {
    if (metadata_.FindSnapshot(update.ref.snapshot_id) == nullptr) {
      return InvalidArgument("ref " + update.name + " is to name a snapshot of the table, " +
                             std::to_string(update.ref.snapshot_id.value()) + " is none");
    }
    metadata_.refs[update.name] = update.ref;
    if (update.name != kMainBranch) return Ok();
    if (metadata_.current_snapshot_id != update.ref.snapshot_id) {
      metadata_.snapshot_log.push_back({now_, update.ref.snapshot_id});
    }
    metadata_.current_snapshot_id = update.ref.snapshot_id;
    return Ok();
  }

  Status operator()(const RemoveSnapshots& update) {
    const std::unordered_set<SnapshotId> removed(update.snapshot_ids.begin(),
                                                 update.snapshot_ids.end());
    const auto is_removed = [&removed](SnapshotId id) { return removed.contains(id); };
    for (const auto& [name, ref] : metadata_.refs) {
      if (is_removed(ref.snapshot_id)) {
        return InvalidArgument("snapshot " + std::to_string(ref.snapshot_id.value()) +
                               " is named by ref " + name);
      }
    }
    erase_if(metadata_.snapshots, [&](const Snapshot& s) { return is_removed(s.id); });
    DropOf(update.snapshot_ids, metadata_.statistics_json);
    DropOf(update.snapshot_ids, metadata_.partition_statistics_json);
    // History before a removed snapshot no longer tells what was current when, so it goes too.
    auto& log = metadata_.snapshot_log;
    const auto last = std::find_if(log.rbegin(), log.rend(), [&](const SnapshotLogEntry& entry) {
      return is_removed(entry.snapshot_id);
    });
    log.erase(log.begin(), last.base());
    return Ok();
  }

  Status operator()(const RemoveSnapshotRef& update) {
    if (update.name == kMainBranch) metadata_.current_snapshot_id.reset();
    metadata_.refs.erase(update.name);
    return Ok();
  }

  Status operator()(const SetProperties& update) {
    for (const auto& [key, value] : update.updates) metadata_.properties[key] = value;
    return Ok();
  }

  Status operator()(const RemoveProperties& update) {
    for (const std::string& key : update.removals) metadata_.properties.erase(key);
    return Ok();
  }

  Status operator()(const SetStatistics& update) {
    if (metadata_.FindSnapshot(update.snapshot_id) == nullptr) {
      return InvalidArgument("statistics are to be of a snapshot of the table, " +
                             std::to_string(update.snapshot_id.value()) + " is none");
    }
    auto entry = nlohmann::json::parse(update.statistics_json, nullptr, false);
    if (!entry.is_object()) return InvalidArgument("a statistics entry is to be a JSON object");
    DropOf({update.snapshot_id}, metadata_.statistics_json);
    auto entries = nlohmann::json::parse(metadata_.statistics_json);
    entries.push_back(std::move(entry));
    metadata_.statistics_json = entries.dump();
    return Ok();
  }

  Status operator()(const RemoveStatistics& update) {
    DropOf({update.snapshot_id}, metadata_.statistics_json);
    return Ok();
  }

  Status operator()(const SetLocation& update) {
    metadata_.location = update.location;
    return Ok();
  }

  TableMetadata Finish(std::string_view previous_location, UtcMicros previous_updated) && {
    if (!previous_location.empty()) {
      metadata_.metadata_log.push_back({previous_updated, std::string(previous_location)});
      size_t kept = kMetadataLogMax;
      const std::string limit = metadata_.Property("write.metadata.previous-versions-max", "");
      (void)std::from_chars(limit.data(), limit.data() + limit.size(), kept);
      auto& log = metadata_.metadata_log;
      kept = std::max<size_t>(kept, 1);
      if (log.size() > kept) log.erase(log.begin(), log.end() - static_cast<ptrdiff_t>(kept));
    }
    metadata_.last_updated = std::max(now_, metadata_.last_updated);
    return std::move(metadata_);
  }

 private:
  /// Takes the entries of these snapshots out of a list of statistics files.
  static void DropOf(const std::vector<SnapshotId>& snapshots, std::string& statistics) {
    const auto entries = nlohmann::json::parse(statistics, nullptr, false);
    auto kept = nlohmann::json::array();
    for (const auto& entry : entries) {
      const auto found = entry.is_object() ? entry.find("snapshot-id") : entry.end();
      const bool has_id = found != entry.end() && found->is_number_integer();
      const SnapshotId id(has_id ? found->get<int64_t>() : -1);
      if (std::find(snapshots.begin(), snapshots.end(), id) == snapshots.end()) {
        kept.push_back(entry);
      }
    }
    statistics = kept.dump();
  }

  /// The id of an equal field of an earlier spec, else a fresh one: ids are reused, never recycled.
  /// A field that turned void (how format v1 drops one) stays the field that it was.
  FieldId FieldIdFor(const PartitionField& field, const std::set<FieldId>& used) {
    const bool is_void = field.transform.kind == TransformKind::kVoid;
    for (const PartitionSpec& spec : metadata_.partition_specs) {
      for (const PartitionField& known : spec.fields) {
        const bool is_same = known.source_id == field.source_id &&
                             (is_void ? known.field_id == field.field_id
                                      : known.transform == field.transform);
        if (is_same && !used.contains(known.field_id)) return known.field_id;
      }
    }
    metadata_.last_partition_id = FieldId(metadata_.last_partition_id.value() + 1);
    return metadata_.last_partition_id;
  }

  TableMetadata metadata_;
  UtcMicros now_;
  SchemaId last_schema_{kLastAdded};
  SpecId last_spec_{kLastAdded};
  SortOrderId last_order_{kLastAdded};
};

Error Failed(const std::string& what, const std::string& expected, const std::string& found) {
  return Conflict("Requirement failed: " + what + ": expected " + expected + ", found " + found);
}

template <typename Id>
Status CheckId(const char* what, Id expected, Id found) {
  if (expected == found) return Ok();
  return Failed(what, std::to_string(expected.value()), std::to_string(found.value()));
}

/// Checks one requirement against the table as it is.
struct RequirementCheck {
  const TableMetadata& metadata;

  Status operator()(const AssertTableUuid& required) const {
    if (required.uuid == metadata.table_uuid) return Ok();
    return Failed("UUID does not match", required.uuid, metadata.table_uuid);
  }
  Status operator()(const AssertRefSnapshotId& required) const {
    const auto text = [](const std::optional<SnapshotId>& id) {
      return id ? std::to_string(id->value()) : std::string("none");
    };
    const auto found = metadata.refs.find(required.ref);
    std::optional<SnapshotId> current;
    if (found != metadata.refs.end()) current = found->second.snapshot_id;
    if (current == required.snapshot_id) return Ok();
    return Failed("branch or tag " + required.ref + " has changed", text(required.snapshot_id),
                  text(current));
  }
  Status operator()(const AssertLastAssignedFieldId& required) const {
    return CheckId("last assigned field id changed", required.field_id, metadata.last_column_id);
  }
  Status operator()(const AssertCurrentSchemaId& required) const {
    return CheckId("current schema changed", required.schema_id, metadata.current_schema_id);
  }
  Status operator()(const AssertLastAssignedPartitionId& required) const {
    return CheckId("last assigned partition id changed", required.field_id,
                   metadata.last_partition_id);
  }
  Status operator()(const AssertDefaultSpecId& required) const {
    return CheckId("default partition spec changed", required.spec_id, metadata.default_spec_id);
  }
  Status operator()(const AssertDefaultSortOrderId& required) const {
    return CheckId("default sort order changed", required.order_id, metadata.default_sort_order_id);
  }
};

/// The source column's id in the table for a column named in the request.
Result<FieldId> Rebind(const Schema& requested, const Schema& assigned, FieldId source_id) {
  // Schemas made from files have no ids yet: the position tells then, else the full name.
  for (size_t i = 0; i < requested.fields.size(); ++i) {
    if (requested.fields[i].id == source_id) return assigned.fields[i].id;
  }
  if (requested.FindField(source_id) != nullptr) {
    return Unsupported("partitioning by a nested column is not written by this version");
  }
  return InvalidArgument("column id " + std::to_string(source_id.value()) +
                         " is not in the schema");
}

}  // namespace

const Schema& TableMetadata::current_schema() const { return *FindSchema(current_schema_id); }
const PartitionSpec& TableMetadata::default_spec() const { return *FindSpec(default_spec_id); }
const Schema* TableMetadata::FindSchema(SchemaId id) const { return FindById(schemas, id); }
const PartitionSpec* TableMetadata::FindSpec(SpecId id) const {
  return FindById(partition_specs, id);
}
const SortOrder* TableMetadata::FindSortOrder(SortOrderId id) const {
  return FindById(sort_orders, id);
}
const Snapshot* TableMetadata::FindSnapshot(SnapshotId id) const { return FindById(snapshots, id); }
const Snapshot* TableMetadata::current_snapshot() const {
  return current_snapshot_id ? FindSnapshot(*current_snapshot_id) : nullptr;
}

std::string TableMetadata::Property(std::string_view key, std::string_view fallback) const {
  const auto found = properties.find(std::string(key));
  return found == properties.end() ? std::string(fallback) : found->second;
}

Schema TableMetadata::SchemaForSpec(const PartitionSpec& spec) const {
  Schema schema = current_schema();
  for (const PartitionField& field : spec.fields) {
    if (schema.FindField(field.source_id) != nullptr) continue;
    for (auto older = schemas.rbegin(); older != schemas.rend(); ++older) {
      const NestedField* dropped = older->FindField(field.source_id);
      if (dropped == nullptr) continue;
      schema.fields.push_back(*dropped);
      break;
    }
  }
  return schema;
}

Result<DecodedManifest> DecodeManifestOf(const TableMetadata& table, std::string_view bytes,
                                         const ManifestFile& listed) {
  const PartitionSpec* spec = table.FindSpec(listed.spec_id);
  if (spec == nullptr) {
    return CorruptData("manifest " + listed.location + " is of partition spec " +
                       std::to_string(listed.spec_id.value()) + ", which the table does not have");
  }
  auto decoded = DecodeManifest(bytes, listed);
  if (!decoded) return std::move(decoded).error().WithContext(listed.location);
  decoded->header.spec = *spec;
  decoded->header.schema = table.SchemaForSpec(*spec);
  decoded->header.format_version = table.format_version;
  decoded->header.content = listed.content;
  // Where no schema has the column any more, the tuples stay as the manifest types them.
  const auto types = PartitionTypes(*spec, decoded->header.schema);
  if (!types) return decoded;
  for (ManifestEntry& entry : decoded->entries) PromoteTuple(entry.file.partition, *types);
  return decoded;
}

Result<TableMetadata> MakeTableMetadata(const NewTable& table, UtcMicros now) {
  if (table.format_version < 1 || table.format_version > kFormatVersionMax) {
    return Unsupported("tables are created in format version 1 to 3, not " +
                       std::to_string(table.format_version));
  }
  if (table.schema.fields.empty()) return InvalidArgument("a table needs at least one column");
  DAYPART_RETURN_IF_ERROR(CheckTypes(table.schema.fields, table.format_version));
  TableMetadata metadata;
  metadata.format_version = table.format_version;
  metadata.table_uuid = table.uuid;
  metadata.location = table.location;
  metadata.last_updated = now;
  metadata.properties = table.properties;
  // Unnumbered columns get their place as id, so that the spec's references hold by then.
  Schema schema = AssignFreshIds(table.schema);
  schema.id = SchemaId(0);
  metadata.last_column_id = schema.highest_field_id();
  PartitionSpec spec = table.spec;
  spec.id = SpecId(0);
  for (PartitionField& field : spec.fields) {
    DAYPART_TRY(field.source_id, Rebind(table.schema, schema, field.source_id));
    metadata.last_partition_id = FieldId(metadata.last_partition_id.value() + 1);
    field.field_id = metadata.last_partition_id;
  }
  DAYPART_RETURN_IF_ERROR(CheckSpec(spec, schema));
  SortOrder order = table.sort_order;
  for (SortField& field : order.fields) {
    DAYPART_TRY(field.source_id, Rebind(table.schema, schema, field.source_id));
  }
  order.id = SortOrderId(order.fields.empty() ? 0 : 1);
  metadata.default_sort_order_id = order.id;
  metadata.schemas.push_back(std::move(schema));
  metadata.partition_specs.push_back(std::move(spec));
  metadata.sort_orders.push_back(std::move(order));
  return metadata;
}

Result<TableMetadata> ApplyUpdates(const TableMetadata& base, std::span<const TableUpdate> updates,
                                   UtcMicros now, std::string_view previous_location) {
  Updater updater(base, now);
  for (const TableUpdate& update : updates) {
    DAYPART_RETURN_IF_ERROR(std::visit(updater, update));
  }
  return std::move(updater).Finish(previous_location, base.last_updated);
}

Status CheckRequirements(const TableMetadata& metadata,
                         std::span<const TableRequirement> required) {
  const RequirementCheck check{metadata};
  for (const TableRequirement& requirement : required) {
    DAYPART_RETURN_IF_ERROR(std::visit(check, requirement));
  }
  return Ok();
}

}  // namespace daypart::iceberg
