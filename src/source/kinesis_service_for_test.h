// SPDX-License-Identifier: Apache-2.0
//
// A small model of Amazon Kinesis behind the HTTP client's interface: shards, iterators that end
// after 300 seconds, records that retention dropped, and answers that a test puts in between.
// As the service does, it goes on with the oldest record when the wanted one is gone.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "aws/digest.h"
#include "base/clock.h"
#include "http/client.h"
#include "streamlog/sequence_number.h"

namespace daypart::source {

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

  explicit KinesisServiceForTest(Clock& clock) : clock_(clock) {}

  std::string Put(const std::string& shard, const std::string& data) {
    const std::lock_guard lock(mutex);
    // 2^70 apart, so that they differ in length and are not to be had as numbers of 64 bits.
    const std::string sequence = "4965802611474940245817112915877421729763601300308413" +
                                 std::to_string(1000 + ++last_sequence_);
    shards[shard].records.push_back({sequence, data, clock_.Now()});
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

  Result<http::Response> Send(const http::Request& request) override {
    const std::string action(http::FindHeader(request.headers, "X-Amz-Target")->substr(17));
    const Json body = Json::parse(reinterpret_cast<const char*>(request.body.data()),
                                  reinterpret_cast<const char*>(request.body.data()) +
                                      request.body.size());
    if (on_call) on_call(action, body);
    const std::lock_guard lock(mutex);
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

 private:
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
                    {{"StreamARN", "arn:aws:kinesis:eu-west-1:1:stream/clicks"},
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
      const Stored& record = shard.records[next];
      answer["Records"].push_back(
          {{"SequenceNumber", record.sequence},
           {"PartitionKey", "k"},
           {"Data", aws::Base64(record.data)},
           {"ApproximateArrivalTimestamp", static_cast<double>(record.arrival.value()) / 1e6}});
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
};

}  // namespace daypart::source
