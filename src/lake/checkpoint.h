// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: how far a writer has come with what it takes in (a stream's positions, a pipeline's
// ledger, a window's state), as a text under a key of the snapshot that holds the rows: both become
// true in one commit. A property of the table has the newest one too, for the day that all
// snapshots with it have expired.
#pragma once

#include <string>
#include <string_view>

#include "iceberg/metadata.h"

namespace daypart::lake {

/// Begin of the keys of streams (docs/formats/stream-state.md).
inline constexpr std::string_view kStreamKeyPrefix = "daypart.stream.";

/// What the newest ancestor of the table's snapshot has under the key: commits of other programs
/// have nothing. If that has expired, the table's property. Empty if nowhere, so too after a
/// rollback to before the first.
std::string CheckpointText(const iceberg::TableMetadata& metadata, const std::string& key);

/// Whether it is a key of Daypart's checkpoints. What a snapshot has under them, each commit of
/// Daypart's on it hands on: a rollback to that one finds it when its ancestors have expired.
bool is_checkpoint(std::string_view summary_key);

}  // namespace daypart::lake
