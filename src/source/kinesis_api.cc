// SPDX-License-Identifier: Apache-2.0
//
// Requests are put together by hand; answers with records go through simdjson, the others are
// documents.
#include "source/kinesis_api.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "aws/digest.h"
#include "aws/json_call.h"
#include "source/limits.h"

namespace daypart::source {
namespace {

using nlohmann::json;

/// A page is 10 MiB of data at most, in base64 and with its keys less than this.
constexpr uint64_t kPageBytesMax = uint64_t{48} << 20;
constexpr std::chrono::milliseconds kCallTimeout{60'000};
/// Pages of ListShards: a stream has 20,000 shards at most by default, 10,000 a page.
constexpr int kListPagesMax = 1'000;

constexpr std::array<std::string_view, 7> kThrottlingCodes = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "KMSThrottlingException",
    "TooManyRequestsException"};

Error Strange(std::string_view action, std::string_view expected, const std::string& body) {
  return CorruptData(std::string(action) + ": " + std::string(expected) +
                     " is expected, found " + body.substr(0, 200));
}

/// errors: a description of what is missing.
Result<FetchedRecord> ReadRecord(const simdjson::dom::element& element, std::string& bytes) {
  std::string_view sequence;
  std::string_view data;
  std::string_view key;
  FetchedRecord record;
  const bool is_there = element["SequenceNumber"].get(sequence) == simdjson::SUCCESS &&
                        element["Data"].get(data) == simdjson::SUCCESS &&
                        element["PartitionKey"].get(key) == simdjson::SUCCESS;
  record.data_begin = bytes.size();
  if (!is_there || !aws::AppendBase64Decoded(data, bytes)) {
    return CorruptData("GetRecords: a record of SequenceNumber, PartitionKey and Data in base64 is "
                       "expected, found another");
  }
  record.data_end = bytes.size();
  bytes += key;
  record.key_end = bytes.size();
  record.sequence = sequence;
  double seconds = 0;
  if (element["ApproximateArrivalTimestamp"].get(seconds) == simdjson::SUCCESS) {
    record.arrival = UtcMicros(std::llround(seconds * 1e6));
  }
  return record;
}

/// The body's records and how far they are behind; the document is for what else it says.
Result<FetchedPage> ReadRecords(std::string_view action, const std::string& body,
                                simdjson::dom::parser& parser, simdjson::dom::element& document) {
  simdjson::dom::array records;
  if (parser.parse(body).get(document) != simdjson::SUCCESS ||
      document["Records"].get(records) != simdjson::SUCCESS) {
    return Strange(action, "a list of records", body);
  }
  FetchedPage page;
  page.bytes.reserve(body.size());
  page.records.reserve(records.size());
  for (const simdjson::dom::element element : records) {
    DAYPART_TRY(FetchedRecord record, ReadRecord(element, page.bytes));
    page.records.push_back(std::move(record));
  }
  if (document["MillisBehindLatest"].get(page.behind_ms) != simdjson::SUCCESS) page.behind_ms = 0;
  return page;
}

}  // namespace

aws::ServiceCall KinesisCall(std::string_view action, const std::string& body) {
  return {.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                      {"X-Amz-Target", "Kinesis_20131202." + std::string(action)}},
          .body = std::as_bytes(std::span(body))};
}

bool is_throttled(const http::Response& response, std::string_view code) {
  return response.status == 429 ||
         std::find(kThrottlingCodes.begin(), kThrottlingCodes.end(), code) !=
             kThrottlingCodes.end();
}

Error Refusal(const http::Response& response, const std::string& what) {
  const std::string code = aws::ErrorOfAnswer(response).code;
  Error error = aws::ToError(response, what);
  if (code == "ResourceNotFoundException") error.code = ErrorCode::kNotFound;
  if (code.starts_with("KMSAccessDenied") || code == "AccessDeniedException") {
    error.code = ErrorCode::kPermissionDenied;
  }
  return error;
}

Result<FetchedPage> ReadPage(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  DAYPART_TRY(FetchedPage page, ReadRecords("GetRecords", body, parser, document));
  std::string_view next;
  if (document["NextShardIterator"].get(next) == simdjson::SUCCESS && !next.empty()) {
    page.next_iterator = next;
  }
  return page;
}

Result<FetchedPage> ReadEvent(const std::string& payload) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  DAYPART_TRY(FetchedPage page, ReadRecords("SubscribeToShard", payload, parser, document));
  simdjson::dom::array children;
  const bool has_ended =
      document["ChildShards"].get(children) == simdjson::SUCCESS && children.size() > 0;
  if (has_ended) return page;
  std::string_view next;
  if (document["ContinuationSequenceNumber"].get(next) != simdjson::SUCCESS) next = "";
  page.next_iterator = next;
  return page;
}

KinesisApi::KinesisApi(aws::Service& service, std::string stream)
    : service_(service), stream_(std::move(stream)) {}

std::string KinesisApi::StreamMember() const {
  const char* member = stream_.starts_with("arn:") ? R"({"StreamARN":)" : R"({"StreamName":)";
  return member + json(stream_).dump();
}

Result<http::Response> KinesisApi::Call(std::string_view action, const std::string& body,
                                        bool is_single) {
  aws::ServiceCall call = KinesisCall(action, body);
  call.body_bytes_max = kPageBytesMax;
  call.total_timeout = kCallTimeout;
  call.is_single = is_single;
  DAYPART_TRY(aws::ServiceAnswer answer, service_.Call(call));
  return std::move(answer.response);
}

Result<StreamSummary> KinesisApi::Describe() {
  DAYPART_TRY(const auto response, Call("DescribeStreamSummary", StreamMember() + "}", false));
  if (!response.is_success()) return Refusal(response, "kinesis:DescribeStreamSummary " + stream_);
  const json document = json::parse(response.body, nullptr, false);
  const json told = aws::ObjectIn(document, "StreamDescriptionSummary");
  StreamSummary summary{.arn = aws::TextIn(told, "StreamARN"),
                        .status = aws::TextIn(told, "StreamStatus")};
  if (summary.arn.empty()) {
    return Strange("DescribeStreamSummary", "StreamDescriptionSummary", response.body);
  }
  const auto hours = told.find("RetentionPeriodHours");
  if (hours != told.end() && hours->is_number()) summary.retention_hours = hours->get<int64_t>();
  return summary;
}

Result<std::vector<Shard>> KinesisApi::ListShards() {
  std::vector<Shard> shards;
  std::string body = StreamMember() + "}";
  for (int page = 0; page < kListPagesMax; ++page) {
    DAYPART_TRY(const auto response, Call("ListShards", body, false));
    if (!response.is_success()) return Refusal(response, "kinesis:ListShards " + stream_);
    const json document = json::parse(response.body, nullptr, false);
    const auto listed = document.is_object() ? document.find("Shards") : document.end();
    if (listed == document.end() || !listed->is_array()) {
      return Strange("ListShards", "a list of shards", response.body);
    }
    for (const json& told : *listed) {
      Shard shard{.id = aws::TextIn(told, "ShardId")};
      for (const char* key : {"ParentShardId", "AdjacentParentShardId"}) {
        std::string parent = aws::TextIn(told, key);
        if (!parent.empty()) shard.parent_ids.push_back(std::move(parent));
      }
      const json range = told.is_object() ? told.value("SequenceNumberRange", json()) : json();
      shard.is_closed = range.is_object() && !aws::TextIn(range, "EndingSequenceNumber").empty();
      if (!shard.id.empty()) shards.push_back(std::move(shard));
    }
    const std::string next = aws::TextIn(document, "NextToken");
    if (next.empty()) break;
    body = R"({"NextToken":)" + json(next).dump() + "}";
  }
  std::sort(shards.begin(), shards.end(),
            [](const Shard& left, const Shard& right) { return left.id < right.id; });
  return shards;
}

Result<std::optional<std::string>> KinesisApi::Iterator(const std::string& shard_id,
                                                        const KinesisPosition& position,
                                                        bool is_at) {
  std::string body = StreamMember() + R"(,"ShardId":)" + json(shard_id).dump();
  if (position.is_behind_record()) {
    body += is_at ? R"(,"ShardIteratorType":"AT_SEQUENCE_NUMBER")"
                  : R"(,"ShardIteratorType":"AFTER_SEQUENCE_NUMBER")";
    body += R"(,"StartingSequenceNumber":")" + position.sequence + "\"}";
  } else if (position.time_ms) {
    const std::string millis = std::to_string(*position.time_ms % 1000);
    body += R"(,"ShardIteratorType":"AT_TIMESTAMP","Timestamp":)" +
            std::to_string(*position.time_ms / 1000) + '.' +
            std::string(3 - millis.size(), '0') + millis + "}";
  } else {
    body += R"(,"ShardIteratorType":"TRIM_HORIZON"})";
  }
  DAYPART_TRY(const auto response, Call("GetShardIterator", body, true));
  if (!response.is_success()) {
    const std::string code = aws::ErrorOfAnswer(response).code;
    if (is_throttled(response, code)) return std::optional<std::string>();
    return Refusal(response, "kinesis:GetShardIterator " + stream_ + ' ' + shard_id);
  }
  const json document = json::parse(response.body, nullptr, false);
  std::string iterator = document.is_object() ? aws::TextIn(document, "ShardIterator") : "";
  if (iterator.empty()) return Strange("GetShardIterator", "ShardIterator", response.body);
  return std::optional(std::move(iterator));
}

Result<PageAnswer> KinesisApi::GetRecords(const std::string& iterator) {
  const std::string body = R"({"ShardIterator":)" + json(iterator).dump() + R"(,"Limit":)" +
                           std::to_string(kKinesisPageRecordsMax) + "}";
  DAYPART_TRY(const auto response, Call("GetRecords", body, true));
  if (!response.is_success()) {
    const std::string code = aws::ErrorOfAnswer(response).code;
    if (code == "ExpiredIteratorException") {
      return PageAnswer{.page = std::nullopt, .why = NoPage::kIteratorExpired};
    }
    if (is_throttled(response, code)) return PageAnswer{};
    return Refusal(response, "kinesis:GetRecords " + stream_);
  }
  DAYPART_TRY(FetchedPage page, ReadPage(response.body));
  return PageAnswer{.page = std::move(page)};
}

}  // namespace daypart::source
