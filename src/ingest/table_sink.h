// SPDX-License-Identifier: Apache-2.0
//
// TableSink: rows of a stream into an Iceberg table. The snapshot that holds an epoch's rows holds
// the positions behind them in its summary, and so does a property of the table, which outlives
// the snapshot. Records that do not fit are in media.quarantine before the rows that do.
#pragma once

#include <string>

#include "ingest/sink.h"
#include "lake/commit.h"
#include "lake/table.h"
#include "lake/table_writer.h"

namespace daypart::ingest {

struct TableSinkOptions {
  catalog::TableName table;
  /// RecordSource::name() of the stream.
  std::string source_name;
  std::string id_column;
  std::string time_column;
  int64_t window_ids_max = 0;
  /// Partitioning of a new table; empty: hour(time_column) if the stream has that column.
  std::string partition;
  int32_t format_version = 2;
  lake::WriteOptions write;
};

class TableSink final : public Sink {
 public:
  /// context must outlive the sink; its cancel token is to be one that is never cancelled, since
  /// stopping is the tail's.
  TableSink(const lake::LakeContext& context, TableSinkOptions options);

  std::string name() const override { return ToString(options_.table); }
  Result<std::optional<OpenedSink>> Open() override;
  Result<std::optional<StreamState>> State() const override;
  Status Create(const std::vector<LearntColumn>& columns) override;
  Result<SinkShape> AddColumns(const std::vector<LearntColumn>& columns) override;
  Status KeepRejects(const std::vector<RejectedRecord>& rejects) override;
  Result<EpochCommit> WriteEpoch(source::BatchSource& rows,
                                 const std::function<EpochResult()>& end) override;

 private:
  Status Commit(const std::vector<lake::WrittenFile>& files, const EpochResult& epoch);

  const lake::LakeContext& context_;
  const TableSinkOptions options_;
  iceberg::TableMetadata metadata_;
  StreamState state_;       // as of the last commit or Open
  std::string state_text_;  // of it in the table
};

/// A stream's partitioning by the hours of the column; empty if the schema has no such time.
std::string HourPartition(const iceberg::Schema& schema, const std::string& column);

/// The columns' arrays of the rows that were added last, oldest first, until they are rows_max.
Result<std::vector<std::shared_ptr<arrow::Array>>> RecentValues(const lake::LakeContext& context,
                                                                const lake::LoadedTable& table,
                                                                const std::string& column,
                                                                int64_t rows_max);

}  // namespace daypart::ingest
