// SPDX-License-Identifier: Apache-2.0
//
// Avro schemas, put together as JSON.
#include "iceberg/manifest_schema.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "iceberg/avro.h"

namespace daypart::iceberg {
namespace {

using Json = nlohmann::json;

Json Field(const char* name, Json type, int32_t field_id) {
  return {{"name", name}, {"type", std::move(type)}, {"field-id", field_id}};
}

Json OptionalField(const char* name, Json type, int32_t field_id) {
  Json field = Field(name, Json::array({"null", std::move(type)}), field_id);
  field["default"] = nullptr;
  return field;
}

Json List(const char* item_type, int32_t element_id) {
  return {{"type", "array"}, {"items", item_type}, {"element-id", element_id}};
}

/// A map with int keys: an array of key-value records marked as a map.
Json IntKeyedMap(int32_t key_id, int32_t value_id, const char* value_type) {
  const std::string name = "k" + std::to_string(key_id) + "_v" + std::to_string(value_id);
  Json record{
      {"type", "record"},
      {"name", name},
      {"fields", Json::array({Field("key", "int", key_id), Field("value", value_type, value_id)})}};
  return {{"type", "array"}, {"logicalType", "map"}, {"items", std::move(record)}};
}

Json TimestampType(const char* logical_type, bool is_adjusted) {
  return {{"type", "long"}, {"logicalType", logical_type}, {"adjust-to-utc", is_adjusted}};
}

/// The Avro type of a partition value; `name` makes fixed types' names unique.
Json ValueType(const Type& type, const std::string& name) {
  switch (type.kind) {
    case TypeKind::kBoolean: return "boolean";
    case TypeKind::kInt: return "int";
    case TypeKind::kLong: return "long";
    case TypeKind::kFloat: return "float";
    case TypeKind::kDouble: return "double";
    case TypeKind::kString: return "string";
    case TypeKind::kBinary: return "bytes";
    case TypeKind::kDate: return {{"type", "int"}, {"logicalType", "date"}};
    case TypeKind::kTime: return {{"type", "long"}, {"logicalType", "time-micros"}};
    case TypeKind::kTimestamp: return TimestampType("timestamp-micros", false);
    case TypeKind::kTimestamptz: return TimestampType("timestamp-micros", true);
    case TypeKind::kTimestampNs: return TimestampType("timestamp-nanos", false);
    case TypeKind::kTimestamptzNs: return TimestampType("timestamp-nanos", true);
    case TypeKind::kUuid:
      return {{"type", "fixed"}, {"name", "uuid_" + name}, {"size", 16}, {"logicalType", "uuid"}};
    case TypeKind::kFixed:
      return {{"type", "fixed"}, {"name", "fixed_" + name}, {"size", type.length}};
    case TypeKind::kDecimal:
      return {{"type", "fixed"},
              {"name", "decimal_" + name},
              {"size", DecimalFixedBytes(type.precision)},
              {"logicalType", "decimal"},
              {"precision", type.precision},
              {"scale", type.scale}};
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: break;
  }
  return "null";
}

Result<Json> PartitionRecord(const PartitionSpec& spec, const Schema& schema) {
  DAYPART_TRY(const auto types, PartitionTypes(spec, schema));
  Json fields = Json::array();
  for (size_t i = 0; i < types.size(); ++i) {
    const PartitionField& field = spec.fields[i];
    const std::string name = SanitizeAvroName(field.name);
    Json json =
        OptionalField(name.c_str(), ValueType(types[i], std::to_string(field.field_id.value())),
                      field.field_id.value());
    if (name != field.name) json["iceberg-field-name"] = field.name;
    fields.push_back(std::move(json));
  }
  return Json{{"type", "record"}, {"name", "r102"}, {"fields", std::move(fields)}};
}

}  // namespace

size_t DecimalFixedBytes(int32_t precision) {
  // The fewest bytes whose signed range holds precision nines.
  unsigned __int128 largest = 1;
  for (int32_t digit = 0; digit < precision; ++digit) largest *= 10;
  size_t bytes = 1;
  while (bytes < 16 && (static_cast<unsigned __int128>(1) << (8 * bytes - 1)) < largest) ++bytes;
  return bytes;
}

Result<std::string> ManifestEntrySchema(const PartitionSpec& spec, const Schema& schema,
                                        int32_t format_version) {
  DAYPART_TRY(Json partition, PartitionRecord(spec, schema));
  const bool is_first = format_version == 1;
  Json file = Json::array();
  const auto add = [&file](std::initializer_list<Json> fields) {
    for (const Json& field : fields) file.push_back(field);
  };
  if (!is_first) add({Field("content", "int", 134)});
  add({
      Field("file_path", "string", 100),
      Field("file_format", "string", 101),
      Field("partition", std::move(partition), 102),
      Field("record_count", "long", 103),
      Field("file_size_in_bytes", "long", 104),
  });
  if (is_first) add({Field("block_size_in_bytes", "long", 105)});
  add({
      OptionalField("column_sizes", IntKeyedMap(117, 118, "long"), 108),
      OptionalField("value_counts", IntKeyedMap(119, 120, "long"), 109),
      OptionalField("null_value_counts", IntKeyedMap(121, 122, "long"), 110),
      OptionalField("nan_value_counts", IntKeyedMap(138, 139, "long"), 137),
      OptionalField("lower_bounds", IntKeyedMap(126, 127, "bytes"), 125),
      OptionalField("upper_bounds", IntKeyedMap(129, 130, "bytes"), 128),
      OptionalField("key_metadata", "bytes", 131),
      OptionalField("split_offsets", List("long", 133), 132),
  });
  if (!is_first) add({OptionalField("equality_ids", List("int", 136), 135)});
  add({OptionalField("sort_order_id", "int", 140)});
  if (format_version >= 3) add({OptionalField("first_row_id", "long", 142)});
  if (!is_first) add({OptionalField("referenced_data_file", "string", 143)});
  if (format_version >= 3) {
    add({OptionalField("content_offset", "long", 144),
         OptionalField("content_size_in_bytes", "long", 145)});
  }
  Json entry = Json::array({Field("status", "int", 0)});
  if (is_first) {
    entry.push_back(Field("snapshot_id", "long", 1));
  } else {
    entry.push_back(OptionalField("snapshot_id", "long", 1));
    entry.push_back(OptionalField("sequence_number", "long", 3));
    entry.push_back(OptionalField("file_sequence_number", "long", 4));
  }
  entry.push_back(
      Field("data_file", Json{{"type", "record"}, {"name", "r2"}, {"fields", std::move(file)}}, 2));
  return Json{{"type", "record"}, {"name", "manifest_entry"}, {"fields", std::move(entry)}}.dump();
}

std::string ManifestFileSchema(int32_t format_version) {
  Json summary{{"type", "record"},
               {"name", "r508"},
               {"fields", Json::array({Field("contains_null", "boolean", 509),
                                       OptionalField("contains_nan", "boolean", 518),
                                       OptionalField("lower_bound", "bytes", 510),
                                       OptionalField("upper_bound", "bytes", 511)})}};
  Json summaries{{"type", "array"}, {"items", std::move(summary)}, {"element-id", 508}};
  Json fields = Json::array({Field("manifest_path", "string", 500),
                             Field("manifest_length", "long", 501),
                             Field("partition_spec_id", "int", 502)});
  const auto add = [&fields](std::initializer_list<Json> more) {
    for (const Json& field : more) fields.push_back(field);
  };
  if (format_version > 1) {
    add({Field("content", "int", 517), Field("sequence_number", "long", 515),
         Field("min_sequence_number", "long", 516)});
  }
  add({
      Field("added_snapshot_id", "long", 503),
      Field("added_files_count", "int", 504),
      Field("existing_files_count", "int", 505),
      Field("deleted_files_count", "int", 506),
      Field("added_rows_count", "long", 512),
      Field("existing_rows_count", "long", 513),
      Field("deleted_rows_count", "long", 514),
      OptionalField("partitions", std::move(summaries), 507),
      OptionalField("key_metadata", "bytes", 519),
  });
  if (format_version >= 3) fields.push_back(OptionalField("first_row_id", "long", 520));
  return Json{{"type", "record"}, {"name", "manifest_file"}, {"fields", std::move(fields)}}.dump();
}

}  // namespace daypart::iceberg
