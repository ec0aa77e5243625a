// SPDX-License-Identifier: Apache-2.0
//
// Properties to modes, in the order in which the reference lets them override each other.
#include "lake/metrics_config.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"

namespace daypart::lake {
namespace {

using iceberg::FieldId;
using iceberg::NestedField;

constexpr std::string_view kColumnPrefix = "write.metadata.metrics.column.";
constexpr size_t kInferredColumnsMax = 100;

/// The mode, or nothing with a line in the log.
std::optional<MetricsMode> ModeOrNothing(const std::string& key, const std::string& text) {
  const auto mode = ParseMetricsMode(text);
  if (mode) return *mode;
  Log(LogLevel::kWarning, "table property " + key + " is passed over: " + mode.error().message);
  return std::nullopt;
}

/// Primitive columns level by level: those at the top before those inside of structs.
std::vector<FieldId> PrimitivesByLevel(const std::vector<NestedField>& fields) {
  std::vector<FieldId> ids;
  std::vector<const NestedField*> level;
  for (const NestedField& field : fields) level.push_back(&field);
  while (!level.empty()) {
    std::vector<const NestedField*> next;
    for (const NestedField* field : level) {
      if (field->type.is_primitive()) ids.push_back(field->id);
      for (const NestedField& child : field->type.fields()) next.push_back(&child);
    }
    level = std::move(next);
  }
  return ids;
}

size_t InferredColumnsMax(const iceberg::TableMetadata& table) {
  const std::string text =
      table.Property("write.metadata.metrics.max-inferred-column-defaults", "");
  size_t count = kInferredColumnsMax;
  (void)std::from_chars(text.data(), text.data() + text.size(), count);  // else as by default
  return count;
}

}  // namespace

Result<MetricsMode> ParseMetricsMode(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  using Kind = MetricsMode::Kind;
  if (lower == "none") return MetricsMode{.kind = Kind::kNone};
  if (lower == "counts") return MetricsMode{.kind = Kind::kCounts};
  if (lower == "full") return MetricsMode{.kind = Kind::kFull};
  constexpr std::string_view kTruncate = "truncate(";
  if (lower.starts_with(kTruncate) && lower.ends_with(')')) {
    size_t length = 0;
    const char* end = lower.data() + lower.size() - 1;
    const auto parsed = std::from_chars(lower.data() + kTruncate.size(), end, length);
    if (parsed.ec == std::errc() && parsed.ptr == end && length > 0) {
      return MetricsMode{.kind = Kind::kTruncate, .length_max = length};
    }
  }
  return InvalidArgument("none, counts, full or truncate(N) is expected, found '" +
                         std::string(text) + "'");
}

MetricsConfig MetricsConfig::Full() {
  MetricsConfig config;
  config.default_.kind = MetricsMode::Kind::kFull;
  return config;
}

MetricsConfig MetricsConfig::Of(const iceberg::TableMetadata& table) {
  MetricsConfig config;
  const iceberg::Schema& schema = table.current_schema();
  constexpr char kDefaultKey[] = "write.metadata.metrics.default";
  const std::string default_text = table.Property(kDefaultKey, "");
  if (!default_text.empty()) {
    config.default_ = ModeOrNothing(kDefaultKey, default_text).value_or(MetricsMode());
  } else {
    std::vector<FieldId> ids = PrimitivesByLevel(schema.fields);
    const size_t limit = InferredColumnsMax(table);
    if (ids.size() > limit) {
      ids.resize(limit);
      for (const FieldId id : ids) config.by_column_[id] = MetricsMode();
      config.default_.kind = MetricsMode::Kind::kNone;
    }
  }
  if (const auto* order = table.FindSortOrder(table.default_sort_order_id)) {
    for (const iceberg::SortField& field : order->fields) {
      config.by_column_[field.source_id] =
          config.default_.has_bounds() ? config.default_ : MetricsMode();
    }
  }
  for (const auto& [key, value] : table.properties) {
    if (!key.starts_with(kColumnPrefix)) continue;
    const NestedField* field = schema.FindField(std::string_view(key).substr(kColumnPrefix.size()));
    if (field == nullptr) continue;  // of a column that was dropped
    if (const auto mode = ModeOrNothing(key, value)) config.by_column_[field->id] = *mode;
  }
  return config;
}

MetricsMode MetricsConfig::ModeOf(FieldId id) const {
  const auto found = by_column_.find(id);
  return found == by_column_.end() ? default_ : found->second;
}

}  // namespace daypart::lake
