// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: how far a writer has come with what it takes in (a stream's positions, a pipeline's
// ledger, a window's state), as a text under a key of the snapshot that holds the rows: both become
// true in one commit. A property of the table has the newest one too, for the day that all
// snapshots with it have expired.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/metadata.h"

namespace daypart::lake {

/// Begin of the keys of streams (docs/formats/stream-state.md).
inline constexpr std::string_view kStreamKeyPrefix = "daypart.stream.";

/// Begin of the properties that say which commit, by its sequence number, set the property with the
/// checkpoint that follows.
inline constexpr std::string_view kSetByPrefix = "daypart.checkpoint-set-by.";

/// What the newest ancestor of the table's snapshot has under the key: commits of other programs
/// have nothing. If that has expired, the table's property. Empty if nowhere, so too after a
/// rollback to before the first.
/// errors: kInvalidArgument if a rollback undid the commit that set the property and what held
/// before it has expired: either way of going on would lose rows or repeat them, so the user says
/// which.
Result<std::string> CheckpointText(const iceberg::TableMetadata& metadata, const std::string& key);

/// The properties of a commit and, for each checkpoint among them, that it is this snapshot that
/// sets it. Format version 1 numbers no commits: nothing is added.
std::map<std::string, std::string> WithSetters(std::map<std::string, std::string> properties,
                                               const iceberg::Snapshot& snapshot);

/// Whether it is a key of Daypart's checkpoints. What a snapshot has under them, each commit of
/// Daypart's on it hands on: a rollback to that one finds it when its ancestors have expired.
bool is_checkpoint(std::string_view summary_key);

}  // namespace daypart::lake
