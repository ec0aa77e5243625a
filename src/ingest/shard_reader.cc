// SPDX-License-Identifier: Apache-2.0
//
// Shards in turn; one that has nothing is asked again in the next round.
#include "ingest/shard_reader.h"

#include <algorithm>
#include <utility>

#include "ingest/limits.h"

namespace daypart::ingest {

ShardReader::ShardReader(source::RecordSource& source, Clock& clock, const StreamState& state)
    : source_(source), clock_(clock) {
  for (const auto& [id, shard] : state.shards) {
    places_[id] = {.position = shard.position, .is_at_end = shard.is_at_end};
  }
}

Status ShardReader::ListShards() {
  DAYPART_TRY(shards_, source_.ListShards());
  listed_at_ = clock_.Now();
  for (const source::Shard& shard : shards_) {
    if (places_.contains(shard.id)) continue;
    DAYPART_TRY(std::string position,
                source_.PositionOf(shard.id, source::StartPosition::kOldest));
    places_[shard.id] = {.position = std::move(position)};
  }
  std::set<std::string_view> listed;
  for (const source::Shard& shard : shards_) listed.insert(shard.id);
  for (const auto& [id, place] : places_) {
    if (place.is_at_end || listed.contains(id)) continue;
    DAYPART_RETURN_IF_ERROR(source_.CheckGone(id, place.position));
  }
  return Ok();
}

bool ShardReader::is_readable(const source::Shard& shard) const {
  const auto place = places_.find(shard.id);
  if (place == places_.end() || place->second.is_at_end) return false;
  return std::all_of(shard.parent_ids.begin(), shard.parent_ids.end(), [this](const auto& id) {
    // A parent that is not listed any more has outlived its records.
    const bool is_listed = std::any_of(shards_.begin(), shards_.end(),
                                       [&](const auto& other) { return other.id == id; });
    const auto parent = places_.find(id);
    return !is_listed || (parent != places_.end() && parent->second.is_at_end);
  });
}

Result<std::optional<ReadRun>> ShardReader::ReadShard(const source::Shard& shard,
                                                      int64_t wait_ms) {
  Place& place = places_.at(shard.id);
  const source::ReadLimits limits{
      .records_max = kRunRecordsMax, .bytes_max = kRunBytesMax, .wait_ms = wait_ms};
  ReadRun run;
  run.input.source_name = source_.name();
  run.input.shard_id = shard.id;
  run.position = place.position;
  if (source_.has_lines()) {
    DAYPART_TRY(auto lines, source_.ReadLines(shard.id, place.position, limits));
    if (!lines) return std::optional<ReadRun>();
    run.next_position = lines->next_position;
    run.input.run = std::move(*lines);
  } else {
    DAYPART_TRY(auto records, source_.Read(shard.id, place.position, limits));
    place.behind_ms = records.behind_ms;
    const bool is_news = !records.records.empty() || records.is_at_end || records.is_news;
    if (!is_news) {
      place.position = std::move(records.next_position);
      return std::optional<ReadRun>();
    }
    run.next_position = records.next_position;
    run.is_at_end = records.is_at_end;
    run.input.run = std::move(records);
  }
  place.position = run.next_position;
  place.is_at_end = run.is_at_end;
  return std::optional(std::move(run));
}

int64_t ShardReader::behind_ms() const {
  int64_t behind_ms = 0;
  for (const auto& [id, place] : places_) {
    if (!place.is_at_end) behind_ms = std::max(behind_ms, place.behind_ms);
  }
  return behind_ms;
}

Result<std::optional<ReadRun>> ShardReader::Next() {
  const bool is_due = clock_.Now().value() - listed_at_.value() >= kShardListMs * 1000;
  if (is_due) DAYPART_RETURN_IF_ERROR(ListShards());
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < shards_.size(); ++i) {
      const source::Shard& shard = shards_[turn_ % shards_.size()];
      std::optional<ReadRun> run;
      if (is_readable(shard)) {
        DAYPART_TRY(run, ReadShard(shard, 0));
      }
      turn_bytes_ += run ? run->input.bytes_count() : 0;
      if (!run || !source_.has_lines() || turn_bytes_ >= kTurnBytesMax) {
        ++turn_;
        turn_bytes_ = 0;
      }
      if (!run) continue;
      is_idle_ = false;
      return run;
    }
    // Before nothing is said to be there, shards are listed anew: one may just have appeared.
    if (round == 0 && is_idle_) break;
    if (round == 0) DAYPART_RETURN_IF_ERROR(ListShards());
  }
  is_idle_ = !source_.has_unsettled();
  const bool has_one = shards_.size() == 1 && is_readable(shards_.front());
  if (!has_one || source_.has_lines()) {
    clock_.Sleep(std::chrono::milliseconds(kPollMs));
    return std::optional<ReadRun>();
  }
  DAYPART_TRY(auto run, ReadShard(shards_.front(), kPollMs));
  if (run) is_idle_ = false;
  return run;
}

}  // namespace daypart::ingest
