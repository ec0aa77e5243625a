// SPDX-License-Identifier: Apache-2.0
//
// Subscriptions of KinesisSource: a thread a shard, which puts events where the reader waits that
// it began with, and renews the subscription behind the last one. No place depends on it: one
// without a run at which no subscription is, is read by GetRecords.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "source/kinesis_source.h"
#include "source/limits.h"

namespace daypart::source {
namespace {

/// From here on somebody else is likely to use the consumer as well.
constexpr int kRefusalsTold = 5;

}  // namespace

bool KinesisSource::can_subscribe(const KinesisPosition& place) const {
  // Within a record, and where its own record has to be seen first, only GetRecords leads on.
  return !place.sub && !may_have_lost(place, around_.clock.Now(), retention_micros_);
}

void KinesisSource::Subscribe(const std::string& shard_id, Feed& feed, const Spot& spot) {
  if (feed.route || feed.ended || spot.run || spot.failure || spot.is_fetching) return;
  if (around_.clock.Now() < spot.due || !can_subscribe(spot.place)) return;
  if (subscriptions_count_ >= kKinesisSubscriptionsMax) return;
  // The thread before has nothing left to do but to end.
  if (feed.subscriber.joinable()) feed.subscriber.join();
  feed.route = Route{.head = spot.place, .key = spot.place.Place(), .continuation = ""};
  ++subscriptions_count_;
  feed.subscriber = std::thread([this, shard_id, &feed] { RunSubscription(shard_id, feed); });
}

void KinesisSource::RunSubscription(const std::string& shard_id, Feed& feed) {
  std::unique_lock lock(mutex_);
  while (!closing_.is_cancelled() && can_subscribe(feed.route->head)) {
    const SubscriptionStart start{feed.route->head, feed.route->continuation};
    lock.unlock();
    const UtcMicros begun = around_.clock.Now();
    auto end = fan_out_->Subscribe(shard_id, start, [&](FetchedPage page) {
      return TakeEvent(shard_id, feed, std::move(page), begun);
    });
    lock.lock();
    const auto wait_micros = TakeEnd(shard_id, feed, std::move(end), begun);
    changed_.notify_all();
    if (!wait_micros) break;
    room_.wait_for(lock, std::chrono::microseconds(*wait_micros),
                   [this] { return closing_.is_cancelled(); });
  }
  feed.route.reset();
  --subscriptions_count_;
}

bool KinesisSource::is_crowded(const Feed& feed) {
  const auto waiting = std::count_if(feed.spots.begin(), feed.spots.end(), [](const auto& entry) {
    return entry.second.run && !entry.second.is_served;
  });
  // A reader that has taken all never waits for others to make room.
  if (waiting == 0) return false;
  DropOldRuns();
  return waiting >= kKinesisEventsAheadMax || kept_bytes_ > kKinesisKeptBytesMax;
}

bool KinesisSource::TakeEvent(const std::string& shard_id, Feed& feed, FetchedPage page,
                              UtcMicros begun) {
  // That the shard is closed by now tells nothing: the event may have been made before. Its end is
  // told by the children that the last event names.
  KinesisFetch fetch{.shard_id = shard_id, .skips_lost = options_.skips_lost};
  std::string continuation = page.next_iterator.value_or("");
  {
    const std::lock_guard lock(mutex_);
    fetch.place = feed.route->head;
    fetch.retention_micros = retention_micros_;
  }
  // The event was made after the subscription: what had arrived before that is in it or before it.
  auto runs = RunsOfPage(std::move(page), fetch, begun, options_.stream);
  if (!runs) return false;  // Only a place that is not subscribed at can be lost.
  runs->cursor = {};  // What an event goes on with is no iterator.
  std::unique_lock lock(mutex_);
  const bool is_at_end = !runs->runs.empty() && runs->runs.back().is_at_end;
  Route& route = *feed.route;
  route.failures_count = route.refusals_count = 0;
  Spot& spot = SpotAt(feed, route.head);
  route.head = runs->next;
  route.key = runs->next.Place();
  route.continuation = std::move(continuation);
  TakeRuns(feed, spot, std::move(*runs), around_.clock.Now(), true);
  changed_.notify_all();
  if (is_at_end) return true;
  const auto is_abandoned = [&] {
    return around_.clock.Now().value() - feed.read_at.value() >= kKinesisAbandonedMicros;
  };
  while (!closing_.is_cancelled() && !is_abandoned() && is_crowded(feed)) {
    room_.wait_for(lock, std::chrono::seconds(1));
  }
  return !closing_.is_cancelled() && !is_abandoned();
}

std::optional<int64_t> KinesisSource::TakeEnd(const std::string& shard_id, Feed& feed,
                                              Result<SubscriptionEnd> end, UtcMicros begun) {
  Route& route = *feed.route;
  // Until the next event nothing is known of what came meanwhile.
  SpotAt(feed, route.head).is_at_tip = false;
  if (!end) return TakeLoss(shard_id, feed, std::move(end).error());
  switch (*end) {
    case SubscriptionEnd::kStopped:
    case SubscriptionEnd::kShardEnd: return std::nullopt;
    case SubscriptionEnd::kOver: {
      const int64_t lasted = around_.clock.Now().value() - begun.value();
      if (lasted >= kKinesisSubscriptionMicrosMin) return 0;
      return BackOffMicros(++route.refusals_count);
    }
    case SubscriptionEnd::kInUse:
    case SubscriptionEnd::kThrottled: break;
  }
  const bool is_in_use = *end == SubscriptionEnd::kInUse;
  const bool is_told = ++route.refusals_count == kRefusalsTold && is_in_use;
  Log(is_told ? LogLevel::kWarning : LogLevel::kInfo,
      shard_id + " of " + options_.stream + ": the subscription of consumer " + options_.fan_out +
          (is_in_use ? " is in use; if this goes on another reader has the same name: give each "
                       "its own fan_out"
                     : " is throttled"));
  return BackOffMicros(route.refusals_count);
}

std::optional<int64_t> KinesisSource::TakeLoss(const std::string& shard_id, Feed& feed,
                                               Error error) {
  Route& route = *feed.route;
  if (error.code == ErrorCode::kCancelled) return std::nullopt;
  if (error.code == ErrorCode::kInvalidArgument && !route.continuation.empty() &&
      route.continuation != route.head.sequence) {
    // A number that is no record's; the last record's own is as good.
    route.continuation.clear();
    return 0;
  }
  if (error.code == ErrorCode::kUnavailable && ++route.failures_count < kKinesisFailuresMax) {
    Log(LogLevel::kInfo, shard_id + ": " + error.message + "; subscribing again");
    return BackOffMicros(route.failures_count);
  }
  Spot& spot = SpotAt(feed, route.head);
  spot.failure = std::move(error);
  spot.due = UtcMicros(around_.clock.Now().value() + BackOffMicros(1));
  return std::nullopt;
}

}  // namespace daypart::source
