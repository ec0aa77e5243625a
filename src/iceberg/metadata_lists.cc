// SPDX-License-Identifier: Apache-2.0
//
// Snapshots and logs, in with simdjson, out by appending.
#include "iceberg/metadata_lists.h"

#include <simdjson.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

namespace daypart::iceberg {
namespace {

namespace dom = simdjson::dom;

/// One object of a list; the path is put together only where something is wrong with it.
struct Item {
  dom::object object;
  const char* list;
  size_t index;

  std::string PathOf(std::string_view key) const {
    return std::string("metadata.") + list + '[' + std::to_string(index) + "]." + std::string(key);
  }
  /// Null and absent are the same.
  bool Find(std::string_view key, dom::element& value) const {
    return object[key].get(value) == simdjson::SUCCESS && !value.is_null();
  }
  Error Wrong(std::string_view key, const char* expected, dom::element value) const {
    return CorruptData(PathOf(key) + " is to be " + expected + ", found " +
                       simdjson::minify(value).substr(0, 80));
  }

  Result<std::optional<int64_t>> OptionalInteger(std::string_view key) const {
    dom::element value;
    if (!Find(key, value)) return std::optional<int64_t>();
    int64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS) return Wrong(key, "an integer", value);
    return std::optional(number);
  }
  Result<int64_t> Integer(std::string_view key) const {
    DAYPART_TRY(const auto number, OptionalInteger(key));
    if (!number) return CorruptData(PathOf(key) + " is missing");
    return *number;
  }
  Result<std::string> String(std::string_view key) const {
    dom::element value;
    if (!Find(key, value)) return CorruptData(PathOf(key) + " is missing");
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return Wrong(key, "a string", value);
    return std::string(text);
  }
};

Result<std::map<std::string, std::string>> ReadStrings(const Item& item, const char* key) {
  std::map<std::string, std::string> strings;
  dom::element value;
  if (!item.Find(key, value)) return strings;
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return item.Wrong(key, "an object of strings", value);
  }
  for (const auto [name, text] : object) {
    std::string_view view;
    std::string word =
        text.get(view) == simdjson::SUCCESS ? std::string(view) : simdjson::minify(text);
    strings.insert_or_assign(std::string(name), std::move(word));
  }
  return strings;
}

Result<Snapshot> ReadSnapshot(const Item& item) {
  Snapshot snapshot;
  DAYPART_TRY(const int64_t id, item.Integer("snapshot-id"));
  snapshot.id = SnapshotId(id);
  DAYPART_TRY(const auto parent, item.OptionalInteger("parent-snapshot-id"));
  if (parent) snapshot.parent_id = SnapshotId(*parent);
  DAYPART_TRY(const auto sequence, item.OptionalInteger("sequence-number"));
  snapshot.sequence_number = SequenceNumber(sequence.value_or(0));
  DAYPART_TRY(const int64_t millis, item.Integer("timestamp-ms"));
  snapshot.timestamp = FromMillis(millis);
  dom::element list;
  if (!item.Find("manifest-list", list)) {
    return Unsupported("metadata.snapshots[" + std::to_string(item.index) +
                       "] lists its manifests in the metadata file (an early form of format "
                       "v1); rewrite the table with the program that made it");
  }
  DAYPART_TRY(snapshot.manifest_list, item.String("manifest-list"));
  DAYPART_TRY(snapshot.summary, ReadStrings(item, "summary"));
  DAYPART_TRY(const auto schema_id, item.OptionalInteger("schema-id"));
  if (schema_id) snapshot.schema_id = SchemaId(static_cast<int32_t>(*schema_id));
  DAYPART_TRY(snapshot.first_row_id, item.OptionalInteger("first-row-id"));
  DAYPART_TRY(snapshot.added_rows, item.OptionalInteger("added-rows"));
  return snapshot;
}

/// Calls read(Item) for each object of the list; an absent list is an empty one.
template <typename Read>
Status ReadList(dom::object metadata, const char* key, const Read& read) {
  dom::element value;
  if (metadata[key].get(value) != simdjson::SUCCESS || value.is_null()) return Ok();
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return CorruptData(std::string("metadata.") + key + " is to be a list, found " +
                       simdjson::minify(value).substr(0, 80));
  }
  size_t index = 0;
  for (const dom::element element : array) {
    Item item{.object = {}, .list = key, .index = index++};
    if (element.get(item.object) != simdjson::SUCCESS) {
      return CorruptData(std::string("metadata.") + key + '[' + std::to_string(item.index) +
                         "] is to be an object");
    }
    DAYPART_RETURN_IF_ERROR(read(item));
  }
  return Ok();
}

void AppendNumber(int64_t number, std::string& json) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  json.append(digits, end);
}

void AppendText(std::string_view text, std::string& json) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\') {
      // Rare: escapes, and bytes that may be no UTF-8, are the library's.
      json += nlohmann::json(std::string(text))
                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      return;
    }
  }
  json += '"';
  json += text;
  json += '"';
}

void AppendMember(const char* key, int64_t number, std::string& json) {
  json += key;
  AppendNumber(number, json);
}

void AppendSnapshot(const Snapshot& snapshot, int32_t format_version, std::string& json) {
  AppendMember("{\"snapshot-id\":", snapshot.id.value(), json);
  if (snapshot.parent_id) {
    AppendMember(",\"parent-snapshot-id\":", snapshot.parent_id->value(), json);
  }
  if (format_version > 1) {
    AppendMember(",\"sequence-number\":", snapshot.sequence_number.value(), json);
  }
  AppendMember(",\"timestamp-ms\":", ToMillis(snapshot.timestamp), json);
  json += ",\"summary\":{";
  bool is_first = true;
  for (const auto& [key, value] : snapshot.summary) {
    if (!is_first) json += ',';
    is_first = false;
    AppendText(key, json);
    json += ':';
    AppendText(value, json);
  }
  json += "},\"manifest-list\":";
  AppendText(snapshot.manifest_list, json);
  if (snapshot.schema_id) AppendMember(",\"schema-id\":", snapshot.schema_id->value(), json);
  if (snapshot.first_row_id) AppendMember(",\"first-row-id\":", *snapshot.first_row_id, json);
  if (snapshot.added_rows) AppendMember(",\"added-rows\":", *snapshot.added_rows, json);
  json += '}';
}

/// `,"key":[item,item]`
template <typename Items, typename Append>
void AppendList(const char* key, const Items& items, std::string& json, const Append& append) {
  json += key;
  bool is_first = true;
  for (const auto& item : items) {
    if (!is_first) json += ',';
    is_first = false;
    append(item);
  }
  json += ']';
}

}  // namespace

Result<SplitMetadata> SplitMetadataJson(std::string_view text) {
  dom::parser parser;
  dom::element root;
  const auto error = parser.parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) {
    return CorruptData(std::string("the metadata file is no JSON: ") +
                       simdjson::error_message(error));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return CorruptData("the metadata file is to hold a JSON object");
  }
  SplitMetadata split;
  split.head = "{";
  for (const auto [key, value] : object) {
    if (key == "snapshots" || key == "snapshot-log" || key == "metadata-log") continue;
    if (split.head.size() > 1) split.head += ',';
    AppendText(key, split.head);
    split.head += ':';
    split.head += simdjson::minify(value);
  }
  split.head += '}';
  DAYPART_RETURN_IF_ERROR(ReadList(object, "snapshots", [&](const Item& item) -> Status {
    DAYPART_TRY(auto snapshot, ReadSnapshot(item));
    split.snapshots.push_back(std::move(snapshot));
    return Ok();
  }));
  DAYPART_RETURN_IF_ERROR(ReadList(object, "snapshot-log", [&](const Item& item) -> Status {
    DAYPART_TRY(const int64_t id, item.Integer("snapshot-id"));
    DAYPART_TRY(const int64_t millis, item.Integer("timestamp-ms"));
    split.snapshot_log.push_back({FromMillis(millis), SnapshotId(id)});
    return Ok();
  }));
  DAYPART_RETURN_IF_ERROR(ReadList(object, "metadata-log", [&](const Item& item) -> Status {
    DAYPART_TRY(const int64_t millis, item.Integer("timestamp-ms"));
    DAYPART_TRY(std::string file, item.String("metadata-file"));
    split.metadata_log.push_back({FromMillis(millis), std::move(file)});
    return Ok();
  }));
  return split;
}

void AppendMetadataLists(const TableMetadata& metadata, std::string& json) {
  AppendList(",\"snapshots\":[", metadata.snapshots, json, [&](const Snapshot& snapshot) {
    AppendSnapshot(snapshot, metadata.format_version, json);
  });
  AppendList(",\"snapshot-log\":[", metadata.snapshot_log, json,
             [&](const SnapshotLogEntry& entry) {
               AppendMember("{\"timestamp-ms\":", ToMillis(entry.timestamp), json);
               AppendMember(",\"snapshot-id\":", entry.snapshot_id.value(), json);
               json += '}';
             });
  AppendList(",\"metadata-log\":[", metadata.metadata_log, json,
             [&](const MetadataLogEntry& entry) {
               AppendMember("{\"timestamp-ms\":", ToMillis(entry.timestamp), json);
               json += ",\"metadata-file\":";
               AppendText(entry.metadata_location, json);
               json += '}';
             });
}

}  // namespace daypart::iceberg
