// SPDX-License-Identifier: Apache-2.0
//
// What a name in a statement may mean besides a table of the catalog: a metadata table of one, a
// view in a file, the table that a statement changes.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "lake/metadata_table.h"
#include "lake/table.h"
#include "query/time_travel.h"

namespace daypart::query {

struct MetadataReference {
  lake::LoadedTable table;
  lake::MetadataTableKind kind;
};

/// The table that `travel` names a metadata table of, as viewership$files, at its time.
/// errors: those of ParseMetadataTableName; kUnsupported for a time where the metadata table is of
/// all snapshots.
Result<std::optional<MetadataReference>> FindMetadataTable(const lake::LakeContext& context,
                                                           const std::string& database,
                                                           const Travel& travel);

/// The text of <folder>/NAME.sql; empty if there is none.
Result<std::string> ReadViewFile(const std::string& folder, const std::string& name);

/// Whether the name means `target` on its branch; false for null.
bool is_same_branch(const lake::LoadedTable* target, const std::string& database,
                    const Travel& travel);

/// Whether the statement names a column of the row lineage, which tables do not show otherwise.
bool MentionsLineage(std::string_view sql);

}  // namespace daypart::query
