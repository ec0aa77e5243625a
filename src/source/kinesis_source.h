// SPDX-License-Identifier: Apache-2.0
//
// Amazon Kinesis Data Streams as a RecordSource. Threads of its own look at the shards that are
// being read, one page ahead of their readers, so that a shard that is throttled, slow or far
// behind holds up no other. Positions are those of kinesis_position.h. The stream is known by its
// ARN (docs/decisions/0090).
//
// With enhanced fan-out the service sends each shard's records to a subscription, whose events are
// put where a reader that waits there finds them; readers elsewhere are served by GetRecords until
// they come to where the subscription is (docs/decisions/0091).
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "aws/credentials.h"
#include "aws/service.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "http/client.h"
#include "source/kinesis_api.h"
#include "source/kinesis_fan_out.h"
#include "source/kinesis_fetch.h"
#include "source/record_source.h"

namespace daypart::source {

struct KinesisOptions {
  /// A name or an ARN, whose region goes before `region`.
  std::string stream;
  std::string region;
  std::string endpoint;  // empty: AWS's own
  /// Between two looks at a shard that had nothing, at least kKinesisReadMsMin.
  int64_t poll_ms = 250;
  /// Records that retention dropped before they were read are told in the log only.
  bool skips_lost = false;
  /// Name of a consumer for enhanced fan-out, which is registered if it is not; empty: without.
  std::string fan_out;
  /// 0: calls are made by the reader's own thread, one at a time.
  int threads_count = 4;
  aws::ServiceOptions service;  // name, region and endpoint are filled in
};

/// What the source works with; all must outlive it.
struct KinesisSurroundings {
  http::Client& http;
  aws::CredentialSource& credentials;
  Clock& clock;
  Random& random;
};

class KinesisSource final : public RecordSource {
 public:
  /// Waits for the stream to be ACTIVE. stop: ends the waiting.
  /// errors: kNotFound if there is no such stream; kInvalidArgument for an ARN of something else;
  ///   kPermissionDenied; kUnavailable.
  static Result<std::unique_ptr<KinesisSource>> Open(const KinesisSurroundings& around,
                                                     KinesisOptions options,
                                                     const CancelToken& stop);
  ~KinesisSource() override;

  std::string name() const override { return "kinesis:" + arn_; }
  Result<std::vector<Shard>> ListShards() override;
  Result<std::string> PositionOf(const std::string& shard_id, StartPosition start) override;
  /// Without a record if none is at hand: the looking goes on meanwhile (has_unsettled).
  Result<RecordRun> Read(const std::string& shard_id, const std::string& position,
                         const ReadLimits& limits) override;
  bool has_unsettled() override;
  int ComparePositions(std::string_view left, std::string_view right) const override;
  Status CheckGone(const std::string& shard_id, const std::string& position) override;

 private:
  /// What is known of one place of a shard.
  struct Spot {
    KinesisPosition place;
    ShardCursor cursor;
    std::optional<RecordRun> run;  // what begins here
    int64_t run_bytes = 0;
    std::optional<Error> failure;
    int failures_count = 0;  // in a row
    int throttled_count = 0;  // in a row
    bool is_fetching = false;
    bool is_served = false;
    /// When the service last said that nothing is here, and since when without a break.
    bool is_at_tip = false;
    UtcMicros tip_since;
    int64_t behind_ms = 0;
    UtcMicros due;
    uint64_t used = 0;  // the higher, the later
    /// A reader stands here since then, without a run.
    std::optional<UtcMicros> awaited;
  };
  /// Where a subscription that goes on is.
  struct Route {
    KinesisPosition head;  // behind the last record that it brought
    std::string key;       // of the head's spot
    std::string continuation;
    int failures_count = 0;  // in a row
    int refusals_count = 0;  // in a row
  };
  struct Feed {
    std::map<std::string, Spot> spots;  // by place
    UtcMicros due;
    bool is_closed = false;
    std::optional<UtcMicros> ended;
    bool has_children = false;
    /// While a thread keeps a subscription.
    std::optional<Route> route;
    std::thread subscriber;
    UtcMicros read_at;
  };
  struct Task {
    std::string shard_id;
    std::string place;
  };

  KinesisSource(const KinesisSurroundings& around, KinesisOptions options);

  Status AwaitActive(const CancelToken& stop);
  /// The retention may be changed while the stream is read.
  void DescribeAgain();
  void RunWorker();
  /// The work of one task; the lock is given up meanwhile.
  void Carry(const Task& task, std::unique_lock<std::mutex>& lock);
  /// is_pushed: by a subscription, whose head the spot is.
  void TakeRuns(Feed& feed, Spot& spot, KinesisRuns runs, UtcMicros now, bool is_pushed);
  void TakeFailure(Spot& spot, Error error, UtcMicros now);
  /// Asks for a look at the spot, if it is time.
  void Want(const std::string& shard_id, Feed& feed, Spot& spot, bool is_ahead);
  Spot& SpotAt(Feed& feed, const KinesisPosition& place);
  RecordRun Serve(const std::string& shard_id, Feed& feed, Spot& spot);
  RecordRun Nothing(const Spot& spot, const KinesisPosition& asked);
  void Drop(Spot& spot);
  void DropOldRuns();
  bool needs_list() const;
  int64_t BackOffMicros(int failures);

  // Enhanced fan-out: kinesis_source_fan_out.cc.
  /// Begins a subscription where the reader stands, if there is none and the place allows it.
  void Subscribe(const std::string& shard_id, Feed& feed, const Spot& spot);
  bool can_subscribe(const KinesisPosition& place) const;
  void RunSubscription(const std::string& shard_id, Feed& feed);
  /// False when the subscription is to end.
  bool TakeEvent(const std::string& shard_id, Feed& feed, FetchedPage page, UtcMicros begun);
  /// How long to wait before the next subscription; nullopt: there is to be none.
  std::optional<int64_t> TakeEnd(const std::string& shard_id, Feed& feed,
                                 Result<SubscriptionEnd> end, UtcMicros begun);
  std::optional<int64_t> TakeLoss(const std::string& shard_id, Feed& feed, Error error);
  /// Whether events are to wait until readers have taken some.
  bool is_crowded(const Feed& feed);

  const KinesisSurroundings around_;
  const KinesisOptions options_;
  CancelToken closing_;
  aws::Service service_;
  KinesisApi api_;
  std::optional<KinesisFanOut> fan_out_;
  std::string arn_;
  std::mutex mutex_;  // guards all below
  std::condition_variable wanted_;
  std::condition_variable changed_;
  std::condition_variable room_;  // readers took something, or all is over
  int64_t retention_micros_ = 0;
  UtcMicros described_at_;
  uint64_t uses_ = 0;
  std::vector<Shard> shards_;
  UtcMicros listed_at_{INT64_MIN / 2};
  std::map<std::string, Feed> feeds_;
  std::set<std::string> told_gone_;
  std::deque<Task> tasks_;
  int64_t kept_bytes_ = 0;
  int subscriptions_count_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace daypart::source
