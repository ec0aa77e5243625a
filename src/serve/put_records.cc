// SPDX-License-Identifier: Apache-2.0
//
// PutRecords of JSON goes through simdjson and out as text put together by hand, because a document
// with an allocation for each value is what would limit how fast producers are served.
#include "serve/put_records.h"

#include <simdjson.h>

#include <utility>

#include "aws/digest.h"
#include "serve/kinesis.h"
#include "serve/limits.h"
#include "streamlog/limits.h"

namespace daypart::serve {
namespace {

using simdjson::ondemand::field;
using simdjson::ondemand::object;

/// Characters of UTF-8, not bytes.
size_t CharactersOf(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

Error Wrong(std::string_view member, std::string_view expected) {
  return InvalidArgument(std::string(member) + ": " + std::string(expected) + " is expected");
}

Status AddEntry(object entry, PutBatch& batch) {
  bool has_data = false;
  std::string_view key;
  std::string_view explicit_key;
  bool has_key = false;
  for (auto item : entry) {
    field member;
    std::string_view name;
    if (std::move(item).get(member) != simdjson::SUCCESS ||
        member.unescaped_key().get(name) != simdjson::SUCCESS) {
      return Wrong("Records", "a member");
    }
    std::string_view text;
    const bool is_known = name == "Data" || name == "PartitionKey" || name == "ExplicitHashKey";
    if (!is_known) continue;
    if (name == "ExplicitHashKey" && member.value().is_null()) continue;
    if (member.value().get_string().get(text) != simdjson::SUCCESS) return Wrong(name, "text");
    if (name == "Data") {
      if (has_data) return Wrong(name, "one value");
      batch.AddData(
          [&](std::string& into) { return has_data = aws::AppendBase64Decoded(text, into); });
      if (!has_data) return Wrong(name, "base64");
    } else if (name == "PartitionKey") {
      key = text;
      has_key = true;
    } else {
      explicit_key = text;
    }
  }
  if (!has_data || !has_key) return Wrong("Records", "an entry of Data and PartitionKey");
  return batch.AddKeys(key, explicit_key);
}

}  // namespace

Status PutBatch::AddKeys(std::string_view partition_key, std::string_view explicit_key) {
  Place& place = places_.back();
  bytes_ += partition_key;
  place.key_end = bytes_.size();
  place.explicit_key = explicit_key;
  return Ok();
}

std::optional<ServiceError> PutBatch::Check(bool is_list) {
  if (is_list && (places_.empty() || places_.size() > kPutRecordsMax)) {
    return ValidationError("[" + std::to_string(places_.size()) + " records]", "records",
                           places_.empty()
                               ? "Member must have length greater than or equal to 1"
                               : "Member must have length less than or equal to 500");
  }
  for (size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    const std::string member = is_list ? "records." + std::to_string(i + 1) + ".member." : "";
    const size_t data_bytes = place.data_end - place.data;
    if (data_bytes > streamlog::kRecordBytesMax) {
      return ValidationError("[" + std::to_string(data_bytes) + " bytes]", member + "data",
                             "Member must have length less than or equal to 1048576");
    }
    const std::string_view key =
        std::string_view(bytes_).substr(place.data_end, place.key_end - place.data_end);
    const size_t characters = CharactersOf(key);
    if (characters < 1 || characters > kPartitionKeyCharactersMax) {
      return ValidationError(std::string(key.substr(0, 64)), member + "partitionKey",
                             characters < 1
                                 ? "Member must have length greater than or equal to 1"
                                 : "Member must have length less than or equal to 256");
    }
    std::optional<streamlog::HashKey> hash;
    if (!place.explicit_key.empty()) {
      const auto parsed = streamlog::ParseHashKey(place.explicit_key);
      if (!parsed) {
        return ServiceError{"InvalidArgumentException",
                            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, "
                            "2^128-1]. Specified value was " + place.explicit_key.substr(0, 64)};
      }
      hash = *parsed;
    }
    records_.push_back({.data = std::string_view(bytes_).substr(place.data, data_bytes),
                        .partition_key = key,
                        .explicit_hash_key = hash});
  }
  if (is_list && bytes_.size() > kPutBytesMax) {
    return ServiceError{"InvalidArgumentException", "Records size exceeds 5 MB limit"};
  }
  return std::nullopt;
}

Status ParsePutRecords(const std::string& body, std::string& stream, PutBatch& batch) {
  thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(body);
  simdjson::ondemand::document document;
  object root;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(root) != simdjson::SUCCESS) {
    return Wrong("body", "a JSON object");
  }
  std::string arn;
  bool has_records = false;
  for (auto item : root) {
    field member;
    std::string_view name;
    if (std::move(item).get(member) != simdjson::SUCCESS ||
        member.unescaped_key().get(name) != simdjson::SUCCESS) {
      return Wrong("body", "a JSON object");
    }
    if (name == "Records") {
      simdjson::ondemand::array entries;
      if (has_records || member.value().get_array().get(entries) != simdjson::SUCCESS) {
        return Wrong(name, "one list");
      }
      has_records = true;
      for (auto entry : entries) {
        object fields;
        if (entry.get_object().get(fields) != simdjson::SUCCESS) return Wrong(name, "objects");
        DAYPART_RETURN_IF_ERROR(AddEntry(fields, batch));
      }
    } else if (name == "StreamName" || name == "StreamARN") {
      const bool is_arn = name == "StreamARN";
      std::string_view text;
      if (member.value().get_string().get(text) != simdjson::SUCCESS) return Wrong(name, "text");
      (is_arn ? arn : stream) = text;
    }
  }
  if (document.current_location().error() == simdjson::SUCCESS) {
    return Wrong("body", "nothing behind the JSON object");
  }
  if (!has_records) return Wrong("Records", "a list");
  if (stream.empty()) stream = StreamNameOf({{"StreamARN", arn}});
  return Ok();
}

std::string_view RecordErrorCode(const Error& error) {
  // What can be tried again at once; all else is trouble of the server's own.
  return error.code == ErrorCode::kUnavailable ? "ProvisionedThroughputExceededException"
                                               : "InternalFailure";
}

void Kinesis::PutRecordsJson(const std::string& body, http::ResponseWriter& writer) {
  const http::ResponseHead head{.content_type = "application/x-amz-json-1.1"};
  const auto refuse = [&](const ServiceError& error) {
    http::ResponseHead refused = head;
    refused.status = error.status;
    refused.headers.push_back({"x-amzn-ErrorType", error.type});
    writer.Send(refused, Json{{"__type", error.type}, {"message", error.message}}.dump(
                             -1, ' ', false, Json::error_handler_t::replace));
  };
  PutBatch batch;
  std::string stream;
  const Status parsed = ParsePutRecords(body, stream, batch);
  if (!parsed) return refuse({"SerializationException", parsed.error().message});
  if (const auto error = batch.Check(/*is_list=*/true)) return refuse(*error);
  const auto outcomes = log_.AppendAndWait(stream, batch.records());
  if (!outcomes) return refuse(ToServiceError(outcomes.error()));
  std::string text;
  text.reserve(outcomes->size() * 128 + 64);
  int64_t failed = 0;
  for (const auto& outcome : *outcomes) {
    text += text.empty() ? "{" : ",{";
    if (outcome.error) {
      ++failed;
      text += "\"ErrorCode\":\"" + std::string(RecordErrorCode(*outcome.error)) +
              "\",\"ErrorMessage\":" + Json(outcome.error->message).dump() + '}';
      continue;
    }
    text += "\"SequenceNumber\":\"" + ToDecimal(outcome.sequence) + "\",\"ShardId\":\"" +
            streamlog::ShardId(outcome.sequence.shard) + "\"}";
  }
  writer.Send(head, "{\"FailedRecordCount\":" + std::to_string(failed) +
                        ",\"EncryptionType\":\"NONE\",\"Records\":[" + text + "]}");
}

}  // namespace daypart::serve
