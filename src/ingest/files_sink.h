// SPDX-License-Identifier: Apache-2.0
//
// FilesSink: rows of a stream into plain Parquet files that any reader takes:
// <folder>/event_date=YYYY-MM-DD/hour=HH/<stream>-<epoch>-<positions>-<n>.parquet, with the columns
// of the stream's table. Readers see nothing but whole files of committed epochs: files are written
// beside the folder, an object that names them and the positions behind them is put only if absent,
// which is the commit, and then they are moved to where they are seen. What was killed in between
// is moved when the sink is opened next. See docs/formats/stream-files.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ingest/sink.h"
#include "ingest/table_sink.h"
#include "lake/table.h"

namespace daypart::ingest {

struct FilesSinkOptions {
  /// Location of the folder, without trailing '/'.
  std::string folder;
  /// Begins the files' names.
  std::string stream;
  /// The stream's table and how it is written: columns are the table's.
  TableSinkOptions table;
};

class FilesSink final : public Sink {
 public:
  /// context must outlive the sink.
  FilesSink(const lake::LakeContext& context, FilesSinkOptions options);

  std::string name() const override { return options_.folder + '/'; }
  Result<std::optional<OpenedSink>> Open() override;
  Result<std::optional<StreamState>> State() const override;
  Status Create(const std::vector<LearntColumn>& columns) override;
  Result<SinkShape> AddColumns(const std::vector<LearntColumn>& columns) override;
  Result<EpochCommit> WriteEpoch(source::BatchSource& rows,
                                 const std::function<EpochResult()>& end) override;
  Status KeepRejects(const std::vector<RejectedRecord>& rejects) override;

  /// Adds rows that came back from quarantine, those left out whose id is among the last ones.
  /// Nothing happens if rows of this replay were added last. Opens the sink.
  /// errors: kConflict if a consumer came in between: again.
  Status AddReplayed(const std::shared_ptr<arrow::RecordBatch>& rows,
                     const std::string& replay_id);

 private:
  /// A file of a committed epoch; names are relative to the folder.
  struct KeptFile {
    std::string pending;  // where it was written, until it is moved
    std::string name;
    int64_t rows = 0;
    int64_t bytes = 0;
  };
  struct Progress {
    int64_t epoch = -1;
    StreamState state;
    /// Of AddReplayed, as it was last.
    std::string replay_id;
    std::vector<KeptFile> files;   // of this epoch
    std::vector<KeptFile> recent;  // of it and those before, newest last
  };

  std::string ProgressLocation(int64_t epoch) const;
  std::string ToText(const Progress& progress) const;
  Result<Progress> ReadProgress(const std::string& location) const;
  /// The epoch of the newest progress object; -1 if there is none.
  Result<int64_t> NewestEpoch() const;
  Status LoadTable();
  /// What the progress becomes with the files written, those of a replay if one is named.
  Progress After(const std::vector<lake::WrittenFile>& written, const StreamState& state,
                 const std::string& replay_id) const;
  Status Put(Progress progress);
  /// Moves the last epoch's files to where readers see them, several at a time. After a failure
  /// some are there.
  Status Publish() const;
  Status Show(const KeptFile& file) const;
  void RemoveLeftovers() const;
  /// Of the table; empty if there is none.
  std::string ColumnForKey(const std::string& key) const;
  Result<std::vector<std::shared_ptr<arrow::Array>>> RecentIds() const;

  const lake::LakeContext& context_;
  const FilesSinkOptions options_;
  const std::string hidden_folder_;  // beside the folder: what readers are not to see
  TableSink table_;
  /// The table's, with another place and partitioning.
  iceberg::TableMetadata metadata_;
  Progress progress_;
};

}  // namespace daypart::ingest
