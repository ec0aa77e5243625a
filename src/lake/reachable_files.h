// SPDX-License-Identifier: Apache-2.0
//
// Which objects a table's metadata and snapshots refer to: what maintenance must never delete.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

/// The location in the one way of writing that two writers' names of the same object share:
/// "file:/a", "file:///a" and "/a" are one, so are s3://, s3a:// and s3n://. What is deleted is
/// decided on this.
std::string ComparableLocation(std::string_view location);

/// Locations that the snapshots of these ids refer to: manifest lists, manifests, live data and
/// delete files, and values of their summaries that are locations below the table's (as a
/// pipeline's ledger). errors: kNotFound for an unknown snapshot; those of reading manifests.
Result<std::set<std::string>> ReachableFiles(const LakeContext& context, const LoadedTable& table,
                                             const std::vector<iceberg::SnapshotId>& snapshots);

/// Adds those of the values that are locations below the table's.
void AddLocationValues(const std::map<std::string, std::string>& values,
                       const iceberg::TableMetadata& metadata, std::set<std::string>& files);

/// Locations that the metadata itself refers to: metadata files, statistics, property values that
/// are locations below the table's.
std::set<std::string> MetadataFiles(const LoadedTable& table);

/// Statistics files of these snapshots: they go when their snapshot does.
std::set<std::string> StatisticsFiles(const iceberg::TableMetadata& metadata,
                                      const std::vector<iceberg::SnapshotId>& snapshots);

}  // namespace daypart::lake
