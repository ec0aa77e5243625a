// SPDX-License-Identifier: Apache-2.0
//
// Values of table properties that are numbers or flags. A value that is neither is an error that
// names the property, never silently the default: who set it meant something.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/metadata.h"

namespace daypart::lake {

// Properties of Daypart's own, see docs/maintenance.md.
inline constexpr std::string_view kSnapshotsMaxProperty = "daypart.commit.snapshots-max";
inline constexpr std::string_view kExpiredGraceProperty = "daypart.commit.expired-files-grace-ms";
// Properties of the reference implementation.
inline constexpr std::string_view kDeleteAfterCommitProperty =
    "write.metadata.delete-after-commit.enabled";

/// The property as a number of at least 0, or `fallback` if the table does not have it.
/// errors: kInvalidArgument for anything else.
Result<int64_t> NumberProperty(const iceberg::TableMetadata& metadata, std::string_view key,
                               int64_t fallback);
/// Likewise true or false.
Result<bool> FlagProperty(const iceberg::TableMetadata& metadata, std::string_view key,
                          bool fallback);

/// Iceberg's gc.enabled: false where other tables may use this one's files, which then stay.
bool may_collect_garbage(const iceberg::TableMetadata& metadata);

}  // namespace daypart::lake
