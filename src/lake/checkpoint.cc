// SPDX-License-Identifier: Apache-2.0
//
// The walk from a snapshot to the one that tells.
#include "lake/checkpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace daypart::lake {
namespace {

std::string SetterKey(std::string_view key) {
  return std::string(kSetByPrefix) + std::string(key);
}

/// Sequence numbers only grow, along a rollback too: what descends from the setter has a greater
/// one. A snapshot without a number is of a time before the table numbered its commits.
bool is_undone(const iceberg::TableMetadata& metadata, const iceberg::Snapshot& oldest,
               const std::string& key) {
  const std::string text = metadata.Property(SetterKey(key), "");
  int64_t setter = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), setter);
  return setter >= std::max<int64_t>(oldest.sequence_number.value(), 1);
}

Error UndoneError(const iceberg::TableMetadata& metadata, const iceberg::Snapshot& oldest,
                  const std::string& key) {
  const auto unset = [](const std::string& property) {
    return "ALTER TABLE ... UNSET TBLPROPERTIES ('" + property + "')";
  };
  return InvalidArgument(
      "table at " + metadata.location + ": a rollback undid commit " +
      metadata.Property(SetterKey(key), "") + ", which set " + key +
      ", and what held before has expired (the oldest commit left is " +
      std::to_string(oldest.sequence_number.value()) +
      "). How far the table's rows go is not known. Roll forward, or run " + unset(key) +
      " to take everything in again, or " + unset(SetterKey(key)) +
      " to go on behind what the undone commit took in");
}

}  // namespace

Result<std::string> CheckpointText(const iceberg::TableMetadata& metadata,
                                   const std::string& key) {
  const iceberg::Snapshot* snapshot = metadata.current_snapshot();
  const iceberg::Snapshot* oldest = nullptr;
  while (snapshot != nullptr) {
    const auto found = snapshot->summary.find(key);
    if (found != snapshot->summary.end()) return found->second;
    // The whole history is there, and the writer in none of it: a rollback to before its time.
    if (!snapshot->parent_id) return std::string();
    oldest = snapshot;
    snapshot = metadata.FindSnapshot(*snapshot->parent_id);
  }
  if (oldest == nullptr) return std::string();
  std::string text = metadata.Property(key, "");
  if (!text.empty() && is_undone(metadata, *oldest, key)) {
    return UndoneError(metadata, *oldest, key);
  }
  return text;
}

std::map<std::string, std::string> WithSetters(std::map<std::string, std::string> properties,
                                               const iceberg::Snapshot& snapshot) {
  if (snapshot.sequence_number.value() == 0) return properties;
  const std::string number = std::to_string(snapshot.sequence_number.value());
  std::map<std::string, std::string> setters;
  for (const auto& [key, text] : properties) {
    if (is_checkpoint(key)) setters[SetterKey(key)] = number;
  }
  properties.merge(setters);
  return properties;
}

bool is_checkpoint(std::string_view summary_key) {
  static constexpr std::array<std::string_view, 4> kPrefixes = {
      kStreamKeyPrefix, "daypart.replay.", "daypart.inputs-ledger", "daypart.window."};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), [summary_key](std::string_view prefix) {
    return summary_key.starts_with(prefix);
  });
}

}  // namespace daypart::lake
