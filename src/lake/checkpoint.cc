// SPDX-License-Identifier: Apache-2.0
//
// The walk from a snapshot to the one that tells.
#include "lake/checkpoint.h"

#include <algorithm>
#include <array>

namespace daypart::lake {

std::string CheckpointText(const iceberg::TableMetadata& metadata, const std::string& key) {
  const iceberg::Snapshot* snapshot = metadata.current_snapshot();
  while (snapshot != nullptr) {
    const auto found = snapshot->summary.find(key);
    if (found != snapshot->summary.end()) return found->second;
    // The whole history is there, and the writer in none of it: a rollback to before its time.
    if (!snapshot->parent_id) return "";
    snapshot = metadata.FindSnapshot(*snapshot->parent_id);
  }
  return metadata.current_snapshot_id ? metadata.Property(key, "") : "";
}

bool is_checkpoint(std::string_view summary_key) {
  static constexpr std::array<std::string_view, 4> kPrefixes = {
      kStreamKeyPrefix, "daypart.replay.", "daypart.inputs-ledger", "daypart.window."};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), [summary_key](std::string_view prefix) {
    return summary_key.starts_with(prefix);
  });
}

}  // namespace daypart::lake
