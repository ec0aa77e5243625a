// SPDX-License-Identifier: Apache-2.0
//
// SnapshotDiff: the rows that one snapshot of a table has and another has not. Data files that both
// have, with the same deletes, are not read. The comparison is DuckDB's, within its memory limit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/table.h"
#include "query/engine.h"
#include "source/batch_source.h"

namespace daypart::query {

struct DiffOptions {
  std::string from;  // snapshot id, branch, tag, or time (ISO 8601, UTC)
  std::string to;    // likewise; empty for the current snapshot
  /// Columns that name a row. Empty: the table's identifier fields; without these, rows are
  /// compared as a whole, as often as they occur.
  std::vector<std::string> key_columns;
};

/// In the column `_change`: "added" or "removed", and for a key that has one row in both snapshots
/// "changed from" and "changed to".
class SnapshotDiff {
 public:
  /// Both snapshots are read under the columns of `to`. context and raw must outlive the diff.
  /// errors: kNotFound for a snapshot or time that the table does not know; kInvalidArgument for an
  /// unknown key column.
  static Result<SnapshotDiff> Open(const lake::LakeContext& context, catalog::RawCatalog& raw,
                                   const EngineOptions& engine, const lake::LoadedTable& table,
                                   const DiffOptions& options);

  int64_t added() const { return added_; }
  int64_t removed() const { return removed_; }
  int64_t changed() const { return changed_; }
  int64_t files_read() const { return files_read_; }
  int64_t files_shared() const { return files_shared_; }
  /// To be read once.
  source::BatchSource& rows() { return *rows_; }

 private:
  SnapshotDiff() = default;

  // In the order in which the later ones need the earlier.
  std::unique_ptr<source::BatchSource> before_;
  std::unique_ptr<source::BatchSource> after_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Rows> result_;
  std::unique_ptr<source::BatchSource> rows_;
  int64_t added_ = 0;
  int64_t removed_ = 0;
  int64_t changed_ = 0;
  int64_t files_read_ = 0;
  int64_t files_shared_ = 0;
};

}  // namespace daypart::query
