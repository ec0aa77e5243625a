// SPDX-License-Identifier: Apache-2.0
//
// Runs a statement that changes a table: DuckDB finds the rows, the lake commits the change. If
// another writer commits meanwhile, the rows are looked for again in the table as it is then.
#pragma once

#include <string_view>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/table.h"
#include "query/engine.h"

namespace daypart::query {

/// Whether a row goes by copy-on-write or merge-on-read is what the table's properties say
/// (write.delete.mode, write.update.mode).
/// errors: those of ParseWriteStatement, of Engine::Query and of the commit; kInvalidArgument for
/// an
///   unknown table or column.
Result<lake::CommitResult> ExecuteWrite(const lake::LakeContext& context, catalog::RawCatalog& raw,
                                        const EngineOptions& options, std::string_view sql,
                                        const lake::WriteOptions& write);

}  // namespace daypart::query
