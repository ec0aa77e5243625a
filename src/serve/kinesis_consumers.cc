// SPDX-License-Identifier: Apache-2.0
//
// Registered consumers, and the events that SubscribeToShard sends them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include "aws/event_stream.h"
#include "serve/kinesis.h"
#include "serve/limits.h"
#include "streamlog/limits.h"

namespace daypart::serve {
namespace {

using nlohmann::json;
using streamlog::ConsumerState;
using streamlog::RecordIndex;
using streamlog::ShardState;
using streamlog::StreamState;

/// How long a subscription waits for records before it looks whether it is still wanted.
constexpr std::chrono::microseconds kWait{100'000};
/// An event without records after so long tells that the subscription lives.
constexpr int64_t kQuietMillisMax = 5'000;

/// ".../consumer/NAME:1700000000" -> NAME. Empty if it is no consumer's ARN.
std::string ConsumerNameOf(const std::string& arn) {
  const size_t at = arn.find("/consumer/");
  if (at == std::string::npos) return "";
  const std::string rest = arn.substr(at + 10);
  return rest.substr(0, rest.rfind(':'));
}

struct ConsumerPlace {
  std::string stream;
  std::string consumer;
};

/// What ConsumerARN, or StreamARN and ConsumerName, mean.
ConsumerPlace PlaceOf(const json& input) {
  const std::string arn = input.value("ConsumerARN", "");
  if (arn.empty()) return {StreamNameOf(input), input.value("ConsumerName", "")};
  return {StreamNameOf({{"StreamARN", arn}}), ConsumerNameOf(arn)};
}

std::vector<ConsumerState>::const_iterator FindConsumer(const StreamState& state,
                                                        const std::string& name) {
  return std::find_if(state.consumers.begin(), state.consumers.end(),
                      [&](const ConsumerState& consumer) { return consumer.name == name; });
}

Error NoConsumer(const ConsumerPlace& place) {
  return NotFound("Consumer " + place.consumer + " of stream " + place.stream +
                  " is not registered");
}

std::string EventOf(std::string_view type, const json& payload, bool is_cbor) {
  const std::string_view content =
      is_cbor ? "application/x-amz-cbor-1.1" : "application/x-amz-json-1.1";
  std::string bytes;
  if (is_cbor) {
    const auto encoded = json::to_cbor(payload);
    bytes.assign(encoded.begin(), encoded.end());
  } else {
    bytes = payload.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return aws::EncodeEventMessage(
      {{":message-type", "event"}, {":event-type", type}, {":content-type", content}}, bytes);
}

std::string ExceptionOf(const ServiceError& error, bool is_cbor) {
  const json payload = {{"message", error.message}};
  if (!is_cbor) {
    return aws::EncodeEventMessage({{":message-type", "exception"},
                                    {":exception-type", error.type},
                                    {":content-type", "application/x-amz-json-1.1"}},
                                   payload.dump());
  }
  const auto bytes = json::to_cbor(payload);
  return aws::EncodeEventMessage({{":message-type", "exception"},
                                  {":exception-type", error.type},
                                  {":content-type", "application/x-amz-cbor-1.1"}},
                                 {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

/// One running SubscribeToShard.
struct Kinesis::Subscription {
  UtcMicros started;
  std::atomic<bool> is_replaced{false};
};

/// What a subscription reads from.
struct Kinesis::Reading {
  std::string stream;
  std::string key;  // of its subscription
  ShardState shard;
  std::shared_ptr<streamlog::ShardReader> records;
  RecordIndex next;
};

Kinesis::~Kinesis() = default;

std::string Kinesis::ConsumerArnOf(const std::string& stream, const ConsumerState& consumer) const {
  return ArnOf(stream) + "/consumer/" + consumer.name + ':' +
         std::to_string(consumer.created.value() / 1'000'000);
}

nlohmann::json Kinesis::ConsumerJson(const std::string& stream, const ConsumerState& consumer,
                                     bool is_cbor) const {
  return {{"ConsumerName", consumer.name},
          {"ConsumerARN", ConsumerArnOf(stream, consumer)},
          {"ConsumerStatus", "ACTIVE"},
          {"ConsumerCreationTimestamp", TimeJson(consumer.created, is_cbor)}};
}

Reply Kinesis::RegisterStreamConsumer(const Call& call) {
  const ConsumerPlace place = PlaceOf(call.input);
  if (!streamlog::CheckStreamName(place.consumer)) {
    return ValidationError(place.consumer.substr(0, 128), "consumerName",
                           "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
  }
  const ConsumerState made{.name = place.consumer, .created = clock_.Now()};
  DAYPART_RETURN_IF_ERROR(log_.Change(place.stream, [&](StreamState& state) -> Status {
    if (FindConsumer(state, place.consumer) != state.consumers.end()) {
      return AlreadyExists("Consumer " + place.consumer + " of stream " + place.stream +
                           " is registered already");
    }
    if (state.consumers.size() >= streamlog::kConsumersMax) {
      return ResourceExhausted("a stream may have " + std::to_string(streamlog::kConsumersMax) +
                               " registered consumers");
    }
    state.consumers.push_back(made);
    return Ok();
  }));
  json consumer = ConsumerJson(place.stream, made, call.is_cbor);
  consumer["ConsumerStatus"] = "CREATING";  // as clients expect it here; it is active already
  return json{{"Consumer", std::move(consumer)}};
}

Reply Kinesis::DescribeStreamConsumer(const Call& call) {
  const ConsumerPlace place = PlaceOf(call.input);
  DAYPART_TRY(const StreamState state, log_.Describe(place.stream));
  const auto found = FindConsumer(state, place.consumer);
  if (found == state.consumers.end()) return NoConsumer(place);
  json consumer = ConsumerJson(place.stream, *found, call.is_cbor);
  consumer["StreamARN"] = ArnOf(place.stream);
  return json{{"ConsumerDescription", std::move(consumer)}};
}

Reply Kinesis::ListStreamConsumers(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const StreamState state, log_.Describe(name));
  const auto limit = static_cast<size_t>(
      std::clamp<int64_t>(call.input.value("MaxResults", int64_t{100}), 1, 10'000));
  std::vector<ConsumerState> consumers = state.consumers;
  std::sort(consumers.begin(), consumers.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  const std::string after = call.input.value("NextToken", "");
  json reply = {{"Consumers", json::array()}};
  for (const ConsumerState& consumer : consumers) {
    if (consumer.name <= after) continue;
    if (reply["Consumers"].size() == limit) {
      reply["NextToken"] = reply["Consumers"].back()["ConsumerName"];
      break;
    }
    reply["Consumers"].push_back(ConsumerJson(name, consumer, call.is_cbor));
  }
  return reply;
}

Reply Kinesis::DeregisterStreamConsumer(const Call& call) {
  const ConsumerPlace place = PlaceOf(call.input);
  DAYPART_RETURN_IF_ERROR(log_.Change(place.stream, [&](StreamState& state) -> Status {
    const auto found = FindConsumer(state, place.consumer);
    if (found == state.consumers.end()) return NoConsumer(place);
    state.consumers.erase(found);
    return Ok();
  }));
  return Done();
}

Reply Kinesis::OpenSubscription(const Call& call, Reading& reading) {
  const ConsumerPlace place = PlaceOf(call.input);
  reading.stream = place.stream;
  DAYPART_TRY(const StreamState state, log_.Describe(place.stream));
  const auto consumer = FindConsumer(state, place.consumer);
  if (consumer == state.consumers.end()) return NoConsumer(place);
  const auto id = call.input.at("ShardId").get<std::string>();
  const auto number = streamlog::ParseShardId(id);
  const ShardState* shard = number ? state.Find(*number) : nullptr;
  if (shard == nullptr) {
    return NotFound("Shard " + id.substr(0, 128) + " in stream " + place.stream +
                    " does not exist");
  }
  reading.shard = *shard;
  DAYPART_TRY(const auto reader, log_.Reader(place.stream));
  DAYPART_TRY(reading.records, reader->Shard(*number));
  const json& position = call.input.at("StartingPosition");
  PositionRequest wanted{.type = position.at("Type").get<std::string>()};
  wanted.sequence_number = position.value("SequenceNumber", "");
  if (position.contains("Timestamp")) wanted.time = TimeOf(position["Timestamp"], call.is_cbor);
  DAYPART_TRY(reading.next, FindPosition(wanted, *shard, *reading.records, clock_.Now()));
  reading.key = ConsumerArnOf(place.stream, *consumer) + '/' + id;
  return Done();
}

void Kinesis::SubscribeToShard(const Call& call, http::ResponseWriter& writer) {
  Reading reading;
  auto own = std::make_shared<Subscription>();
  own->started = clock_.Now();
  Reply opened = OpenSubscription(call, reading);
  if (opened.error() == nullptr) {
    const std::lock_guard lock(mutex_);
    auto& current = subscriptions_[reading.key];
    if (current && own->started.value() - current->started.value() <
                       kSubscriptionMillisMin * 1000) {
      opened = ServiceError{"ResourceInUseException",
                            "the consumer subscribed to the shard less than 5 seconds ago"};
    } else {
      if (current) current->is_replaced = true;
      current = own;
    }
  }
  if (const ServiceError* error = opened.error()) {
    const json document = {{"__type", error->type}, {"message", error->message}};
    const auto bytes = json::to_cbor(document);
    http::ResponseHead head{.status = error->status, .content_type = "application/x-amz-json-1.1"};
    head.headers.push_back({"x-amzn-ErrorType", error->type});
    if (!call.is_cbor) return writer.Send(head, document.dump());
    head.content_type = "application/x-amz-cbor-1.1";
    return writer.Send(head, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  if (writer.Begin({.content_type = "application/vnd.amazon.eventstream"}) &&
      writer.Write(EventOf("initial-response", json::object(), call.is_cbor))) {
    SendEvents(reading, *own, call.is_cbor, writer);
  }
  const std::lock_guard lock(mutex_);
  const auto known = subscriptions_.find(reading.key);
  if (known != subscriptions_.end() && known->second == own) subscriptions_.erase(known);
}

void Kinesis::SendEvents(Reading& reading, const Subscription& own, bool is_cbor,
                         http::ResponseWriter& writer) {
  const auto fail = [&](const Error& error) {
    // The stream may be gone, or a shard damaged: told as an event, since the answer has begun.
    (void)writer.Write(ExceptionOf(ToServiceError(error), is_cbor));
    (void)writer.End();
  };
  int64_t last_ms = 0;
  const auto now_ms = [this] { return clock_.Now().value() / 1000; };
  while (writer.is_open() && !own.is_replaced &&
         now_ms() - own.started.value() / 1000 < kSubscriptionMillisMax) {
    reading.records->WaitAbove(reading.next, kWait);
    const auto state = log_.Describe(reading.stream);
    if (!state) return fail(state.error());
    const ShardState* shard = state->Find(reading.shard.number);
    if (shard == nullptr) return fail(NotFound("the shard does not exist any more"));
    const auto page =
        ReadKept(*reading.records, reading.next, kEventRecordsMax, kEventBytesMax);
    if (!page) return fail(page.error());
    const bool has_ended = shard->closed_end && page->next_index >= *shard->closed_end;
    if (page->records.empty() && !has_ended && now_ms() - last_ms < kQuietMillisMax) continue;
    reading.next = page->next_index;
    const int64_t behind = page->next_index < reading.records->end() && !page->records.empty()
                               ? now_ms() - page->records.back().arrival.value() / 1000
                               : 0;
    json event = {{"Records", RecordsJson(*page, *shard, is_cbor)}, {"MillisBehindLatest", behind}};
    if (has_ended) {
      event["ChildShards"] = ChildShardsJson(*state, shard->number);
    } else {
      // AFTER_SEQUENCE_NUMBER with it goes on behind the event's records.
      event["ContinuationSequenceNumber"] =
          ToDecimal(shard->SequenceAt(RecordIndex(reading.next.value() - 1)));
    }
    if (!writer.Write(EventOf("SubscribeToShardEvent", event, is_cbor))) return;
    last_ms = now_ms();
    if (has_ended) break;
  }
  (void)writer.End();
}

}  // namespace daypart::serve
