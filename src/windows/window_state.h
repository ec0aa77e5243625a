// SPDX-License-Identifier: Apache-2.0
//
// WindowState: up to which snapshot of its source a target is computed, and with which watermark.
// It lies in the summary of the snapshot that holds the rows, so both become true in one commit;
// a property of the target keeps it when that snapshot has expired.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "iceberg/metadata.h"
#include "lake/table.h"

namespace daypart::windows {

/// Keys of summaries and properties. The two beside the state are for people and other programs.
inline constexpr char kStateKey[] = "daypart.window.state";
inline constexpr char kWatermarkKey[] = "daypart.window.watermark";
/// Windows that end at it or before are final.
inline constexpr char kFinalUntilKey[] = "daypart.window.final-until";

struct WindowState {
  std::string fingerprint;  // of the declaration
  std::string source_uuid;
  iceberg::SnapshotId snapshot_id;
  /// Event time up to which all rows are taken to be there; absent before the first row.
  std::optional<UtcMicros> watermark;
  /// Rows that came when a window of theirs was final, in all.
  int64_t late_rows = 0;
  friend bool operator==(const WindowState&, const WindowState&) = default;
};

/// The text that stands in the newest ancestor of the target's snapshot that has it, else in the
/// target's properties; empty if nowhere. errors: of lake::CheckpointText.
Result<std::string> StateText(const iceberg::TableMetadata& target);
std::string StateToJson(const WindowState& state);
/// errors: kCorruptData.
Result<WindowState> StateFromJson(const std::string& text);

/// What a commit of the state has in its summary and properties.
std::map<std::string, std::string> StateEntries(const WindowState& state, int64_t lateness_micros);

/// Windows that end at it or before do not change any more; before all times without a watermark.
int64_t FloorOf(const WindowState& state, int64_t lateness_micros);

/// Whether streams write to the table, and so tell how far each of their shards has come.
bool has_streams(const iceberg::TableMetadata& source);
/// The watermark of the streams as the source's current snapshot has it.
Result<std::optional<UtcMicros>> StreamWatermark(const lake::LakeContext& context,
                                                 const iceberg::TableMetadata& source,
                                                 UtcMicros now, int64_t idle_ms);

}  // namespace daypart::windows
