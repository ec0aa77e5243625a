// SPDX-License-Identifier: Apache-2.0
//
// Checks of services: every action that Daypart uses is tried on something harmless. An object and
// a table of a name of their own are made and deleted again; kinesis:PutRecords would add a record
// that nobody can take back, and a consumer of Kinesis would cost money, so they are left out.
#include <curl/curl.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <utility>

#include "app/doctor.h"
#include "app/kinesis_place.h"
#include "app/query_athena.h"
#include "aws/json_call.h"
#include "query/athena_query.h"
#include "store/s3_client.h"

namespace daypart::app {
namespace {

using nlohmann::json;

/// A service in trouble is told in seconds.
constexpr http::RetryPolicy kRetry{.attempts_max = 2,
                                   .deadline = std::chrono::milliseconds(8'000)};
constexpr int64_t kSkewSecondsMax = 240;

/// One try after the other; after a refusal that means all would be refused the rest is left out.
class Tries {
 public:
  Tries(std::string service, std::string endpoint, Findings& findings)
      : service_(std::move(service)), endpoint_(std::move(endpoint)), findings_(findings) {}

  /// returns: whether the try was made and worked. errors of kNotFound are fine if expected_absent.
  bool Try(const std::string& action, const std::function<Result<std::string>()>& run,
           bool is_absence_fine = false) {
    if (!goes_on_) return false;
    auto done = run();
    const bool is_absent =
        !done && is_absence_fine && done.error().code == ErrorCode::kNotFound;
    if (done || is_absent) {
      findings_.Fine(service_, action, done ? *done : "allowed");
      return true;
    }
    goes_on_ = findings_.Refused(service_, action, done.error(), endpoint_);
    return false;
  }
  bool goes_on() const { return goes_on_; }

 private:
  std::string service_;
  std::string endpoint_;
  Findings& findings_;
  bool goes_on_ = true;
};

Result<std::string> Worked(Status status, std::string found = "allowed") {
  if (!status) return std::move(status).error();
  return found;
}

Result<std::string> Worked(Result<json> answer, std::string found = "allowed") {
  if (!answer) return std::move(answer).error();
  return found;
}

/// For calls that give up soon.
aws::Service Probing(LakeSession& session, const std::string& service, const std::string& region,
                     const std::string& endpoint) {
  const AwsParts parts = session.aws();
  return {parts.http,
          parts.credentials,
          parts.clock,
          parts.random,
          nullptr,
          {.name = service, .region = region, .endpoint = endpoint, .retry = kRetry}};
}

/// The services' clock against ours, by the Date of any answer.
void ExamineClock(LakeSession& session, const std::string& endpoint, Findings& findings) {
  const AwsParts parts = session.aws();
  if (endpoint.empty()) return;  // the service's own check tells why
  const auto answer = parts.http.Send({.method = "GET",
                                       .url = endpoint,
                                       .connect_timeout = std::chrono::milliseconds(3'000),
                                       .total_timeout = std::chrono::milliseconds(5'000)});
  if (!answer) return;  // the service's own check tells it
  const auto date = http::FindHeader(answer->headers, "Date");
  const time_t theirs = date ? curl_getdate(std::string(*date).c_str(), nullptr) : -1;
  if (theirs < 0) return;
  const int64_t off = parts.clock.Now().value() / 1'000'000 - static_cast<int64_t>(theirs);
  if (std::abs(off) <= kSkewSecondsMax) {
    findings.Fine("clock", "skew", std::to_string(off) + " s from " + endpoint);
    return;
  }
  findings.Failed("clock", "skew",
                  "this machine is " + std::to_string(off) + " s ahead of " + endpoint +
                      "; services refuse more than 300",
                  "set this machine's clock: timedatectl set-ntp true, or chronyd -q");
}

/// returns: whether there are keys at all. are_needed: having none is a failure.
bool ExamineCredentials(LakeSession& session, bool are_needed, Findings& findings) {
  const auto keys = session.aws().credentials.Get();
  if (!keys && !are_needed) {
    findings.Skipped("credentials", "find", keys.error().message);
    return false;
  }
  if (!keys) {
    findings.Failed("credentials", "find", keys.error().message,
                    "aws configure, aws sso login, or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY in the environment");
    return false;
  }
  std::string found = "from " + keys->origin + ", key …" +
                      keys->access_key_id.substr(keys->access_key_id.size() -
                                                 std::min<size_t>(4, keys->access_key_id.size()));
  if (keys->expires) {
    const int64_t left =
        (keys->expires->value() - session.clock().Now().value()) / 60'000'000;
    found += ", valid for " + std::to_string(left) + " minutes";
  }
  findings.Fine("credentials", "find", std::move(found));
  return true;
}

}  // namespace

Result<CallerIdentity> CallerOf(LakeSession& session) {
  const std::string region = session.Region("");
  DAYPART_TRY(const auto endpoint, session.Endpoint(session.config().sts_endpoint, "sts", region));
  aws::Service service = Probing(session, "sts", region, endpoint.url);
  const std::string_view body = "Action=GetCallerIdentity&Version=2011-06-15";
  DAYPART_TRY(const auto answer,
              service.Call({.headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                            .body = std::as_bytes(std::span(body.data(), body.size()))}));
  if (!answer.response.is_success()) return aws::ToError(answer.response, "GetCallerIdentity");
  pugi::xml_document document;
  document.load_buffer(answer.response.body.data(), answer.response.body.size());
  const auto result = document.child("GetCallerIdentityResponse").child("GetCallerIdentityResult");
  CallerIdentity caller{result.child_value("Account"), result.child_value("Arn")};
  if (caller.account.empty()) return CorruptData("GetCallerIdentity: an account is expected");
  return caller;
}

namespace {

/// returns: whether calls of other services make sense with these keys.
bool ExamineCaller(LakeSession& session, Findings& findings) {
  const Config& config = session.config();
  const std::string region = session.Region("");
  const auto endpoint = session.Endpoint(config.sts_endpoint, "sts", region);
  if (!endpoint) return false;  // told by ExamineEndpoints
  const auto store = session.Endpoint(config.store_endpoint, "s3", region);
  const bool is_elsewhere = endpoint->is_aws && store && !store->is_aws;
  if (is_elsewhere) {
    findings.Skipped("sts", "sts:GetCallerIdentity", "the endpoint of S3 is not AWS's");
    return true;
  }
  Tries tries("sts", endpoint->url, findings);
  tries.Try("sts:GetCallerIdentity", [&]() -> Result<std::string> {
    DAYPART_TRY(const auto caller, CallerOf(session));
    return caller.arn + " of account " + caller.account;
  });
  return tries.goes_on();
}

void ExamineS3(LakeSession& session, Findings& findings) {
  const AwsParts parts = session.aws();
  auto options = session.S3OptionsOf();
  if (!options) return;  // told by ExamineEndpoints
  options->retry = kRetry;
  store::S3Client client({.http = parts.http,
                          .credentials = parts.credentials,
                          .clock = parts.clock,
                          .random = parts.random},
                         *options);
  const std::string location = session.config().store_location;
  const auto folder = store::ParseS3Location(location);
  if (!folder) {
    findings.Failed("s3", "store.location", folder.error().message, "correct store.location");
    return;
  }
  const std::string prefix = folder->key.empty() ? "" : folder->key + '/';
  const store::S3Address probe{folder->bucket,
                               prefix + ".daypart-doctor-" + NewUuid(parts.random)};
  const std::string text = "made by daypart doctor; may be deleted";
  Tries tries("s3", options->endpoint, findings);
  tries.Try("s3:ListBucket", [&]() -> Result<std::string> {
    const auto listed = client.List({folder->bucket, prefix + ".daypart-doctor"});
    if (!listed) return listed.error();
    return "s3://" + folder->bucket + '/' + prefix;
  });
  const bool is_there = tries.Try("s3:PutObject", [&] {
    return Worked(client.Put(probe, std::as_bytes(std::span(text)), store::WriteMode::kIfAbsent));
  });
  if (is_there) {
    tries.Try("s3:GetObject", [&]() -> Result<std::string> {
      const auto got = client.Get(probe, "", "", {});
      if (!got) return got.error();
      if (got->bytes != text) return CorruptData("the object came back changed");
      return std::string("what was put comes back");
    });
    std::string upload;
    tries.Try("s3:AbortMultipartUpload", [&]() -> Result<std::string> {
      DAYPART_TRY(upload, client.CreateUpload(probe, "doctor"));
      return Worked(client.AbortUpload(probe, upload));
    });
    tries.Try("s3:DeleteObject", [&] { return Worked(client.Delete(probe)); });
  }
}

void ExamineGlue(LakeSession& session, Findings& findings) {
  const AwsParts parts = session.aws();
  const Config& config = session.config();
  const std::string region = session.Region(config.glue_region);
  const auto endpoint = session.Endpoint(config.glue_endpoint, "glue", region);
  if (!endpoint) return;  // told by ExamineEndpoints
  aws::Service service = Probing(session, "glue", region, endpoint->url);
  const std::string table = "daypart_doctor_" + NewUuid(parts.random).substr(0, 8);
  const std::string database = "media";
  const auto ask = [&](const char* action, json request) {
    if (!config.glue_catalog_id.empty()) request["CatalogId"] = config.glue_catalog_id;
    return Worked(aws::CallJson(service, std::string("AWSGlue.") + action, request));
  };
  const json key = {{"Name", "day"}, {"Type", "string"}};
  const json storage = {{"Columns", json::array({{{"Name", "id"}, {"Type", "bigint"}}})},
                        {"Location", config.store_location + "/.daypart-doctor/"}};
  const json input = {{"Name", table},
                      {"TableType", "EXTERNAL_TABLE"},
                      {"PartitionKeys", json::array({key})},
                      {"StorageDescriptor", storage}};
  const json named = {{"DatabaseName", database}, {"TableName", table}};
  Tries tries("glue", endpoint->url, findings);
  tries.Try("glue:GetDatabases", [&] { return ask("GetDatabases", json::object()); });
  tries.Try("glue:GetTables", [&] { return ask("GetTables", {{"DatabaseName", database}}); });
  tries.Try("glue:GetTable", [&] {
    return ask("GetTable", {{"DatabaseName", database}, {"Name", table}});
  }, true);
  const bool is_there = tries.Try("glue:CreateTable", [&] {
    return ask("CreateTable", {{"DatabaseName", database}, {"TableInput", input}});
  });
  tries.Try("glue:UpdateTable", [&] {
    return ask("UpdateTable", {{"DatabaseName", database}, {"TableInput", input},
                               {"SkipArchive", true}});
  }, !is_there);
  tries.Try("glue:BatchCreatePartition", [&] {
    json request = named;
    request["PartitionInputList"] = {{{"Values", {"1"}}, {"StorageDescriptor", storage}}};
    return ask("BatchCreatePartition", request);
  }, !is_there);
  tries.Try("glue:GetPartitions", [&] { return ask("GetPartitions", named); }, !is_there);
  tries.Try("glue:DeletePartition", [&] {
    json request = named;
    request["PartitionValues"] = {"1"};
    return ask("DeletePartition", request);
  }, true);
  tries.Try("glue:DeleteTable", [&] {
    return ask("DeleteTable", {{"DatabaseName", database}, {"Name", table}});
  }, !is_there);
}

void ExamineAthena(LakeSession& session, Findings& findings) {
  auto opened = OpenAthena(session, nullptr);
  if (!opened) return;  // told by ExamineEndpoints
  const auto athena = std::move(*opened);
  Tries tries("athena", athena->options().endpoint, findings);
  std::string id;
  const bool is_started = tries.Try("athena:StartQueryExecution", [&]() -> Result<std::string> {
    DAYPART_TRY(id, athena->Start("SELECT 1"));
    return "workgroup " + athena->options().workgroup;
  });
  if (!is_started) return;
  const CancelToken never;
  bool has_ended = false;
  tries.Try("athena:GetQueryExecution", [&]() -> Result<std::string> {
    DAYPART_TRY(const auto statement,
                query::WaitInAthena(*athena, session.clock(), never, id));
    has_ended = true;
    return "SELECT 1 took " + std::to_string(statement.total_ms) + " ms";
  });
  if (!has_ended) return;
  tries.Try("athena:GetQueryResults",
            [&]() -> Result<std::string> {
              DAYPART_TRY(const auto page, athena->Page(id, ""));
              return std::to_string(page.columns.size()) + " columns";
            });
  // Stopping what has ended changes nothing.
  tries.Try("athena:StopQueryExecution", [&] { return Worked(athena->Stop(id)); });
}

/// The consumer of a stream's enhanced fan-out. One that is not there is not registered: it costs
/// money. One that is there is registered again, and subscribed to a shard that no stream has: both
/// are refused for that, but only to whom they are allowed.
void ExamineConsumer(const std::function<Result<json>(const std::string&, const json&)>& ask,
                     const std::string& stream_arn, const StreamConfig& config, Tries& tries,
                     Findings& findings) {
  const json named = {{"StreamARN", stream_arn}, {"ConsumerName", config.fan_out}};
  std::string consumer_arn;
  const bool is_asked = tries.Try("kinesis:DescribeStreamConsumer", [&]() -> Result<std::string> {
    auto answer = ask("DescribeStreamConsumer", named);
    if (!answer && answer.error().code == ErrorCode::kNotFound) {
      return std::string("allowed; there is no consumer " + config.fan_out + " yet");
    }
    DAYPART_TRY(const json told, std::move(answer));
    const json consumer = aws::ObjectIn(told, "ConsumerDescription");
    consumer_arn = aws::TextIn(consumer, "ConsumerARN");
    return config.fan_out + ' ' + aws::TextIn(consumer, "ConsumerStatus");
  });
  if (!is_asked) return;
  if (consumer_arn.empty()) {
    for (const char* action : {"kinesis:RegisterStreamConsumer", "kinesis:SubscribeToShard"}) {
      findings.Skipped("kinesis " + config.name, action,
                       "a consumer costs money: the first run of the stream registers it");
    }
    return;
  }
  tries.Try("kinesis:RegisterStreamConsumer", [&]() -> Result<std::string> {
    auto answer = ask("RegisterStreamConsumer", named);
    if (!answer && answer.error().code == ErrorCode::kAlreadyExists) return std::string("allowed");
    return Worked(std::move(answer));
  });
  tries.Try(
      "kinesis:SubscribeToShard",
      [&] {
        return Worked(ask("SubscribeToShard", {{"ConsumerARN", consumer_arn},
                                               {"ShardId", "shardId-999999999999"},
                                               {"StartingPosition", {{"Type", "LATEST"}}}}));
      },
      true);
}

void ExamineStream(LakeSession& session, const StreamConfig& config, const std::string& stream,
                   Findings& findings) {
  const auto place = KinesisPlaceOf(session, stream, "");
  if (!place) return;  // told by ExamineEndpoints
  aws::Service service = Probing(session, "kinesis", place->region, place->endpoint);
  const bool is_arn = place->stream.starts_with("arn:");
  const json named = {{is_arn ? "StreamARN" : "StreamName", place->stream}};
  const auto ask = [&](const std::string& action, const json& request) {
    return aws::CallJson(service, "Kinesis_20131202." + action, request);
  };
  Tries tries("kinesis " + config.name, place->endpoint, findings);
  std::string arn;
  tries.Try("kinesis:DescribeStreamSummary", [&]() -> Result<std::string> {
    DAYPART_TRY(const json answer, ask("DescribeStreamSummary", named));
    const json summary = aws::ObjectIn(answer, "StreamDescriptionSummary");
    arn = aws::TextIn(summary, "StreamARN");
    return aws::TextIn(summary, "StreamStatus");
  });
  std::string shard;
  tries.Try("kinesis:ListShards", [&]() -> Result<std::string> {
    DAYPART_TRY(const json answer, ask("ListShards", named));
    const json shards = answer.value("Shards", json::array());
    if (!shards.empty()) shard = shards.front().value("ShardId", "");
    return std::to_string(shards.size()) + " shards";
  });
  if (!config.fan_out.empty() && !arn.empty()) {
    ExamineConsumer(ask, arn, config, tries, findings);
  }
  if (shard.empty()) return;
  std::string iterator;
  tries.Try("kinesis:GetShardIterator", [&]() -> Result<std::string> {
    json request = named;
    request["ShardId"] = shard;
    request["ShardIteratorType"] = "LATEST";
    DAYPART_TRY(const json answer, ask("GetShardIterator", request));
    iterator = answer.value("ShardIterator", "");
    return std::string("allowed");
  });
  if (iterator.empty()) return;
  tries.Try("kinesis:GetRecords", [&] {
    return Worked(ask("GetRecords", {{"ShardIterator", iterator}, {"Limit", 1}}));
  });
}

/// The configured place alone, where no stream is named: any answer shows that it is there.
void ExamineKinesisPlace(LakeSession& session, Findings& findings) {
  const auto place = KinesisPlaceOf(session, "", "");
  if (!place) return;  // told by ExamineEndpoints
  aws::Service service = Probing(session, "kinesis", place->region, place->endpoint);
  Tries tries("kinesis", place->endpoint, findings);
  tries.Try("answer", [&]() -> Result<std::string> {
    const auto answer = aws::CallJson(service, "Kinesis_20131202.ListStreams", {{"Limit", 1}});
    const bool is_there =
        answer || answer.error().message.find("AccessDenied") != std::string::npos;
    if (!is_there) return answer.error();
    return std::string("no stream of daypart.toml comes from there");
  });
}

bool has_kinesis_place(const Config& config) {
  return !config.kinesis_endpoint.empty() || !config.kinesis_region.empty();
}

bool has_kinesis_stream(const Config& config) {
  return std::any_of(config.streams.begin(), config.streams.end(), [](const auto& entry) {
    return KinesisStreamOf(entry.second.source).has_value();
  });
}

/// Tells where each service that is configured is asked. returns: whether that is clear of all.
bool ExamineEndpoints(LakeSession& session, const std::string& catalog_kind, Findings& findings) {
  const Config& config = session.config();
  bool are_clear = true;
  const auto examine = [&](const std::string& service, const std::string& configured,
                           const std::string& region) {
    const auto endpoint = session.Endpoint(configured, service, session.Region(region));
    if (endpoint) {
      findings.Fine(service, "endpoint", endpoint->url);
      return;
    }
    are_clear = false;
    findings.Failed(service, "endpoint", endpoint.error().message,
                    "correct the variable, or the setting in ~/.aws/config or daypart.toml, that "
                    "the message names");
  };
  examine("sts", config.sts_endpoint, "");
  if (config.is_on_s3()) examine("s3", config.store_endpoint, config.store_region);
  if (catalog_kind == "glue") examine("glue", config.glue_endpoint, config.glue_region);
  if (config.has_athena) examine("athena", config.athena_endpoint, config.athena_region);
  if (has_kinesis_stream(config) || has_kinesis_place(config)) {
    examine("kinesis", config.kinesis_endpoint, config.kinesis_region);
  }
  return are_clear;
}

/// Where the clock is asked for: the first service that is configured.
std::string ClockEndpoint(const LakeSession& session) {
  const Config& config = session.config();
  if (config.is_on_s3()) {
    const auto store = session.Endpoint(config.store_endpoint, "s3", session.Region(""));
    if (store && !store->is_aws) return store->url;
  }
  const auto sts = session.Endpoint(config.sts_endpoint, "sts", session.Region(""));
  return sts ? sts->url : "";
}

}  // namespace

bool is_on_aws(const Config& config) {
  return config.is_on_s3() || config.catalog_kind == "glue" || config.has_athena ||
         has_kinesis_stream(config) || has_kinesis_place(config);
}

void ExamineAws(LakeSession& session, const std::string& catalog_kind, Findings& findings) {
  const Config& config = session.config();
  if (!ExamineEndpoints(session, catalog_kind, findings)) return;
  const bool has_keys = ExamineCredentials(session, true, findings);
  ExamineClock(session, ClockEndpoint(session), findings);
  if (!has_keys) return;
  if (!ExamineCaller(session, findings)) return;
  if (config.is_on_s3()) ExamineS3(session, findings);
  if (catalog_kind == "glue") ExamineGlue(session, findings);
  if (config.has_athena) ExamineAthena(session, findings);
  for (const auto& [name, stream] : config.streams) {
    const auto kinesis = KinesisStreamOf(stream.source);
    if (kinesis) ExamineStream(session, stream, *kinesis, findings);
  }
  if (has_kinesis_place(config) && !has_kinesis_stream(config)) {
    ExamineKinesisPlace(session, findings);
  }
}

void ExamineCredentialsAlone(LakeSession& session, Findings& findings) {
  if (!ExamineCredentials(session, false, findings)) return;
  if (!ExamineEndpoints(session, "", findings)) return;
  ExamineCaller(session, findings);
}

}  // namespace daypart::app
