// SPDX-License-Identifier: Apache-2.0
//
// Table names as text: the one place where the dot is taken apart and put in.
#include <fmt/format.h>

#include <algorithm>

#include "catalog/catalog.h"

namespace daypart::catalog {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '-';
}

Status CheckPart(std::string_view part, std::string_view what, std::string_view text) {
  if (part.empty()) {
    return InvalidArgument(
        fmt::format("expected DATABASE.TABLE or TABLE, found an empty {} name: "
                    "'{}'",
                    what, text));
  }
  const auto wrong = std::find_if_not(part.begin(), part.end(), is_name_character);
  if (wrong == part.end()) return Ok();
  return InvalidArgument(
      fmt::format("expected letters, digits, '_', '$' or '-' in a {} name, found '{}': '{}'", what,
                  *wrong, text));
}

}  // namespace

std::string ToString(const TableName& name) { return name.database + "." + name.table; }

Result<TableName> ParseTableName(std::string_view text, std::string_view default_database) {
  const size_t dot = text.find('.');
  TableName name;
  if (dot == std::string_view::npos) {
    name = {.database = std::string(default_database), .table = std::string(text)};
  } else {
    name = {.database = std::string(text.substr(0, dot)),
            .table = std::string(text.substr(dot + 1))};
    if (name.table.find('.') != std::string::npos) {
      return InvalidArgument(
          fmt::format("expected DATABASE.TABLE or TABLE, found more than two parts: '{}'", text));
    }
  }
  DAYPART_RETURN_IF_ERROR(CheckPart(name.table, "table", text));
  DAYPART_RETURN_IF_ERROR(CheckPart(name.database, "database", text));
  return name;
}

}  // namespace daypart::catalog
