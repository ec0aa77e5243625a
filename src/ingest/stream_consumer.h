// SPDX-License-Identifier: Apache-2.0
//
// StreamConsumer: one stream into one sink, epoch after epoch. Each sink has a consumer of its own
// with its own positions, so a slow or failing one stalls only itself. Whatever fails, the consumer
// goes back to what the sink says it has and goes on from there: there is one way of recovery, that
// of a crash.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "ingest/sink.h"
#include "ingest/stream_tail.h"
#include "source/record_source.h"

namespace daypart::ingest {

struct ConsumerOptions {
  std::string id_column = "event_id";
  std::string time_column = "event_time";
  int64_t ahead_micros_max = int64_t{366} * 86'400 * 1'000'000;
  int64_t window_ids_max = int64_t{4} << 20;
  bool evolves = true;
  bool coerce_strings = false;
  /// A commit comes when files of this size have come together, or after this time.
  int64_t commit_bytes = int64_t{128} << 20;
  int64_t commit_ms = 30'000;
  /// Rows stay readable from the tail until they are committed.
  bool keeps_rows = false;
  int64_t kept_bytes_max = int64_t{256} << 20;
  /// The next epoch is decoded while one is committed, by a thread of its own.
  bool decodes_ahead = false;
  /// Run ends when the source has nothing more.
  bool ends_when_idle = false;
  /// Run goes on whatever fails, rather than give up after kFailuresMax failures in a row.
  bool runs_forever = false;
};

/// Exact when Run has returned; readable while it runs.
struct ConsumerProgress {
  std::atomic<int64_t> rows{0};
  std::atomic<int64_t> repeated{0};
  std::atomic<int64_t> quarantined{0};
  std::atomic<int64_t> record_bytes{0};
  std::atomic<int64_t> bytes_written{0};
  std::atomic<int64_t> files{0};
  std::atomic<int64_t> commits{0};
  std::atomic<int64_t> failures{0};
};

class StreamConsumer {
 public:
  /// All must outlive the consumer. stop: what was read is committed, then Run returns.
  StreamConsumer(source::RecordSource& source, Sink& sink, Clock& clock, Random& random,
                 const CancelToken& stop, ConsumerOptions options);

  /// Until the source is idle, `stop` is cancelled, or there is no going on. Once only.
  /// errors: those of source and sink that no retry mends.
  Status Run();

  const ConsumerProgress& progress() const { return progress_; }
  /// Age of the oldest record that the sink does not have yet, as StreamTail::uncommitted_ms; while
  /// a sink cannot even be asked what it has, for how long it could not.
  int64_t uncommitted_ms() const;
  /// Keys that became no columns, sorted. After Run only.
  const std::set<std::string>& left_out_keys() const { return left_out_keys_; }
  StreamTail& tail() { return tail_; }
  /// Decodes ahead of the sink until `stop`: for a thread of its own beside Run.
  void PumpUntilStopped();
  /// Instead of Run, for who only reads the rows beyond what is committed: the tail begins there.
  /// returns: false if the sink is yet to be created.
  Result<bool> OpenToRead();

 private:
  Status RunOnce();
  /// Looks through `reader` for records to learn the columns from; what is broken before them goes
  /// to quarantine. false: there are too few yet.
  Result<bool> CreateFromRecords(ShardReader& reader, ColumnSample& sample);
  void TellOf(const std::vector<LearntColumn>& columns) const;
  Status KeepBroken(InputRun& run);
  Status Begin(OpenedSink opened);
  Result<EpochResult> RunEpoch();
  Result<EpochCommit> WriteEpoch(source::BatchSource& rows);
  Status Evolve();
  /// Leaves in `columns` those that the sink has now.
  Status AddColumns(std::vector<LearntColumn>& columns);
  void LeaveOut(const std::vector<std::string>& keys);
  Result<std::shared_ptr<RecordDecoder>> DecoderFor(const SinkShape& shape) const;
  void BackOff(int failures);

  source::RecordSource& source_;
  Sink& sink_;
  Clock& clock_;
  Random& random_;
  const CancelToken& stop_;
  const ConsumerOptions options_;
  StreamTail tail_;
  ConsumerProgress progress_;
  SinkShape shape_;
  std::set<std::string> left_out_keys_;
  /// When the first record of a sink that is yet to be created was read.
  std::optional<UtcMicros> sampled_since_;
  int failures_ = 0;
  std::atomic<bool> is_open_{false};         // Begin was called
  std::atomic<int64_t> failing_since_{0};    // microseconds of the first failure in a row; 0: none
  /// Bytes written for a byte of records, as measured last; a first guess of ours.
  double written_share_ = 0.2;
};

}  // namespace daypart::ingest
