// SPDX-License-Identifier: Apache-2.0
//
// Documents of the Athena API to values and back.
#include "aws/athena.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "aws/json_call.h"

namespace daypart::aws {
namespace {

using nlohmann::json;

ServiceOptions ServiceFor(const AthenaOptions& options) {
  return {.name = "athena",
          .region = options.region,
          .endpoint = options.endpoint,
          .retry = options.retry};
}

bool is_true_in(const json& parent, const char* key) {
  const auto found = parent.find(key);
  return found != parent.end() && found->is_boolean() && found->get<bool>();
}

Result<AthenaState> StateOf(const std::string& name) {
  if (name == "QUEUED") return AthenaState::kQueued;
  if (name == "RUNNING") return AthenaState::kRunning;
  if (name == "SUCCEEDED") return AthenaState::kSucceeded;
  if (name == "FAILED") return AthenaState::kFailed;
  if (name == "CANCELLED") return AthenaState::kCancelled;
  return CorruptData("GetQueryExecution: a state is expected, found '" + name + "'");
}

}  // namespace

Athena::Athena(http::Client& http, CredentialSource& credentials, Clock& clock, Random& random,
               const CancelToken* cancel, AthenaOptions options)
    : random_(random),
      options_(std::move(options)),
      calls_(http, credentials, clock, random, cancel, ServiceFor(options_)),
      uncancelled_(http, credentials, clock, random, nullptr, ServiceFor(options_)) {}

Result<std::string> Athena::Start(const std::string& sql) {
  json request = {{"QueryString", sql},
                  {"ClientRequestToken", NewUuid(random_)},
                  {"WorkGroup", options_.workgroup},
                  {"QueryExecutionContext",
                   {{"Database", options_.database}, {"Catalog", options_.catalog}}}};
  if (!options_.output.empty()) {
    json result = {{"OutputLocation", options_.output}};
    if (!options_.encryption.empty()) {
      result["EncryptionConfiguration"] = {{"EncryptionOption", options_.encryption}};
      if (!options_.kms_key.empty()) {
        result["EncryptionConfiguration"]["KmsKey"] = options_.kms_key;
      }
    }
    request["ResultConfiguration"] = std::move(result);
  }
  if (options_.reuse_minutes > 0) {
    request["ResultReuseConfiguration"]["ResultReuseByAgeConfiguration"] = {
        {"Enabled", true}, {"MaxAgeInMinutes", options_.reuse_minutes}};
  }
  auto started = CallJson(uncancelled_, "AmazonAthena.StartQueryExecution", request);
  if (!started && started.error().message.find("utput location") != std::string::npos) {
    started.error().message +=
        "; set athena.output = \"s3://bucket/prefix/\" in daypart.toml, or an output location of "
        "workgroup " + options_.workgroup;
  }
  DAYPART_TRY(const json answer, std::move(started));
  std::string id = TextIn(answer, "QueryExecutionId");
  if (id.empty()) return CorruptData("StartQueryExecution: an id is expected, found none");
  return id;
}

Result<AthenaStatement> Athena::Look(const std::string& id) {
  DAYPART_TRY(const json answer, CallJson(calls_, "AmazonAthena.GetQueryExecution",
                                          {{"QueryExecutionId", id}}));
  const json execution = ObjectIn(answer, "QueryExecution");
  const json status = ObjectIn(execution, "Status");
  const json statistics = ObjectIn(execution, "Statistics");
  AthenaStatement statement;
  statement.id = id;
  DAYPART_TRY(statement.state, StateOf(TextIn(status, "State")));
  statement.reason = TextIn(status, "StateChangeReason");
  const json error = ObjectIn(status, "AthenaError");
  if (statement.reason.empty()) statement.reason = TextIn(error, "ErrorMessage");
  statement.may_be_retried = is_true_in(error, "Retryable");
  statement.type = TextIn(execution, "StatementType");
  statement.output = TextIn(ObjectIn(execution, "ResultConfiguration"), "OutputLocation");
  statement.scanned_bytes = WholeIn(statistics, "DataScannedInBytes");
  statement.queued_ms = WholeIn(statistics, "QueryQueueTimeInMillis");
  statement.total_ms = WholeIn(statistics, "TotalExecutionTimeInMillis");
  statement.is_reused =
      is_true_in(ObjectIn(statistics, "ResultReuseInformation"), "ReusedPreviousResult");
  return statement;
}

Status Athena::Stop(const std::string& id) {
  const auto stopped =
      CallJson(uncancelled_, "AmazonAthena.StopQueryExecution", {{"QueryExecutionId", id}});
  if (!stopped) return stopped.error();
  return Ok();
}

Result<AthenaPage> Athena::Page(const std::string& id, const std::string& token) {
  json request = {{"QueryExecutionId", id}, {"MaxResults", kAthenaPageRowsMax}};
  if (!token.empty()) request["NextToken"] = token;
  DAYPART_TRY(const json answer, CallJson(calls_, "AmazonAthena.GetQueryResults", request));
  AthenaPage page;
  page.next_token = TextIn(answer, "NextToken");
  if (answer.contains("UpdateCount")) page.rows_updated = WholeIn(answer, "UpdateCount");
  const json set = ObjectIn(answer, "ResultSet");
  for (const json& column :
       ObjectIn(set, "ResultSetMetadata").value("ColumnInfo", json::array())) {
    page.columns.push_back({.name = TextIn(column, "Name"),
                            .type = TextIn(column, "Type"),
                            .precision = static_cast<int32_t>(WholeIn(column, "Precision")),
                            .scale = static_cast<int32_t>(WholeIn(column, "Scale"))});
  }
  for (const json& row : set.value("Rows", json::array())) {
    auto& cells = page.rows.emplace_back();
    for (const json& cell : row.value("Data", json::array())) {
      const auto text = cell.find("VarCharValue");
      const bool is_null = text == cell.end() || !text->is_string();
      cells.push_back(is_null ? std::nullopt : std::optional(text->get<std::string>()));
    }
  }
  return page;
}

double AthenaCostUsd(const AthenaStatement& statement, double usd_per_tib) {
  constexpr int64_t kMiB = int64_t{1} << 20;
  if (statement.scanned_bytes <= 0) return 0;
  const int64_t mebibytes =
      std::max<int64_t>(10, (statement.scanned_bytes + kMiB - 1) / kMiB);
  return static_cast<double>(mebibytes) / (1 << 20) * usd_per_tib;
}

}  // namespace daypart::aws
