// SPDX-License-Identifier: Apache-2.0
//
// Spots: what is known of the places that readers stand at or will come to. All state changes
// under one lock, all calls are made without it.
#include "source/kinesis_source.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "source/limits.h"

namespace daypart::source {
namespace {

constexpr std::string_view kArnPrefix = "arn:";
/// A position with a newer time is kept when this share of the retention has passed, so that a
/// quiet shard is not taken for one whose records were lost.
constexpr int64_t kNewsShare = 4;
constexpr int64_t kStatusPollMs = 500;

/// "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME"
Result<std::string> RegionOfArn(const std::string& arn) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (int i = 0; i < 5; ++i) {
    const size_t end = arn.find(':', begin);
    if (end == std::string::npos) break;
    parts.push_back(arn.substr(begin, end - begin));
    begin = end + 1;
  }
  const bool is_stream = parts.size() == 5 && parts[2] == "kinesis" && !parts[3].empty() &&
                         arn.compare(begin, 7, "stream/") == 0;
  if (is_stream) return parts[3];
  return InvalidArgument("arn:aws:kinesis:REGION:ACCOUNT:stream/NAME is expected, found '" + arn +
                         "'");
}

aws::ServiceOptions ServiceOptionsOf(const KinesisOptions& options) {
  aws::ServiceOptions service = options.service;
  service.name = "kinesis";
  service.region = options.region;
  service.endpoint = options.endpoint;
  return service;
}

int64_t BytesOf(const RecordRun& run) {
  size_t bytes = run.records.size() * sizeof(Record);
  for (const Record& record : run.records) {
    bytes += record.data.size() + record.partition_key.size();
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace

KinesisSource::KinesisSource(const KinesisSurroundings& around, KinesisOptions options)
    : around_(around),
      options_(std::move(options)),
      service_(around.http, around.credentials, around.clock, around.random, &closing_,
               ServiceOptionsOf(options_)),
      api_(service_, options_.stream) {
  if (!options_.fan_out.empty()) fan_out_.emplace(service_, around.clock, options_.fan_out);
}

Result<std::unique_ptr<KinesisSource>> KinesisSource::Open(const KinesisSurroundings& around,
                                                           KinesisOptions options,
                                                           const CancelToken& stop) {
  if (options.stream.starts_with(kArnPrefix)) {
    DAYPART_TRY(options.region, RegionOfArn(options.stream));
  }
  options.poll_ms = std::max(options.poll_ms, kKinesisReadMsMin);
  std::unique_ptr<KinesisSource> source(new KinesisSource(around, std::move(options)));
  DAYPART_RETURN_IF_ERROR(source->AwaitActive(stop));
  if (source->fan_out_) {
    DAYPART_RETURN_IF_ERROR(source->fan_out_->Register(source->arn_, stop));
  }
  for (int i = 0; i < source->options_.threads_count; ++i) {
    source->threads_.emplace_back([raw = source.get()] { raw->RunWorker(); });
  }
  return source;
}

KinesisSource::~KinesisSource() {
  {
    const std::lock_guard lock(mutex_);
    closing_.Cancel();
  }
  wanted_.notify_all();
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  for (auto& [id, feed] : feeds_) {
    if (feed.subscriber.joinable()) feed.subscriber.join();
  }
}

Status KinesisSource::AwaitActive(const CancelToken& stop) {
  for (int64_t waited_ms = 0;; waited_ms += kStatusPollMs) {
    auto described = api_.Describe();
    if (!described && described.error().code == ErrorCode::kNotFound) {
      return NotFound(described.error().message + "; looked for in region " + options_.region +
                      " at " + service_.endpoint());
    }
    DAYPART_TRY(const StreamSummary summary, std::move(described));
    arn_ = summary.arn;
    retention_micros_ = summary.retention_hours * 3'600'000'000;
    described_at_ = around_.clock.Now();
    // While it is UPDATING it is read as ever.
    if (summary.status != "CREATING" && summary.status != "DELETING") return Ok();
    if (summary.status == "DELETING" || waited_ms >= kKinesisActiveMsMax) {
      return Unavailable("stream " + options_.stream + " is expected to be ACTIVE, found " +
                         summary.status);
    }
    DAYPART_RETURN_IF_ERROR(stop.Check());
    around_.clock.Sleep(std::chrono::milliseconds(kStatusPollMs));
  }
}

void KinesisSource::DescribeAgain() {
  const UtcMicros now = around_.clock.Now();
  {
    const std::lock_guard lock(mutex_);
    if (now.value() - described_at_.value() < kKinesisDescribeMicros) return;
    described_at_ = now;
  }
  const auto summary = api_.Describe();
  if (!summary) return;  // What was told before is good enough until the next time.
  const std::lock_guard lock(mutex_);
  retention_micros_ = summary->retention_hours * 3'600'000'000;
}

bool KinesisSource::needs_list() const {
  const int64_t age = around_.clock.Now().value() - listed_at_.value();
  if (age >= kKinesisListMicros) return true;
  return std::any_of(feeds_.begin(), feeds_.end(), [&](const auto& entry) {
    const Feed& feed = entry.second;
    if (feed.ended && *feed.ended >= listed_at_) return true;
    if (age < kKinesisTipListMicros) return false;
    return std::any_of(feed.spots.begin(), feed.spots.end(), [this](const auto& spot) {
      return spot.second.awaited && spot.second.is_at_tip && spot.second.tip_since >= listed_at_;
    });
  });
}

Result<std::vector<Shard>> KinesisSource::ListShards() {
  {
    const std::lock_guard lock(mutex_);
    if (!needs_list()) return shards_;
  }
  DescribeAgain();
  const UtcMicros asked = around_.clock.Now();
  auto listed = api_.ListShards();
  const std::lock_guard lock(mutex_);
  if (!listed) {
    const bool has_some = listed.error().code == ErrorCode::kUnavailable && !shards_.empty();
    if (!has_some) return listed;
    // What is known goes on being read meanwhile.
    Log(LogLevel::kInfo, "shards could not be listed: " + listed.error().message);
    return shards_;
  }
  shards_ = std::move(listed).value();
  listed_at_ = asked;
  for (const Shard& shard : shards_) {
    feeds_[shard.id].is_closed = shard.is_closed;
    for (const std::string& parent : shard.parent_ids) {
      const auto known = feeds_.find(parent);
      if (known != feeds_.end()) known->second.has_children = true;
    }
  }
  return shards_;
}

Result<std::string> KinesisSource::PositionOf(const std::string&, StartPosition start) {
  KinesisPosition position;
  if (start == StartPosition::kNewest) position.time_ms = around_.clock.Now().value() / 1000;
  return ToText(position);
}

KinesisSource::Spot& KinesisSource::SpotAt(Feed& feed, const KinesisPosition& place) {
  const std::string key = place.Place();
  const auto known = feed.spots.find(key);
  if (known != feed.spots.end()) return known->second;
  const size_t spots_max = fan_out_ ? kKinesisEventSpotsMax : kKinesisSpotsMax;
  // Runs that no reader has taken go last.
  const auto rank = [](const Spot& spot) {
    return std::pair(spot.run && !spot.is_served, spot.used);
  };
  while (feed.spots.size() >= spots_max) {
    auto oldest = feed.spots.end();
    for (auto spot = feed.spots.begin(); spot != feed.spots.end(); ++spot) {
      if (spot->second.is_fetching || (feed.route && feed.route->key == spot->first)) continue;
      if (oldest == feed.spots.end() || rank(spot->second) < rank(oldest->second)) oldest = spot;
    }
    if (oldest == feed.spots.end()) break;
    Drop(oldest->second);
    feed.spots.erase(oldest);
  }
  Spot& spot = feed.spots[key];
  spot.place = place;
  spot.used = ++uses_;
  return spot;
}

void KinesisSource::Drop(Spot& spot) {
  kept_bytes_ -= spot.run_bytes;
  spot.run_bytes = 0;
  spot.run.reset();
  spot.is_served = false;
}

void KinesisSource::DropOldRuns() {
  // Runs that nobody came for are left from a reader that went back to an earlier place.
  constexpr uint64_t kUsesLongAgo = 10'000;
  while (kept_bytes_ > kKinesisKeptBytesMax) {
    Spot* oldest = nullptr;
    for (auto& [id, feed] : feeds_) {
      for (auto& [place, spot] : feed.spots) {
        const bool may_go = spot.run && (spot.is_served || spot.used + kUsesLongAgo < uses_);
        if (may_go && (oldest == nullptr || spot.used < oldest->used)) oldest = &spot;
      }
    }
    if (oldest == nullptr) return;
    Drop(*oldest);
  }
}

void KinesisSource::Want(const std::string& shard_id, Feed& feed, Spot& spot, bool is_ahead) {
  const UtcMicros now = around_.clock.Now();
  if (spot.is_fetching || spot.run || spot.failure || now < spot.due || now < feed.due) return;
  // What comes next there comes by itself.
  if (feed.route && feed.route->key == spot.place.Place()) return;
  if (is_ahead) {
    DropOldRuns();
    if (kept_bytes_ > kKinesisKeptBytesMax || options_.threads_count == 0) return;
  }
  spot.is_fetching = true;
  feed.due = UtcMicros(now.value() + kKinesisReadMsMin * 1000);
  tasks_.push_back({shard_id, spot.place.Place()});
  wanted_.notify_one();
}

void KinesisSource::RunWorker() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [this] { return closing_.is_cancelled() || !tasks_.empty(); });
    if (closing_.is_cancelled()) return;
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    Carry(task, lock);
    changed_.notify_all();
  }
}

void KinesisSource::Carry(const Task& task, std::unique_lock<std::mutex>& lock) {
  Feed& feed = feeds_[task.shard_id];
  // A spot that is being looked at is not erased, and a map's members do not move.
  Spot& spot = feed.spots.at(task.place);
  KinesisFetch fetch{.shard_id = task.shard_id,
                     .place = spot.place,
                     .cursor = spot.cursor,
                     .is_closed = feed.is_closed,
                     .retention_micros = retention_micros_,
                     .skips_lost = options_.skips_lost,
                     .cut_sequence = feed.route ? feed.route->head.sequence : ""};
  lock.unlock();
  auto runs = FetchRuns(api_, around_.clock, std::move(fetch));
  lock.lock();
  const UtcMicros now = around_.clock.Now();
  spot.is_fetching = false;
  if (!runs) {
    TakeFailure(spot, std::move(runs).error(), now);
  } else if (runs->is_throttled) {
    spot.cursor = std::move(runs->cursor);
    feed.due = UtcMicros(now.value() + BackOffMicros(++spot.throttled_count));
    Log(LogLevel::kInfo, task.shard_id + " of " + options_.stream + " is throttled");
  } else {
    TakeRuns(feed, spot, std::move(*runs), now, false);
  }
}

int64_t KinesisSource::BackOffMicros(int failures) {
  const int64_t ceiling =
      std::min(kKinesisWaitMsMax, kKinesisWaitMsMin << std::min(failures, 10));
  const auto chance = static_cast<int64_t>(around_.random.Next() % 1000);
  return (ceiling / 2) * 1000 + (ceiling / 2) * chance;
}

void KinesisSource::TakeFailure(Spot& spot, Error error, UtcMicros now) {
  const bool is_passing = error.code == ErrorCode::kUnavailable;
  if (is_passing && ++spot.failures_count < kKinesisFailuresMax) {
    Log(LogLevel::kInfo, options_.stream + ": " + error.message + "; trying again");
    spot.due = UtcMicros(now.value() + BackOffMicros(spot.failures_count));
    return;
  }
  spot.failure = std::move(error);
  spot.failures_count = 0;
  spot.due = UtcMicros(now.value() + BackOffMicros(1));
}

void KinesisSource::TakeRuns(Feed& feed, Spot& spot, KinesisRuns runs, UtcMicros now,
                             bool is_pushed) {
  spot.failures_count = spot.throttled_count = 0;
  Spot* at = &spot;
  for (RecordRun& run : runs.runs) {
    // What another reader's look brought is as good.
    if (at->run || (at->is_fetching && !is_pushed)) return;
    if (run.is_at_end) feed.ended = now;
    const std::string next = run.next_position;
    at->run_bytes = BytesOf(run);
    kept_bytes_ += at->run_bytes;
    at->run = std::move(run);
    at->is_at_tip = false;
    at->behind_ms = at->run->behind_ms;
    // The position is our own, made a moment ago.
    if (auto place = ParseKinesisPosition(next); place && !at->run->is_at_end) {
      at = &SpotAt(feed, *place);
    }
  }
  if (at->run || (at->is_fetching && !is_pushed)) return;
  // Where the subscription is, it knows better.
  if (!is_pushed && feed.route && feed.route->key == runs.next.Place()) return;
  at->place = runs.next;
  at->cursor = std::move(runs.cursor);
  at->behind_ms = runs.behind_ms;
  const bool is_at_tip = runs.behind_ms == 0;
  if (is_at_tip && !at->is_at_tip) at->tip_since = now;
  at->is_at_tip = is_at_tip;
  const int64_t wait_ms = is_at_tip ? options_.poll_ms : kKinesisReadMsMin;
  at->due = UtcMicros(now.value() + wait_ms * 1000);
}

RecordRun KinesisSource::Serve(const std::string& shard_id, Feed& feed, Spot& spot) {
  RecordRun run = *spot.run;
  spot.is_served = true;
  spot.awaited.reset();
  if (feed.route) room_.notify_all();
  if (!run.is_at_end) {
    if (const auto place = ParseKinesisPosition(run.next_position)) {
      Want(shard_id, feed, SpotAt(feed, *place), true);
    }
  }
  return run;
}

RecordRun KinesisSource::Nothing(const Spot& spot, const KinesisPosition& asked) {
  RecordRun run;
  run.behind_ms = spot.behind_ms;
  run.next_position = ToText(asked);
  const int64_t known = spot.place.time_ms.value_or(0);
  const int64_t told = asked.time_ms.value_or(0);
  if (asked.is_behind_record() && spot.is_at_tip &&
      known - told >= retention_micros_ / 1000 / kNewsShare) {
    run.next_position = ToText(spot.place);
    run.is_news = true;
  }
  return run;
}

Result<RecordRun> KinesisSource::Read(const std::string& shard_id, const std::string& position,
                                      const ReadLimits& limits) {
  DAYPART_TRY(const KinesisPosition asked, ParseKinesisPosition(position));
  std::unique_lock lock(mutex_);
  const auto known = feeds_.find(shard_id);
  if (known == feeds_.end()) {
    return NotFound("shard '" + shard_id + "' of stream " + options_.stream + " does not exist");
  }
  Feed& feed = known->second;
  Spot* spot = &SpotAt(feed, asked);
  spot->used = ++uses_;
  // The reader's own knowledge counts, if it is newer.
  spot->place.time_ms = std::max(spot->place.time_ms, asked.time_ms);
  feed.read_at = around_.clock.Now();
  if (fan_out_) Subscribe(shard_id, feed, *spot);
  Want(shard_id, feed, *spot, false);
  if (options_.threads_count == 0 && !tasks_.empty()) {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    Carry(task, lock);
  }
  if (!spot->run && !spot->failure) {
    spot->awaited = around_.clock.Now();
    if (limits.wait_ms > 0 && options_.threads_count > 0) {
      changed_.wait_for(lock, std::chrono::milliseconds(limits.wait_ms));
      spot = &SpotAt(feed, asked);  // Others may have pushed it out meanwhile.
    }
  }
  if (spot->failure) {
    Error failure = *std::exchange(spot->failure, std::nullopt);
    spot->awaited.reset();
    return failure;
  }
  if (spot->run) return Serve(shard_id, feed, *spot);
  return Nothing(*spot, asked);
}

bool KinesisSource::has_unsettled() {
  const std::lock_guard lock(mutex_);
  const int64_t now = around_.clock.Now().value();
  for (const auto& [id, feed] : feeds_) {
    const bool awaits_children = feed.ended && !feed.has_children &&
                                 now - feed.ended->value() < kKinesisChildrenMicrosMax;
    if (awaits_children) return true;
    for (const auto& [place, spot] : feed.spots) {
      const bool is_read = spot.awaited && now - spot.awaited->value() < kKinesisReaderMicrosMax;
      if (!is_read) continue;
      if (!spot.is_at_tip || spot.run || spot.tip_since >= listed_at_) return true;
    }
  }
  return false;
}

int KinesisSource::ComparePositions(std::string_view left, std::string_view right) const {
  const auto first = ParseKinesisPosition(left);
  const auto second = ParseKinesisPosition(right);
  if (!first || !second) return left.compare(right);
  return ComparePlaces(*first, *second);
}

Status KinesisSource::CheckGone(const std::string& shard_id, const std::string& position) {
  DAYPART_TRY(const KinesisPosition place, ParseKinesisPosition(position));
  const std::lock_guard lock(mutex_);
  if (!may_have_lost(place, around_.clock.Now(), retention_micros_)) return Ok();
  Error lost = LostRecords({.shard_id = shard_id,
                            .place = place,
                            .cursor = {},
                            .retention_micros = retention_micros_},
                           options_.stream);
  if (!options_.skips_lost) return lost;
  if (told_gone_.insert(shard_id).second) Log(LogLevel::kWarning, lost.message);
  return Ok();
}

}  // namespace daypart::source
