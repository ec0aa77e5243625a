// SPDX-License-Identifier: Apache-2.0
//
// source: Amazon Kinesis Data Streams API Reference, SubscribeToShard and SubscribeToShardEvent.
#include "source/kinesis_fan_out.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "aws/event_stream.h"
#include "aws/json_call.h"
#include "base/log.h"
#include "source/limits.h"

namespace daypart::source {
namespace {

using nlohmann::json;

constexpr size_t kConsumerNameBytesMax = 128;
constexpr int64_t kConsumerPollMs = 200;
/// A subscription is the service's to end after 300 s.
constexpr std::chrono::milliseconds kSubscriptionTimeout{330'000};

json StartJson(const SubscriptionStart& start) {
  const std::string& sequence =
      start.continuation.empty() ? start.place.sequence : start.continuation;
  if (!sequence.empty()) return {{"Type", "AFTER_SEQUENCE_NUMBER"}, {"SequenceNumber", sequence}};
  if (!start.place.time_ms) return {{"Type", "TRIM_HORIZON"}};
  return {{"Type", "AT_TIMESTAMP"},
          {"Timestamp", static_cast<double>(*start.place.time_ms) / 1000}};
}

/// One subscription under way: bytes as they come, events as they become whole.
class EventReader {
 public:
  explicit EventReader(const std::function<bool(FetchedPage)>& on_event) : on_event_(on_event) {}

  /// False when nothing more is wanted.
  bool Take(std::string_view part) {
    decoder_.Add(part);
    while (true) {
      auto message = decoder_.Next();
      if (!message) {
        // The connection's bytes are damaged; the next one's need not be.
        failure_ = Unavailable(message.error().message);
        return false;
      }
      if (!*message) return true;
      if (!Take(**message)) return false;
    }
  }

  bool has_ended() const { return has_ended_; }
  bool is_stopped() const { return is_stopped_; }
  bool is_torn() const { return decoder_.pending_bytes() > 0; }
  std::optional<Error>& failure() { return failure_; }
  /// What the service told instead of an event, as if it had refused the call.
  const std::optional<http::Response>& refusal() const { return refusal_; }

 private:
  bool Take(const aws::EventMessage& message) {
    const std::string_view kind = message.Header(":message-type");
    if (kind == "exception") {
      Refuse(message.Header(":exception-type"), message.payload);
      return false;
    }
    if (kind == "error") {
      Refuse(message.Header(":error-code"),
             json{{"message", std::string(message.Header(":error-message"))}}.dump(
                 -1, ' ', false, json::error_handler_t::replace));
      return false;
    }
    if (message.Header(":event-type") != "SubscribeToShardEvent") return true;
    auto event = ReadEvent(message.payload);
    if (!event) {
      failure_ = std::move(event).error();
      return false;
    }
    const bool is_last = !event->next_iterator;
    is_stopped_ = !on_event_(std::move(*event));
    // An event that was not wanted is not the end: it comes again.
    has_ended_ = is_last && !is_stopped_;
    return !is_stopped_ && !is_last;
  }

  void Refuse(std::string_view type, std::string body) {
    const bool is_internal = type.find("Internal") != std::string_view::npos ||
                             type.find("Unavailable") != std::string_view::npos;
    refusal_ = http::Response{.status = is_internal ? 500 : 400,
                              .headers = {{"x-amzn-ErrorType", std::string(type)}},
                              .body = std::move(body)};
  }

  const std::function<bool(FetchedPage)>& on_event_;
  aws::EventStreamDecoder decoder_;
  bool has_ended_ = false;
  bool is_stopped_ = false;
  std::optional<Error> failure_;
  std::optional<http::Response> refusal_;
};

/// Of a call or, later, of the subscription itself.
Result<SubscriptionEnd> EndOf(const http::Response& refusal, const std::string& what) {
  const std::string code = aws::ErrorOfAnswer(refusal).code;
  if (code == "ResourceInUseException") return SubscriptionEnd::kInUse;
  if (is_throttled(refusal, code)) return SubscriptionEnd::kThrottled;
  Error error = Refusal(refusal, what);
  if (error.code == ErrorCode::kNotFound) {
    error.message += "; the consumer was deregistered, or the stream or the shard is gone: a new "
                     "start registers it again";
  }
  return error;
}

}  // namespace

bool is_consumer_name(std::string_view name) {
  return !name.empty() && name.size() <= kConsumerNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

KinesisFanOut::KinesisFanOut(aws::Service& service, Clock& clock, std::string consumer)
    : service_(service), clock_(clock), consumer_(std::move(consumer)) {}

Result<http::Response> KinesisFanOut::Call(std::string_view action, const std::string& body) {
  DAYPART_TRY(aws::ServiceAnswer answer, service_.Call(KinesisCall(action, body)));
  return std::move(answer.response);
}

Result<KinesisFanOut::Described> KinesisFanOut::Describe(const std::string& stream_arn) {
  const std::string body = json{{"StreamARN", stream_arn}, {"ConsumerName", consumer_}}.dump();
  DAYPART_TRY(const auto response, Call("DescribeStreamConsumer", body));
  if (!response.is_success()) {
    if (aws::ErrorOfAnswer(response).code == "ResourceNotFoundException") return Described{};
    return Refusal(response, "kinesis:DescribeStreamConsumer " + consumer_);
  }
  const json document = json::parse(response.body, nullptr, false);
  const json told = aws::ObjectIn(document, "ConsumerDescription");
  Described described{.arn = aws::TextIn(told, "ConsumerARN"),
                      .status = aws::TextIn(told, "ConsumerStatus")};
  if (!described.arn.empty()) return described;
  return CorruptData("DescribeStreamConsumer: a ConsumerDescription is expected, found " +
                     response.body.substr(0, 200));
}

Status KinesisFanOut::Register(const std::string& stream_arn, const CancelToken& stop) {
  for (int64_t waited_ms = 0;; waited_ms += kConsumerPollMs) {
    DAYPART_TRY(Described found, Describe(stream_arn));
    if (found.status == "ACTIVE") {
      consumer_arn_ = std::move(found.arn);
      return Ok();
    }
    if (found.arn.empty()) {
      const std::string body =
          json{{"StreamARN", stream_arn}, {"ConsumerName", consumer_}}.dump();
      DAYPART_TRY(const auto response, Call("RegisterStreamConsumer", body));
      // Another process may have been first, or an earlier attempt whose answer was lost.
      const bool is_there = aws::ErrorOfAnswer(response).code == "ResourceInUseException";
      if (!response.is_success() && !is_there) {
        return Refusal(response, "kinesis:RegisterStreamConsumer " + consumer_);
      }
      if (!is_there) {
        Log(LogLevel::kInfo, "consumer " + consumer_ + " was registered at " + stream_arn +
                                 "; it costs money until it is deregistered");
      }
    }
    if (waited_ms >= kKinesisActiveMsMax) {
      return Unavailable("consumer " + consumer_ + " of " + stream_arn +
                         " is expected to be ACTIVE, found " + found.status);
    }
    DAYPART_RETURN_IF_ERROR(stop.Check());
    clock_.Sleep(std::chrono::milliseconds(kConsumerPollMs));
  }
}

Result<SubscriptionEnd> KinesisFanOut::Subscribe(
    const std::string& shard_id, const SubscriptionStart& start,
    const std::function<bool(FetchedPage)>& on_event) {
  const std::string what =
      "kinesis:SubscribeToShard " + consumer_ + " of " + consumer_arn_ + ' ' + shard_id;
  const std::string body = json{{"ConsumerARN", consumer_arn_},
                                {"ShardId", shard_id},
                                {"StartingPosition", StartJson(start)}}
                               .dump();
  EventReader reader(on_event);
  aws::ServiceCall call = KinesisCall("SubscribeToShard", body);
  call.on_body = [&](std::string_view part) { return reader.Take(part); };
  call.prefers_http2 = true;
  call.total_timeout = kSubscriptionTimeout;
  call.is_single = true;
  auto answer = service_.Call(call);
  if (reader.has_ended()) return SubscriptionEnd::kShardEnd;
  if (reader.failure()) return *std::move(reader.failure());
  if (reader.refusal()) return EndOf(*reader.refusal(), what);
  if (!answer) return std::move(answer).error();
  if (!answer->response.is_success()) return EndOf(answer->response, what);
  if (reader.is_stopped()) return SubscriptionEnd::kStopped;
  if (reader.is_torn()) return Unavailable(what + ": the connection ended within an event");
  return SubscriptionEnd::kOver;
}

}  // namespace daypart::source
