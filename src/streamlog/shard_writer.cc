// SPDX-License-Identifier: Apache-2.0
//
// Appending, group commit, segments and their recovery.
#include "streamlog/shard_writer.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "streamlog/limits.h"
#include "streamlog/segment_scan.h"

namespace daypart::streamlog {
namespace {

Status CheckRecords(std::span<const RecordBytes> records) {
  for (const RecordBytes& record : records) {
    if (record.data.size() > kRecordBytesMax) {
      return InvalidArgument("a record may have " + std::to_string(kRecordBytesMax) +
                             " bytes, found " + std::to_string(record.data.size()));
    }
    if (record.partition_key.size() > kKeyBytesMax) {
      return InvalidArgument("a partition key may have " + std::to_string(kKeyBytesMax) +
                             " bytes, found " + std::to_string(record.partition_key.size()));
    }
  }
  return Ok();
}

size_t EncodedBytes(std::span<const RecordBytes> records) {
  size_t bytes = kFrameHeadBytes;
  for (const RecordBytes& record : records) {
    bytes += kRecordHeadBytes + record.data.size() + record.partition_key.size();
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<ShardWriter>> ShardWriter::Create(ShardWriterOptions options) {
  std::unique_ptr<ShardWriter> writer(new ShardWriter(std::move(options)));
  DAYPART_RETURN_IF_ERROR(writer->options_.disk->MakeFolders(writer->options_.folder));
  DAYPART_TRY(writer->mark_, DurableMark::OpenForWriter(writer->PathOf("durable")));
  const std::lock_guard lock(writer->commit_mutex_);
  DAYPART_RETURN_IF_ERROR(writer->StartSegment(kFirstIndex));
  writer->mark_->Publish(kFirstIndex);
  return writer;
}

Result<std::unique_ptr<ShardWriter>> ShardWriter::Recover(ShardWriterOptions options) {
  std::unique_ptr<ShardWriter> writer(new ShardWriter(std::move(options)));
  DAYPART_TRY(writer->mark_, DurableMark::OpenForWriter(writer->PathOf("durable")));
  const std::lock_guard lock(writer->commit_mutex_);
  DAYPART_RETURN_IF_ERROR(writer->ListOldSegments());
  DAYPART_RETURN_IF_ERROR(writer->RecoverLast());
  writer->mark_->Publish(writer->next_index_);
  return writer;
}

Result<std::unique_ptr<ShardWriter>> ShardWriter::OpenClosed(ShardWriterOptions options,
                                                             RecordIndex end) {
  std::unique_ptr<ShardWriter> writer(new ShardWriter(std::move(options)));
  DAYPART_TRY(writer->mark_, DurableMark::OpenForWriter(writer->PathOf("durable")));
  DAYPART_RETURN_IF_ERROR(writer->ListOldSegments());
  writer->is_closing_ = true;
  writer->next_index_ = end;
  writer->mark_->Publish(end);
  return writer;
}

Status ShardWriter::ListOldSegments() {
  DAYPART_TRY(auto names, ListSegments(options_.folder));
  // A segment that was being made when the process died: it has no record, its head may be torn.
  while (names.size() > 1) {
    const std::string last = PathOf(SegmentFileName(names.back()));
    std::error_code error;
    if (std::filesystem::file_size(last, error) > kSegmentHeadBytes || error) break;
    DAYPART_RETURN_IF_ERROR(options_.disk->Remove(last));
    names.pop_back();
  }
  for (const RecordIndex first : names) {
    const std::string path = PathOf(SegmentFileName(first));
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(path, error);
    if (error) return SystemError("looking at " + path, error.value());
    if (names.size() == 1 && bytes <= kSegmentHeadBytes && mark_->end() <= first) {
      DAYPART_RETURN_IF_ERROR(options_.disk->Remove(path));
      break;
    }
    DAYPART_TRY(const SegmentHead head, ReadSegmentHead(path));
    // All records of a segment arrived before the next one was made, and within the time after
    // which a segment takes no more.
    if (!segments_.empty()) segments_.back().newest = head.created;
    segments_.push_back(
        {first, head.created, bytes, UtcMicros(head.created.value() + kSegmentAgeMaxMicros)});
    bytes_total_ += bytes;
  }
  return Ok();
}

Status ShardWriter::RecoverLast() {
  if (segments_.empty()) {
    const RecordIndex first = std::max(mark_->end(), kFirstIndex);
    next_index_ = first;
    return StartSegment(first);
  }
  const std::string path = PathOf(SegmentFileName(segments_.back().first_index));
  SegmentHead expected;
  expected.stream_id = options_.stream_id;
  expected.shard = options_.shard;
  expected.first_index = segments_.back().first_index;
  DAYPART_TRY(auto scan, ScanSegment(path, expected));
  const RecordIndex end = scan.index.end_index;
  if (options_.is_synced && (scan.has_lost_records || mark_->end() > end)) {
    return CorruptData(path + " is damaged at byte " + std::to_string(scan.index.segment_bytes) +
                       ": records from index " + std::to_string(end.value()) +
                       " on were acknowledged and cannot be read; nothing was changed");
  }
  DAYPART_TRY(file_, options_.disk->Open(path));
  if (scan.index.segment_bytes < scan.file_bytes) {
    Log(LogLevel::kWarning,
        path + ": cut off " + std::to_string(scan.file_bytes - scan.index.segment_bytes) +
            " bytes of records that were never acknowledged");
    DAYPART_RETURN_IF_ERROR(file_->Truncate(scan.index.segment_bytes));
  }
  // Whole records that no sync had reached when the process died count from now on.
  DAYPART_RETURN_IF_ERROR(file_->Sync());
  bytes_total_ -= scan.file_bytes - scan.index.segment_bytes;
  next_index_ = end;
  last_arrival_ = scan.index.last_arrival;
  index_ = std::move(scan.index);
  return Ok();
}

Result<ShardWriter::Appended> ShardWriter::Append(std::span<const RecordBytes> records,
                                                  DurableCallback done) {
  DAYPART_RETURN_IF_ERROR(CheckRecords(records));
  const std::lock_guard lock(mutex_);
  if (failure_) {
    return ResourceExhausted("the shard stopped acknowledging: " + failure_->message);
  }
  if (is_closing_) return Unavailable("the shard was closed by a split or merge");
  if (pending_.bytes.size() + EncodedBytes(records) > options_.pending_bytes_max &&
      !pending_.bytes.empty()) {
    return Unavailable("pending_bytes_max: " + std::to_string(pending_.bytes.size()) + " of " +
                       std::to_string(options_.pending_bytes_max) +
                       " bytes wait for the disk; send again later");
  }
  Appended appended;
  appended.first_index = next_index_;
  Encode(records);
  pending_.callbacks.push_back(std::move(done));
  appended.must_schedule = !std::exchange(is_scheduled_, true);
  return appended;
}

void ShardWriter::Encode(std::span<const RecordBytes> records) {
  // Times of a shard never go back, so that they can be searched like indices.
  last_arrival_ = std::max(last_arrival_, options_.clock->Now());
  while (!records.empty()) {
    FrameHead head;
    head.first_index = next_index_;
    head.durable_index = mark_->end();
    head.arrival = last_arrival_;
    const uint64_t offset = pending_.bytes.size();
    FrameWriter frame(pending_.bytes, head);
    do {
      frame.Add(records.front());
      records = records.subspan(1);
    } while (!records.empty() && frame.body_bytes() < kFrameBytesTarget);
    pending_.frames.emplace_back(frame.Finish(), offset);
    next_index_ = pending_.frames.back().first.end_index();
  }
  pending_.end = next_index_;
}

bool ShardWriter::Commit() {
  std::vector<DurableCallback> callbacks;
  Status outcome;
  bool has_more = false;
  {
    const std::lock_guard files(commit_mutex_);
    Batch batch;
    {
      const std::lock_guard lock(mutex_);
      batch = std::exchange(pending_, std::move(spare_));
      spare_ = {};
    }
    if (!batch.bytes.empty()) outcome = WriteBatch(batch);
    if (!outcome) {
      // A full disk is known before anything was synced: what was written is cut off again.
      const bool is_full = outcome.error().code == ErrorCode::kResourceExhausted;
      const bool for_good = !is_full || !CutBack();
      callbacks = Refuse(batch, outcome.error(), for_good);
    } else {
      callbacks = std::move(batch.callbacks);
    }
    const std::lock_guard lock(mutex_);
    has_more = !pending_.bytes.empty();
    is_scheduled_ = has_more;
    if (outcome) bytes_total_ += batch.bytes.size();
    batch.bytes.clear();
    batch.frames.clear();
    batch.callbacks.clear();
    spare_ = std::move(batch);
  }
  for (const DurableCallback& done : callbacks) done(outcome);
  return has_more;
}

std::vector<DurableCallback> ShardWriter::Refuse(Batch& batch, const Error& error, bool for_good) {
  Log(LogLevel::kError, options_.folder + ": " + error.message +
                            (for_good ? "; the shard acknowledges nothing more until restart"
                                      : "; the records were refused"));
  const std::lock_guard lock(mutex_);
  auto callbacks = std::move(batch.callbacks);
  // What came meanwhile was numbered behind the refused records: it goes with them.
  std::move(pending_.callbacks.begin(), pending_.callbacks.end(), std::back_inserter(callbacks));
  pending_ = {};
  next_index_ = mark_->end();
  if (for_good) failure_ = error;
  return callbacks;
}

bool ShardWriter::must_roll(uint64_t more_bytes) const {
  if (index_.segment_bytes <= kSegmentHeadBytes) return false;
  return index_.segment_bytes + more_bytes > options_.segment_bytes_max ||
         options_.clock->Now().value() - segments_.back().created.value() > kSegmentAgeMaxMicros;
}

Status ShardWriter::WriteBatch(const Batch& batch) {
  if (must_roll(batch.bytes.size())) {
    DAYPART_RETURN_IF_ERROR(SealSegment());
    DAYPART_RETURN_IF_ERROR(StartSegment(mark_->end()));
  }
  DAYPART_RETURN_IF_ERROR(file_->WriteAt(index_.segment_bytes, batch.bytes));
  if (Status synced = file_->Sync(); !synced) {
    // Even "disk full" is for good here: which pages the kernel kept cannot be known.
    return Unavailable(synced.error().message);
  }
  for (const auto& [head, offset] : batch.frames) {
    NoteFrame(head, index_.segment_bytes + offset, index_.entries);
    index_.last_arrival = head.arrival;
  }
  index_.segment_bytes += batch.bytes.size();
  index_.end_index = batch.end;
  segments_.back().bytes = index_.segment_bytes;
  mark_->Publish(batch.end);
  return Ok();
}

Status ShardWriter::CutBack() {
  if (!file_) return Unavailable("the segment could not be made");
  return file_->Truncate(index_.segment_bytes);
}

Status ShardWriter::StartSegment(RecordIndex first_index) {
  SegmentHead head;
  head.stream_id = options_.stream_id;
  head.shard = options_.shard;
  head.first_index = first_index;
  head.created = std::max(options_.clock->Now(), index_.last_arrival);
  const std::string path = PathOf(SegmentFileName(first_index));
  DAYPART_TRY(auto file, options_.disk->Create(path));
  const auto bytes = EncodeSegmentHead(head);
  if (Status written = file->WriteAt(0, bytes); !written) {
    DAYPART_RETURN_IF_ERROR(options_.disk->Remove(path));
    return written;
  }
  if (Status synced = file->Sync(); !synced) return Unavailable(synced.error().message);
  if (Status synced = options_.disk->SyncFolder(options_.folder); !synced) {
    return Unavailable(synced.error().message);
  }
  file_ = std::move(file);
  if (!segments_.empty()) segments_.back().newest = index_.last_arrival;
  index_ = {};
  index_.end_index = first_index;
  index_.last_arrival = head.created;
  index_.segment_bytes = bytes.size();
  segments_.push_back({first_index, head.created, bytes.size(), head.created});
  const std::lock_guard lock(mutex_);
  bytes_total_ += bytes.size();
  return Ok();
}

Status ShardWriter::SealSegment() {
  // The index only saves readers a scan: a segment without one is as good.
  const std::string path = PathOf(IndexFileName(segments_.back().first_index));
  const std::string content = EncodeSegmentIndex(index_);
  Status written = [&]() -> Status {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return Ok();
    DAYPART_TRY(const auto file, options_.disk->Create(path));
    return file->WriteAt(0, std::as_bytes(std::span(content)));
  }();
  if (!written) Log(LogLevel::kWarning, written.error().message);
  return Ok();
}

Status ShardWriter::health() const {
  const std::lock_guard lock(mutex_);
  return failure_ ? Status(*failure_) : Ok();
}

uint64_t ShardWriter::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_total_;
}

Result<RecordIndex> ShardWriter::Close() {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
    is_closing_ = true;
  }
  while (Commit()) {
  }
  const std::lock_guard files(commit_mutex_);
  DAYPART_RETURN_IF_ERROR(health());
  DAYPART_RETURN_IF_ERROR(SealSegment());
  segments_.back().newest = index_.last_arrival;
  file_ = nullptr;
  return mark_->end();
}

Result<int64_t> ShardWriter::DropOld(UtcMicros before, uint64_t bytes_max) {
  const std::lock_guard files(commit_mutex_);
  if (file_ && index_.segment_bytes > kSegmentHeadBytes && index_.last_arrival < before) {
    DAYPART_RETURN_IF_ERROR(SealSegment());
    DAYPART_RETURN_IF_ERROR(StartSegment(mark_->end()));
  }
  int64_t dropped = 0;
  while (!segments_.empty()) {
    if (segments_.size() == 1 && file_) break;
    const bool is_old = segments_[0].newest < before;
    if (!is_old && bytes() <= bytes_max) break;
    const std::string path = PathOf(SegmentFileName(segments_[0].first_index));
    DAYPART_RETURN_IF_ERROR(options_.disk->Remove(path));
    std::error_code ignored;
    std::filesystem::remove(PathOf(IndexFileName(segments_[0].first_index)), ignored);
    {
      const std::lock_guard lock(mutex_);
      bytes_total_ -= segments_[0].bytes;
    }
    segments_.erase(segments_.begin());
    ++dropped;
  }
  return dropped;
}

}  // namespace daypart::streamlog
