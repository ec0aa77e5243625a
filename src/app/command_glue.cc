// SPDX-License-Identifier: Apache-2.0
//
// Commands that let AWS Glue work: crawl --with glue, run --engine glue, deploy glue. Each state is
// told as it comes; Ctrl-C stops the crawler or the job's run too.
#include <algorithm>
#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "aws/glue_runs.h"

namespace daypart::app {
namespace {

Result<std::unique_ptr<aws::GlueRuns>> GlueOf(LakeSession& session) {
  const AwsParts parts = session.aws();
  const Config& config = session.config();
  const std::string region = session.Region(config.glue_region);
  DAYPART_TRY(const auto endpoint, session.Endpoint(config.glue_endpoint, "glue", region));
  return std::make_unique<aws::GlueRuns>(
      parts.http, parts.credentials, parts.clock, parts.random, session.context().cancel,
      aws::GlueRunsOptions{.region = region,
                          .endpoint = endpoint.url,
                          .pause_min = std::chrono::milliseconds(config.glue_poll_ms)});
}

/// daypart-media_raw-raw-live: one crawler for each database and folder.
std::string CrawlerName(const std::string& database, const std::string& location) {
  std::string name = "daypart-" + database;
  const size_t key = location.find('/', sizeof("s3://") - 1);
  for (const char c : key == std::string::npos ? std::string() : location.substr(key)) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (is_plain) {
      name += c;
    } else if (!name.ends_with('-')) {
      name += '-';
    }
  }
  while (name.ends_with('-')) name.pop_back();
  return name.substr(0, 255);
}

Status CheckRole(const std::string& role) {
  if (!role.empty()) return Ok();
  return InvalidArgument(
      "the role that Glue works with is expected: --role, or glue.role in daypart.toml; "
      "daypart deploy iam --role etl prints its policy");
}

}  // namespace

Result<int> RunGlueCrawl(LakeSession& session, const CrawlArguments& arguments,
                         const OutputOptions& output) {
  const Config& config = session.config();
  const std::string role = arguments.role.empty() ? config.glue_role : arguments.role;
  DAYPART_RETURN_IF_ERROR(CheckRole(role));
  std::string path = session.LakeLocation(arguments.prefix);
  if (!path.starts_with("s3://")) {
    return InvalidArgument("files on S3 are expected for a crawler of Glue, found " + path);
  }
  if (config.catalog_kind != "glue") {
    return InvalidArgument("catalog.kind = \"glue\" is expected: a crawler of Glue registers its "
                           "tables there");
  }
  if (!path.ends_with('/')) path += '/';
  Status database = session.catalog().CreateDatabase(arguments.database, {});
  if (!database && database.error().code != ErrorCode::kAlreadyExists) {
    return std::move(database).error();
  }
  DAYPART_TRY(const auto glue, GlueOf(session));
  const std::string name = CrawlerName(arguments.database, path);
  DAYPART_RETURN_IF_ERROR(glue->PutCrawler(
      {.name = name, .role = role, .database = arguments.database, .path = path}));
  DAYPART_TRY(const auto outcome, glue->RunCrawler(name, [&](const std::string& state) {
    if (!output.is_quiet) PrintNotice("crawler " + name + ": " + state);
  }));
  DAYPART_TRY(const auto tables, session.raw_catalog().ListRawTables(arguments.database));
  nlohmann::json json = nlohmann::json::array();
  for (const auto& table : tables) {
    json.push_back({{"table", ToString(table.name)},
                    {"location", table.location},
                    {"columns", table.columns.size()},
                    {"partitions", table.partitions.size()}});
    if (output.is_json || output.is_quiet) continue;
    PrintLine(ToString(table.name) + "  " + table.location);
  }
  if (output.is_json) {
    PrintLine(nlohmann::json{
        {"crawler", name}, {"state", outcome.state}, {"tables", json}}.dump(2));
  }
  return kExitDone;
}

Result<int> RunGlueJob(LakeSession& session, const RunArguments& arguments,
                       const OutputOptions& output) {
  DAYPART_TRY(const auto glue, GlueOf(session));
  const std::string& configured = session.config().glue_job;
  const std::string name = configured.empty() ? "daypart-" + arguments.pipeline : configured;
  std::map<std::string, std::string> given = {{"--pipeline", arguments.pipeline}};
  if (!arguments.task.empty()) given["--task"] = arguments.task;
  if (arguments.is_full_refresh) given["--full_refresh"] = "true";
  DAYPART_TRY(const auto outcome, glue->RunJob(name, given, [&](const std::string& state) {
    if (!output.is_quiet) PrintNotice("job " + name + ": " + state);
  }));
  if (output.is_json) {
    PrintLine(nlohmann::json{{"job", name},
                             {"run", outcome.id},
                             {"state", outcome.state},
                             {"seconds", outcome.seconds},
                             {"dpu_seconds", outcome.dpu_seconds}}
                  .dump(2));
  } else if (!output.is_quiet) {
    PrintLine("job " + name + ", run " + outcome.id + ": " + outcome.state + " after " +
              FormatSeconds(static_cast<double>(outcome.seconds)));
  }
  return kExitDone;
}

Result<int> RunDeployGlue(LakeSession& session, const DeployGlueArguments& arguments,
                          const OutputOptions& output) {
  const Config& config = session.config();
  const std::string role = arguments.role.empty() ? config.glue_role : arguments.role;
  DAYPART_RETURN_IF_ERROR(CheckRole(role));
  if (!arguments.script.starts_with("s3://")) {
    return InvalidArgument("--script: s3://bucket/script.py is expected, found '" +
                           arguments.script + "'");
  }
  const std::string name =
      config.glue_job.empty() ? "daypart-" + arguments.pipeline : config.glue_job;
  DAYPART_TRY(const auto glue, GlueOf(session));
  DAYPART_RETURN_IF_ERROR(
      glue->PutJob({.name = name,
                   .role = role,
                   .script = arguments.script,
                   .workers_count = arguments.workers_count,
                   .arguments = {{"--warehouse", config.store_location},
                                 {"--datalake-formats", "iceberg"},
                                 {"--enable-glue-datacatalog", "true"}}}));
  if (!output.is_quiet) {
    PrintLine("job " + name + " is there; next: daypart run " + arguments.pipeline +
              " --engine glue");
  }
  return kExitDone;
}

}  // namespace daypart::app
