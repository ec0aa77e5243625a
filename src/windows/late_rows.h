// SPDX-License-Identifier: Apache-2.0
//
// The table <target>_late: rows of the source that came when a window of theirs was final, with all
// their columns, the window, the watermark of then and the snapshot that added them. The rows of a
// snapshot come in one commit, and a snapshot that has some there already is not kept again: so
// each row is there once, wherever a keeper was killed.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "lake/table.h"
#include "source/batch_source.h"
#include "windows/window_declaration.h"

namespace daypart::windows {

catalog::TableName LateTable(const WindowDeclaration& window);

/// rows: as WindowSql::Late selects them from the snapshot that is the source's current one.
/// returns: how many of its rows the table has.
Result<int64_t> KeepLateRows(const lake::LakeContext& context, const WindowDeclaration& window,
                             const lake::LoadedTable& source, source::BatchSource& rows,
                             const lake::WriteOptions& write);

}  // namespace daypart::windows
