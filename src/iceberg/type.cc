// SPDX-License-Identifier: Apache-2.0
//
// Types and schemas: names, look-ups, id assignment and the JSON of Appendix C.
#include "iceberg/type.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

namespace daypart::iceberg {
namespace {

struct NamedKind {
  std::string_view name;
  TypeKind kind;
};

constexpr NamedKind kPrimitives[] = {
    {"boolean", TypeKind::kBoolean},
    {"int", TypeKind::kInt},
    {"long", TypeKind::kLong},
    {"float", TypeKind::kFloat},
    {"double", TypeKind::kDouble},
    {"date", TypeKind::kDate},
    {"time", TypeKind::kTime},
    {"timestamp", TypeKind::kTimestamp},
    {"timestamptz", TypeKind::kTimestamptz},
    {"timestamp_ns", TypeKind::kTimestampNs},
    {"timestamptz_ns", TypeKind::kTimestamptzNs},
    {"string", TypeKind::kString},
    {"uuid", TypeKind::kUuid},
    {"binary", TypeKind::kBinary},
};

const std::vector<NestedField>& NoFields() {
  static const std::vector<NestedField> none;
  return none;
}

/// The numbers between brackets or parentheses of "fixed[16]" and "decimal(9, 2)"; empty if
/// malformed.
std::vector<int32_t> Parameters(std::string_view text) {
  std::vector<int32_t> numbers;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    while (at != end && *at == ' ') ++at;
    int32_t number = 0;
    const auto parsed = std::from_chars(at, end, number);
    if (parsed.ec != std::errc()) return {};
    numbers.push_back(number);
    at = parsed.ptr;
    while (at != end && *at == ' ') ++at;
    if (at != end && *at++ != ',') return {};
  }
  return numbers;
}

const NestedField* FindById(const std::vector<NestedField>& fields, FieldId id) {
  for (const NestedField& field : fields) {
    if (field.id == id) return &field;
    if (const NestedField* nested = FindById(field.type.fields(), id)) return nested;
  }
  return nullptr;
}

const NestedField* FindByName(const std::vector<NestedField>& fields, std::string_view name) {
  for (const NestedField& field : fields) {
    if (field.name == name) return &field;
    // A field's own name may hold a dot, so the rest is looked for only below an exact prefix.
    if (name.size() > field.name.size() + 1 && name.starts_with(field.name) &&
        name[field.name.size()] == '.') {
      const auto* nested = FindByName(field.type.fields(), name.substr(field.name.size() + 1));
      if (nested != nullptr) return nested;
    }
  }
  return nullptr;
}

FieldId HighestId(const std::vector<NestedField>& fields) {
  FieldId highest(0);
  for (const NestedField& field : fields) {
    highest = std::max({highest, field.id, HighestId(field.type.fields())});
  }
  return highest;
}

using IdMap = std::unordered_map<FieldId, FieldId>;

/// The fields with new ids: those of one level first, then those below each.
std::vector<NestedField> Renumber(std::vector<NestedField> fields, int32_t& next, IdMap& renamed) {
  for (NestedField& field : fields) {
    const FieldId fresh(next++);
    renamed[field.id] = fresh;
    field.id = fresh;
  }
  for (NestedField& field : fields) {
    if (field.type.is_primitive()) continue;
    field.type.children = std::make_shared<const std::vector<NestedField>>(
        Renumber(field.type.fields(), next, renamed));
  }
  return fields;
}

Result<const nlohmann::json*> Member(const nlohmann::json& json, const char* key) {
  if (!json.is_object()) {
    return CorruptData(std::string("a JSON object with \"") + key + "\" is expected, found " +
                       json.type_name());
  }
  const auto found = json.find(key);
  if (found == json.end()) return CorruptData(std::string("\"") + key + "\" is missing");
  return &*found;
}

Result<std::string> StringMember(const nlohmann::json& json, const char* key) {
  DAYPART_TRY(const nlohmann::json* value, Member(json, key));
  if (!value->is_string()) {
    return CorruptData(std::string("\"") + key + "\" is to be a string, found " + value->dump());
  }
  return value->get<std::string>();
}

Result<int32_t> IntMember(const nlohmann::json& json, const char* key) {
  DAYPART_TRY(const nlohmann::json* value, Member(json, key));
  if (!value->is_number_integer()) {
    return CorruptData(std::string("\"") + key + "\" is to be an integer, found " + value->dump());
  }
  return value->get<int32_t>();
}

Result<bool> BoolMember(const nlohmann::json& json, const char* key) {
  DAYPART_TRY(const nlohmann::json* value, Member(json, key));
  if (!value->is_boolean()) {
    return CorruptData(std::string("\"") + key + "\" is to be true or false, found " +
                       value->dump());
  }
  return value->get<bool>();
}

nlohmann::json FieldToJson(const NestedField& field) {
  nlohmann::json json{{"id", field.id.value()},
                      {"name", field.name},
                      {"required", field.is_required},
                      {"type", ToJson(field.type)}};
  if (!field.doc.empty()) json["doc"] = field.doc;
  const auto put = [&json](const char* key, const std::string& text) {
    auto value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!text.empty() && !value.is_discarded()) json[key] = std::move(value);
  };
  put("initial-default", field.initial_default);
  put("write-default", field.write_default);
  return json;
}

Result<NestedField> FieldFromJson(const nlohmann::json& json) {
  NestedField field;
  DAYPART_TRY(const int32_t id, IntMember(json, "id"));
  field.id = FieldId(id);
  DAYPART_TRY(field.name, StringMember(json, "name"));
  DAYPART_TRY(field.is_required, BoolMember(json, "required"));
  DAYPART_TRY(const nlohmann::json* type, Member(json, "type"));
  auto parsed = TypeFromJson(*type);
  if (!parsed) return std::move(parsed).error().WithContext("field " + field.name);
  field.type = std::move(parsed).value();
  if (json.contains("doc") && json["doc"].is_string()) field.doc = json["doc"].get<std::string>();
  const auto take = [&json](const char* key) {
    return json.contains(key) && !json[key].is_null() ? json[key].dump() : std::string();
  };
  field.initial_default = take("initial-default");
  field.write_default = take("write-default");
  return field;
}

Result<std::vector<NestedField>> FieldsFromJson(const nlohmann::json& json) {
  DAYPART_TRY(const nlohmann::json* list, Member(json, "fields"));
  if (!list->is_array()) return CorruptData("\"fields\" is to be a list");
  std::vector<NestedField> fields;
  for (const nlohmann::json& item : *list) {
    DAYPART_TRY(auto field, FieldFromJson(item));
    fields.push_back(std::move(field));
  }
  return fields;
}

/// One side of a list or map: "element", "key" or "value".
Result<NestedField> PartFromJson(const nlohmann::json& json, const std::string& part,
                                 bool is_required) {
  NestedField field;
  field.name = part;
  field.is_required = is_required;
  DAYPART_TRY(const int32_t id, IntMember(json, (part + "-id").c_str()));
  field.id = FieldId(id);
  DAYPART_TRY(const nlohmann::json* type, Member(json, part.c_str()));
  DAYPART_TRY(field.type, TypeFromJson(*type));
  return field;
}

}  // namespace

Type Type::DecimalOf(int32_t precision, int32_t scale) {
  Type type = Of(TypeKind::kDecimal);
  type.precision = precision;
  type.scale = scale;
  return type;
}

Type Type::FixedOf(int32_t length_bytes) {
  Type type = Of(TypeKind::kFixed);
  type.length = length_bytes;
  return type;
}

Type Type::StructOf(std::vector<NestedField> fields) {
  Type type = Of(TypeKind::kStruct);
  type.children = std::make_shared<const std::vector<NestedField>>(std::move(fields));
  return type;
}

Type Type::ListOf(NestedField element) {
  Type type = StructOf({std::move(element)});
  type.kind = TypeKind::kList;
  return type;
}

Type Type::MapOf(NestedField key, NestedField value) {
  Type type = StructOf({std::move(key), std::move(value)});
  type.kind = TypeKind::kMap;
  return type;
}

bool Type::is_primitive() const {
  return kind != TypeKind::kStruct && kind != TypeKind::kList && kind != TypeKind::kMap;
}

const std::vector<NestedField>& Type::fields() const {
  return children == nullptr ? NoFields() : *children;
}

bool operator==(const Type& left, const Type& right) {
  return left.kind == right.kind && left.precision == right.precision &&
         left.scale == right.scale && left.length == right.length &&
         left.fields() == right.fields();
}

NestedField Field(std::string name, Type type) {
  NestedField field;
  field.name = std::move(name);
  field.type = std::move(type);
  return field;
}

NestedField Field(std::string name, TypeKind kind) {
  return Field(std::move(name), Type::Of(kind));
}

std::string ToString(const Type& type) {
  for (const NamedKind& primitive : kPrimitives) {
    if (primitive.kind == type.kind) return std::string(primitive.name);
  }
  if (type.kind == TypeKind::kDecimal) {
    return "decimal(" + std::to_string(type.precision) + ", " + std::to_string(type.scale) + ")";
  }
  if (type.kind == TypeKind::kFixed) return "fixed[" + std::to_string(type.length) + "]";
  std::string text = type.kind == TypeKind::kList  ? "list<"
                     : type.kind == TypeKind::kMap ? "map<"
                                                   : "struct<";
  const char* separator = "";
  for (const NestedField& field : type.fields()) {
    text += separator;
    if (type.kind == TypeKind::kStruct) text += field.name + ": ";
    text += ToString(field.type);
    separator = ", ";
  }
  return text + '>';
}

Result<Type> ParsePrimitiveType(std::string_view name) {
  for (const NamedKind& primitive : kPrimitives) {
    if (primitive.name == name) return Type::Of(primitive.kind);
  }
  if (name.starts_with("decimal(") && name.ends_with(")")) {
    const auto numbers = Parameters(name.substr(8, name.size() - 9));
    if (numbers.size() == 2 && numbers[0] >= 1 && numbers[0] <= 38 && numbers[1] >= 0 &&
        numbers[1] <= numbers[0]) {
      return Type::DecimalOf(numbers[0], numbers[1]);
    }
  }
  if (name.starts_with("fixed[") && name.ends_with("]")) {
    const auto numbers = Parameters(name.substr(6, name.size() - 7));
    if (numbers.size() == 1 && numbers[0] > 0) return Type::FixedOf(numbers[0]);
  }
  return Unsupported("an Iceberg type of format v1 to v3 is expected, found '" + std::string(name) +
                     "'");
}

const NestedField* Schema::FindField(FieldId field_id) const { return FindById(fields, field_id); }

const NestedField* Schema::FindField(std::string_view full_name) const {
  return FindByName(fields, full_name);
}

FieldId Schema::highest_field_id() const { return HighestId(fields); }

Schema AssignFreshIds(Schema schema) {
  int32_t next = 1;
  IdMap renamed;
  schema.fields = Renumber(std::move(schema.fields), next, renamed);
  for (FieldId& id : schema.identifier_field_ids) {
    const auto found = renamed.find(id);
    if (found != renamed.end()) id = found->second;
  }
  return schema;
}

Type AssignFreshIds(Type type, int32_t& next) {
  if (type.is_primitive()) return type;
  IdMap renamed;
  type.children =
      std::make_shared<const std::vector<NestedField>>(Renumber(type.fields(), next, renamed));
  return type;
}

nlohmann::json ToJson(const Type& type) {
  if (type.is_primitive()) return ToString(type);
  const auto& parts = type.fields();
  switch (type.kind) {
    case TypeKind::kList:
      return {{"type", "list"},
              {"element-id", parts[0].id.value()},
              {"element", ToJson(parts[0].type)},
              {"element-required", parts[0].is_required}};
    case TypeKind::kMap:
      return {{"type", "map"},
              {"key-id", parts[0].id.value()},
              {"key", ToJson(parts[0].type)},
              {"value-id", parts[1].id.value()},
              {"value", ToJson(parts[1].type)},
              {"value-required", parts[1].is_required}};
    default: {
      nlohmann::json fields = nlohmann::json::array();
      for (const NestedField& field : parts) fields.push_back(FieldToJson(field));
      return {{"type", "struct"}, {"fields", std::move(fields)}};
    }
  }
}

nlohmann::json ToJson(const Schema& schema) {
  nlohmann::json json = ToJson(Type::StructOf(schema.fields));
  json["schema-id"] = schema.id.value();
  if (!schema.identifier_field_ids.empty()) {
    nlohmann::json ids = nlohmann::json::array();
    for (const FieldId id : schema.identifier_field_ids) ids.push_back(id.value());
    json["identifier-field-ids"] = std::move(ids);
  }
  return json;
}

Result<Type> TypeFromJson(const nlohmann::json& json) {
  if (json.is_string()) return ParsePrimitiveType(json.get<std::string>());
  DAYPART_TRY(const std::string name, StringMember(json, "type"));
  if (name == "struct") {
    DAYPART_TRY(auto fields, FieldsFromJson(json));
    return Type::StructOf(std::move(fields));
  }
  if (name == "list") {
    DAYPART_TRY(const bool is_required, BoolMember(json, "element-required"));
    DAYPART_TRY(auto element, PartFromJson(json, "element", is_required));
    return Type::ListOf(std::move(element));
  }
  if (name == "map") {
    DAYPART_TRY(auto key, PartFromJson(json, "key", true));
    DAYPART_TRY(const bool is_required, BoolMember(json, "value-required"));
    DAYPART_TRY(auto value, PartFromJson(json, "value", is_required));
    return Type::MapOf(std::move(key), std::move(value));
  }
  return Unsupported("a struct, list or map is expected, found type '" + name + "'");
}

Result<Schema> SchemaFromJson(const nlohmann::json& json) {
  Schema schema;
  DAYPART_TRY(schema.fields, FieldsFromJson(json));
  // Format v1 writes a schema without an id.
  if (json.contains("schema-id")) {
    DAYPART_TRY(const int32_t id, IntMember(json, "schema-id"));
    schema.id = SchemaId(id);
  }
  if (json.contains("identifier-field-ids") && json["identifier-field-ids"].is_array()) {
    for (const auto& id : json["identifier-field-ids"]) {
      if (id.is_number_integer()) schema.identifier_field_ids.emplace_back(id.get<int32_t>());
    }
  }
  return schema;
}

}  // namespace daypart::iceberg
