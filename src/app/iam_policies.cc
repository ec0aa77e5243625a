// SPDX-License-Identifier: Apache-2.0
//
// Which actions a role needs. source: Service Authorization Reference, "Actions, resources, and
// condition keys" of S3, Glue, Athena, Kinesis and KMS.
#include "app/iam_policies.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/kinesis_place.h"
#include "app/query_athena.h"
#include "store/s3_client.h"

namespace daypart::app {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

/// What a role does with a part of the lake.
struct Duties {
  std::string role;
  std::string purpose;
  bool writes = false;       // objects of the lake and tables of the catalog
  bool crawls = false;       // partitions of raw tables
  bool drops = false;        // tables
  bool has_athena = false;
  bool reads_streams = false;
  bool sends = false;
  bool has_logs = false;     // of Lambda
  bool has_jobs = false;     // Glue jobs and crawlers
  bool has_environment = false;  // of MWAA
  json principal;
};

class PolicyMaker {
 public:
  PolicyMaker(const Config& config, const IamPlace& place) : config_(config), place_(place) {}

  Result<json> PolicyFor(const Duties& duties) {
    statements_ = json::array();
    if (config_.is_on_s3()) DAYPART_RETURN_IF_ERROR(AddStore(duties));
    if (config_.catalog_kind == "glue") AddCatalog(duties);
    if (duties.has_athena && config_.has_athena) DAYPART_RETURN_IF_ERROR(AddAthena());
    AddStreams(duties);
    AddKey(duties);
    if (duties.has_logs) AddLogs();
    if (duties.has_jobs) AddJobs();
    if (duties.has_environment) AddEnvironment();
    return json{{"Version", "2012-10-17"}, {"Statement", statements_}};
  }

 private:
  std::string partition() const {
    if (place_.region.starts_with("cn-")) return "aws-cn";
    return place_.region.starts_with("us-gov-") ? "aws-us-gov" : "aws";
  }
  std::string Arn(const std::string& service, const std::string& region,
                  const std::string& resource) const {
    const std::string account = service == "s3" ? "" : place_.account;
    return "arn:" + partition() + ':' + service + ':' + region + ':' + account + ':' + resource;
  }
  json& Add(const std::string& id, Texts actions, Texts resources) {
    statements_.push_back({{"Sid", id},
                           {"Effect", "Allow"},
                           {"Action", std::move(actions)},
                           {"Resource", std::move(resources)}});
    return statements_.back();
  }

  Status AddStore(const Duties& duties) {
    DAYPART_TRY(const auto at, store::ParseS3Location(config_.store_location));
    const std::string bucket = Arn("s3", "", at.bucket);
    const std::string prefix = at.key.empty() ? "" : at.key + '/';
    json& listing = Add("ListLake", {"s3:ListBucket"}, {bucket});
    if (!prefix.empty()) listing["Condition"]["StringLike"]["s3:prefix"] = {prefix + '*'};
    Texts actions = {"s3:GetObject"};
    if (duties.writes) {
      actions.insert(actions.end(), {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
                                     "s3:ListMultipartUploadParts"});
    }
    Add(duties.writes ? "WriteLake" : "ReadLake", std::move(actions),
        {bucket + '/' + prefix + '*'});
    return Ok();
  }

  /// Of the catalog, the databases and the tables in them, as Glue wants all three named.
  Texts CatalogResources() const {
    const std::string owner =
        config_.glue_catalog_id.empty() ? place_.account : config_.glue_catalog_id;
    const std::string base =
        "arn:" + partition() + ":glue:" + place_.glue_region + ':' + owner + ':';
    std::set<std::string> databases = {"media", "media_raw"};
    databases.insert(place_.databases.begin(), place_.databases.end());
    for (const auto& [name, stream] : config_.streams) {
      const size_t dot = stream.table.find('.');
      if (dot != std::string::npos) databases.insert(stream.table.substr(0, dot));
    }
    Texts resources = {base + "catalog"};
    for (const std::string& database : databases) {
      resources.push_back(base + "database/" + database);
      resources.push_back(base + "table/" + database + "/*");
    }
    return resources;
  }

  void AddCatalog(const Duties& duties) {
    Add("ReadCatalog",
        {"glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"},
        CatalogResources());
    if (!duties.writes) return;
    Texts actions = {"glue:CreateDatabase", "glue:CreateTable", "glue:UpdateTable"};
    if (duties.crawls) {
      actions.insert(actions.end(), {"glue:BatchCreatePartition", "glue:DeletePartition"});
    }
    if (duties.drops) actions.push_back("glue:DeleteTable");
    Add("WriteCatalog", std::move(actions), CatalogResources());
  }

  Status AddAthena() {
    Add("RunStatements",
        {"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults",
         "athena:StopQueryExecution"},
        {Arn("athena", place_.athena_region, "workgroup/" + config_.athena_workgroup)});
    // Athena asks Glue with the caller's permissions, for one database or partition at a time too.
    Add("AthenaReadsCatalog",
        {"glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables",
         "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"},
        CatalogResources());
    const std::string output = AthenaOutput(config_);
    if (output.empty()) return Ok();
    DAYPART_TRY(const auto at, store::ParseS3Location(output));
    std::string prefix = at.key;
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    const std::string bucket = Arn("s3", "", at.bucket);
    Add("FindResultsBucket", {"s3:GetBucketLocation"}, {bucket});
    Add("KeepResults",
        {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload",
         "s3:ListMultipartUploadParts"},
        {bucket + '/' + prefix + '*'});
    return Ok();
  }

  void AddStreams(const Duties& duties) {
    Texts streams;
    Texts fanned_out;
    Texts consumers;
    for (const auto& [name, stream] : config_.streams) {
      const auto named = KinesisStreamOf(stream.source);
      if (!named) continue;
      streams.push_back(named->starts_with("arn:")
                            ? *named
                            : Arn("kinesis", place_.kinesis_region, "stream/" + *named));
      if (stream.fan_out.empty()) continue;
      fanned_out.push_back(streams.back());
      // Behind the name a consumer's ARN has the time of its registration.
      consumers.push_back(streams.back() + "/consumer/" + stream.fan_out + ":*");
    }
    if (streams.empty()) return;
    if (duties.reads_streams) {
      Add("ReadStreams",
          {"kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator",
           "kinesis:GetRecords"},
          streams);
      if (!consumers.empty()) {
        // Asked for by its name, a consumer that is not there yet is looked for at the stream.
        Texts both = fanned_out;
        both.insert(both.end(), consumers.begin(), consumers.end());
        Add("RegisterConsumers",
            {"kinesis:RegisterStreamConsumer", "kinesis:DescribeStreamConsumer"}, both);
        Add("SubscribeToShards", {"kinesis:SubscribeToShard"}, consumers);
      }
    }
    if (duties.sends) Add("SendToStreams", {"kinesis:PutRecords"}, streams);
  }

  void AddKey(const Duties& duties) {
    if (config_.store_kms_key.empty()) return;
    const std::string& key = config_.store_kms_key;
    const bool is_alias = key.starts_with("alias/");
    const bool is_arn = key.starts_with("arn:");
    Texts actions = {"kms:Decrypt"};
    if (duties.writes || duties.has_athena) actions.push_back("kms:GenerateDataKey");
    const std::string resource =
        is_arn ? key : Arn("kms", place_.region, is_alias ? "key/*" : "key/" + key);
    json& statement = Add("UseKey", std::move(actions), {resource});
    // A policy cannot name a key by its alias, but it can ask for it.
    if (is_alias) {
      statement["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"] = key;
    }
  }

  void AddLogs() {
    const std::string group = Arn("logs", place_.region, "log-group:/aws/lambda/daypart*");
    Add("WriteLogs", {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
        {group, group + ":*"});
  }

  void AddJobs() {
    Add("RunJobs", {"glue:StartJobRun", "glue:GetJobRun", "glue:BatchStopJobRun"},
        {Arn("glue", place_.glue_region, "job/daypart*")});
    Add("RunCrawlers", {"glue:GetCrawler", "glue:StartCrawler"},
        {Arn("glue", place_.glue_region, "crawler/daypart*")});
  }

  void AddEnvironment() {
    Add("TellHealth", {"airflow:PublishMetrics"},
        {Arn("airflow", place_.region, "environment/daypart*")});
    const std::string group = Arn("logs", place_.region, "log-group:airflow-daypart*");
    Add("WriteAirflowLogs",
        {"logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents", "logs:GetLogEvents",
         "logs:GetLogRecord", "logs:GetLogGroupFields", "logs:GetQueryResults"},
        {group, group + ":*"});
  }

  const Config& config_;
  const IamPlace& place_;
  json statements_;
};

std::vector<Duties> RolesOf(const std::string& partition, const std::string& account) {
  const json own = {{"AWS", "arn:" + partition + ":iam::" + account + ":root"}};
  return {{.role = "ingest",
           .purpose = "upload, crawl, stream, send",
           .writes = true,
           .crawls = true,
           .reads_streams = true,
           .sends = true,
           .principal = own},
          {.role = "etl",
           .purpose = "load, run, maintain, query --write, and as role of a Glue job",
           .writes = true,
           .drops = true,
           .principal = {{"Service", "glue.amazonaws.com"}}},
          {.role = "query",
           .purpose = "query, tables, describe, snapshots, diff; query --engine athena",
           .has_athena = true,
           .principal = own},
          {.role = "lambda",
           .purpose = "a Lambda function that crawls and runs when files arrive",
           .writes = true,
           .crawls = true,
           .reads_streams = true,
           .has_logs = true,
           .principal = {{"Service", "lambda.amazonaws.com"}}},
          {.role = "airflow",
           .purpose = "MWAA: tasks that crawl and run pipelines, Glue jobs and Athena statements",
           .writes = true,
           .crawls = true,
           .drops = true,
           .has_athena = true,
           .has_jobs = true,
           .has_environment = true,
           .principal = {{"Service", {"airflow.amazonaws.com", "airflow-env.amazonaws.com"}}}}};
}

}  // namespace

Result<std::vector<RolePolicy>> MakeRolePolicies(const Config& config, const IamPlace& place) {
  const bool is_account = place.account.size() == 12 &&
                          std::all_of(place.account.begin(), place.account.end(),
                                      [](char c) { return c >= '0' && c <= '9'; });
  if (!is_account) {
    return InvalidArgument("an account of 12 digits is expected, found '" + place.account + "'");
  }
  const std::string partition = place.region.starts_with("cn-")       ? "aws-cn"
                                : place.region.starts_with("us-gov-") ? "aws-us-gov"
                                                                      : "aws";
  std::vector<RolePolicy> roles;
  for (const Duties& duties : RolesOf(partition, place.account)) {
    PolicyMaker maker(config, place);
    DAYPART_TRY(auto policy, maker.PolicyFor(duties));
    roles.push_back({.role = duties.role,
                     .purpose = duties.purpose,
                     .policy = std::move(policy),
                     .trust = {{"Version", "2012-10-17"},
                               {"Statement",
                                {{{"Effect", "Allow"},
                                  {"Principal", duties.principal},
                                  {"Action", "sts:AssumeRole"}}}}}});
  }
  return roles;
}

}  // namespace daypart::app
