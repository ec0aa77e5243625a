// SPDX-License-Identifier: Apache-2.0
//
// HotRows: rows that belong to a table and that no snapshot holds yet, as a statement reads them
// together with one. They are runs of batches as a stream was decoded, each under the schema that
// the table had then; reading matches columns by field id, as in data files, so that a column that
// was added, renamed, widened or dropped since is what the snapshot says it is.
#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "iceberg/manifest.h"
#include "iceberg/type.h"
#include "lake/table.h"
#include "source/batch_source.h"

namespace daypart::lake {

/// Rows that came together. Thread-safe.
class HotRun {
 public:
  /// rows: its columns in the order of `schema`, which tells their field ids; texts may be
  /// dictionaries.
  HotRun(std::shared_ptr<arrow::RecordBatch> rows, std::shared_ptr<arrow::Schema> schema)
      : rows_(std::move(rows)), schema_(std::move(schema)) {}

  const std::shared_ptr<arrow::RecordBatch>& rows() const { return rows_; }
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  /// Whether a row may satisfy the filter, told from the least and greatest values of the columns
  /// that it names. They are computed once and kept.
  bool MayMatch(const iceberg::Expression& filter, const iceberg::Schema& schema) const;

 private:
  void Measure(const iceberg::NestedField& field) const;

  const std::shared_ptr<arrow::RecordBatch> rows_;
  const std::shared_ptr<arrow::Schema> schema_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::set<iceberg::FieldId> measured_;
  mutable iceberg::DataFile metrics_;
};

/// Shared, because statements read runs that a stream's tail lets go meanwhile.
using HotRuns = std::vector<std::shared_ptr<const HotRun>>;

/// The rows pinned for one statement: the same however often they are read.
class HotRows {
 public:
  virtual ~HotRows() = default;
  virtual int64_t rows_count() const = 0;
  /// The runs that may have rows for `filter`, with these columns of `schema` at least.
  virtual Result<HotRuns> Runs(const iceberg::Schema& schema,
                               const std::vector<std::string>& columns,
                               const iceberg::Expression& filter) const = 0;
};

/// Who knows of rows beyond snapshots. Thread-safe.
class HotTables {
 public:
  virtual ~HotTables() = default;
  /// Whether the table may have such rows. Cheap: asked for each table of each statement.
  virtual bool has(const catalog::TableName& table) const = 0;
  /// Waits, for a bounded time, until what was acknowledged before the call is readable.
  /// returns: false if some of it is not, which whoever asked is to be told.
  virtual bool Await(const catalog::TableName& table) = 0;
  /// The rows beyond the table's current snapshot as loaded; null for none.
  /// errors: kConflict: rows behind this snapshot are committed by now, load the table again.
  virtual Result<std::unique_ptr<HotRows>> Pin(const LoadedTable& table) = 0;
};

/// Runs in memory.
class PinnedRuns final : public HotRows {
 public:
  explicit PinnedRuns(HotRuns runs);
  int64_t rows_count() const override { return rows_count_; }
  Result<HotRuns> Runs(const iceberg::Schema& schema, const std::vector<std::string>& columns,
                       const iceberg::Expression& filter) const override;

 private:
  HotRuns runs_;
  int64_t rows_count_ = 0;
};

struct TableWithHotRows {
  LoadedTable table;
  std::unique_ptr<HotRows> hot;  // null for none
  bool may_lack_rows = false;    // acknowledged ones, because a stream is behind
};

/// The table with the rows beyond exactly its snapshot. A table that does not come to rest is given
/// without them, since it then is not where its stream believes it to be: after a rollback, until
/// the stream looks at it again.
/// errors: those of LoadTable and Pin but kConflict.
Result<TableWithHotRows> LoadWithHotRows(const LakeContext& context, HotTables& tables,
                                         const catalog::TableName& name);

/// The runs' rows under these columns of the schema (all if none is named).
Result<std::unique_ptr<source::BatchSource>> OpenHotRuns(HotRuns runs,
                                                         const iceberg::Schema& schema,
                                                         const std::vector<std::string>& columns);

}  // namespace daypart::lake
