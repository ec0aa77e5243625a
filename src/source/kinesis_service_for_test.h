// SPDX-License-Identifier: Apache-2.0
//
// A small model of Amazon Kinesis behind the HTTP client's interface: shards, iterators that end
// after 300 seconds, records that retention dropped, and answers that a test puts in between.
// As the service does, it goes on with the oldest record when the wanted one is gone. Subscriptions
// of enhanced fan-out run until a test's script for them ends them.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "aws/credentials.h"
#include "aws/digest.h"
#include "aws/event_stream.h"
#include "base/clock.h"
#include "http/client.h"
#include "streamlog/sequence_number.h"

namespace daypart::source {

inline constexpr const char* kFirst = "shardId-000000000000";
inline constexpr const char* kSecond = "shardId-000000000001";
inline constexpr const char* kThird = "shardId-000000000002";

class AnyKey final : public aws::CredentialSource {
 public:
  Result<aws::Credentials> Get() override {
    return aws::Credentials{.access_key_id = "k", .secret_access_key = "hush"};
  }
  void Refuse() override {}
};

class KinesisServiceForTest final : public http::Client {
 public:
  using Json = nlohmann::json;

  struct Stored {
    std::string sequence;
    std::string data;
    UtcMicros arrival;
  };
  struct ModelShard {
    std::vector<std::string> parents;
    bool is_closed = false;
    bool tells_end = true;  // moto never does
    std::vector<Stored> records;
  };

  /// What happens to one subscription.
  struct Script {
    size_t part_bytes = SIZE_MAX;    // of the body, given to the client at a time
    int64_t events_max = INT64_MAX;  // until the rest happens
    std::string exception;           // an event of this type comes then
    bool is_torn = false;            // half an event comes then, and the connection ends
    bool is_damaged = false;         // an event comes then with a bit that is wrong
    bool is_reset = false;           // there is no answer's end
  };

  explicit KinesisServiceForTest(Clock& clock) : clock_(clock) {}

  std::string Put(const std::string& shard, const std::string& data) {
    const std::lock_guard lock(mutex);
    // 2^70 apart, so that they differ in length and are not to be had as numbers of 64 bits.
    const std::string sequence = "4965802611474940245817112915877421729763601300308413" +
                                 std::to_string(1000 + ++last_sequence_);
    shards[shard].records.push_back({sequence, data, clock_.Now()});
    arrived_.notify_all();
    return sequence;
  }
  void Close(const std::string& shard, const std::vector<std::string>& children) {
    const std::lock_guard lock(mutex);
    shards[shard].is_closed = true;
    for (const std::string& child : children) shards[child].parents.push_back(shard);
  }
  /// The next call of the action is answered so instead.
  void AnswerOnce(const std::string& action, Result<http::Response> answer) {
    const std::lock_guard lock(mutex);
    scripted[action].push_back(std::move(answer));
  }
  static Result<http::Response> Refusal(const std::string& type, int status = 400) {
    return http::Response{status, {}, Json{{"__type", type}, {"message", "m"}}.dump(), 0};
  }
  int64_t calls(const std::string& action) {
    const std::lock_guard lock(mutex);
    return counts[action];
  }

  /// Events that subscriptions have sent.
  int64_t events() {
    const std::lock_guard lock(mutex);
    return events_count_;
  }

  /// Starting positions of all subscriptions.
  std::vector<Json> Starts() {
    const std::lock_guard lock(mutex);
    return starts;
  }
  /// Subscriptions of the shard that go on.
  int Running(const std::string& shard) {
    const std::lock_guard lock(mutex);
    return subscriptions[shard];
  }

  Result<http::Response> Send(const http::Request& request) override {
    const std::string action(http::FindHeader(request.headers, "X-Amz-Target")->substr(17));
    const Json body = Json::parse(reinterpret_cast<const char*>(request.body.data()),
                                  reinterpret_cast<const char*>(request.body.data()) +
                                      request.body.size());
    if (on_call) on_call(action, body);
    std::unique_lock lock(mutex);
    ++counts[action];
    auto& answers = scripted[action];
    if (!answers.empty()) {
      auto answer = std::move(answers.front());
      answers.pop_front();
      return answer;
    }
    if (action == "DescribeStreamSummary") return Describe();
    if (action == "ListShards") return List(body);
    if (action == "GetShardIterator") return Iterator(body);
    if (action == "GetRecords") return Records(body);
    if (action == "DescribeStreamConsumer") return DescribeConsumer(body);
    if (action == "RegisterStreamConsumer") return RegisterConsumer(body);
    if (action == "SubscribeToShard") return Subscribe(request, body, lock);
    return Refusal("UnknownOperationException");
  }

  std::mutex mutex;  // guards what follows, but on_call, which is set before the first call
  std::map<std::string, ModelShard> shards;
  std::map<std::string, std::deque<Result<http::Response>>> scripted;
  std::map<std::string, int64_t> counts;
  std::function<void(const std::string& action, const Json& body)> on_call;
  int64_t retention_hours = 24;
  size_t page_records_max = 100;
  size_t list_page_max = 2;
  std::map<std::string, std::string> consumers;  // name to status
  std::deque<Script> scripts;                    // of the next subscriptions; then none
  std::vector<Json> starts;                      // of all subscriptions
  std::map<std::string, int> subscriptions;      // running, by shard

 private:
  static constexpr const char* kArn = "arn:aws:kinesis:eu-west-1:1:stream/clicks";

  static Result<http::Response> Answer(const Json& document) {
    return http::Response{200, {}, document.dump(), 0};
  }
  size_t OldestOf(const ModelShard& shard) const {
    const int64_t horizon = clock_.Now().value() - retention_hours * 3'600'000'000;
    size_t oldest = 0;
    while (oldest < shard.records.size() && shard.records[oldest].arrival.value() < horizon) {
      ++oldest;
    }
    return oldest;
  }
  Result<http::Response> Describe() const {
    return Answer({{"StreamDescriptionSummary",
                    {{"StreamARN", kArn},
                     {"StreamStatus", "ACTIVE"},
                     {"RetentionPeriodHours", retention_hours}}}});
  }
  Result<http::Response> List(const Json& body) const {
    const std::string from = body.value("NextToken", "");
    if (from.empty() == !body.contains("StreamName")) return Refusal("InvalidArgumentException");
    Json answer = {{"Shards", Json::array()}};
    for (auto at = shards.lower_bound(from); at != shards.end(); ++at) {
      if (answer["Shards"].size() == list_page_max) {
        answer["NextToken"] = at->first;
        break;
      }
      Json shard = {{"ShardId", at->first}, {"SequenceNumberRange", Json::object()}};
      if (!at->second.parents.empty()) shard["ParentShardId"] = at->second.parents[0];
      if (at->second.parents.size() > 1) shard["AdjacentParentShardId"] = at->second.parents[1];
      if (at->second.is_closed) shard["SequenceNumberRange"]["EndingSequenceNumber"] = "9";
      answer["Shards"].push_back(std::move(shard));
    }
    return Answer(answer);
  }
  Result<http::Response> Iterator(const Json& body) const {
    const auto shard = shards.find(body.value("ShardId", ""));
    if (shard == shards.end()) return Refusal("ResourceNotFoundException");
    const std::string type = body.value("ShardIteratorType", "");
    const auto& records = shard->second.records;
    size_t next = OldestOf(shard->second);
    if (type.ends_with("SEQUENCE_NUMBER")) {
      const std::string wanted = body.value("StartingSequenceNumber", "");
      while (next < records.size()) {
        const int order = streamlog::CompareDecimals(records[next].sequence, wanted);
        if (order > 0 || (order == 0 && type.starts_with("AT"))) break;
        ++next;
      }
    }
    return Answer({{"ShardIterator", IteratorText(shard->first, next)}});
  }
  std::string IteratorText(const std::string& shard, size_t next) const {
    return shard + '/' + std::to_string(next) + '/' + std::to_string(clock_.Now().value());
  }
  static std::string ConsumerArnOf(const std::string& name) {
    return std::string(kArn) + "/consumer/" + name + ":1764000000";
  }
  Result<http::Response> DescribeConsumer(const Json& body) {
    const auto found = consumers.find(body.value("ConsumerName", ""));
    if (body.value("StreamARN", "") != kArn) return Refusal("InvalidArgumentException");
    if (found == consumers.end()) return Refusal("ResourceNotFoundException");
    const std::string status = found->second;
    if (status == "CREATING") found->second = "ACTIVE";
    return Answer({{"ConsumerDescription",
                    {{"ConsumerARN", ConsumerArnOf(found->first)}, {"ConsumerStatus", status}}}});
  }
  Result<http::Response> RegisterConsumer(const Json& body) {
    const std::string name = body.value("ConsumerName", "");
    if (!consumers.emplace(name, "CREATING").second) return Refusal("ResourceInUseException");
    return Answer({{"Consumer", {{"ConsumerARN", ConsumerArnOf(name)}}}});
  }

  static std::string EventOf(const Json& payload) {
    return aws::EncodeEventMessage({{":message-type", "event"},
                                    {":event-type", "SubscribeToShardEvent"},
                                    {":content-type", "application/x-amz-json-1.1"}},
                                   payload.dump());
  }
  static bool Give(const http::Request& request, const Script& script, std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(script.part_bytes, bytes.size()))) {
      if (!request.on_body(bytes.substr(0, script.part_bytes))) return false;
    }
    return true;
  }
  size_t FirstOf(const Json& start, const ModelShard& shard) const {
    size_t next = OldestOf(shard);
    const std::string after = start.value("SequenceNumber", "");
    while (!after.empty() && next < shard.records.size() &&
           streamlog::CompareDecimals(shard.records[next].sequence, after) <= 0) {
      ++next;
    }
    return next;
  }
  Json RecordJson(const Stored& record) const {
    return {{"SequenceNumber", record.sequence},
            {"PartitionKey", "k"},
            {"Data", aws::Base64(record.data)},
            {"ApproximateArrivalTimestamp", static_cast<double>(record.arrival.value()) / 1e6}};
  }
  /// The event with the records from `next` on; empty if there is nothing to tell.
  std::string NextEvent(const std::string& id, size_t& next, bool is_first) {
    const ModelShard& shard = shards.at(id);
    Json event = {{"Records", Json::array()}, {"MillisBehindLatest", 0}};
    for (; next < shard.records.size() && event["Records"].size() < page_records_max; ++next) {
      event["Records"].push_back(RecordJson(shard.records[next]));
    }
    if (next < shard.records.size()) event["MillisBehindLatest"] = 1'000;
    const bool is_end = shard.is_closed && next == shard.records.size();
    if (event["Records"].empty() && !is_end && !is_first) return "";
    if (is_end) {
      event["ChildShards"] = Json::array();
      for (const auto& [child, of] : shards) {
        if (std::count(of.parents.begin(), of.parents.end(), id) > 0) {
          event["ChildShards"].push_back({{"ShardId", child}, {"ParentShards", {id}}});
        }
      }
    } else {
      // Where nothing was read it is no record's number, as the service's own are.
      event["ContinuationSequenceNumber"] = next == 0 ? "17" : shard.records[next - 1].sequence;
    }
    return EventOf(event);
  }
  Result<http::Response> Subscribe(const http::Request& request, const Json& body,
                                   std::unique_lock<std::mutex>& lock) {
    const std::string id = body.value("ShardId", "");
    if (!shards.contains(id)) return Refusal("ResourceNotFoundException");
    const Script script = scripts.empty() ? Script{} : scripts.front();
    if (!scripts.empty()) scripts.pop_front();
    starts.push_back(body["StartingPosition"]);
    size_t next = FirstOf(body["StartingPosition"], shards[id]);
    ++subscriptions[id];
    lock.unlock();
    auto end = Run(request, script, id, next, lock);
    if (!lock.owns_lock()) lock.lock();
    --subscriptions[id];
    return end;
  }
  Result<http::Response> Run(const http::Request& request, const Script& script,
                             const std::string& id, size_t next,
                             std::unique_lock<std::mutex>& lock) {
    const http::Response whole{200, {}, "", 0};
    for (int64_t events = 0; events < script.events_max;) {
      lock.lock();
      const std::string event = NextEvent(id, next, events == 0);
      if (event.empty()) arrived_.wait_for(lock, std::chrono::milliseconds(2));
      if (!event.empty()) ++events_count_;
      lock.unlock();
      if (request.cancel->is_cancelled()) return Cancelled("stopped");
      if (event.empty()) continue;
      ++events;
      if (!Give(request, script, event)) return whole;
      if (event.find("ChildShards") != std::string::npos) return whole;
    }
    std::string last;
    if (!script.exception.empty()) {
      last = aws::EncodeEventMessage(
          {{":message-type", "exception"}, {":exception-type", script.exception}}, "{}");
    } else if (script.is_torn || script.is_damaged) {
      lock.lock();
      last = NextEvent(id, next, true);
      lock.unlock();
      if (script.is_torn) last.resize(last.size() / 2);
      if (script.is_damaged) last[last.size() / 2] ^= 1;
    }
    if (!Give(request, script, last)) return whole;
    if (script.is_reset) return Unavailable("connection reset");
    return whole;
  }
  Result<http::Response> Records(const Json& body) const {
    const std::string iterator = body.value("ShardIterator", "");
    const size_t first = iterator.find('/');
    const size_t second = iterator.rfind('/');
    if (std::stoll(iterator.substr(second + 1)) < clock_.Now().value() - int64_t{300'000'000}) {
      return Refusal("ExpiredIteratorException");
    }
    const ModelShard& shard = shards.at(iterator.substr(0, first));
    size_t next = std::max<size_t>(std::stoul(iterator.substr(first + 1)), OldestOf(shard));
    Json answer = {{"Records", Json::array()}, {"MillisBehindLatest", 0}};
    for (; next < shard.records.size() && answer["Records"].size() < page_records_max; ++next) {
      answer["Records"].push_back(RecordJson(shard.records[next]));
    }
    if (next < shard.records.size()) answer["MillisBehindLatest"] = 1'000;
    const bool is_end = shard.is_closed && shard.tells_end && next == shard.records.size();
    if (!is_end) {
      answer["NextShardIterator"] = IteratorText(iterator.substr(0, first), next);
    }
    return Answer(answer);
  }

  Clock& clock_;
  int64_t last_sequence_ = 0;
  int64_t events_count_ = 0;
  std::condition_variable arrived_;
};

}  // namespace daypart::source
