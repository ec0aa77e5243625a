// SPDX-License-Identifier: Apache-2.0
//
// Numbers and booleans as such, all else as text; bytes in hexadecimal digits.
#include "iceberg/literal_json.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace daypart::iceberg {
namespace {

bool is_bytes(const Type& type) {
  return type.kind == TypeKind::kBinary || type.kind == TypeKind::kFixed;
}

Result<Literal> FromHex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    int byte = 0;
    const char* end = text.data() + std::min(i + 2, text.size());
    const auto parsed = std::from_chars(text.data() + i, end, byte, 16);
    if (text.size() % 2 != 0 || parsed.ec != std::errc() || parsed.ptr != end) {
      return InvalidArgument("an even number of hexadecimal digits is expected, found " + text);
    }
    bytes += static_cast<char>(byte);
  }
  return Literal(std::move(bytes));
}

}  // namespace

Result<Literal> LiteralFromJson(std::string_view json, const Type& type) {
  const auto value = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || value.is_structured()) {
    return InvalidArgument("a JSON value of type " + ToString(type) + " is expected, found " +
                           std::string(json));
  }
  if (value.is_null()) return Literal();
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (type.kind == TypeKind::kString && value.is_string()) return Literal(std::move(text));
  if (is_bytes(type)) return FromHex(text);
  if (text.ends_with("+00:00")) text = text.substr(0, text.size() - 6) + 'Z';
  return ParseLiteral(text, type);
}

std::string LiteralToJson(const Literal& literal, const Type& type) {
  if (is_null(literal)) return "null";
  switch (type.kind) {
    case TypeKind::kBoolean:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kFloat:
    case TypeKind::kDouble: return ToString(literal, type);
    case TypeKind::kBinary:
    case TypeKind::kFixed: {
      static constexpr char kDigits[] = "0123456789abcdef";
      std::string hex;
      for (const char c : std::get<std::string>(literal)) {
        hex += kDigits[static_cast<unsigned char>(c) >> 4];
        hex += kDigits[static_cast<unsigned char>(c) & 15];
      }
      return '"' + hex + '"';
    }
    default: break;
  }
  std::string text =
      type.kind == TypeKind::kString ? std::get<std::string>(literal) : ToString(literal, type);
  if (text.ends_with('Z') && type.kind != TypeKind::kString) {
    text = text.substr(0, text.size() - 1) + "+00:00";
  }
  return nlohmann::json(text).dump();
}

}  // namespace daypart::iceberg
