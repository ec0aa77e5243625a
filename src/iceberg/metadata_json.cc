// SPDX-License-Identifier: Apache-2.0
//
// Table metadata <-> JSON. Source: Iceberg table spec, Appendix C; format v1's forms are read.
#include <nlohmann/json.hpp>
#include <utility>

#include "iceberg/gzip.h"
#include "iceberg/metadata.h"
#include "iceberg/metadata_lists.h"

namespace daypart::iceberg {
namespace {

using Json = nlohmann::json;

/// About what a snapshot takes with its log entry, for the text's first allocation.
constexpr size_t kSnapshotTextBytes = 1024;

/// Reads members of one JSON object; the first that is wrong is the error, with its path.
class ObjectReader {
 public:
  ObjectReader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  const Json& at(const char* key) const { return json_[key]; }
  std::string PathOf(const char* key) const { return path_ + '.' + key; }

  Result<int64_t> Integer(const char* key) const {
    if (!has(key)) return CorruptData(PathOf(key) + " is missing");
    if (!json_[key].is_number_integer()) return Wrong(key, "an integer");
    return json_[key].get<int64_t>();
  }
  Result<std::optional<int64_t>> OptionalInteger(const char* key) const {
    if (!has(key)) return std::optional<int64_t>();
    DAYPART_TRY(const int64_t value, Integer(key));
    return std::optional(value);
  }
  Result<std::string> String(const char* key) const {
    if (!has(key)) return CorruptData(PathOf(key) + " is missing");
    if (!json_[key].is_string()) return Wrong(key, "a string");
    return json_[key].get<std::string>();
  }
  Result<std::map<std::string, std::string>> Strings(const char* key) const {
    std::map<std::string, std::string> out;
    if (!has(key)) return out;
    if (!json_[key].is_object()) return Wrong(key, "an object of strings");
    for (const auto& [name, value] : json_[key].items()) {
      out[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return out;
  }
  /// Calls parse(item, path) for each item of a list; an absent list is an empty one.
  template <typename Parse>
  Status Each(const char* key, const Parse& parse) const {
    if (!has(key)) return Ok();
    if (!json_[key].is_array()) return Wrong(key, "a list");
    size_t index = 0;
    for (const Json& item : json_[key]) {
      const std::string path = PathOf(key) + '[' + std::to_string(index++) + ']';
      if (!item.is_object()) return CorruptData(path + " is to be an object");
      DAYPART_RETURN_IF_ERROR(parse(item, path));
    }
    return Ok();
  }
  Error Wrong(const char* key, const char* expected) const {
    return CorruptData(PathOf(key) + " is to be " + expected + ", found " +
                       json_[key].dump().substr(0, 80));
  }

 private:
  const Json& json_;
  std::string path_;
};

Result<SnapshotRef> ReadRef(const Json& json, const std::string& path) {
  const ObjectReader reader(json, path);
  SnapshotRef ref;
  DAYPART_TRY(const int64_t id, reader.Integer("snapshot-id"));
  ref.snapshot_id = SnapshotId(id);
  DAYPART_TRY(const std::string kind, reader.String("type"));
  ref.kind = kind == "tag" ? RefKind::kTag : RefKind::kBranch;
  DAYPART_TRY(const auto keep, reader.OptionalInteger("min-snapshots-to-keep"));
  if (keep) ref.min_snapshots_to_keep = static_cast<int32_t>(*keep);
  DAYPART_TRY(ref.max_snapshot_age_ms, reader.OptionalInteger("max-snapshot-age-ms"));
  DAYPART_TRY(ref.max_ref_age_ms, reader.OptionalInteger("max-ref-age-ms"));
  return ref;
}

Json WriteRef(const SnapshotRef& ref) {
  Json json{{"snapshot-id", ref.snapshot_id.value()},
            {"type", ref.kind == RefKind::kTag ? "tag" : "branch"}};
  if (ref.min_snapshots_to_keep) json["min-snapshots-to-keep"] = *ref.min_snapshots_to_keep;
  if (ref.max_snapshot_age_ms) json["max-snapshot-age-ms"] = *ref.max_snapshot_age_ms;
  if (ref.max_ref_age_ms) json["max-ref-age-ms"] = *ref.max_ref_age_ms;
  return json;
}

Status ReadSchemas(const ObjectReader& reader, TableMetadata& metadata) {
  DAYPART_RETURN_IF_ERROR(reader.Each("schemas", [&](const Json& item, const std::string& path) {
    auto schema = SchemaFromJson(item);
    if (!schema) return Status(std::move(schema).error().WithContext(path));
    metadata.schemas.push_back(std::move(schema).value());
    return Ok();
  }));
  if (!metadata.schemas.empty()) {
    DAYPART_TRY(const int64_t current, reader.Integer("current-schema-id"));
    metadata.current_schema_id = SchemaId(static_cast<int32_t>(current));
  } else {
    if (!reader.has("schema")) return CorruptData(reader.PathOf("schemas") + " is missing");
    DAYPART_TRY(auto schema, SchemaFromJson(reader.at("schema")));
    metadata.current_schema_id = schema.id;
    metadata.schemas.push_back(std::move(schema));
  }
  if (metadata.FindSchema(metadata.current_schema_id) == nullptr) {
    return CorruptData(reader.PathOf("current-schema-id") + " names no schema of the list: " +
                       std::to_string(metadata.current_schema_id.value()));
  }
  return Ok();
}

Status ReadSpecs(const ObjectReader& reader, TableMetadata& metadata) {
  DAYPART_RETURN_IF_ERROR(
      reader.Each("partition-specs", [&](const Json& item, const std::string& path) {
        auto spec = PartitionSpecFromJson(item);
        if (!spec) return Status(std::move(spec).error().WithContext(path));
        metadata.partition_specs.push_back(std::move(spec).value());
        return Ok();
      }));
  DAYPART_TRY(const auto default_id, reader.OptionalInteger("default-spec-id"));
  metadata.default_spec_id = SpecId(static_cast<int32_t>(default_id.value_or(0)));
  if (metadata.partition_specs.empty() && reader.has("partition-spec")) {
    DAYPART_TRY(auto spec, PartitionSpecFromJson(reader.at("partition-spec")));
    metadata.partition_specs.push_back(std::move(spec));
  }
  if (metadata.FindSpec(metadata.default_spec_id) == nullptr) {
    return CorruptData(reader.PathOf("default-spec-id") + " names no partition spec: " +
                       std::to_string(metadata.default_spec_id.value()));
  }
  int32_t highest = 999;
  for (const PartitionSpec& spec : metadata.partition_specs) {
    for (const auto& field : spec.fields) highest = std::max(highest, field.field_id.value());
  }
  DAYPART_TRY(const auto last, reader.OptionalInteger("last-partition-id"));
  metadata.last_partition_id = FieldId(static_cast<int32_t>(last.value_or(highest)));
  return Ok();
}

Status ReadSortOrders(const ObjectReader& reader, TableMetadata& metadata) {
  DAYPART_RETURN_IF_ERROR(
      reader.Each("sort-orders", [&](const Json& item, const std::string& path) {
        auto order = SortOrderFromJson(item);
        if (!order) return Status(std::move(order).error().WithContext(path));
        metadata.sort_orders.push_back(std::move(order).value());
        return Ok();
      }));
  if (metadata.sort_orders.empty())
    metadata.sort_orders.push_back({.id = SortOrderId(0), .fields = {}});
  DAYPART_TRY(const auto default_id, reader.OptionalInteger("default-sort-order-id"));
  metadata.default_sort_order_id = SortOrderId(static_cast<int32_t>(default_id.value_or(0)));
  return Ok();
}

/// The lists are in `metadata` already.
Status ReadRefs(const ObjectReader& reader, TableMetadata& metadata) {
  DAYPART_TRY(const auto current, reader.OptionalInteger("current-snapshot-id"));
  if (current && *current != -1) {  // -1 is how older writers say "none"
    metadata.current_snapshot_id = SnapshotId(*current);
    if (metadata.current_snapshot() == nullptr) {
      return CorruptData(reader.PathOf("current-snapshot-id") +
                         " names no snapshot of the list: " + std::to_string(*current));
    }
  }
  if (reader.has("refs")) {
    if (!reader.at("refs").is_object()) return reader.Wrong("refs", "an object");
    for (const auto& [name, item] : reader.at("refs").items()) {
      DAYPART_TRY(metadata.refs[name], ReadRef(item, reader.PathOf("refs") + '.' + name));
    }
  }
  // Format v1 without refs: main is the current snapshot.
  if (metadata.current_snapshot_id && !metadata.refs.contains(std::string(kMainBranch))) {
    SnapshotRef main;
    main.snapshot_id = *metadata.current_snapshot_id;
    metadata.refs[std::string(kMainBranch)] = main;
  }
  return Ok();
}

Status ReadHead(const ObjectReader& reader, TableMetadata& metadata) {
  DAYPART_TRY(const int64_t version, reader.Integer("format-version"));
  if (version < 1 || version > kFormatVersionMax) {
    return Unsupported("Iceberg format version 1 to " + std::to_string(kFormatVersionMax) +
                       " is expected, found " + std::to_string(version));
  }
  metadata.format_version = static_cast<int32_t>(version);
  if (version > 1 || reader.has("table-uuid")) {
    DAYPART_TRY(metadata.table_uuid, reader.String("table-uuid"));
  }
  DAYPART_TRY(metadata.location, reader.String("location"));
  DAYPART_TRY(const auto sequence, reader.OptionalInteger("last-sequence-number"));
  if (version > 1 && !sequence) {
    return CorruptData(reader.PathOf("last-sequence-number") + " is missing");
  }
  metadata.last_sequence_number = SequenceNumber(sequence.value_or(0));
  DAYPART_TRY(const int64_t updated, reader.Integer("last-updated-ms"));
  metadata.last_updated = FromMillis(updated);
  DAYPART_TRY(const int64_t last_column, reader.Integer("last-column-id"));
  metadata.last_column_id = FieldId(static_cast<int32_t>(last_column));
  DAYPART_TRY(metadata.properties, reader.Strings("properties"));
  DAYPART_TRY(const auto next_row_id, reader.OptionalInteger("next-row-id"));
  metadata.next_row_id = next_row_id.value_or(0);
  return Ok();
}

}  // namespace

Result<TableMetadata> ParseTableMetadata(std::string_view text) {
  std::string content;
  if (is_gzip(text)) {
    DAYPART_TRY(content, Gunzip(text));
    text = content;
  }
  DAYPART_TRY(SplitMetadata split, SplitMetadataJson(text));
  const Json json = Json::parse(split.head, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return CorruptData("the metadata file is no JSON");
  const ObjectReader reader(json, "metadata");
  TableMetadata metadata;
  DAYPART_RETURN_IF_ERROR(ReadHead(reader, metadata));
  DAYPART_RETURN_IF_ERROR(ReadSchemas(reader, metadata));
  DAYPART_RETURN_IF_ERROR(ReadSpecs(reader, metadata));
  DAYPART_RETURN_IF_ERROR(ReadSortOrders(reader, metadata));
  metadata.snapshots = std::move(split.snapshots);
  metadata.snapshot_log = std::move(split.snapshot_log);
  metadata.metadata_log = std::move(split.metadata_log);
  DAYPART_RETURN_IF_ERROR(ReadRefs(reader, metadata));
  if (reader.has("statistics")) metadata.statistics_json = json["statistics"].dump();
  if (reader.has("partition-statistics")) {
    metadata.partition_statistics_json = json["partition-statistics"].dump();
  }
  return metadata;
}

std::string SerializeTableMetadata(const TableMetadata& metadata) {
  Json json{{"format-version", metadata.format_version},
            {"table-uuid", metadata.table_uuid},
            {"location", metadata.location},
            {"last-updated-ms", ToMillis(metadata.last_updated)},
            {"last-column-id", metadata.last_column_id.value()},
            {"current-schema-id", metadata.current_schema_id.value()},
            {"default-spec-id", metadata.default_spec_id.value()},
            {"last-partition-id", metadata.last_partition_id.value()},
            {"default-sort-order-id", metadata.default_sort_order_id.value()},
            {"properties", metadata.properties}};
  if (metadata.format_version > 1) {
    json["last-sequence-number"] = metadata.last_sequence_number.value();
  } else {
    json["schema"] = ToJson(metadata.current_schema());
    json["partition-spec"] = ToJson(metadata.default_spec())["fields"];
  }
  if (metadata.format_version > 2) json["next-row-id"] = metadata.next_row_id;
  json["current-snapshot-id"] =
      metadata.current_snapshot_id ? metadata.current_snapshot_id->value() : -1;
  const auto list = [&json](const char* key) -> Json& { return json[key] = Json::array(); };
  for (Json& to = list("schemas"); const auto& schema : metadata.schemas)
    to.push_back(ToJson(schema));
  for (Json& to = list("partition-specs"); const auto& spec : metadata.partition_specs) {
    to.push_back(ToJson(spec));
  }
  for (Json& to = list("sort-orders"); const auto& order : metadata.sort_orders) {
    to.push_back(ToJson(order));
  }
  Json& refs = json["refs"] = Json::object();
  for (const auto& [name, ref] : metadata.refs) refs[name] = WriteRef(ref);
  json["statistics"] = Json::parse(metadata.statistics_json, nullptr, false);
  json["partition-statistics"] = Json::parse(metadata.partition_statistics_json, nullptr, false);
  std::string text = json.dump();
  text.pop_back();  // the object's brace, behind which the lists go
  text.reserve(text.size() + metadata.snapshots.size() * kSnapshotTextBytes);
  AppendMetadataLists(metadata, text);
  text += '}';
  return text;
}

}  // namespace daypart::iceberg
