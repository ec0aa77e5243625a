// SPDX-License-Identifier: Apache-2.0
//
// ChangeRows: rows of a table taken away or replaced by others in one commit. What DELETE and
// UPDATE come to once a query has found their rows. Copy-on-write writes the touched files anew;
// merge-on-read adds position delete files (format v2) or deletion vectors (v3) and leaves the
// files as they are.
#pragma once

#include "base/result.h"
#include "lake/table.h"
#include "source/batch_source.h"

namespace daypart::lake {

enum class ChangeMode { kCopyOnWrite, kMergeOnRead };

/// What the table's properties ask for: write.delete.mode or write.update.mode ("copy-on-write",
/// which is the default, or "merge-on-read"). errors: kInvalidArgument for another value;
/// kUnsupported for merge-on-read in a table of format v1.
Result<ChangeMode> ChangeModeOf(const iceberg::TableMetadata& metadata, const char* property);

/// What becomes of a row, as its column `_action` (int32) says.
enum class RowAction : int32_t { kDelete = 0, kUpdate = 1, kInsert = 2 };
inline constexpr char kActionColumn[] = "_action";

struct ChangeOptions {
  ChangeMode mode = ChangeMode::kCopyOnWrite;
  /// A row may be named twice; else that is an error, because only one of two changes could stay.
  bool may_repeat = false;
  /// Which rows were looked at to find those that change.
  iceberg::Expression filter = iceberg::Expression::True();
  /// Rows that the filter may match must not have been added since the table was loaded.
  bool is_serializable = true;
};

/// Takes away the rows that `rows` names in its columns `_file` and `_pos`, as a scan of `table`
/// with positions gives them. If it has the table's columns as well, each of its rows is added in
/// place of the one it names, unless `_action` says delete or, where `_file` does not matter,
/// insert. In format v3 a column `_row_id` keeps the rows' ids. The source is read once, to its
/// end, before anything is committed.
/// table:   as it was when the rows were found.
/// errors:  kConflict if others changed since what matters here (see lake/conflict_check.h): find
///   the rows again;
///   kInvalidArgument for a file that is not in the table, and for a row that is named twice; those
///   of Append.
Result<CommitResult> ChangeRows(const LakeContext& context, const LoadedTable& table,
                                source::BatchSource& rows, const ChangeOptions& change,
                                const WriteOptions& options);

}  // namespace daypart::lake
