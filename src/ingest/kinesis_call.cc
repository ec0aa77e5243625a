// SPDX-License-Identifier: Apache-2.0
//
// The request is put together by hand, the answer is read as a document.
#include "ingest/kinesis_call.h"

#include <xxhash.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "aws/digest.h"

namespace daypart::ingest {
namespace {

using nlohmann::json;

/// As Kinesis has it.
constexpr size_t kKeyBytesMax = 256;
/// What takes longer is not coming: 5 MiB of records are a matter of a second.
constexpr std::chrono::milliseconds kCallTimeout{30'000};

std::string BodyOf(const std::string& stream, std::span<const OutgoingRecord> records) {
  const char* member = stream.starts_with("arn:") ? R"({"StreamARN":)" : R"({"StreamName":)";
  std::string body = member + json(stream).dump() + R"(,"Records":[)";
  bool is_first = true;
  for (const OutgoingRecord& record : records) {
    body += is_first ? R"({"PartitionKey":)" : R"(,{"PartitionKey":)";
    is_first = false;
    body += json(record.key).dump(-1, ' ', false, json::error_handler_t::replace);
    body += R"(,"Data":")" + aws::Base64(record.data) + R"("})";
  }
  return body + "]}";
}

}  // namespace

SendCall KinesisCall(aws::Service& service, std::string stream) {
  return [&service, stream = std::move(stream)](
             std::span<const OutgoingRecord> records) -> Result<std::vector<std::string>> {
    const std::string body = BodyOf(stream, records);
    DAYPART_TRY(const auto answer,
                service.Call({.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                          {"X-Amz-Target", "Kinesis_20131202.PutRecords"}},
                              .body = std::as_bytes(std::span(body)),
                              .total_timeout = kCallTimeout,
                              .is_single = true}));
    if (!answer.response.is_success()) {
      Error error = aws::ToError(answer.response, "PutRecords to stream " + stream);
      // The service answers 400 for almost everything: what is meant is in the type.
      if (aws::ErrorOfAnswer(answer.response).code == "ResourceNotFoundException") {
        error.code = ErrorCode::kNotFound;
      }
      return error;
    }
    const json document = json::parse(answer.response.body, nullptr, false);
    const auto told = document.is_object() ? document.find("Records") : document.end();
    if (told == document.end() || !told->is_array()) {
      return CorruptData("PutRecords: a list of outcomes is expected, found " +
                         answer.response.body.substr(0, 200));
    }
    std::vector<std::string> outcomes;
    for (const json& outcome : *told) {
      const auto code = outcome.is_object() ? outcome.find("ErrorCode") : outcome.end();
      const bool is_refused = code != outcome.end() && code->is_string();
      outcomes.push_back(is_refused ? code->get<std::string>() : "");
    }
    return outcomes;
  };
}

std::string PartitionKeyOf(std::string_view line, std::string_view field) {
  std::string key;
  const json document = json::parse(line.begin(), line.end(), nullptr, false);
  if (document.is_object()) {
    const auto found = document.find(field);
    if (found != document.end() && found->is_string()) key = found->get<std::string>();
    if (found != document.end() && found->is_number()) key = found->dump();
  }
  // Texts of up to 256 bytes are keys as they are; of 256 characters they need not be.
  if (key.empty() || key.size() > kKeyBytesMax) {
    key = std::to_string(XXH3_64bits(line.data(), line.size()));
  }
  return key;
}

}  // namespace daypart::ingest
