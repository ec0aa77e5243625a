// SPDX-License-Identifier: Apache-2.0
//
// A range for each partition column. Columns of the calendar get the calendar's range, so that the
// table need not change with time; others the values that there are.
#include "catalog/glue_projection.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace daypart::catalog {
namespace {

using nlohmann::json;

/// Athena refuses more values of a column than fit in a parameter; beyond it a crawl is better.
constexpr size_t kEnumBytesMax = 20'000;
constexpr std::string_view kHiveNull = "__HIVE_DEFAULT_PARTITION__";

struct Range {
  std::string_view column;
  int low;
  int high;
};
constexpr Range kCalendar[] = {
    {"year", 1970, 2199}, {"month", 1, 12}, {"day", 1, 31}, {"hour", 0, 23}, {"minute", 0, 59}};

bool is_date(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

std::optional<int64_t> NumberOf(const std::string& text) {
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Integers in folders of one width ("05", or "5" alone); nothing if they have several.
std::optional<json> IntegerRange(const std::string& column, const std::set<std::string>& values) {
  int64_t low = INT64_MAX;
  int64_t high = INT64_MIN;
  bool has_leading_zero = false;
  std::set<size_t> widths;
  for (const std::string& value : values) {
    const auto number = NumberOf(value);
    if (!number || *number < 0) return std::nullopt;
    low = std::min(low, *number);
    high = std::max(high, *number);
    has_leading_zero |= value.size() > 1 && value.front() == '0';
    widths.insert(value.size());
  }
  if (has_leading_zero && widths.size() > 1) return std::nullopt;
  for (const Range& range : kCalendar) {
    if (range.column != column || low < range.low || high > range.high) continue;
    low = range.low;
    high = range.high;
    // Folders 10 to 12 alone do not tell whether January will be 1 or 01: two digits is the custom.
    has_leading_zero |= widths == std::set<size_t>{2};
  }
  json made = {{"type", "integer"}, {"range", std::to_string(low) + ',' + std::to_string(high)}};
  if (has_leading_zero) made["digits"] = std::to_string(*widths.begin());
  return made;
}

std::optional<json> RangeOf(const RawColumn& owner, const std::set<std::string>& values) {
  const std::string& column = owner.name;
  if (std::all_of(values.begin(), values.end(), is_date)) {
    return json{{"type", "date"},
                {"format", "yyyy-MM-dd"},
                {"range", *values.begin() + ",NOW+1DAY"},
                {"interval", "1"},
                {"interval.unit", "DAYS"}};
  }
  if (auto integers = IntegerRange(column, values)) return integers;
  // A list is of text; on a column of another type each query would fail.
  if (owner.type.kind != iceberg::TypeKind::kString) return std::nullopt;
  std::string list;
  for (const std::string& value : values) {
    // A comma would end the value.
    if (value.find(',') != std::string::npos) return std::nullopt;
    list += (list.empty() ? "" : ",") + value;
  }
  if (list.size() > kEnumBytesMax) return std::nullopt;
  return json{{"type", "enum"}, {"values", list}};
}

}  // namespace

json ProjectionOf(const RawTable& table) {
  if (table.partition_columns.empty() || table.partitions.empty()) return json::object();
  json parameters = {{"projection.enabled", "true"}};
  std::string folder = table.location;
  for (size_t i = 0; i < table.partition_columns.size(); ++i) {
    const std::string& column = table.partition_columns[i].name;
    std::set<std::string> values;
    for (const RawPartition& partition : table.partitions) {
      if (partition.values.size() <= i || partition.values[i] == kHiveNull) return json::object();
      values.insert(partition.values[i]);
    }
    const auto range = RangeOf(table.partition_columns[i], values);
    if (!range) return json::object();
    for (const auto& [key, value] : range->items()) {
      parameters["projection." + column + '.' + key] = value;
    }
    folder += column + "=${" + column + "}/";
  }
  parameters["storage.location.template"] = folder;
  // Each partition must lie where the template puts it.
  for (const RawPartition& partition : table.partitions) {
    std::string expected = table.location;
    for (size_t i = 0; i < table.partition_columns.size(); ++i) {
      expected += table.partition_columns[i].name + '=' + partition.values[i] + '/';
    }
    if (partition.location != expected) return json::object();
  }
  return parameters;
}

}  // namespace daypart::catalog
