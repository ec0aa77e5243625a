// SPDX-License-Identifier: Apache-2.0
//
// StreamTail: the decoded rows of a stream between its source and a sink, in runs that know their
// positions. A sink takes them in epochs: an epoch's rows are written and committed together with
// the positions behind them. Runs that are not committed yet can be kept, and are then what a
// query reads beyond the committed rows: the hot tail.
//
// Whoever needs rows helps: Take decodes the next run itself if none is ready, so an epoch is
// decoded by as many threads as take from it. A thread that calls Pump or DecodeAhead besides
// decodes ahead, while a commit is under way.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "ingest/id_window.h"
#include "ingest/learn_schema.h"
#include "ingest/record_decoder.h"
#include "ingest/shard_reader.h"
#include "ingest/stream_state.h"
#include "lake/hot_rows.h"
#include "source/batch_source.h"

namespace daypart::ingest {

struct TailOptions {
  /// Key by which repeated events are known; empty for none.
  std::string id_column;
  int64_t window_ids_max = int64_t{4} << 20;
  /// Committed-to-be runs stay readable until Forget.
  bool keeps_rows = false;
  /// Decoded bytes that may wait or be kept; an epoch ends when they are reached.
  int64_t kept_bytes_max = int64_t{256} << 20;
  /// A key that no column takes ends the epoch before its run, so that the sink can add a column.
  bool evolves = false;
};

struct EpochLimits {
  int64_t record_bytes_max = 0;
  UtcMicros ends_at;
  /// The epoch ends when the source has nothing more, rather than at ends_at.
  bool ends_when_idle = false;
};

/// What an epoch came to, beside its rows.
struct EpochResult {
  StreamState state;
  std::vector<RejectedRecord> rejects;
  int64_t record_bytes = 0;
  int64_t reject_bytes = 0;
  int64_t rows_count = 0;
  int64_t repeated_count = 0;
  /// The source had nothing more when the epoch ended.
  bool is_idle = false;
  /// The next run has keys without a column: see TakeUnknown.
  bool needs_columns = false;
  /// No value of a record was left out of its row because the schema had no column for it.
  bool has_all_values = false;
  /// Keys that become no columns, of this epoch's records or earlier ones since the start; sorted.
  std::vector<std::string> left_out_keys;
};

class StreamTail {
 public:
  /// All must outlive the tail. stop: ends epochs early; what was taken is to be committed.
  StreamTail(source::RecordSource& source, Clock& clock, const CancelToken& stop,
             TailOptions options);

  /// Begins anew behind `state`: all runs are dropped and read again. recent_ids: arrays of the ids
  /// taken last, oldest first.
  Status Reset(std::shared_ptr<RecordDecoder> decoder, StreamState state,
               const std::vector<std::shared_ptr<arrow::Array>>& recent_ids);
  /// Rows to come are decoded for another schema, in which the ignored keys are no columns and hold
  /// nothing up. Between epochs only.
  void SetDecoder(std::shared_ptr<RecordDecoder> decoder, const std::set<std::string>& ignored);

  /// The rows of the next epoch, in the decoder's schema, for as many cursors as wanted.
  std::unique_ptr<source::BatchSource> BeginEpoch(const EpochLimits& limits);
  /// After all cursors of the epoch are at their end.
  EpochResult EndEpoch();
  /// The epoch is committed: its runs are not kept any longer.
  void Forget(const StreamState& committed);

  struct UnknownKeys {
    std::set<std::string> keys;
    std::string text;  // of the runs that have them, as JSON lines
    std::vector<LearntColumn> csv_columns;
  };
  UnknownKeys TakeUnknown();
  /// Between epochs: reads on for so long at most, without waiting for records to come, until there
  /// are enough of them for TakeUnknown to learn a column's type from.
  Status ReadForSample(int64_t read_ms_max);

  /// Reads and decodes a run if there is room. returns: false if there was nothing to do, after
  /// waiting for a moment.
  Result<bool> Pump();
  /// From the end of the epoch's rows until `is_over`: decodes for the next epoch, as much as may
  /// wait, while this one is brought to disk and committed. For a thread of its own.
  void DecodeAhead(const std::atomic<bool>& is_over);

  /// How far the reading is from the newest record of the source, where it can tell.
  int64_t behind_ms() const { return behind_ms_.load(std::memory_order_relaxed); }
  /// Age of the oldest record that was read and is not committed, by its arrival at the source or,
  /// of files, by when it was read first; at least behind_ms().
  int64_t uncommitted_ms() const;

  /// Rows behind `committed` that are decoded, as far as no run before them is still at work.
  /// keeps_rows only.
  /// errors: kConflict if rows behind it are not kept any more: the table has moved on, load it
  ///   again.
  Result<lake::HotRuns> RowsBeyond(const StreamState& committed) const;
  /// Waits until RowsBeyond gives all that the source holds now, for wait_max at most; while rows
  /// wait for a commit (with a new column, or for room), on until kReadableCommitMsMax. Does not
  /// wait before the tail has what an earlier call waited for in vain.
  /// returns: whether it does give all.
  Result<bool> AwaitReadable(std::chrono::milliseconds wait_max);

  struct Size {
    int64_t rows_count = 0;  // kept, not committed
    int64_t rows_bytes = 0;
    int64_t runs_count = 0;
  };
  Size size() const;
  /// Behind the rows that RowsBeyond gives, by shard.
  std::map<std::string, std::string> readable() const;
  /// As of the last commit.
  StreamState committed() const;

 private:
  friend class EpochCursor;
  friend class EpochRows;
  struct Entry {
    enum class Phase { kRead, kDecoding, kReady, kBlocked };
    uint64_t number = 0;
    Phase phase = Phase::kRead;
    bool is_taken = false;
    ReadRun read;
    std::optional<UtcMicros> arrival;  // of its first record; absent if it has none
    int64_t record_bytes = 0;
    int64_t rows_bytes = 0;
    DecodedRun decoded;
    std::shared_ptr<const RecordDecoder> decoder;  // whose schema the decoded rows have
    /// The same rows for queries; null for none.
    std::shared_ptr<const lake::HotRun> hot;
    std::set<std::string> unknown;
  };

  /// Where a shard of the source ended.
  struct ShardEnd {
    std::string shard_id;
    std::string position;
    std::string oldest;  // where a shard begins of which nothing was read
  };
  Result<std::vector<ShardEnd>> ReadShardEnds();
  /// With mutex_ held.
  bool is_readable_to(const std::vector<ShardEnd>& ends) const;

  Result<std::shared_ptr<arrow::RecordBatch>> Take();
  /// With mutex_ held: the first untaken ready entry of the epoch; null if there is none.
  Entry* FindReady(bool& has_pending, Entry*& to_decode);
  bool has_untaken() const;
  bool is_full() const;
  bool ShouldEnd() const;
  std::shared_ptr<arrow::RecordBatch> TakeEntry(Entry& entry);
  Status DecodeEntry(Entry& entry, std::unique_lock<std::mutex>& lock);
  Result<bool> ReadAndDecode();
  /// With both mutexes held: the entry of a run that was just read.
  Entry& Append(ReadRun read);
  Result<bool> ReadAndDecodeOrFail();
  Status DropRepeated(const RecordDecoder& decoder, DecodedRun& decoded);
  /// With mutex_ held: by shard, the number behind the last run that is committed; without those
  /// shards whose committed position is not between runs.
  std::map<std::string, uint64_t> FirstBeyond(const StreamState& committed) const;
  /// With mutex_ held.
  void AdvanceReadable();
  /// With mutex_ held: the arrival of the oldest record that is not committed.
  std::optional<UtcMicros> OldestArrival() const;

  source::RecordSource& source_;
  Clock& clock_;
  const CancelToken& stop_;
  const TailOptions options_;

  mutable std::mutex mutex_;  // guards what follows, but reader_ and window_
  std::condition_variable changed_;
  std::shared_ptr<RecordDecoder> decoder_;  // shared with decodes under way
  /// Whose schema the epoch's rows have: runs that were decoded ahead may have an older one.
  std::shared_ptr<const RecordDecoder> epoch_decoder_;
  std::deque<std::unique_ptr<Entry>> entries_;
  /// OldestArrival before a Reset to where the tail was: what is read again is no younger.
  std::optional<UtcMicros> waiting_since_;
  uint64_t next_number_ = 0;
  int64_t kept_bytes_ = 0;
  StreamState base_;   // behind which entries_ begin
  StreamState taken_;  // behind the last taken entries
  std::map<std::string, uint64_t> taken_numbers_;
  std::set<std::string> ignored_keys_;
  EpochLimits limits_;
  EpochResult epoch_;
  std::optional<uint64_t> boundary_;  // first entry that the ending epoch leaves out
  uint64_t taken_behind_ = 0;         // number behind the last taken entry
  uint64_t readable_behind_ = 0;      // all entries below this number are ready
  std::map<std::string, std::string> readable_;  // positions behind them
  bool is_open_ = false;              // Reset was called
  std::vector<ShardEnd> missed_;      // what the last wait for all rows ended without
  int decoding_count_ = 0;
  bool is_idle_ = false;
  bool is_blocked_ = false;
  std::optional<Error> failure_;

  std::atomic<int64_t> behind_ms_{0};
  std::mutex read_mutex_;  // guards reader_; taken before mutex_
  std::unique_ptr<ShardReader> reader_;
  std::mutex window_mutex_;  // guards window_
  std::unique_ptr<IdWindow> window_;
};

}  // namespace daypart::ingest
