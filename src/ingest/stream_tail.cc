// SPDX-License-Identifier: Apache-2.0
//
// One list of runs in the order of reading; each goes read -> decoded -> ready -> taken ->
// forgotten. Decoding and sleeping happen outside the lock.
#include "ingest/stream_tail.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "ingest/limits.h"
#include "lake/column_projection.h"

namespace daypart::ingest {

/// The rows of one epoch; its cursors take from the tail until the epoch ends.
class EpochCursor final : public source::BatchCursor {
 public:
  explicit EpochCursor(StreamTail& tail) : tail_(tail) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override { return tail_.Take(); }

 private:
  StreamTail& tail_;
};

class EpochRows final : public source::BatchSource {
 public:
  EpochRows(StreamTail& tail, std::shared_ptr<arrow::Schema> schema)
      : tail_(tail), schema_(std::move(schema)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<source::BatchCursor>(std::make_unique<EpochCursor>(tail_));
  }

 private:
  StreamTail& tail_;
  std::shared_ptr<arrow::Schema> schema_;
};

namespace {

int64_t RecordsCount(const InputRun& input) {
  if (const auto* lines = std::get_if<source::LineRun>(&input.run)) {
    return std::count(lines->text.begin(), lines->text.end(), '\n');
  }
  return static_cast<int64_t>(std::get<source::RecordRun>(input.run).records.size());
}

/// The columns that the run's headers become, but for those that another run has told.
void AddCsvRun(const source::LineRun& run, std::set<std::string> headers,
               StreamTail::UnknownKeys& unknown) {
  for (const LearntColumn& column : unknown.csv_columns) headers.erase(column.source_name);
  if (headers.empty()) return;
  for (auto& column : LearnCsvColumns(run, headers)) {
    unknown.csv_columns.push_back(std::move(column));
  }
}

/// keys: those of the run that are no columns yet; empty if it was not decoded.
void AddRun(const InputRun& run, const std::set<std::string>& keys,
            StreamTail::UnknownKeys& unknown) {
  unknown.keys.insert(keys.begin(), keys.end());
  if (const auto* records = std::get_if<source::RecordRun>(&run.run)) {
    for (const auto& record : records->records) {
      unknown.text.append(record.data);
      unknown.text += '\n';
    }
    return;
  }
  const auto& lines = std::get<source::LineRun>(run.run);
  if (lines.csv_columns != nullptr) return AddCsvRun(lines, keys, unknown);
  unknown.text += lines.text;
  if (!unknown.text.ends_with('\n')) unknown.text += '\n';
}

}  // namespace

StreamTail::StreamTail(source::RecordSource& source, Clock& clock, const CancelToken& stop,
                       TailOptions options)
    : source_(source), clock_(clock), stop_(stop), options_(std::move(options)) {}

Status StreamTail::Reset(std::shared_ptr<RecordDecoder> decoder, StreamState state,
                         const std::vector<std::shared_ptr<arrow::Array>>& recent_ids) {
  const std::lock_guard read_lock(read_mutex_);
  std::unique_lock lock(mutex_);
  // A thread that decodes ahead still has its run in hand.
  changed_.wait(lock, [this] { return decoding_count_ == 0; });
  const std::lock_guard window_lock(window_mutex_);
  decoder_ = std::move(decoder);
  waiting_since_ = is_open_ && state == base_ ? OldestArrival() : std::nullopt;
  entries_.clear();
  kept_bytes_ = 0;
  reader_ = std::make_unique<ShardReader>(source_, clock_, state);
  base_ = state;
  readable_.clear();
  for (const auto& [id, shard] : state.shards) readable_[id] = shard.position;
  readable_behind_ = next_number_;
  is_open_ = true;
  taken_ = std::move(state);
  taken_numbers_.clear();
  taken_behind_ = next_number_;
  boundary_.reset();
  is_idle_ = is_blocked_ = false;
  failure_.reset();
  window_ = std::make_unique<IdWindow>(options_.window_ids_max);
  for (const auto& ids : recent_ids) {
    DAYPART_TRY(const auto fresh, window_->Insert(*ids));
    (void)fresh;  // Rows of the sink are there, repeated or not.
  }
  return Ok();
}

void StreamTail::SetDecoder(std::shared_ptr<RecordDecoder> decoder,
                            const std::set<std::string>& ignored) {
  const std::lock_guard lock(mutex_);
  ignored_keys_.insert(ignored.begin(), ignored.end());
  decoder_ = std::move(decoder);
  is_blocked_ = false;
  for (const auto& entry : entries_) {
    if (entry->phase == Entry::Phase::kBlocked) entry->phase = Entry::Phase::kRead;
  }
}

std::unique_ptr<source::BatchSource> StreamTail::BeginEpoch(const EpochLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  boundary_.reset();
  epoch_ = {};
  epoch_decoder_ = decoder_;
  return std::make_unique<EpochRows>(*this, decoder_->arrow_schema());
}

EpochResult StreamTail::EndEpoch() {
  const std::lock_guard lock(mutex_);
  epoch_.state = taken_;
  epoch_.is_idle = is_idle_ && !has_untaken();
  epoch_.needs_columns = is_blocked_;
  epoch_.has_all_values = options_.evolves && ignored_keys_.empty();
  return std::move(epoch_);
}

void StreamTail::Forget(const StreamState& committed) {
  const std::lock_guard lock(mutex_);
  while (!entries_.empty() && entries_.front()->is_taken) {
    kept_bytes_ -= entries_.front()->rows_bytes;
    entries_.pop_front();
  }
  base_ = committed;
  waiting_since_.reset();
  changed_.notify_all();
}

StreamTail::UnknownKeys StreamTail::TakeUnknown() {
  std::unique_lock lock(mutex_);
  // The run that has the key may be at work still while a later one waits for it already.
  changed_.wait(lock, [this] { return decoding_count_ == 0; });
  UnknownKeys unknown;
  for (const auto& entry : entries_) {
    // What is beyond a sample of runs comes up again.
    if (unknown.text.size() >= kSampleBytesMax) break;
    // Those behind were read for the sample; keys that they alone have come up when decoded.
    const bool is_known = entry->phase == Entry::Phase::kBlocked ||
                          (entry->phase == Entry::Phase::kRead && !unknown.keys.empty());
    if (is_known) AddRun(entry->read.input, entry->unknown, unknown);
  }
  return unknown;
}

bool StreamTail::has_untaken() const {
  return !entries_.empty() && entries_.back()->number >= taken_behind_;
}

bool StreamTail::is_full() const {
  if (epoch_.record_bytes >= limits_.record_bytes_max) return true;
  if (epoch_.reject_bytes >= kRejectBytesMax) return true;
  // However short it is, an epoch takes something that is there.
  return epoch_.record_bytes > 0 && clock_.Now() >= limits_.ends_at;
}

bool StreamTail::ShouldEnd() const {
  if (stop_.is_cancelled() || is_blocked_) return true;
  if (limits_.ends_when_idle && is_idle_ && !has_untaken()) return true;
  if (options_.keeps_rows && kept_bytes_ >= options_.kept_bytes_max) return true;
  return clock_.Now() >= limits_.ends_at;
}

StreamTail::Entry* StreamTail::FindReady(bool& has_pending, Entry*& to_decode) {
  has_pending = false;
  to_decode = nullptr;
  // Entries are numbered one after the other and taken in their order.
  const uint64_t first = entries_.empty() ? taken_behind_ : entries_.front()->number;
  for (size_t i = taken_behind_ - std::min(first, taken_behind_); i < entries_.size(); ++i) {
    const auto& entry = entries_[i];
    if (entry->is_taken) continue;
    if (boundary_ && entry->number >= *boundary_) break;
    if (entry->phase == Entry::Phase::kReady) return entry.get();
    if (entry->phase == Entry::Phase::kBlocked) break;
    // Rows are taken in the order of reading: a run that turns out to need columns must come before
    // nothing that was taken.
    if (entry->phase == Entry::Phase::kRead) to_decode = entry.get();
    has_pending = true;
    break;
  }
  return nullptr;
}

std::shared_ptr<arrow::RecordBatch> StreamTail::TakeEntry(Entry& entry) {
  entry.is_taken = true;
  taken_behind_ = std::max(taken_behind_, entry.number + 1);
  epoch_.record_bytes += entry.record_bytes;
  ShardState& shard = taken_.shards[entry.read.input.shard_id];
  auto& number = taken_numbers_[entry.read.input.shard_id];
  if (entry.number + 1 > number) {
    number = entry.number + 1;
    shard.position = entry.read.next_position;
    shard.is_at_end = entry.read.is_at_end;
  }
  // A run without records only tells of the shard; it makes it no less idle.
  if (entry.record_bytes > 0 || shard.taken_at.value() == 0) shard.taken_at = clock_.Now();
  if (entry.decoded.event_time_max) {
    shard.event_time_max = std::max(shard.event_time_max.value_or(*entry.decoded.event_time_max),
                                    *entry.decoded.event_time_max);
  }
  taken_.repeated_count += entry.decoded.repeated_count;
  epoch_.repeated_count += entry.decoded.repeated_count;
  for (const auto& reject : entry.decoded.rejects) {
    epoch_.reject_bytes += static_cast<int64_t>(reject.row.raw.size());
  }
  taken_.quarantined_count += static_cast<int64_t>(entry.decoded.rejects.size());
  std::move(entry.decoded.rejects.begin(), entry.decoded.rejects.end(),
            std::back_inserter(epoch_.rejects));
  entry.decoded.rejects.clear();
  epoch_.rows_count += entry.decoded.rows->num_rows();
  auto rows = entry.decoded.rows;
  if (!options_.keeps_rows) {
    entry.decoded.rows = nullptr;
    kept_bytes_ -= entry.rows_bytes;
    entry.rows_bytes = 0;
  }
  return rows;
}

Result<std::shared_ptr<arrow::RecordBatch>> StreamTail::Take() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (failure_) return *failure_;
    // First, so that what was decoded ahead makes no epoch larger.
    if (!boundary_ && is_full()) boundary_ = taken_behind_;
    bool has_pending = false;
    Entry* to_decode = nullptr;
    if (Entry* ready = FindReady(has_pending, to_decode); ready != nullptr) {
      const auto decoder = ready->decoder;
      const auto epoch_decoder = epoch_decoder_;
      auto rows = TakeEntry(*ready);
      changed_.notify_all();
      if (rows->num_rows() == 0) continue;
      if (decoder == epoch_decoder) return rows;
      lock.unlock();
      return lake::ProjectRows(*rows, *decoder->arrow_schema(), epoch_decoder->schema().fields,
                               *epoch_decoder->arrow_schema());
    }
    if (to_decode != nullptr) {
      DAYPART_RETURN_IF_ERROR(DecodeEntry(*to_decode, lock));
      continue;
    }
    if (!boundary_ && ShouldEnd()) boundary_ = taken_behind_;
    if (boundary_) return std::shared_ptr<arrow::RecordBatch>();
    if (has_pending && kept_bytes_ >= kAheadBytesMax) {
      changed_.wait_for(lock, std::chrono::milliseconds(kPollMs));
      continue;
    }
    lock.unlock();
    auto pumped = ReadAndDecode();
    lock.lock();
    if (!pumped) {
      failure_ = pumped.error();
      changed_.notify_all();
    }
  }
}

Result<bool> StreamTail::Pump() {
  {
    std::unique_lock lock(mutex_);
    const bool is_full = kept_bytes_ >= options_.kept_bytes_max;
    if (is_full || is_blocked_ || failure_ || reader_ == nullptr) {
      changed_.wait_for(lock, std::chrono::milliseconds(kPollMs));
      return false;
    }
  }
  return ReadAndDecodeOrFail();
}

void StreamTail::DecodeAhead(const std::atomic<bool>& is_over) {
  while (!is_over.load(std::memory_order_relaxed)) {
    {
      std::unique_lock lock(mutex_);
      const bool has_room = kept_bytes_ < kAheadBytesMax && !is_blocked_ && !failure_;
      if (!boundary_ || !has_room || stop_.is_cancelled()) {
        changed_.wait_for(lock, std::chrono::milliseconds(kPollMs));
        continue;
      }
    }
    // Whoever takes rows next is told.
    if (!ReadAndDecodeOrFail()) return;
  }
}

Result<bool> StreamTail::ReadAndDecodeOrFail() {
  auto pumped = ReadAndDecode();
  if (!pumped) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = pumped.error();
    changed_.notify_all();
  }
  return pumped;
}

StreamTail::Entry& StreamTail::Append(ReadRun read) {
  auto entry = std::make_unique<Entry>();
  entry->number = next_number_++;
  entry->record_bytes = read.input.bytes_count();
  if (const auto* run = std::get_if<source::RecordRun>(&read.input.run); run == nullptr) {
    entry->arrival = clock_.Now();
  } else if (!run->records.empty()) {
    entry->arrival = run->records.front().arrival;
  }
  entry->read = std::move(read);
  entries_.push_back(std::move(entry));
  return *entries_.back();
}

Status StreamTail::ReadForSample(int64_t read_ms_max) {
  const int64_t ends_at = clock_.Now().value() + read_ms_max * 1000;
  int64_t records = 0;
  int64_t bytes = 0;
  const auto count = [&](const Entry& entry) {
    records += RecordsCount(entry.read.input);
    bytes += entry.record_bytes;
  };
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_) {
      if (entry->phase == Entry::Phase::kBlocked) count(*entry);
    }
  }
  while (records < kSampleRecordsMin && bytes < static_cast<int64_t>(kSampleBytesMax) &&
         clock_.Now().value() < ends_at && !stop_.is_cancelled()) {
    const std::lock_guard read_lock(read_mutex_);
    DAYPART_TRY(auto read, reader_->Next());
    if (!read) break;
    const std::lock_guard lock(mutex_);
    count(Append(*std::move(read)));
  }
  return Ok();
}

Result<bool> StreamTail::ReadAndDecode() {
  std::unique_lock read_lock(read_mutex_);
  DAYPART_TRY(auto read, reader_->Next());
  behind_ms_.store(reader_->behind_ms(), std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  is_idle_ = reader_->is_idle();
  if (!read) return false;
  Entry& own = Append(*std::move(read));
  read_lock.unlock();
  DAYPART_RETURN_IF_ERROR(DecodeEntry(own, lock));
  return true;
}

Status StreamTail::DropRepeated(const RecordDecoder& decoder, DecodedRun& decoded) {
  const std::string column = decoder.ColumnFor(options_.id_column);
  if (column.empty() || decoded.rows->num_rows() == 0) return Ok();
  const auto ids = decoded.rows->GetColumnByName(column);
  if (ids == nullptr) return Ok();
  std::vector<int32_t> fresh;
  {
    const std::lock_guard lock(window_mutex_);
    DAYPART_TRY(fresh, window_->Insert(*ids));
  }
  decoded.repeated_count = decoded.rows->num_rows() - static_cast<int64_t>(fresh.size());
  DAYPART_TRY(decoded.rows, TakeRows(decoded.rows, fresh));
  return Ok();
}

Status StreamTail::DecodeEntry(Entry& entry, std::unique_lock<std::mutex>& lock) {
  entry.phase = Entry::Phase::kDecoding;
  ++decoding_count_;
  const auto finish = [this] {
    --decoding_count_;
    changed_.notify_all();
  };
  const std::shared_ptr<RecordDecoder> decoder = decoder_;
  lock.unlock();
  auto decoded = decoder->Decode(entry.read.input);
  std::set<std::string> unknown;
  if (decoded && options_.evolves) {
    unknown.insert(decoded->unknown_keys.begin(), decoded->unknown_keys.end());
  }
  lock.lock();
  if (decoded && !unknown.empty() && decoder != decoder_) {
    // Meanwhile a column was added for a key of the run, perhaps: this decoding left it out.
    finish();
    return DecodeEntry(entry, lock);
  }
  if (decoded) {
    std::erase_if(unknown, [this](const auto& key) { return ignored_keys_.contains(key); });
    if (!unknown.empty()) {
      entry.unknown = std::move(unknown);
      entry.phase = Entry::Phase::kBlocked;
      is_blocked_ = true;
      finish();
      return Ok();
    }
    lock.unlock();
    Status dropped = DropRepeated(*decoder, *decoded);
    const int64_t bytes =
        dropped ? arrow::util::TotalBufferSize(*decoded->rows) : 0;
    lock.lock();
    if (dropped) {
      entry.decoded = std::move(*decoded);
      entry.decoder = decoder;
      entry.rows_bytes = bytes;
      kept_bytes_ += bytes;
      entry.phase = Entry::Phase::kReady;
      // The records' bytes are of no more use; an assignment would keep the string's memory.
      entry.read.input.run.emplace<source::LineRun>();
      if (options_.keeps_rows && entry.decoded.rows->num_rows() > 0) {
        entry.hot = std::make_shared<lake::HotRun>(entry.decoded.rows, decoder->arrow_schema());
      }
      AdvanceReadable();
      finish();
      return Ok();
    }
    decoded = std::move(dropped).error();
  }
  if (!failure_) failure_ = decoded.error();
  finish();
  return std::move(decoded).error();
}

}  // namespace daypart::ingest
