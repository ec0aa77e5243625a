// SPDX-License-Identifier: Apache-2.0
//
// Changes of streams that exist: settings, resharding, retention. Each becomes true by one rename
// of stream.json; what a crash leaves besides is removed at the next start.
#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "streamlog/limits.h"
#include "streamlog/stream_log.h"

namespace daypart::streamlog {

Status StreamLog::Change(const std::string& name,
                         const std::function<Status(StreamState&)>& change) {
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::unique_lock lock(stream->mutex);
  if (stream->is_deleted) return NotFound("stream '" + name + "' does not exist");
  StreamState state = stream->state;
  DAYPART_RETURN_IF_ERROR(change(state));
  DAYPART_RETURN_IF_ERROR(SaveState(*stream, state));
  stream->state = std::move(state);
  return Ok();
}

Status StreamLog::Split(const std::string& name, ShardNumber shard, HashKey second_starts) {
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::unique_lock lock(stream->mutex);
  DAYPART_TRY(const auto plan,
              PlanSplit(stream->state, shard, second_starts, options_.clock->Now()));
  return Reshard(*stream, plan);
}

Status StreamLog::Merge(const std::string& name, ShardNumber left, ShardNumber right) {
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::unique_lock lock(stream->mutex);
  DAYPART_TRY(const auto plan, PlanMerge(stream->state, left, right, options_.clock->Now()));
  return Reshard(*stream, plan);
}

Status StreamLog::UpdateShardCount(const std::string& name, size_t count) {
  if (count == 0 || count > kShardsMax) {
    return ResourceExhausted("1 to " + std::to_string(kShardsMax) + " shards are expected, found " +
                             std::to_string(count));
  }
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::unique_lock lock(stream->mutex);
  // Each step is whole by itself, so that a crash in between leaves a stream that works.
  while (const auto plan = PlanTowards(stream->state, count, options_.clock->Now())) {
    DAYPART_RETURN_IF_ERROR(Reshard(*stream, *plan));
  }
  return Ok();
}

Status StreamLog::Reshard(Stream& stream, const ReshardPlan& plan) {
  if (stream.is_deleted) return NotFound("stream '" + stream.name + "' does not exist");
  if (stream.state.shards.size() + plan.children.size() > kShardsMax) {
    return ResourceExhausted("a stream may have " + std::to_string(kShardsMax) +
                             " shards, closed ones that are still kept included");
  }
  std::map<ShardNumber, std::shared_ptr<ShardWriter>> children;
  for (const ShardState& child : plan.children) {
    auto options = WriterOptions(stream, child.number);
    std::error_code ignored;
    std::filesystem::remove_all(options.folder, ignored);
    DAYPART_TRY(auto writer, ShardWriter::Create(std::move(options)));
    children[child.number] = std::move(writer);
  }
  std::vector<RecordIndex> ends;
  for (const ShardNumber parent : plan.parents) {
    const auto writer = stream.writers.find(parent);
    if (writer == stream.writers.end()) {
      return ResourceExhausted("shard " + ShardId(parent) + " is damaged");
    }
    DAYPART_TRY(const RecordIndex end, writer->second->Close());
    ends.push_back(end);
  }
  StreamState state = stream.state;
  ApplyReshard(state, plan, ends, options_.clock->Now());
  if (Status saved = SaveState(stream, state); !saved) {
    // The parents stay closed for this process, because whether the rename reached the disk is not
    // known; the next start finds out.
    return std::move(saved).error().WithContext("stream " + stream.name + " takes no records for " +
                                                ShardId(plan.parents[0]) + " until restart");
  }
  stream.state = std::move(state);
  stream.writers.merge(children);
  BuildRoutes(stream);
  return Ok();
}

Status StreamLog::ApplyRetention() {
  Status first_failure;
  for (const std::string& name : ListStreams()) {
    auto stream = Find(name);
    if (!stream) continue;
    Status applied = ApplyRetention(**stream).WithContext("retention of stream " + name);
    if (!applied && first_failure) first_failure = std::move(applied);
  }
  return first_failure;
}

Status StreamLog::ApplyRetention(Stream& stream) {
  std::map<ShardNumber, std::shared_ptr<ShardWriter>> writers;
  UtcMicros before;
  {
    const std::shared_lock lock(stream.mutex);
    writers = stream.writers;
    before = UtcMicros(options_.clock->Now().value() -
                       stream.state.retention_hours * 3600 * 1'000'000);
  }
  for (const auto& [number, writer] : writers) {
    DAYPART_TRY(const int64_t dropped, writer->DropOld(before, options_.shard_bytes_max));
    if (dropped > 0) {
      Log(LogLevel::kInfo, "stream " + stream.name + ", " + ShardId(number) + ": dropped " +
                               std::to_string(dropped) + " segments");
    }
  }
  const std::unique_lock lock(stream.mutex);
  StreamState state = stream.state;
  std::vector<ShardNumber> gone;
  std::erase_if(state.shards, [&](const ShardState& shard) {
    const auto writer = stream.writers.find(shard.number);
    const bool is_gone = !shard.is_open() && shard.closed_at < before &&
                         writer != stream.writers.end() && writer->second->bytes() == 0;
    if (is_gone) gone.push_back(shard.number);
    return is_gone;
  });
  if (gone.empty() || stream.is_deleted) return Ok();
  DAYPART_RETURN_IF_ERROR(SaveState(stream, state));
  stream.state = std::move(state);
  for (const ShardNumber number : gone) {
    stream.writers.erase(number);
    std::error_code ignored;
    std::filesystem::remove_all(ShardFolder(stream.folder, number), ignored);
  }
  return Ok();
}

}  // namespace daypart::streamlog
