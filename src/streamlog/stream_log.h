// SPDX-License-Identifier: Apache-2.0
//
// StreamLog: all streams of a lake for the one process that writes them. Streams are folders below
// options.folder; a lock file keeps a second writer out. Producers append records of several shards
// in one call and are told once, when each record is durable or refused. Reading is StreamReader's,
// in this process as in others.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/posix_file.h"
#include "streamlog/disk.h"
#include "streamlog/shard_writer.h"
#include "streamlog/stream_reader.h"
#include "streamlog/stream_state.h"

namespace daypart::streamlog {

struct StreamLogOptions {
  std::string folder;
  Disk* disk = nullptr;      // must outlive the log, as the other two
  Clock* clock = nullptr;
  Random* random = nullptr;
  bool is_synced = true;
  uint64_t segment_bytes_max = uint64_t{64} << 20;
  /// Of each shard; beyond it producers are refused.
  size_t pending_bytes_max = size_t{32} << 20;
  /// Of each shard's kept segments; older ones go although they are young enough.
  uint64_t shard_bytes_max = uint64_t{1} << 50;
  int committers_count = 2;
};

struct ProducerRecord {
  std::string_view data;
  std::string_view partition_key;
  std::optional<HashKey> explicit_hash_key;
};

struct AppendOutcome {
  SequenceNumber sequence;
  /// Why the record was refused; null once it is durable.
  std::shared_ptr<const Error> error;
};

using AppendCallback = std::function<void(std::vector<AppendOutcome>)>;

struct StreamLogCounters {
  std::atomic<int64_t> records{0};
  std::atomic<int64_t> bytes{0};
  std::atomic<int64_t> commits{0};
  std::atomic<int64_t> records_refused{0};
};

/// Thread-safe.
class StreamLog {
 public:
  /// Takes the lock and recovers every stream. A shard whose acknowledged records are damaged
  /// refuses new ones, the others go on. errors: kUnavailable if another process writes;
  ///   kCorruptData for a stream.json that cannot be read.
  static Result<std::unique_ptr<StreamLog>> Open(StreamLogOptions options);

  /// Stops as Stop does.
  ~StreamLog();

  /// errors: kAlreadyExists; kInvalidArgument; kResourceExhausted over kStreamsMax or kShardsMax.
  Status CreateStream(const std::string& name, size_t shards_count, bool is_on_demand = false);
  /// Its records are gone with it. errors: kNotFound.
  Status DeleteStream(const std::string& name);
  std::vector<std::string> ListStreams() const;
  /// errors: kNotFound.
  Result<StreamState> Describe(const std::string& name) const;

  /// Changes what is not shards (tags, retention, consumers) and makes it durable. What `change`
  /// returns as error is returned and changes nothing.
  Status Change(const std::string& name, const std::function<Status(StreamState&)>& change);

  Status Split(const std::string& name, ShardNumber shard, HashKey second_starts);
  Status Merge(const std::string& name, ShardNumber left, ShardNumber right);
  /// Splits and merges until there are `count` even shards.
  Status UpdateShardCount(const std::string& name, size_t count);

  /// Routes the records by their hash keys. `done` is called once, with an outcome for each record
  /// in their order, maybe on a committer thread and maybe before Append returns. The bytes are
  /// copied before Append returns. errors: kNotFound, and done is not called.
  Status Append(std::string_view name, std::span<const ProducerRecord> records,
                AppendCallback done);
  /// Append, and waits.
  Result<std::vector<AppendOutcome>> AppendAndWait(std::string_view name,
                                                   std::span<const ProducerRecord> records);

  /// The stream's reader; shared, because a reading request may outlast the stream.
  Result<std::shared_ptr<StreamReader>> Reader(std::string_view name) const;

  /// Drops what retention no longer keeps. To be called every minute or so.
  Status ApplyRetention();

  /// Commits what waits and ends the committers; a later Append commits by itself. Harmless to call
  /// again.
  void Stop();

  const StreamLogCounters& counters() const { return counters_; }
  /// Bytes of all kept segments of a stream. errors: kNotFound.
  Result<uint64_t> StreamBytes(const std::string& name) const;

 private:
  struct Route {
    HashKey last;
    uint64_t epoch_s = 0;
    ShardNumber shard;
    std::shared_ptr<ShardWriter> writer;  // null: the shard is damaged
  };
  struct Stream {
    std::string name;
    std::string folder;
    mutable std::shared_mutex mutex;  // guards the rest; held over I/O by resharding only
    StreamState state;
    std::map<ShardNumber, std::shared_ptr<ShardWriter>> writers;  // shared with the committers
    std::vector<Route> routes;                                    // open shards by hash key
    bool is_deleted = false;
    std::shared_ptr<StreamReader> reader;
  };
  using StreamRef = std::shared_ptr<Stream>;  // shared: a request may outlast the stream
  struct AppendCall;

  explicit StreamLog(StreamLogOptions options) : options_(std::move(options)) {}

  Status Recover();
  Status RecoverStream(const std::string& name);
  Result<StreamRef> Find(std::string_view name) const;
  ShardWriterOptions WriterOptions(const Stream& stream, ShardNumber shard) const;
  Status SaveState(const Stream& stream, const StreamState& state);
  static void BuildRoutes(Stream& stream);
  Status Reshard(Stream& stream, const ReshardPlan& plan);
  Status ApplyRetention(Stream& stream);
  void Enqueue(std::shared_ptr<ShardWriter> shard);
  void RunCommitter();

  const StreamLogOptions options_;
  store::FileDescriptor lock_file_;
  StreamLogCounters counters_;

  mutable std::shared_mutex streams_mutex_;  // guards streams_
  std::map<std::string, StreamRef, std::less<>> streams_;
  std::mutex naming_mutex_;  // lets one thread at a time make or delete a stream; held over I/O

  std::mutex queue_mutex_;  // guards queue_ and is_stopping_
  std::condition_variable queue_filled_;
  std::deque<std::shared_ptr<ShardWriter>> queue_;
  bool is_stopping_ = false;
  std::vector<std::thread> committers_;
};

}  // namespace daypart::streamlog
