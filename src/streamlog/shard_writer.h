// SPDX-License-Identifier: Apache-2.0
//
// ShardWriter: the one writer of a shard. Producers append to a buffer in memory; a committer
// writes what has gathered and syncs it once for all of them (group commit), then tells them. A
// record is acknowledged after the fsync that covers it and never before. If a sync fails the shard
// acknowledges nothing more until it is opened anew, because the kernel may have dropped the pages;
// if the disk is full the batch is refused and cut off, and later ones are tried.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "streamlog/disk.h"
#include "streamlog/durable_mark.h"
#include "streamlog/segment_format.h"

namespace daypart::streamlog {

/// Called once, by a committer thread, without any lock held.
using DurableCallback = std::function<void(const Status&)>;

struct ShardWriterOptions {
  Disk* disk = nullptr;    // must outlive the writer
  Clock* clock = nullptr;  // must outlive the writer
  std::string folder;
  StreamId stream_id{};
  ShardNumber shard;
  uint64_t segment_bytes_max = uint64_t{64} << 20;
  /// Records that wait for the disk; a producer that would exceed it is refused (back-pressure).
  size_t pending_bytes_max = size_t{32} << 20;
  /// Whether `durable` means the medium. Without it a crash of the machine may lose acknowledged
  /// records, and recovery does not take that for damage.
  bool is_synced = true;
};

/// Thread-safe.
class ShardWriter {
 public:
  /// A shard without records. The folder must not be there.
  static Result<std::unique_ptr<ShardWriter>> Create(ShardWriterOptions options);
  /// Cuts off a torn tail and goes on behind it. errors: kCorruptData if records that had been
  /// acknowledged are damaged.
  static Result<std::unique_ptr<ShardWriter>> Recover(ShardWriterOptions options);
  /// A shard that takes no more records: what is left to do is to drop old ones.
  static Result<std::unique_ptr<ShardWriter>> OpenClosed(ShardWriterOptions options,
                                                         RecordIndex end);

  struct Appended {
    RecordIndex first_index;
    /// The caller hands the shard to a committer; it was not waiting for one.
    bool must_schedule = false;
  };

  /// Takes all records or none. `done` is called unless an error is returned.
  /// errors: kUnavailable over pending_bytes_max or while closing; kResourceExhausted after a
  ///   failure; kInvalidArgument for a record over its limits.
  Result<Appended> Append(std::span<const RecordBytes> records, DurableCallback done);

  /// Makes durable what is waiting and calls back. True: more has come, call again.
  bool Commit();

  /// Ok, or why the shard acknowledges nothing more.
  Status health() const;
  /// The first index that is not durable.
  RecordIndex end() const { return mark_->end(); }
  uint64_t bytes() const;

  /// Refuses further records, makes those that wait durable and returns the end.
  Result<RecordIndex> Close();

  /// Removes segments whose records all arrived before `before`, and the oldest ones while the rest
  /// has more than bytes_max. Returns how many went. The last open segment stays.
  Result<int64_t> DropOld(UtcMicros before, uint64_t bytes_max);

 private:
  struct Batch {
    std::vector<std::byte> bytes;
    std::vector<std::pair<FrameHead, uint64_t>> frames;  // with their offset in bytes
    std::vector<DurableCallback> callbacks;
    RecordIndex end;
  };
  struct Segment {
    RecordIndex first_index;
    UtcMicros created;
    uint64_t bytes = 0;
    /// No record arrived later; of the last segment while it is written it is in index_.
    UtcMicros newest;
  };

  explicit ShardWriter(ShardWriterOptions options) : options_(std::move(options)) {}

  Status ListOldSegments();
  Status RecoverLast();
  /// The rest needs commit_mutex_.
  Status StartSegment(RecordIndex first_index);
  Status SealSegment();
  Status WriteBatch(const Batch& batch);
  Status CutBack();
  bool must_roll(uint64_t more_bytes) const;
  void Encode(std::span<const RecordBytes> records);
  std::vector<DurableCallback> Refuse(Batch& batch, const Error& error, bool for_good);
  std::string PathOf(const std::string& name) const { return options_.folder + '/' + name; }

  const ShardWriterOptions options_;
  std::unique_ptr<DurableMark> mark_;

  // Held by the one who works on the files, over their I/O: that is what it is for.
  std::mutex commit_mutex_;
  std::unique_ptr<LogFile> file_;  // of the last segment; null when closed
  SegmentIndex index_;             // of the last segment
  std::vector<Segment> segments_;  // the last one's bytes are in index_

  mutable std::mutex mutex_;  // guards the members below; never held over I/O
  Batch pending_;
  Batch spare_;  // keeps the memory of the batch before
  RecordIndex next_index_ = kFirstIndex;
  UtcMicros last_arrival_;
  bool is_scheduled_ = false;
  bool is_closing_ = false;
  std::optional<Error> failure_;
  uint64_t bytes_total_ = 0;
};

}  // namespace daypart::streamlog
