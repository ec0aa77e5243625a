// SPDX-License-Identifier: Apache-2.0
//
// Sink: where a stream's rows go, with its own progress. A sink keeps the positions in the same
// step that makes rows visible, so that a crash between any two instructions neither loses nor
// repeats a row; after any failure it is opened anew and tells how far it has come.
#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/type.h"
#include "ingest/learn_schema.h"
#include "ingest/stream_state.h"
#include "ingest/stream_tail.h"
#include "source/batch_source.h"

namespace daypart::ingest {

/// What the sink's rows look like.
struct SinkShape {
  iceberg::Schema schema;
  SourceNameMap source_names;
};

struct OpenedSink {
  SinkShape shape;
  StreamState state;
  /// Ids of the rows taken last, oldest first, for as many rows as the window holds.
  std::vector<std::shared_ptr<arrow::Array>> recent_ids;
};

struct EpochCommit {
  EpochResult epoch;
  int64_t bytes_written = 0;
  int64_t files_written = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::string name() const = 0;

  /// What is there; nullopt if the sink is yet to be created.
  virtual Result<std::optional<OpenedSink>> Open() = 0;
  /// How far the sink has come, nothing being changed; nullopt if it is yet to be created.
  virtual Result<std::optional<StreamState>> State() const = 0;
  /// For columns that the stream has shown.
  virtual Status Create(const std::vector<LearntColumn>& columns) = 0;
  /// Between epochs. returns: the shape afterwards.
  virtual Result<SinkShape> AddColumns(const std::vector<LearntColumn>& columns) = 0;

  /// Keeps records that fit no row, each once however often it is given, beside those that
  /// WriteEpoch keeps.
  virtual Status KeepRejects(const std::vector<RejectedRecord>& rejects) = 0;

  /// Writes the rows, then asks `end` for the epoch's state and commits both at once. Nothing is
  /// committed if nothing changed.
  /// errors: kConflict if another consumer has moved the positions; kCommitUnknown: open it again,
  ///   its state tells.
  virtual Result<EpochCommit> WriteEpoch(source::BatchSource& rows,
                                         const std::function<EpochResult()>& end) = 0;
};

}  // namespace daypart::ingest
