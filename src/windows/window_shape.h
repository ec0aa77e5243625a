// SPDX-License-Identifier: Apache-2.0
//
// What a declaration means over a source as it is now: which of its columns are used and how times
// are typed; and the target that its SELECT asks for.
#pragma once

#include <arrow/type_fwd.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "lake/table.h"
#include "windows/window_declaration.h"
#include "windows/window_sql.h"

namespace daypart::windows {

struct SourceShape {
  std::vector<std::string> columns;  // that the declaration may use, in the source's order
  iceberg::FieldId time_field;
  std::string time_column;  // as the source writes it
  std::string time_type;  // as DuckDB names it
  bool has_source_keys = true;
};

/// waits_for: set, with an empty shape, if the source has no such columns yet, as a stream's table
/// that is to learn them.
/// errors: kInvalidArgument if the source can never do.
Result<SourceShape> ShapeOf(const WindowDeclaration& window, const iceberg::Schema& source,
                            std::string& waits_for);

/// The target with the columns of the SELECT: made if it is not there, columns added and dropped if
/// the declaration changed.
/// errors: kInvalidArgument if a column is to have another type, or window_start, window_end or a
///   key is not selected.
Result<lake::LoadedTable> EnsureTarget(const lake::LakeContext& context,
                                       const WindowDeclaration& window,
                                       const arrow::Schema& selected);

/// errors: kInvalidArgument if a column of a key or of the window is gone.
Result<WindowTypes> TypesOf(const WindowDeclaration& window, const SourceShape& source,
                            const iceberg::Schema& target);

}  // namespace daypart::windows
