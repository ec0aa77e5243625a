// SPDX-License-Identifier: Apache-2.0
//
// Queues by key, and a thread that empties each.
#include "ingest/producer.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace daypart::ingest {
namespace {

/// How soon a stop is seen.
constexpr std::chrono::milliseconds kStopLook{50};
/// Records looked at for one call: beyond so many of keys that are in it already it goes as it is.
constexpr size_t kLookedAtMax = 2'000;

}  // namespace

std::vector<OutgoingRecord> TakeCall(std::deque<OutgoingRecord>& queue, size_t records_max,
                                     size_t bytes_max) {
  std::vector<OutgoingRecord> call;
  std::unordered_set<std::string> keys;
  std::vector<OutgoingRecord> passed;
  size_t bytes = 0;
  for (size_t looked = 0; !queue.empty() && call.size() < records_max && looked < kLookedAtMax;
       ++looked) {
    OutgoingRecord& next = queue.front();
    const size_t size = next.data.size() + next.key.size();
    if (!call.empty() && bytes + size > bytes_max) break;
    if (keys.insert(next.key).second) {
      bytes += size;
      call.push_back(std::move(next));
    } else {
      passed.push_back(std::move(next));
    }
    queue.pop_front();
  }
  queue.insert(queue.begin(), std::make_move_iterator(passed.begin()),
               std::make_move_iterator(passed.end()));
  return call;
}

Producer::Producer(SendCall send, Clock& clock, Random& random, ProducerOptions options)
    : send_(std::move(send)), clock_(clock), random_(random), options_(options) {
  for (int i = 0; i < options_.workers_count; ++i) {
    workers_.push_back(std::make_unique<Worker>());
  }
  running_count_ = options_.workers_count;
  for (const auto& worker : workers_) {
    worker->thread = std::thread([this, raw = worker.get()] {
      Run(*raw);
      const std::lock_guard lock(mutex_);
      --running_count_;
      ended_.notify_all();
    });
  }
}

Producer::~Producer() {
  is_failed_ = true;
  for (const auto& worker : workers_) {
    {
      const std::lock_guard lock(worker->mutex);
      worker->is_finishing = true;
    }
    worker->changed.notify_all();
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void Producer::Fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(error);
  }
  is_failed_ = true;
  for (const auto& worker : workers_) worker->changed.notify_all();
}

std::optional<Error> Producer::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Status Producer::Add(std::string data, std::string key) {
  Worker& worker = *workers_[std::hash<std::string>{}(key) % workers_.size()];
  {
    std::unique_lock lock(worker.mutex);
    while (worker.queue.size() >= options_.queue_records_max && !is_failed_) {
      worker.changed.wait_for(lock, options_.wait_max);
    }
    if (!is_failed_) {
      worker.queue.push_back(
          {.data = std::move(data), .key = std::move(key), .added = clock_.Now()});
      ++counters_.added;
    }
  }
  if (auto error = failure()) return *std::move(error);
  worker.changed.notify_all();
  return Ok();
}

Status Producer::Finish() {
  for (const auto& worker : workers_) {
    {
      const std::lock_guard lock(worker->mutex);
      worker->is_finishing = true;
    }
    worker->changed.notify_all();
  }
  auto moved_at = std::chrono::steady_clock::now();
  for (int64_t acknowledged = -1; running_count_ > 0;) {
    const auto now = std::chrono::steady_clock::now();
    const bool has_moved = std::exchange(acknowledged, counters_.acknowledged) != acknowledged;
    if (has_moved || !is_stopping()) moved_at = now;
    if (options_.abandon != nullptr && now - moved_at > options_.stuck_max) {
      options_.abandon->Cancel();
    }
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, kStopLook, [this] { return running_count_ == 0; });
  }
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  if (auto error = failure()) return *std::move(error);
  return Ok();
}

bool Producer::WaitForRecords(Worker& worker, std::vector<OutgoingRecord>& call) {
  std::unique_lock lock(worker.mutex);
  worker.changed.wait(
      lock, [&] { return is_failed_ || worker.is_finishing || !worker.queue.empty(); });
  worker.changed.wait_for(lock, options_.linger, [&] {
    return is_failed_ || worker.is_finishing || worker.queue.size() >= options_.call_records_max;
  });
  if (is_failed_ || worker.queue.empty()) return false;
  call = TakeCall(worker.queue, options_.call_records_max, options_.call_bytes_max);
  worker.changed.notify_all();
  return true;
}

Result<Producer::Sent> Producer::SendOnce(std::vector<OutgoingRecord> call) {
  ++counters_.calls;
  const auto outcomes = send_(call);
  Sent sent;
  if (!outcomes) {
    if (outcomes.error().code != ErrorCode::kUnavailable) return outcomes.error();
    sent.again = std::move(call);
    sent.failure = outcomes.error();
    return sent;
  }
  if (outcomes->size() != call.size()) {
    return CorruptData(std::to_string(call.size()) + " outcomes are expected, found " +
                       std::to_string(outcomes->size()));
  }
  const UtcMicros now = clock_.Now();
  int64_t lag = 0;
  for (size_t i = 0; i < call.size(); ++i) {
    if (!(*outcomes)[i].empty()) {
      sent.refusal = (*outcomes)[i];
      sent.again.push_back(std::move(call[i]));
      continue;
    }
    ++counters_.acknowledged;
    lag = std::max(lag, now.value() - call[i].added.value());
  }
  counters_.lag_micros = lag;
  int64_t before = counters_.lag_micros_max;
  while (before < lag && !counters_.lag_micros_max.compare_exchange_weak(before, lag)) {
  }
  return sent;
}

void Producer::WaitBeforeRetry(int refusals) {
  const int64_t whole = std::min<int64_t>(options_.wait_max.count(),
                                          options_.wait_min.count() << std::min(refusals, 20));
  // Half of it by chance, so that workers that were refused together do not come back together.
  const int64_t chance = static_cast<int64_t>(random_.Next() % 1000);
  auto left = std::chrono::milliseconds(whole / 2 + whole * chance / 2000);
  while (left.count() > 0 && !is_failed_ && !is_stopping()) {
    const auto slice = std::min(left, kStopLook);
    clock_.Sleep(slice);
    left -= slice;
  }
}

void Producer::TellOutage(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (is_outage_told_ || !options_.on_outage) return;
  is_outage_told_ = true;
  options_.on_outage(error);
}

std::string Producer::Left() const {
  const int64_t left = counters_.added - counters_.acknowledged;
  return std::to_string(left) + (left == 1 ? " record is" : " records are") + " not acknowledged";
}

bool Producer::GaveUp(const Sent& sent, int refusals, UtcMicros failing_since) {
  const std::string why = sent.failure ? sent.failure->message
                                       : "the stream refused the records: " + sent.refusal;
  if (is_stopping() && (sent.failure || refusals > 1)) {
    Fail(Cancelled("stopped on request; " + Left() + ", the last attempt: " + why));
    return true;
  }
  const int64_t failing_ms = (clock_.Now().value() - failing_since.value()) / 1000;
  if (sent.failure && failing_ms >= options_.failing_max.count()) {
    Fail(Unavailable("gave up after " + std::to_string(failing_ms / 1000) + " s: " + why + "; " +
                     Left()));
    return true;
  }
  if (refusals > options_.refusals_max) {
    Fail(Unavailable("gave up after " + std::to_string(refusals) +
                     " refusals in a row: " + why + "; " + Left()));
    return true;
  }
  return false;
}

void Producer::Run(Worker& worker) {
  std::vector<OutgoingRecord> call;
  int refusals = 0;
  std::optional<UtcMicros> failing_since;
  while (WaitForRecords(worker, call)) {
    const size_t count = call.size();
    const UtcMicros began = clock_.Now();
    auto sent = SendOnce(std::move(call));
    if (!sent) return Fail(std::move(sent).error());
    if (!sent->failure) {
      failing_since.reset();
      const std::lock_guard lock(mutex_);
      is_outage_told_ = false;
    }
    if (sent->again.empty()) {
      refusals = 0;
      continue;
    }
    counters_.sent_again += static_cast<int64_t>(sent->again.size());
    refusals = sent->again.size() < count ? 1 : refusals + 1;
    if (sent->failure) {
      if (!failing_since) failing_since = began;
      TellOutage(*sent->failure);
    }
    if (GaveUp(*sent, refusals, failing_since.value_or(began))) return;
    {
      const std::lock_guard lock(worker.mutex);
      worker.queue.insert(worker.queue.begin(), std::make_move_iterator(sent->again.begin()),
                          std::make_move_iterator(sent->again.end()));
    }
    WaitBeforeRetry(refusals);
  }
}

}  // namespace daypart::ingest
