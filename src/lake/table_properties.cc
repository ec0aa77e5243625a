// SPDX-License-Identifier: Apache-2.0
//
// Text to number or flag.
#include "lake/table_properties.h"

#include <charconv>

namespace daypart::lake {

Result<int64_t> NumberProperty(const iceberg::TableMetadata& metadata, std::string_view key,
                               int64_t fallback) {
  const auto found = metadata.properties.find(std::string(key));
  if (found == metadata.properties.end()) return fallback;
  const std::string& text = found->second;
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (is_number && number >= 0) return number;
  return InvalidArgument("table property " + std::string(key) +
                         ": a number of 0 or more is expected, found '" + text + "'");
}

Result<bool> FlagProperty(const iceberg::TableMetadata& metadata, std::string_view key,
                          bool fallback) {
  const std::string text = metadata.Property(key, fallback ? "true" : "false");
  if (text == "true" || text == "TRUE" || text == "True") return true;
  if (text == "false" || text == "FALSE" || text == "False") return false;
  return InvalidArgument("table property " + std::string(key) +
                         ": true or false is expected, found '" + text + "'");
}

bool may_collect_garbage(const iceberg::TableMetadata& metadata) {
  return metadata.Property("gc.enabled", "true") != "false";
}

}  // namespace daypart::lake
