// SPDX-License-Identifier: Apache-2.0
//
// StreamSession: a stream's source and sinks as the configuration says, ready to run: what
// `daypart stream` and the server's background job share.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "app/file_lock.h"
#include "app/lake_session.h"
#include "app/stream_config.h"
#include "base/cancel.h"
#include "ingest/quarantine_replay.h"
#include "ingest/sink.h"
#include "ingest/stream_consumer.h"
#include "source/record_source.h"

namespace daypart::app {

struct StreamRunOptions {
  bool until_idle = false;
  /// Rows stay readable until they are committed, and a thread decodes ahead. With runs_forever.
  bool serves_rows = false;
  bool runs_forever = false;
  /// For ReadUncommitted or ReplayQuarantine instead of Run.
  bool reads_only = false;
};

class StreamSession {
 public:
  /// session and stop must outlive it.
  static Result<std::unique_ptr<StreamSession>> Open(LakeSession& session, StreamConfig config,
                                                     const StreamRunOptions& options,
                                                     const CancelToken& stop);

  /// Keep another process of this machine from taking the same source into the same table or files:
  /// one would find its checkpoint moved by the other, and begin anew or give up. To be held while
  /// the session runs. errors: kUnavailable, with the number of the process that has them.
  Result<std::vector<FileLock>> Lock(const LakeSession& session) const;

  /// Runs all sinks, each on a thread of its own, until all have ended.
  /// errors: the first sink's that failed; the others have run to their end then.
  Status Run();

  /// Decodes what the source holds beyond the table's commits, for tail() to give; nothing is
  /// changed. returns: false if it does not fit into the stream's memory, or did not end.
  Result<bool> ReadUncommitted();
  struct Uncommitted {
    bool has_table = false;
    /// Records that the source holds beyond the table's commits; all while there is no table.
    int64_t records_count = 0;
  };
  /// Of a source that counts its records, as the lake's log does.
  Result<Uncommitted> CountUncommitted() const;
  /// Those of them that tail() does not give.
  Result<int64_t> CountUnread() const;

  struct Backlog {
    std::string sink;
    int64_t records_count = 0;
  };
  /// The sinks that have not committed all that the source holds, a source that knows_end().
  Result<std::vector<Backlog>> Backlogs() const;

  /// Brings records back from quarantine that fit by now.
  Result<ingest::ReplayReport> ReplayQuarantine(LakeSession& session, bool is_dry_run) const;

  const StreamConfig& config() const { return config_; }
  /// RecordSource::name().
  std::string source_name() const { return source_->name(); }
  /// The rows that the table's sink takes from.
  ingest::StreamTail& tail() const { return consumers_.front()->tail(); }
  /// Waits until the tail has what the source holds now, where the source can tell that cheaply.
  /// returns: false if it does not have it.
  Result<bool> AwaitReadable(std::chrono::milliseconds wait_max) const;
  /// One a sink: the table's first.
  const std::vector<std::unique_ptr<ingest::StreamConsumer>>& consumers() const {
    return consumers_;
  }
  const ingest::Sink& sink(size_t index) const { return *sinks_[index]; }

 private:
  StreamSession(LakeSession& session, StreamConfig config) : config_(std::move(config)),
      context_{session.store(), session.catalog(), session.clock(), session.context().random,
               never_, session.context().warehouse} {}
  Status AddSinks(LakeSession& session);
  /// From the first record of shards that it does not know.
  Result<int64_t> RecordsBeyond(const ingest::StreamState& state) const;

  StreamConfig config_;
  CancelToken never_;  // a commit under way is not cut off: stopping is the consumers'
  lake::LakeContext context_;
  bool serves_rows_ = false;
  std::unique_ptr<source::RecordSource> source_;
  ingest::TableSinkOptions table_options_;
  std::optional<ingest::FilesSinkOptions> files_options_;
  std::vector<std::unique_ptr<ingest::Sink>> sinks_;
  std::vector<std::unique_ptr<ingest::StreamConsumer>> consumers_;
};

/// The stream's settings: those of daypart.toml, or the default ones under this name.
/// errors: kInvalidArgument for what is no name: letters, digits, '_', '-' and '.'.
Result<StreamConfig> StreamConfigOf(const Config& config, const std::string& name);

}  // namespace daypart::app
