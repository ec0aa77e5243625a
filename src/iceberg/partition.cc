// SPDX-License-Identifier: Apache-2.0
//
// Partition specs, paths and the JSON of specs and sort orders. The transforms are in transform.cc.
#include "iceberg/partition.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

namespace daypart::iceberg {
namespace {

/// URL-encodes like the reference implementation's partition paths (java.net.URLEncoder).
std::string UrlEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '*' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    }
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Parts between commas that are not inside parentheses.
std::vector<std::string_view> SplitTopLevel(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t start = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] == '(') ++depth;
    if (at < text.size() && text[at] == ')') --depth;
    if (at == text.size() || (text[at] == ',' && depth == 0)) {
      parts.push_back(Trim(text.substr(start, at - start)));
      start = at + 1;
    }
  }
  return parts;
}

/// A column's name without the quotes that SQL has around it, a doubled one inside is one.
std::string Unquoted(std::string_view name) {
  const char quote = name.empty() ? ' ' : name.front();
  if (name.size() < 2 || (quote != '"' && quote != '`') || name.back() != quote) {
    return std::string(name);
  }
  std::string text;
  for (size_t at = 1; at + 1 < name.size(); ++at) {
    text += name[at];
    if (name[at] == quote && at + 2 < name.size() && name[at + 1] == quote) ++at;
  }
  return text;
}

/// "bucket(16, viewer_id)", "day(event_time)", "region" -> transform and column.
Result<std::pair<Transform, std::string>> ParseTerm(std::string_view term) {
  const size_t open = term.find('(');
  const bool is_quoted = !term.empty() && (term.front() == '"' || term.front() == '`');
  if (open == std::string_view::npos || is_quoted) {
    return std::pair{Transform{}, Unquoted(term)};
  }
  const auto refuse = [&]() -> Error {
    return InvalidArgument(
        "a partition like day(event_time), bucket(16, viewer_id) or region is "
        "expected, found '" +
        std::string(term) + "'");
  };
  if (!term.ends_with(')')) return refuse();
  std::string name(Trim(term.substr(0, open)));
  if (name.ends_with('s') && name != "s") name.pop_back();  // days(…), as Spark spells it
  const auto arguments = SplitTopLevel(term.substr(open + 1, term.size() - open - 2));
  if (arguments.empty() || arguments.size() > 2 || arguments.back().empty()) return refuse();
  std::string_view column = arguments[0];
  if (arguments.size() == 2) {
    // bucket(16, column) and truncate(column, 4) are both in use; the number tells.
    const bool number_first = std::isdigit(static_cast<unsigned char>(arguments[0].front())) != 0;
    column = arguments[number_first ? 1 : 0];
    name += '[' + std::string(arguments[number_first ? 0 : 1]) + ']';
  }
  DAYPART_TRY(Transform transform, ParseTransform(name));
  if (transform.kind == TransformKind::kUnknown) return refuse();
  return std::pair{std::move(transform), Unquoted(column)};
}

/// Names as the reference implementation gives them: event_time_day, viewer_id_bucket, region.
std::string FieldName(const Transform& transform, const std::string& column) {
  switch (transform.kind) {
    case TransformKind::kIdentity:
    case TransformKind::kUnknown: return column;
    case TransformKind::kBucket: return column + "_bucket";
    case TransformKind::kTruncate: return column + "_trunc";
    case TransformKind::kYear: return column + "_year";
    case TransformKind::kMonth: return column + "_month";
    case TransformKind::kDay: return column + "_day";
    case TransformKind::kHour: return column + "_hour";
    case TransformKind::kVoid: return column + "_null";
  }
  return column;
}

Result<int32_t> IntOf(const nlohmann::json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json[key].is_number_integer()) {
    return CorruptData(std::string("an integer \"") + key + "\" is expected in " + json.dump());
  }
  return json[key].get<int32_t>();
}

Result<Transform> TransformOf(const nlohmann::json& json) {
  if (!json.is_object() || !json.contains("transform") || !json["transform"].is_string()) {
    return CorruptData("a \"transform\" is expected in " + json.dump());
  }
  return ParseTransform(json["transform"].get<std::string>());
}

}  // namespace

std::string PartitionValueText(const Transform& transform, const Type& type, const Literal& value) {
  const auto* number = std::get_if<int32_t>(&value);
  if (number == nullptr) return ToString(value, type);
  const auto padded = [](int64_t n, size_t width) {
    std::string text = std::to_string(n);
    if (text.size() < width) text.insert(0, width - text.size(), '0');
    return text;
  };
  const auto floor_divide = [](int32_t a, int32_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  if (transform.kind == TransformKind::kYear) return padded(1970 + *number, 4);
  if (transform.kind == TransformKind::kMonth) {
    const int32_t years = floor_divide(*number, 12);
    return padded(1970 + years, 4) + '-' + padded(*number - years * 12 + 1, 2);
  }
  if (transform.kind == TransformKind::kHour) {
    const int32_t days = floor_divide(*number, 24);
    return ToString(Literal(days), Type::Of(TypeKind::kDate)) + '-' +
           padded(*number - days * 24, 2);
  }
  return ToString(value, type);
}

Result<std::vector<Type>> PartitionTypes(const PartitionSpec& spec, const Schema& schema) {
  std::vector<Type> types;
  for (const PartitionField& field : spec.fields) {
    const NestedField* source = schema.FindField(field.source_id);
    if (source == nullptr && field.transform.kind == TransformKind::kVoid) {
      types.push_back(Type::Of(TypeKind::kString));
      continue;
    }
    if (source == nullptr) {
      return InvalidArgument("partition field " + field.name + " is of column id " +
                             std::to_string(field.source_id.value()) +
                             ", which the schema does not have");
    }
    DAYPART_TRY(auto type, ResultType(field.transform, source->type));
    types.push_back(std::move(type));
  }
  return types;
}

void PromoteTuple(PartitionTuple& tuple, const std::vector<Type>& types) {
  for (size_t i = 0; i < std::min(tuple.size(), types.size()); ++i) {
    tuple[i] = Promote(tuple[i], types[i]);
  }
}

Result<std::string> PartitionPath(const PartitionSpec& spec, const Schema& schema,
                                  const PartitionTuple& tuple) {
  DAYPART_TRY(const auto types, PartitionTypes(spec, schema));
  if (tuple.size() != types.size()) {
    return InvalidArgument("a tuple of " + std::to_string(types.size()) +
                           " partition values is expected, found " + std::to_string(tuple.size()));
  }
  std::string path;
  for (size_t i = 0; i < types.size(); ++i) {
    if (i > 0) path += '/';
    const auto& field = spec.fields[i];
    path += UrlEncode(field.name) + '=' +
            UrlEncode(PartitionValueText(field.transform, types[i], tuple[i]));
  }
  return path;
}

Result<PartitionSpec> ParsePartitionSpec(std::string_view text, const Schema& schema) {
  PartitionSpec spec;
  std::set<std::string> names;
  if (Trim(text).empty()) return spec;
  int32_t next_id = 1000;
  for (const std::string_view term : SplitTopLevel(text)) {
    DAYPART_TRY(auto parsed, ParseTerm(term));
    const NestedField* source = schema.FindField(parsed.second);
    if (source == nullptr) {
      return InvalidArgument("partition column '" + parsed.second + "' is not in the schema");
    }
    auto type = ResultType(parsed.first, source->type);
    if (!type) return std::move(type).error().WithContext("partition " + std::string(term));
    std::string name = FieldName(parsed.first, parsed.second);
    if (!names.insert(name).second) {
      return InvalidArgument("two partitions are named " + name);
    }
    spec.fields.push_back({.source_id = source->id,
                           .field_id = FieldId(next_id++),
                           .name = std::move(name),
                           .transform = std::move(parsed.first)});
  }
  return spec;
}

namespace {

/// Takes `word` off the end of the text, in any case, if it stands there after a space.
bool TakeLastWord(std::string_view& text, std::string_view word) {
  const std::string_view trimmed = Trim(text);
  if (trimmed.size() <= word.size()) return false;
  const size_t at = trimmed.size() - word.size();
  for (size_t i = 0; i < word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(trimmed[at + i])) != word[i]) return false;
  }
  if (std::isspace(static_cast<unsigned char>(trimmed[at - 1])) == 0) return false;
  text = Trim(trimmed.substr(0, at));
  return true;
}

}  // namespace

Result<SortOrder> ParseSortOrder(std::string_view text, const Schema& schema) {
  SortOrder order;
  order.id = SortOrderId(0);
  if (Trim(text).empty()) return order;
  order.id = SortOrderId(1);
  for (const std::string_view part : SplitTopLevel(text)) {
    std::string_view term = part;
    SortField field;
    std::optional<bool> is_nulls_last;
    if (TakeLastWord(term, "nulls last")) is_nulls_last = true;
    if (!is_nulls_last && TakeLastWord(term, "nulls first")) is_nulls_last = false;
    field.is_descending = TakeLastWord(term, "desc");
    if (!field.is_descending) TakeLastWord(term, "asc");
    field.is_nulls_last = is_nulls_last.value_or(field.is_descending);
    auto parsed = ParseTerm(term);
    if (!parsed) return std::move(parsed).error().WithContext("sort order " + std::string(part));
    const NestedField* source = schema.FindField(parsed->second);
    if (source == nullptr) {
      return InvalidArgument("sort column '" + parsed->second + "' is not in the schema");
    }
    auto type = ResultType(parsed->first, source->type);
    if (!type) return std::move(type).error().WithContext("sort order " + std::string(part));
    field.source_id = source->id;
    field.transform = std::move(parsed->first);
    order.fields.push_back(std::move(field));
  }
  return order;
}

nlohmann::json ToJson(const PartitionSpec& spec) {
  nlohmann::json fields = nlohmann::json::array();
  for (const PartitionField& field : spec.fields) {
    fields.push_back({{"source-id", field.source_id.value()},
                      {"field-id", field.field_id.value()},
                      {"name", field.name},
                      {"transform", ToString(field.transform)}});
  }
  return {{"spec-id", spec.id.value()}, {"fields", std::move(fields)}};
}

nlohmann::json ToJson(const SortOrder& order) {
  nlohmann::json fields = nlohmann::json::array();
  for (const SortField& field : order.fields) {
    fields.push_back({{"transform", ToString(field.transform)},
                      {"source-id", field.source_id.value()},
                      {"direction", field.is_descending ? "desc" : "asc"},
                      {"null-order", field.is_nulls_last ? "nulls-last" : "nulls-first"}});
  }
  return {{"order-id", order.id.value()}, {"fields", std::move(fields)}};
}

Result<PartitionSpec> PartitionSpecFromJson(const nlohmann::json& json) {
  PartitionSpec spec;
  if (json.is_object() && json.contains("spec-id")) {
    DAYPART_TRY(const int32_t id, IntOf(json, "spec-id"));
    spec.id = SpecId(id);
  }
  // A manifest's header and format v1 hold the list of fields alone.
  const nlohmann::json& fields =
      json.is_object() && json.contains("fields") ? json["fields"] : json;
  if (!fields.is_array()) return CorruptData("a list of partition fields is expected");
  int32_t next_id = 1000;
  for (const auto& item : fields) {
    PartitionField field;
    DAYPART_TRY(const int32_t source_id, IntOf(item, "source-id"));
    field.source_id = FieldId(source_id);
    // Format v1 may leave the field id out: it is then the position, from 1000 on.
    field.field_id = FieldId(item.contains("field-id") ? item["field-id"].get<int32_t>() : next_id);
    ++next_id;
    if (!item.contains("name") || !item["name"].is_string()) {
      return CorruptData("a partition field needs a \"name\", found " + item.dump());
    }
    field.name = item["name"].get<std::string>();
    DAYPART_TRY(field.transform, TransformOf(item));
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

Result<SortOrder> SortOrderFromJson(const nlohmann::json& json) {
  SortOrder order;
  DAYPART_TRY(const int32_t id, IntOf(json, "order-id"));
  order.id = SortOrderId(id);
  if (!json.contains("fields") || !json["fields"].is_array()) {
    return CorruptData("a sort order needs a list \"fields\"");
  }
  for (const auto& item : json["fields"]) {
    SortField field;
    DAYPART_TRY(const int32_t source_id, IntOf(item, "source-id"));
    field.source_id = FieldId(source_id);
    DAYPART_TRY(field.transform, TransformOf(item));
    field.is_descending = item.value("direction", "asc") == "desc";
    field.is_nulls_last = item.value("null-order", "nulls-first") == "nulls-last";
    order.fields.push_back(std::move(field));
  }
  return order;
}

}  // namespace daypart::iceberg
