// SPDX-License-Identifier: Apache-2.0
//
// From requests to actions, from replies to bytes.
#include "serve/kinesis.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "serve/cbor.h"
#include "serve/limits.h"

namespace daypart::serve {
namespace {

using nlohmann::json;

constexpr std::string_view kTarget = "Kinesis_20131202.";
constexpr std::string_view kJsonType = "application/x-amz-json-1.1";
constexpr std::string_view kCborType = "application/x-amz-cbor-1.1";

/// Refuses nesting that nobody needs before it costs anything.
bool is_too_deep(std::string_view text) {
  size_t depth = 0;
  bool is_in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_in_string) {
      if (c == '\\') ++i;
      is_in_string = c != '"';
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kNestingMax) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Result<json> ParseInput(const std::string& body, bool is_cbor) {
  if (body.empty()) return json::object();
  if (is_cbor) return DecodeCbor(body);
  if (is_too_deep(body)) return InvalidArgument("nested too deeply");
  json input = json::parse(body, nullptr, false);
  if (input.is_discarded()) return InvalidArgument("the body is no JSON");
  return input;
}

void SendReply(http::ResponseWriter& writer, const Reply& reply, bool is_cbor) {
  http::ResponseHead head{.content_type = std::string(is_cbor ? kCborType : kJsonType)};
  json document;
  if (const ServiceError* error = reply.error()) {
    head.status = error->status;
    head.headers.push_back({"x-amzn-ErrorType", error->type});
    document = {{"__type", error->type}, {"message", error->message}};
  } else {
    document = reply.document();
  }
  if (document.is_null()) return writer.Send(head, "");
  if (!is_cbor) {
    return writer.Send(head, document.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  const auto bytes = json::to_cbor(document);
  writer.Send(head, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

ServiceError ToServiceError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound: return {"ResourceNotFoundException", error.message};
    case ErrorCode::kAlreadyExists: return {"ResourceInUseException", error.message};
    case ErrorCode::kInvalidArgument: return {"InvalidArgumentException", error.message};
    case ErrorCode::kResourceExhausted: return {"LimitExceededException", error.message};
    case ErrorCode::kUnavailable: return {"ProvisionedThroughputExceededException", error.message};
    case ErrorCode::kCorruptData:
    case ErrorCode::kConflict:
    case ErrorCode::kCommitUnknown:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnsupported:
    case ErrorCode::kCancelled: break;
  }
  return {"InternalFailureException", error.message, 500};
}

ServiceError ValidationError(const std::string& value, const std::string& field,
                             const std::string& constraint) {
  return {"ValidationException", "1 validation error detected: Value '" + value + "' at '" + field +
                                     "' failed to satisfy constraint: " + constraint};
}

const std::map<std::string, Kinesis::Action, std::less<>>& Kinesis::Actions() {
  static const std::map<std::string, Action, std::less<>> actions = {
      {"AddTagsToStream", &Kinesis::AddTags},
      {"CreateStream", &Kinesis::CreateStream},
      {"DecreaseStreamRetentionPeriod", &Kinesis::DecreaseRetention},
      {"DeleteStream", &Kinesis::DeleteStream},
      {"DeregisterStreamConsumer", &Kinesis::DeregisterStreamConsumer},
      {"DescribeLimits", &Kinesis::DescribeLimits},
      {"DescribeStream", &Kinesis::DescribeStream},
      {"DescribeStreamConsumer", &Kinesis::DescribeStreamConsumer},
      {"DescribeStreamSummary", &Kinesis::DescribeStreamSummary},
      {"DisableEnhancedMonitoring", &Kinesis::DisableMonitoring},
      {"EnableEnhancedMonitoring", &Kinesis::EnableMonitoring},
      {"GetRecords", &Kinesis::GetRecords},
      {"GetShardIterator", &Kinesis::GetShardIterator},
      {"IncreaseStreamRetentionPeriod", &Kinesis::IncreaseRetention},
      {"ListShards", &Kinesis::ListShards},
      {"ListStreamConsumers", &Kinesis::ListStreamConsumers},
      {"ListStreams", &Kinesis::ListStreams},
      {"ListTagsForResource", &Kinesis::ListTagsForResource},
      {"ListTagsForStream", &Kinesis::ListTags},
      {"MergeShards", &Kinesis::MergeShards},
      {"PutRecord", &Kinesis::PutRecord},
      {"PutRecords", &Kinesis::PutRecords},
      {"RegisterStreamConsumer", &Kinesis::RegisterStreamConsumer},
      {"RemoveTagsFromStream", &Kinesis::RemoveTags},
      {"SplitShard", &Kinesis::SplitShard},
      {"TagResource", &Kinesis::TagResource},
      {"UntagResource", &Kinesis::UntagResource},
      {"UpdateShardCount", &Kinesis::UpdateShardCount},
      {"UpdateStreamMode", &Kinesis::UpdateStreamMode}};
  return actions;
}

Kinesis::Kinesis(streamlog::StreamLog& log, Clock& clock, KinesisOptions options)
    : log_(log), clock_(clock), options_(std::move(options)) {}

Reply Kinesis::Act(const std::string& action, const http::ServerRequest& request, bool is_cbor) {
  const auto known = Actions().find(action);
  if (known == Actions().end()) {
    return ServiceError{"UnknownOperationException", "there is no action " + action};
  }
  auto input = ParseInput(request.body, is_cbor);
  if (!input) return ServiceError{"SerializationException", input.error().message};
  if (!input->is_object()) {
    return ServiceError{"SerializationException", "a document of members is expected"};
  }
  return (this->*known->second)({.input = *input, .is_cbor = is_cbor});
}

void Kinesis::Handle(const http::ServerRequest& request, http::ResponseWriter& writer) {
  const std::string_view type = request.Header("content-type");
  const bool is_cbor = type.starts_with(kCborType);
  const std::string_view target = request.Header("x-amz-target");
  if (!target.starts_with(kTarget) || (!is_cbor && !type.starts_with(kJsonType))) {
    return SendReply(writer,
                     ServiceError{"UnknownOperationException",
                                  "an action of Kinesis in x-amz-target is expected, with a body "
                                  "of application/x-amz-json-1.1 or -cbor-1.1"},
                     is_cbor);
  }
  const auto refusal = aws::VerifySignature(
      {request.method, request.target, request.headers, request.body}, options_.key, "kinesis",
      clock_.Now());
  if (!refusal.type.empty()) {
    return SendReply(writer, ServiceError{refusal.type, refusal.message, 403}, is_cbor);
  }
  const std::string action(target.substr(kTarget.size()));
  try {
    if (!is_cbor && action == "PutRecords") return PutRecordsJson(request.body, writer);
    if (action == "SubscribeToShard") {
      const auto input = ParseInput(request.body, is_cbor);
      if (input && input->is_object()) {
        return SubscribeToShard({.input = *input, .is_cbor = is_cbor}, writer);
      }
      return SendReply(writer, ServiceError{"SerializationException", "the body is no document"},
                       is_cbor);
    }
    SendReply(writer, Act(action, request, is_cbor), is_cbor);
  } catch (const json::exception& exception) {
    // A member of the wrong type, found where it is used.
    SendReply(writer, ServiceError{"SerializationException", exception.what()}, is_cbor);
  }
}

std::string Kinesis::ArnOf(const std::string& stream) const {
  return "arn:aws:kinesis:" + options_.region + ':' + options_.account + ":stream/" + stream;
}

std::string StreamNameOf(const nlohmann::json& input) {
  if (input.contains("StreamName")) return input["StreamName"].get<std::string>();
  std::string arn = input.value("StreamARN", "");
  if (arn.empty()) arn = input.value("ResourceARN", "");
  const size_t at = arn.find(":stream/");
  if (at == std::string::npos) return "";
  const std::string rest = arn.substr(at + 8);
  return rest.substr(0, rest.find('/'));
}

nlohmann::json TimeJson(UtcMicros time, bool is_cbor) {
  const int64_t millis = time.value() / 1000;
  if (is_cbor) return millis;
  return static_cast<double>(millis) / 1000.0;
}

UtcMicros TimeOf(const nlohmann::json& number, bool is_cbor) {
  // Far beyond all times, near enough to be counted on in microseconds.
  constexpr double kSecondsMax = 9e11;
  const double seconds = number.get<double>() / (is_cbor ? 1000.0 : 1.0);
  if (!(seconds > 0)) return UtcMicros(0);
  return UtcMicros(static_cast<int64_t>(std::min(seconds, kSecondsMax) * 1e6));
}

}  // namespace daypart::serve
