// SPDX-License-Identifier: Apache-2.0
//
// The Amazon Kinesis Data Streams API over the stream log: JSON 1.1 and CBOR 1.1 by POST,
// signatures verified, with the service's own error types, limits and numbers. Clients change the
// endpoint only. Streams are ACTIVE as soon as an action on them returns: nothing here takes
// minutes.
// source: Amazon Kinesis Data Streams API Reference, 2013-12-02.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "aws/sigv4_verify.h"
#include "base/clock.h"
#include "http/server_message.h"
#include "serve/kinesis_reply.h"
#include "streamlog/stream_log.h"

namespace daypart::serve {

struct KinesisOptions {
  aws::AcceptedKey key;
  std::string account = "000000000000";
  std::string region = "us-east-1";
};

/// Thread-safe.
class Kinesis {
 public:
  /// Both must outlive the API.
  Kinesis(streamlog::StreamLog& log, Clock& clock, KinesisOptions options);
  ~Kinesis();

  void Handle(const http::ServerRequest& request, http::ResponseWriter& writer);

 private:
  using Json = nlohmann::json;
  /// A request's document, and how it and its answer are encoded.
  struct Call {
    const Json& input;
    bool is_cbor = false;
  };
  using Action = Reply (Kinesis::*)(const Call&);
  struct Subscription;
  struct Reading;

  static const std::map<std::string, Action, std::less<>>& Actions();
  Reply Act(const std::string& action, const http::ServerRequest& request, bool is_cbor);

  // Streams
  Reply CreateStream(const Call& call);
  Reply DeleteStream(const Call& call);
  Reply DescribeStream(const Call& call);
  Reply DescribeStreamSummary(const Call& call);
  Reply ListStreams(const Call& call);
  Reply IncreaseRetention(const Call& call);
  Reply DecreaseRetention(const Call& call);
  Reply AddTags(const Call& call);
  Reply ListTags(const Call& call);
  Reply RemoveTags(const Call& call);
  Reply UpdateStreamMode(const Call& call);
  Reply EnableMonitoring(const Call& call);
  Reply DisableMonitoring(const Call& call);
  Reply ChangeMonitoring(const Call& call, bool is_on);
  Reply DescribeLimits(const Call& call);
  Reply TagResource(const Call& call);
  Reply UntagResource(const Call& call);
  Reply ListTagsForResource(const Call& call);

  // Shards
  Reply ListShards(const Call& call);
  Reply SplitShard(const Call& call);
  Reply MergeShards(const Call& call);
  Reply UpdateShardCount(const Call& call);

  // Records
  Reply PutRecord(const Call& call);
  Reply PutRecords(const Call& call);
  /// PutRecords of JSON, parsed without a document in between, because it is what producers wait
  /// for. Sends the answer.
  void PutRecordsJson(const std::string& body, http::ResponseWriter& writer);
  Reply GetShardIterator(const Call& call);
  Reply GetRecords(const Call& call);

  // Consumers
  Reply RegisterStreamConsumer(const Call& call);
  Reply DescribeStreamConsumer(const Call& call);
  Reply ListStreamConsumers(const Call& call);
  Reply DeregisterStreamConsumer(const Call& call);
  /// Sends the answer, for up to five minutes.
  void SubscribeToShard(const Call& call, http::ResponseWriter& writer);
  Reply OpenSubscription(const Call& call, Reading& reading);
  void SendEvents(Reading& reading, const Subscription& own, bool is_cbor,
                  http::ResponseWriter& writer);

  std::string ArnOf(const std::string& stream) const;
  std::string ConsumerArnOf(const std::string& stream,
                            const streamlog::ConsumerState& consumer) const;
  Json ConsumerJson(const std::string& stream, const streamlog::ConsumerState& consumer,
                    bool is_cbor) const;
  Json StreamJson(const std::string& name, const streamlog::StreamState& state,
                  bool is_cbor) const;

  streamlog::StreamLog& log_;
  Clock& clock_;
  const KinesisOptions options_;
  std::mutex mutex_;  // guards subscriptions_
  std::map<std::string, std::shared_ptr<Subscription>> subscriptions_;  // by consumer and shard
};

/// The stream that StreamName or StreamARN means; empty if there is neither.
std::string StreamNameOf(const nlohmann::json& input);
nlohmann::json ShardJson(const streamlog::ShardState& shard);
/// A time as it is told: seconds with a fraction in JSON, milliseconds in CBOR.
nlohmann::json TimeJson(UtcMicros time, bool is_cbor);
UtcMicros TimeOf(const nlohmann::json& number, bool is_cbor);
/// A page's records as GetRecords and SubscribeToShard tell them.
nlohmann::json RecordsJson(const streamlog::RecordPage& page, const streamlog::ShardState& shard,
                           bool is_cbor);
/// Open shards that the shard was split or merged into.
nlohmann::json ChildShardsJson(const streamlog::StreamState& state, streamlog::ShardNumber parent);

/// Where a reader is: what GetShardIterator's type and values stand for.
struct PositionRequest {
  std::string type;
  std::string sequence_number;
  UtcMicros time;
};
/// errors: as the service tells them; kInvalidArgument for a number that is not of the shard.
Result<streamlog::RecordIndex> FindPosition(const PositionRequest& wanted,
                                            const streamlog::ShardState& shard,
                                            streamlog::ShardReader& reader, UtcMicros now);
/// Reads on, from the oldest record if retention dropped what was asked for.
Result<streamlog::RecordPage> ReadKept(streamlog::ShardReader& reader,
                                       streamlog::RecordIndex from, int64_t records_max,
                                       int64_t bytes_max);

}  // namespace daypart::serve
