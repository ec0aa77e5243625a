// SPDX-License-Identifier: Apache-2.0
//
// One value at a time: results shown to people and programs are small beside what was read for
// them.
#include "query/json_value.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

#include <nlohmann/json.hpp>

#include "lake/arrow_io.h"

namespace daypart::query {
namespace {

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

Result<std::string> LeafJson(const arrow::Array& array, int64_t row) {
  DAYPART_TRY(const auto scalar, lake::FromArrow(array.GetScalar(row)));
  const arrow::DataType& type = *array.type();
  if (arrow::is_base_binary_like(type.id()) || type.id() == arrow::Type::FIXED_SIZE_BINARY) {
    const auto& bytes = static_cast<const arrow::BaseBinaryScalar&>(*scalar);
    const std::string text(bytes.view());
    return JsonText(arrow::is_string(type.id()) ? text : Hex(text));
  }
  std::string text = scalar->ToString();
  if (type.id() == arrow::Type::BOOL || arrow::is_integer(type.id()) ||
      arrow::is_decimal(type.id())) {
    return text;
  }
  if (arrow::is_floating(type.id())) {
    return text.find_first_of("nN") == std::string::npos ? text : std::string("null");
  }
  return JsonText(type.id() == arrow::Type::TIMESTAMP ? IsoTimestamp(std::move(text)) : text);
}

Result<std::string> ListJson(const arrow::Array& values, int64_t begin, int64_t end) {
  std::string text = "[";
  for (int64_t i = begin; i < end; ++i) {
    DAYPART_TRY(const std::string element, JsonOf(values, i));
    text += (i > begin ? "," : "") + element;
  }
  return text + ']';
}

Result<std::string> MapJson(const arrow::MapArray& map, int64_t row) {
  std::string text = "{";
  for (int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
    DAYPART_TRY(std::string key, JsonOf(*map.keys(), i));
    if (!key.starts_with('"')) key = JsonText(key);
    DAYPART_TRY(const std::string value, JsonOf(*map.items(), i));
    text += (text.size() > 1 ? "," : "") + key + ':' + value;
  }
  return text + '}';
}

Result<std::string> StructJson(const arrow::StructArray& array, int64_t row) {
  std::string text = "{";
  for (int i = 0; i < array.num_fields(); ++i) {
    DAYPART_TRY(const std::string value, JsonOf(*array.field(i), row));
    text += (i > 0 ? "," : "") + JsonText(array.type()->field(i)->name()) + ':' + value;
  }
  return text + '}';
}

}  // namespace

std::string JsonText(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string IsoTimestamp(std::string text) {
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  const bool has_zone = text.ends_with('Z');
  if (has_zone) text.pop_back();
  const size_t point = text.find('.');
  if (point != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return has_zone ? text + 'Z' : text;
}

Result<std::string> JsonOf(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return std::string("null");
  switch (array.type_id()) {
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      return ListJson(*list.values(), list.value_offset(row), list.value_offset(row + 1));
    }
    case arrow::Type::MAP: return MapJson(static_cast<const arrow::MapArray&>(array), row);
    case arrow::Type::STRUCT: return StructJson(static_cast<const arrow::StructArray&>(array), row);
    default: return LeafJson(array, row);
  }
}

}  // namespace daypart::query
