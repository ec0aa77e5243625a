// SPDX-License-Identifier: Apache-2.0
//
// StreamTail as queries see it: rows that are decoded and not committed, how far they reach, how
// many there are.
#include <arrow/record_batch.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "ingest/limits.h"
#include "ingest/stream_tail.h"

namespace daypart::ingest {

void StreamTail::AdvanceReadable() {
  if (entries_.empty()) return;
  const uint64_t first = entries_.front()->number;
  for (size_t i = std::max(readable_behind_, first) - first; i < entries_.size(); ++i) {
    const Entry& entry = *entries_[i];
    if (entry.phase != Entry::Phase::kReady) return;
    readable_[entry.read.input.shard_id] = entry.read.next_position;
    readable_behind_ = entry.number + 1;
  }
}

// Positions of a file that was replaced have no order, so they are looked for before they are
// compared: what this tail's stream committed ends where one of its runs does.
std::map<std::string, uint64_t> StreamTail::FirstBeyond(const StreamState& committed) const {
  std::map<std::string, uint64_t> first;
  for (const auto& [id, shard] : base_.shards) {
    const auto known = committed.shards.find(id);
    if (known != committed.shards.end() && known->second.position == shard.position) first[id] = 0;
  }
  for (const auto& entry : entries_) {
    const std::string& id = entry->read.input.shard_id;
    const auto known = committed.shards.find(id);
    if (known == committed.shards.end()) continue;
    if (known->second.position == entry->read.next_position) first[id] = entry->number + 1;
  }
  return first;
}

Result<lake::HotRuns> StreamTail::RowsBeyond(const StreamState& committed) const {
  const std::lock_guard lock(mutex_);
  const auto first_beyond = FirstBeyond(committed);
  for (const auto& [id, shard] : base_.shards) {
    const auto known = committed.shards.find(id);
    const bool has_gap = known == committed.shards.end() ||
                         (!first_beyond.contains(id) &&
                          source_.ComparePositions(known->second.position, shard.position) < 0);
    if (has_gap) return Conflict("rows of shard " + id + " are committed by now");
  }
  lake::HotRuns runs;
  for (const auto& entry : entries_) {
    if (entry->number >= readable_behind_) break;
    if (entry->hot == nullptr) continue;
    const std::string& id = entry->read.input.shard_id;
    const auto shard = committed.shards.find(id);
    const auto first = first_beyond.find(id);
    if (shard == committed.shards.end()) {
      runs.push_back(entry->hot);
    } else if (first != first_beyond.end()) {
      if (entry->number >= first->second) runs.push_back(entry->hot);
    } else if (source_.ComparePositions(entry->read.position, shard->second.position) >= 0) {
      runs.push_back(entry->hot);
    } else if (source_.ComparePositions(entry->read.next_position, shard->second.position) > 0) {
      return Conflict("another consumer's commit ends within rows of shard " + id);
    }
  }
  return runs;
}

Result<std::vector<StreamTail::ShardEnd>> StreamTail::ReadShardEnds() {
  std::vector<ShardEnd> ends;
  DAYPART_TRY(const auto shards, source_.ListShards());
  const auto known = readable();
  for (const source::Shard& shard : shards) {
    ShardEnd end{.shard_id = shard.id};
    DAYPART_TRY(end.position, source_.PositionOf(shard.id, source::StartPosition::kNewest));
    if (!known.contains(shard.id)) {
      DAYPART_TRY(end.oldest, source_.PositionOf(shard.id, source::StartPosition::kOldest));
    }
    ends.push_back(std::move(end));
  }
  return ends;
}

bool StreamTail::is_readable_to(const std::vector<ShardEnd>& ends) const {
  return is_open_ && std::ranges::all_of(ends, [&](const ShardEnd& end) {
           const auto position = readable_.find(end.shard_id);
           const std::string& at = position == readable_.end() ? end.oldest : position->second;
           return source_.ComparePositions(at, end.position) >= 0;
         });
}

Result<bool> StreamTail::AwaitReadable(std::chrono::milliseconds wait_max) {
  using SteadyClock = std::chrono::steady_clock;
  DAYPART_TRY(auto ends, ReadShardEnds());
  std::unique_lock lock(mutex_);
  const auto begin = SteadyClock::now();
  const auto commit_end = begin + std::chrono::milliseconds(kReadableCommitMsMax);
  std::erase_if(missed_, [&ends](const ShardEnd& missed) {
    return std::ranges::find(ends, missed.shard_id, &ShardEnd::shard_id) == ends.end();
  });
  const bool waits = wait_max.count() > 0 && is_readable_to(missed_);
  auto end = waits ? begin + wait_max : begin;
  while (!is_readable_to(ends)) {
    const auto now = SteadyClock::now();
    const bool awaits_commit = is_blocked_ || kept_bytes_ >= options_.kept_bytes_max;
    if (waits && awaits_commit) end = std::min(now + wait_max, commit_end);
    if (now >= end) {
      missed_ = std::move(ends);
      return false;
    }
    changed_.wait_until(lock, std::min(end, now + std::chrono::milliseconds(kPollMs)));
  }
  missed_.clear();
  return true;
}

StreamTail::Size StreamTail::size() const {
  const std::lock_guard lock(mutex_);
  Size size;
  for (const auto& entry : entries_) {
    if (entry->hot == nullptr) continue;
    size.rows_count += entry->hot->rows()->num_rows();
    ++size.runs_count;
  }
  size.rows_bytes = kept_bytes_;
  return size;
}

std::optional<UtcMicros> StreamTail::OldestArrival() const {
  std::optional<UtcMicros> oldest = waiting_since_;
  for (const auto& entry : entries_) {
    if (entry->arrival) oldest = std::min(oldest.value_or(*entry->arrival), *entry->arrival);
  }
  return oldest;
}

int64_t StreamTail::uncommitted_ms() const {
  const std::lock_guard lock(mutex_);
  const auto oldest = OldestArrival();
  const int64_t age_ms = oldest ? (clock_.Now().value() - oldest->value()) / 1000 : 0;
  return std::max(age_ms, behind_ms());
}

std::map<std::string, std::string> StreamTail::readable() const {
  const std::lock_guard lock(mutex_);
  return readable_;
}

StreamState StreamTail::committed() const {
  const std::lock_guard lock(mutex_);
  return base_;
}

}  // namespace daypart::ingest
