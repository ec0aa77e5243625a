// SPDX-License-Identifier: Apache-2.0
//
// Producer: records to a stream in calls of many, several at a time, so that records of one
// partition key arrive in the order in which they were added, whatever is refused in between: a key
// goes by one worker, a worker has one call under way, and a call has a key at most once. A record
// of a call whose answer was lost is sent again, so readers may see it twice; none is left out.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

namespace daypart::ingest {

struct OutgoingRecord {
  std::string data;
  std::string key;
  UtcMicros added;
};

/// Sends records in one call. returns: for each, in order, the error it was refused with, empty if
///   it was taken. errors: kUnavailable if the call is to be made again; others end the producer.
using SendCall =
    std::function<Result<std::vector<std::string>>(std::span<const OutgoingRecord> records)>;

struct ProducerOptions {
  int workers_count = 4;
  size_t call_records_max = 500;
  size_t call_bytes_max = size_t{4} << 20;  // below the service's 5 MiB, for what is added to them
  /// A worker's records that are not sent; beyond it Add waits.
  size_t queue_records_max = 4'000;
  /// A call is not held back longer than this for more records.
  std::chrono::milliseconds linger{10};
  /// Refusals in a row, of all records of a call, before the producer gives up.
  int refusals_max = 50;
  std::chrono::milliseconds wait_min{20};
  std::chrono::milliseconds wait_max{2'000};
  /// How long calls may fail in a row, nobody being reached or answering, before the producer gives
  /// up.
  std::chrono::milliseconds failing_max{15'000};
  /// The user wants to stop: what was added is still sent, but a failure is not waited out.
  const CancelToken* stop = nullptr;
  /// Cancelled by the producer if, once `stop` is, calls end neither well nor badly for stuck_max:
  /// for the calls' own token.
  CancelToken* abandon = nullptr;
  std::chrono::milliseconds stuck_max{5'000};
  /// Called once an outage, with its first error; by several threads, one at a time.
  std::function<void(const Error&)> on_outage;
};

struct ProducerCounters {
  std::atomic<int64_t> added{0};
  std::atomic<int64_t> acknowledged{0};
  std::atomic<int64_t> calls{0};
  std::atomic<int64_t> sent_again{0};  // records
  /// From Add to acknowledgement, of the slowest record of the newest call.
  std::atomic<int64_t> lag_micros{0};
  std::atomic<int64_t> lag_micros_max{0};
};

/// What goes into the next call: records from the front of the queue, a key at most once; what is
/// passed over stays in the queue in its order.
std::vector<OutgoingRecord> TakeCall(std::deque<OutgoingRecord>& queue, size_t records_max,
                                     size_t bytes_max);

/// Add and Finish are called by one thread.
class Producer {
 public:
  /// clock and random must outlive the producer; send is called by several threads.
  Producer(SendCall send, Clock& clock, Random& random, ProducerOptions options);
  /// Gives up what is not sent.
  ~Producer();

  /// Waits while the record's worker has enough to do. errors: why a worker gave up.
  Status Add(std::string data, std::string key);
  /// Waits until every record is acknowledged. errors: as Add.
  Status Finish();

  const ProducerCounters& counters() const { return counters_; }

 private:
  struct Worker {
    std::mutex mutex;  // guards queue and is_finishing
    std::condition_variable changed;
    std::deque<OutgoingRecord> queue;
    bool is_finishing = false;
    std::thread thread;
  };

  void Run(Worker& worker);
  /// Waits for a call's worth of records, or for the linger. False at the end.
  bool WaitForRecords(Worker& worker, std::vector<OutgoingRecord>& call);
  struct Sent {
    std::vector<OutgoingRecord> again;  // what is to be sent again
    std::optional<Error> failure;       // of the call, if it is why
    std::string refusal;                // of a record, else
  };
  Result<Sent> SendOnce(std::vector<OutgoingRecord> call);
  /// Whether trying is over: says so then.
  bool GaveUp(const Sent& sent, int refusals, UtcMicros failing_since);
  void Fail(Error error);
  std::optional<Error> failure();
  void WaitBeforeRetry(int refusals);
  bool is_stopping() const { return options_.stop != nullptr && options_.stop->is_cancelled(); }
  void TellOutage(const Error& error);
  std::string Left() const;

  const SendCall send_;
  Clock& clock_;
  Random& random_;
  const ProducerOptions options_;
  ProducerCounters counters_;
  std::mutex mutex_;  // guards failure_ and is_outage_told_
  bool is_outage_told_ = false;
  std::atomic<int> running_count_{0};
  std::condition_variable ended_;
  std::optional<Error> failure_;
  std::atomic<bool> is_failed_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace daypart::ingest
