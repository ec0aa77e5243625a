// SPDX-License-Identifier: Apache-2.0
//
// Sequence numbers to indices and back, around a StreamReader.
#include "source/stream_log_source.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "streamlog/limits.h"
#include "streamlog/stream_reader.h"

namespace daypart::source {
namespace {

using streamlog::RecordIndex;
using streamlog::RecordPage;
using streamlog::SequenceNumber;
using streamlog::ShardReader;
using streamlog::ShardState;

/// What a run's views are of.
struct RunMemory {
  std::shared_ptr<const void> page;
  std::string positions;
};

class StreamLogSource final : public RecordSource {
 public:
  StreamLogSource(std::string folder, std::string stream,
                  std::unique_ptr<streamlog::StreamReader> reader)
      : folder_(std::move(folder)), stream_(std::move(stream)), reader_(std::move(reader)) {}

  std::string name() const override { return "log:" + stream_; }

  Result<std::vector<Shard>> ListShards() override {
    DAYPART_TRY(const auto state, State());
    std::vector<Shard> shards;
    // By number, and children have higher ones than their parents.
    for (const ShardState& known : state.shards) {
      Shard shard;
      shard.id = streamlog::ShardId(known.number);
      for (const auto& parent : {known.parent, known.adjacent_parent}) {
        if (parent && state.Find(*parent) != nullptr) {
          shard.parent_ids.push_back(streamlog::ShardId(*parent));
        }
      }
      shard.is_closed = !known.is_open();
      shards.push_back(std::move(shard));
    }
    return shards;
  }

  Result<std::string> PositionOf(const std::string& shard_id, StartPosition start) override {
    DAYPART_TRY(const auto shard, Find(shard_id));
    RecordIndex index = shard.reader->end();
    if (start == StartPosition::kOldest) {
      DAYPART_TRY(index, shard.reader->Oldest());
    }
    return ToDecimal(shard.state.SequenceAt(index));
  }

  Result<RecordRun> Read(const std::string& shard_id, const std::string& position,
                         const ReadLimits& limits) override {
    DAYPART_TRY(const auto shard, Find(shard_id));
    DAYPART_TRY(const SequenceNumber number, streamlog::ParseSequenceNumber(position));
    if (number.shard != shard.state.number || number.shard_epoch_s > shard.state.epoch_s) {
      return InvalidArgument("position " + position + " is not of " + shard_id);
    }
    // One of a stream of the name that was deleted: all that this one holds comes after it.
    const bool is_of_former = number.shard_epoch_s < shard.state.epoch_s;
    const RecordIndex from =
        is_of_former ? streamlog::kFirstIndex : std::max(number.index, streamlog::kFirstIndex);
    if (limits.wait_ms > 0 && shard.state.is_open()) {
      // The mark is above `from` - 1 as soon as there is a record at `from`.
      shard.reader->WaitAbove(from, std::chrono::milliseconds(limits.wait_ms));
    }
    DAYPART_TRY(const auto page, shard.reader->Read(from, limits.records_max, limits.bytes_max));
    return ToRun(shard, page);
  }

  bool knows_end() const override { return true; }

  int ComparePositions(std::string_view left, std::string_view right) const override {
    return streamlog::CompareDecimals(left, right);
  }

 private:
  struct Found {
    ShardState state;
    std::shared_ptr<streamlog::StreamReader> stream;
    std::shared_ptr<ShardReader> reader;
  };

  std::shared_ptr<streamlog::StreamReader> Reader() const {
    const std::lock_guard lock(mutex_);
    return reader_;
  }

  /// What the stream is now; one that was deleted and made anew is read on under its name.
  Result<streamlog::StreamState> State() {
    auto state = Reader()->State();
    if (state || state.error().code != ErrorCode::kNotFound) return state;
    auto anew = streamlog::StreamReader::Open(folder_);
    if (!anew) return state;
    Log(LogLevel::kWarning, "stream " + stream_ +
                                " was deleted and made anew: it is read from its first record");
    const std::lock_guard lock(mutex_);
    reader_ = std::move(anew).value();
    return reader_->State();
  }

  Result<Found> Find(const std::string& shard_id) {
    auto number = streamlog::ParseShardId(shard_id);
    if (!number) return NotFound("shard '" + shard_id + "' does not exist");
    Found found;
    found.stream = Reader();
    DAYPART_TRY(found.reader, found.stream->Shard(*number));
    const auto last = found.stream->last_state();
    const ShardState* known = last.Find(*number);
    if (known != nullptr) {
      found.state = *known;
    } else {
      DAYPART_TRY(found.state, found.stream->StateOf(*number));
    }
    return found;
  }

  Result<RecordRun> ToRun(const Found& shard, const RecordPage& page) {
    auto memory = std::make_shared<RunMemory>();
    memory->page = page.memory;
    memory->positions.resize(page.records.size() * streamlog::kSequenceDigits);
    RecordRun run;
    run.records.reserve(page.records.size());
    if (!page.records.empty()) {
      streamlog::SequenceRun sequence(shard.state.SequenceAt(page.records.front().index));
      char* digits = memory->positions.data();
      for (const auto& stored : page.records) {
        sequence.WriteNext(digits);
        run.records.push_back({stored.bytes.data, stored.bytes.partition_key,
                               std::string_view(digits, streamlog::kSequenceDigits),
                               stored.arrival});
        digits += streamlog::kSequenceDigits;
      }
    }
    run.next_position = ToDecimal(shard.state.SequenceAt(page.next_index));
    const uint64_t end = shard.reader->end().value();
    run.behind_count = static_cast<int64_t>(end - std::min(end, page.next_index.value()));
    if (*run.behind_count > 0 && !run.records.empty()) {
      DAYPART_TRY(const UtcMicros newest, shard.reader->NewestArrival());
      run.behind_ms = std::max<int64_t>(
          (newest.value() - run.records.back().arrival.value()) / 1000, 0);
    }
    if (run.records.empty()) {
      // Only here is it worth a look at the file whether the shard was closed meanwhile.
      DAYPART_TRY(const auto now, shard.stream->StateOf(shard.state.number));
      run.is_at_end = !now.is_open() && page.next_index >= *now.closed_end;
    }
    run.bytes = std::move(memory);
    return run;
  }

  const std::string folder_;
  const std::string stream_;
  mutable std::mutex mutex_;  // guards reader_
  // Shared, because reads of the former stream may be under way when it is replaced.
  std::shared_ptr<streamlog::StreamReader> reader_;
};

}  // namespace

Result<std::unique_ptr<RecordSource>> OpenStreamLogSource(const std::string& streams_folder,
                                                          const std::string& stream) {
  DAYPART_RETURN_IF_ERROR(streamlog::CheckStreamName(stream));
  const std::string folder = streams_folder + '/' + stream;
  auto reader = streamlog::StreamReader::Open(folder);
  if (!reader && reader.error().code == ErrorCode::kNotFound) {
    return NotFound("stream '" + stream + "' does not exist");
  }
  if (!reader) return std::move(reader).error();
  return std::unique_ptr<RecordSource>(
      std::make_unique<StreamLogSource>(folder, stream, std::move(*reader)));
}

}  // namespace daypart::source
