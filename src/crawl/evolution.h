// SPDX-License-Identifier: Apache-2.0
//
// From a draft to a raw table, and from a registered raw table to its next version. Pure.
#pragma once

#include <string>
#include <vector>

#include "catalog/raw_catalog.h"
#include "crawl/crawl.h"
#include "crawl/table_draft.h"

namespace daypart::crawl {

/// The draft as a table of version 0, with types decided and names made plain. Warnings go to
/// `warnings`.
catalog::RawTable TableFromDraft(const TableDraft& draft, catalog::TableName name,
                                 std::vector<std::string>& warnings);

/// Changes `report.table`, a registered table, into what `found` says of the same files, and fills
/// the report's lists and change. What is incompatible is only listed unless `apply_incompatible`.
///
/// A type that still holds all that was found stays: a sample that happens to have smaller numbers
/// is no reason to narrow it. Columns that had no values when their type was guessed take any type.
void Evolve(const catalog::RawTable& found, bool apply_incompatible, TableReport& report);

}  // namespace daypart::crawl
