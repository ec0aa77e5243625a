// SPDX-License-Identifier: Apache-2.0
//
// One side speaks the API of Kinesis Data Streams, the other one opens the log itself.
#include "app/stream_service.h"

#include <nlohmann/json.hpp>
#include <span>

#include "app/server_notice.h"
#include "app/stream_key.h"
#include "aws/service.h"
#include "streamlog/disk.h"
#include "streamlog/stream_log.h"

namespace daypart::app {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kCallTimeout{60'000};
/// How often a new stream is looked at, and how long; AWS takes some ten seconds.
constexpr std::chrono::milliseconds kActiveLook{500};
constexpr int kActiveLooksMax = 240;
/// Pages of ListStreams, of 100 names each.
constexpr int kListPagesMax = 1'000;

class ApiStreams final : public StreamService {
 public:
  ApiStreams(LakeSession& session, const StreamTarget& target, const CancelToken& cancel)
      : clock_(session.clock()),
        cancel_(cancel),
        local_key_(session.config()),
        service_(session.http(),
                 target.is_local ? static_cast<aws::CredentialSource&>(local_key_)
                                 : session.credentials(),
                 session.clock(), random_, &cancel,
                 {.name = "kinesis",
                  .region = target.place.region,
                  .endpoint = target.place.endpoint}) {}

  Status Create(const std::string& name, int64_t shards_count) override {
    json input = {{"StreamName", name}};
    if (shards_count > 0) {
      input["ShardCount"] = shards_count;
    } else {
      input["StreamModeDetails"] = {{"StreamMode", "ON_DEMAND"}};
    }
    DAYPART_TRY(const json answer, Call("CreateStream", input, name));
    for (int look = 0; look < kActiveLooksMax; ++look) {
      DAYPART_TRY(const StreamFacts facts, Describe(name));
      if (facts.status == "ACTIVE") return Ok();
      DAYPART_RETURN_IF_ERROR(cancel_.Check());
      clock_.Sleep(kActiveLook);
    }
    return Unavailable("stream " + name + " is made but not ACTIVE yet; see daypart stream "
                       "describe " + name);
  }

  Status Delete(const std::string& name) override {
    json input = MemberOf(name);
    input["EnforceConsumerDeletion"] = true;
    DAYPART_TRY(const json answer, Call("DeleteStream", input, name));
    return Ok();
  }

  Result<StreamFacts> Describe(const std::string& name) override {
    DAYPART_TRY(const json answer, Call("DescribeStreamSummary", MemberOf(name), name));
    const json told = answer.value("StreamDescriptionSummary", json::object());
    if (!told.is_object()) return CorruptData("DescribeStreamSummary: a description is expected");
    const json mode = told.value("StreamModeDetails", json::object());
    return StreamFacts{.name = told.value("StreamName", name),
                       .arn = told.value("StreamARN", ""),
                       .status = told.value("StreamStatus", ""),
                       .mode = mode.value("StreamMode", "PROVISIONED"),
                       .open_shards = told.value("OpenShardCount", int64_t{0}),
                       .retention_hours = told.value("RetentionPeriodHours", int64_t{0})};
  }

  Result<std::vector<std::string>> List() override {
    std::vector<std::string> names;
    json input = json::object();
    for (int page = 0; page < kListPagesMax; ++page) {
      DAYPART_TRY(const json answer, Call("ListStreams", input, ""));
      const json listed = answer.value("StreamNames", json::array());
      for (const json& name : listed) {
        if (name.is_string()) names.push_back(name.get<std::string>());
      }
      if (listed.empty() || !answer.value("HasMoreStreams", false)) break;
      input["ExclusiveStartStreamName"] = names.back();
    }
    return names;
  }

 private:
  static json MemberOf(const std::string& name) {
    return {{name.starts_with("arn:") ? "StreamARN" : "StreamName", name}};
  }

  Result<json> Call(const std::string& action, const json& input, const std::string& name) {
    const std::string body = input.dump();
    DAYPART_TRY(const auto answer,
                service_.Call({.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                           {"X-Amz-Target", "Kinesis_20131202." + action}},
                               .body = std::as_bytes(std::span(body)),
                               .total_timeout = kCallTimeout}));
    if (!answer.response.is_success()) {
      const std::string code = aws::ErrorOfAnswer(answer.response).code;
      // The first attempt's answer was lost, and it had worked.
      const bool is_done = answer.may_have_acted_before &&
                           ((action == "CreateStream" && code == "ResourceInUseException") ||
                            (action == "DeleteStream" && code == "ResourceNotFoundException"));
      if (is_done) return json::object();
      Error error = aws::ToError(answer.response, action + (name.empty() ? "" : ' ' + name));
      if (code == "ResourceNotFoundException") error.code = ErrorCode::kNotFound;
      if (code == "ResourceInUseException") error.code = ErrorCode::kAlreadyExists;
      return error;
    }
    if (answer.response.body.empty()) return json::object();
    json document = json::parse(answer.response.body, nullptr, false);
    if (!document.is_object()) {
      return CorruptData(action + ": a JSON object is expected, found " +
                         answer.response.body.substr(0, 200));
    }
    return document;
  }

  Clock& clock_;
  const CancelToken& cancel_;
  StreamKeySource local_key_;
  Random random_;
  aws::Service service_;
};

/// The lake's streams while no server has them.
class FolderStreams final : public StreamService {
 public:
  static Result<std::unique_ptr<StreamService>> Open(LakeSession& session) {
    std::unique_ptr<FolderStreams> streams(new FolderStreams());
    DAYPART_TRY(streams->log_,
                streamlog::StreamLog::Open(
                    {.folder = (session.config().lake_directory / "streams").string(),
                     .disk = streams->disk_.get(),
                     .clock = &session.clock(),
                     .random = &streams->random_}));
    return std::unique_ptr<StreamService>(std::move(streams));
  }

  Status Create(const std::string& name, int64_t shards_count) override {
    // As the API has it for a stream on demand.
    const size_t count = shards_count == 0 ? 4 : static_cast<size_t>(shards_count);
    return log_->CreateStream(name, count, shards_count == 0);
  }
  Status Delete(const std::string& name) override { return log_->DeleteStream(name); }
  Result<StreamFacts> Describe(const std::string& name) override {
    DAYPART_TRY(const auto state, log_->Describe(name));
    return StreamFacts{.name = name,
                       .arn = "",
                       .status = "ACTIVE",
                       .mode = state.is_on_demand ? "ON_DEMAND" : "PROVISIONED",
                       .open_shards = static_cast<int64_t>(state.OpenShards().size()),
                       .retention_hours = state.retention_hours};
  }
  Result<std::vector<std::string>> List() override { return log_->ListStreams(); }

 private:
  FolderStreams() : disk_(streamlog::OpenPosixDisk(/*sync=*/true)) {}

  std::unique_ptr<streamlog::Disk> disk_;
  Random random_;
  std::unique_ptr<streamlog::StreamLog> log_;
};

}  // namespace

Result<std::unique_ptr<StreamService>> StreamService::Open(LakeSession& session,
                                                           const StreamTarget& target,
                                                           bool has_endpoint,
                                                           const CancelToken& cancel) {
  const bool is_in_folder = target.is_local && !has_endpoint &&
                            !ServerNotice::Find(session.config().lake_directory.string());
  if (is_in_folder) return FolderStreams::Open(session);
  return std::unique_ptr<StreamService>(std::make_unique<ApiStreams>(session, target, cancel));
}

}  // namespace daypart::app
