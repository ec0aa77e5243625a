// SPDX-License-Identifier: Apache-2.0
//
// Enhanced fan-out of Amazon Kinesis: a consumer that is registered at the stream, to which the
// service sends the records of a shard as events for five minutes a subscription. It holds no
// places and decides on no waits: those are KinesisSource's. The consumer stays registered, so that
// a reader that comes back need not wait for it.
#pragma once

#include <functional>
#include <string>

#include "aws/service.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "source/kinesis_api.h"
#include "source/kinesis_position.h"

namespace daypart::source {

struct SubscriptionStart {
  KinesisPosition place;
  /// ContinuationSequenceNumber of the event before, if there was one: behind it.
  std::string continuation;
};

/// How a subscription ended that nothing was wrong with.
enum class SubscriptionEnd {
  kOver,       // its time, or the connection's: to be renewed
  kStopped,    // by the caller
  kShardEnd,   // the last event told the shard's children
  kInUse,      // another subscription of this consumer to the shard is younger than 5 s
  kThrottled,
};

/// Thread-safe.
class KinesisFanOut {
 public:
  /// service must outlive it.
  KinesisFanOut(aws::Service& service, Clock& clock, std::string consumer);

  /// Finds the consumer or registers it, and waits for it to be ACTIVE. To be called first.
  /// errors: kNotFound for the stream; kPermissionDenied; kUnavailable.
  Status Register(const std::string& stream_arn, const CancelToken& stop);

  /// Gives the events of the shard to on_event, one at a time, until the subscription ends or
  /// on_event is false. What an event that was torn held comes again behind the event before.
  /// errors: kUnavailable for passing trouble; kNotFound if consumer or shard are gone;
  ///   kInvalidArgument for a start that the service does not take; kPermissionDenied; kCancelled.
  Result<SubscriptionEnd> Subscribe(const std::string& shard_id, const SubscriptionStart& start,
                                    const std::function<bool(FetchedPage)>& on_event);

 private:
  Result<http::Response> Call(std::string_view action, const std::string& body);
  /// Empty status: there is none of that name.
  struct Described {
    std::string arn;
    std::string status;
  };
  Result<Described> Describe(const std::string& stream_arn);

  aws::Service& service_;
  Clock& clock_;
  const std::string consumer_;
  std::string consumer_arn_;  // written by Register alone
};

/// Letters, digits, '_', '.' and '-', 128 at most.
bool is_consumer_name(std::string_view name);

}  // namespace daypart::source
