// SPDX-License-Identifier: Apache-2.0
//
// Operations on Iceberg tables: create, load, plan a scan, read, append, overwrite, merge. Writers
// put data files first, then manifests, then a metadata file, and only the catalog's
// compare-and-swap makes them count: until then the table is as it was, whatever dies in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "iceberg/expression.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "source/batch_source.h"
#include "store/object_store.h"

namespace daypart::lake {

class CommitTurns;
class TableCache;

/// What every operation needs from outside; all of it must outlive the operation.
struct LakeContext {
  store::ObjectStore& store;
  catalog::Catalog& catalog;
  Clock& clock;
  Random& random;
  const CancelToken& cancel;
  /// Where tables are created: <warehouse>/<database>/<table>, a location without trailing '/'.
  std::string warehouse;
  /// Of parsed metadata, for a process that does many operations; null for none.
  TableCache* cache = nullptr;
  /// Threads that read manifests side by side. With 1 calls to the store have the same order every
  /// time, as a seeded simulation needs.
  size_t manifest_threads_max = 8;
  /// Of the process's commits to each table; null if it commits from one thread at a time.
  CommitTurns* turns = nullptr;
};

struct LoadedTable {
  catalog::TableName name;
  std::string metadata_location;
  iceberg::TableMetadata metadata;
  /// The branch whose head `metadata` has as its current snapshot.
  std::string branch = std::string(iceberg::kMainBranch);
};

/// errors: kNotFound; kCorruptData or kUnsupported from the metadata file, naming it.
Result<LoadedTable> LoadTable(const LakeContext& context, const catalog::TableName& name);
/// The table as a branch has it. errors: those of LoadTable; kNotFound if there is no such branch.
Result<LoadedTable> LoadBranch(const LakeContext& context, const catalog::TableName& name,
                               const std::string& branch);

struct CreateOptions {
  iceberg::Schema schema;
  iceberg::PartitionSpec spec;
  iceberg::SortOrder sort_order;
  std::map<std::string, std::string> properties;
  int32_t format_version = 2;
};

/// What a new table of the name is to be, not yet anywhere: at <warehouse>/<database>/<table>, or
/// in a folder beside it if another table's metadata is there; with the properties that keep
/// metadata bounded, see docs/decisions/0031, unless `options` has them.
Result<iceberg::TableMetadata> NewTableMetadata(const LakeContext& context,
                                                const catalog::TableName& name,
                                                const CreateOptions& options);

/// Creates the database too if it is not there. errors: kAlreadyExists.
Result<LoadedTable> CreateTable(const LakeContext& context, const catalog::TableName& name,
                                const CreateOptions& options);

// ---- reading ----

struct ScanFile {
  iceberg::DataFile file;
  iceberg::SpecId spec_id;
  iceberg::SequenceNumber sequence_number;
  /// Delete files that apply to this file (none in tables that only Daypart v1 wrote).
  std::vector<iceberg::DataFile> deletes;
};

struct ScanPlan {
  std::vector<ScanFile> files;
  int64_t manifests_total = 0;
  int64_t manifests_read = 0;
  int64_t files_total = 0;  // in the manifests that were read
  int64_t rows = 0;         // record counts of `files`, deletes not subtracted
};

/// The files that may hold rows for which `filter` is true, in the current snapshot or the one
/// given. errors: kNotFound for an unknown snapshot.
Result<ScanPlan> PlanScan(const LakeContext& context, const LoadedTable& table,
                          const iceberg::Expression& filter,
                          std::optional<iceberg::SnapshotId> snapshot_id = std::nullopt);

/// The rows of the planned files under the table's current schema (columns matched by field id),
/// all columns or those named, rows taken away by delete files left out. The filter of the plan is
/// not applied to rows again. has_positions: `_file` and `_pos` come last (see lake/table_scan.h),
/// in format v3 after the row lineage, whose columns can also be named alone.
Result<std::unique_ptr<source::BatchSource>> OpenScan(const LakeContext& context,
                                                      const LoadedTable& table, ScanPlan plan,
                                                      const std::vector<std::string>& columns = {},
                                                      bool has_positions = false);

// ---- writing ----

struct WriteOptions {
  int threads_count = 2;
  int64_t file_bytes_target = int64_t{256} << 20;
  int64_t row_group_rows = 1'000'000;
  /// Rows held in memory before they are encoded, over all threads and partitions.
  int64_t buffer_bytes_max = int64_t{384} << 20;
  /// A partition without a row among the last so many bytes of rows is done, for all one can tell:
  /// its file is completed while other rows are still to come.
  int64_t quiet_bytes_max = INT64_MAX;
  int zstd_level = 1;
  /// Rows stay in the order in which they come, even if the table has a sort order.
  bool keeps_order = false;
  /// Added to the snapshot's summary.
  std::map<std::string, std::string> summary;
  /// Set on the table in the same commit.
  std::map<std::string, std::string> properties;
  /// Called after the data files are written and before the commit, for a caller's last word: an
  /// error cancels the write. It may still add to `summary`.
  std::function<Status()> before_commit;
  /// Append, Overwrite and ChangeRows: called in each attempt with the table that it builds on; an
  /// error gives the commit up.
  std::function<Status(const iceberg::TableMetadata&)> check;
  /// The branch to write to, for writes that name the table alone (those that take a LoadedTable
  /// write to its branch).
  std::string branch = std::string(iceberg::kMainBranch);
  /// Commit even if there are no rows (so that summary and properties are kept).
  bool commits_empty = false;
};

struct CommitResult {
  /// Absent if there was nothing to commit.
  std::optional<iceberg::SnapshotId> snapshot_id;
  int64_t rows_added = 0;
  int64_t rows_deleted = 0;  // of the rows that the table had
  int64_t rows_updated = 0;  // merge: among the added, those that replaced a row
  int64_t rows_skipped = 0;  // merge: source rows that a later row with the same key replaced
  /// Merge: rows added although they may be there already, because a key column of theirs is null.
  int64_t rows_without_key = 0;
  std::vector<std::string> null_key_columns;  // of those rows
  int64_t files_added = 0;
  int64_t files_removed = 0;
  int64_t bytes_added = 0;
  int attempts = 0;
};

/// Adds the rows of `rows` (matched to columns by name, missing optional columns null).
/// errors: kInvalidArgument if a column is unknown, of another type, or null where required;
///   kConflict when commits were lost to others until the retries ran out; kCommitUnknown.
Result<CommitResult> Append(const LakeContext& context, const catalog::TableName& name,
                            source::BatchSource& rows, const WriteOptions& options);

/// Replaces all rows by those of `rows`.
Result<CommitResult> Overwrite(const LakeContext& context, const catalog::TableName& name,
                               source::BatchSource& rows, const WriteOptions& options);

/// Replaces the rows of those partitions that `rows` fall into; the whole table if it has no
/// partitions. table: as it was when the rows were made.
/// replans: what others commit to these partitions until our commit is replaced too; else it is
///   kConflict, so that a caller whose rows came from the table makes them anew.
Result<CommitResult> OverwritePartitions(const LakeContext& context, const LoadedTable& table,
                                         source::BatchSource& rows, const WriteOptions& options,
                                         bool replans);

struct MergeOptions {
  /// Columns that together name a row. A null key is never equal to another.
  std::vector<std::string> key_columns;
  /// Of source rows with one key the one with the greatest value here wins, the last read of
  /// equals; if empty, the last read wins.
  std::string order_column;
  /// A matched row whose order_column is greater in the table than in the source stays as it is.
  bool keeps_newer = false;
  /// A source row whose key is in the table already is left out instead of replacing it (events).
  bool inserts_only = false;
  /// The table's rows all go: afterwards it holds those of the source, one a key.
  bool replaces_all = false;
};

/// Copy-on-write merge by key: matched rows are replaced, the others added. Files without a
/// matching key stay untouched. Memory does not grow with the table or the source.
Result<CommitResult> Merge(const LakeContext& context, const catalog::TableName& name,
                           source::BatchSource& rows, const MergeOptions& merge,
                           const WriteOptions& options);

}  // namespace daypart::lake
