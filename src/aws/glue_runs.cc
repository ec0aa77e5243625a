// SPDX-License-Identifier: Apache-2.0
//
// Loops around crawlers and jobs. That a crawl is the one that was started is told by the time of
// LastCrawl, which is another than before.
#include "aws/glue_runs.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "aws/json_call.h"

namespace daypart::aws {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

/// How long Ctrl-C may go unnoticed.
constexpr milliseconds kSlice{50};
/// Looks at a crawler that is ready, but whose crawl is not to be seen yet.
constexpr int kUnseenLooksMax = 60;

/// Times come as numbers or as texts; compared they only have to be equal or not.
std::string StampOf(const json& crawler) {
  const json last = ObjectIn(crawler, "LastCrawl");
  return last.contains("StartTime") ? last["StartTime"].dump() : "";
}

Status DoneBy(Result<json> answer) {
  if (!answer) return std::move(answer).error();
  return Ok();
}

ServiceOptions ServiceFor(const GlueRunsOptions& options) {
  return {.name = "glue",
          .region = options.region,
          .endpoint = options.endpoint,
          .retry = options.retry};
}

Error StoppedOnRequest(const std::string& what, const Status& stopped) {
  if (stopped) return Cancelled("stopped on request, " + what + " too");
  return Cancelled("stopped on request, but " + what + " could not be and may go on: " +
                   stopped.error().message);
}

bool is_any_of(const std::string& state, std::initializer_list<const char*> states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

GlueRuns::GlueRuns(http::Client& http, CredentialSource& credentials, Clock& clock, Random& random,
                   const CancelToken& cancel, GlueRunsOptions options)
    : clock_(clock),
      cancel_(cancel),
      options_(std::move(options)),
      calls_(http, credentials, clock, random, &cancel, ServiceFor(options_)),
      uncancelled_(http, credentials, clock, random, nullptr, ServiceFor(options_)) {}

void GlueRuns::Pause(milliseconds& pause) {
  for (milliseconds left = pause; left.count() > 0 && !cancel_.is_cancelled(); left -= kSlice) {
    clock_.Sleep(std::min(left, kSlice));
  }
  pause = std::min(options_.pause_max, pause * 3 / 2);
}

Status GlueRuns::PutCrawler(const GlueCrawlerSpec& spec) {
  const json request = {
      {"Name", spec.name},
      {"Role", spec.role},
      {"DatabaseName", spec.database},
      {"Targets", {{"S3Targets", {{{"Path", spec.path}}}}}},
      {"SchemaChangePolicy",
       {{"UpdateBehavior", "UPDATE_IN_DATABASE"}, {"DeleteBehavior", "LOG"}}}};
  Status created = DoneBy(CallJson(calls_, "AWSGlue.CreateCrawler", request));
  if (created || created.error().code != ErrorCode::kAlreadyExists) return created;
  Status updated = DoneBy(CallJson(calls_, "AWSGlue.UpdateCrawler", request));
  // One at work cannot be changed; it is followed as it is.
  if (!updated && updated.error().code == ErrorCode::kConflict) return Ok();
  return updated;
}

Result<GlueOutcome> GlueRuns::RunCrawler(const std::string& name,
                                         const std::function<void(const std::string&)>& tell) {
  const json named = {{"Name", name}};
  DAYPART_TRY(const json before, CallJson(calls_, "AWSGlue.GetCrawler", named));
  const std::string stamp = StampOf(ObjectIn(before, "Crawler"));
  Status started = DoneBy(CallJson(uncancelled_, "AWSGlue.StartCrawler", named));
  // It is at work: by another, or by an attempt of ours whose answer was lost.
  if (!started && started.error().code != ErrorCode::kConflict) return std::move(started).error();
  std::string told;
  int unseen_count = 0;
  milliseconds pause = options_.pause_min;
  while (true) {
    const auto stop = [&] {
      return StoppedOnRequest("crawler " + name,
                              DoneBy(CallJson(uncancelled_, "AWSGlue.StopCrawler", named)));
    };
    if (cancel_.is_cancelled()) return stop();
    auto answer = CallJson(calls_, "AWSGlue.GetCrawler", named);
    if (cancel_.is_cancelled()) return stop();
    if (!answer) return std::move(answer).error().WithContext("crawler " + name + " runs on");
    const json crawler = ObjectIn(*answer, "Crawler");
    const std::string state = TextIn(crawler, "State");
    if (state != told) tell(told = state);
    const json last = ObjectIn(crawler, "LastCrawl");
    if (state == "READY" && StampOf(crawler) != stamp) {
      const std::string status = TextIn(last, "Status");
      const std::string log = TextIn(last, "LogGroup") + ' ' + TextIn(last, "LogStream");
      if (status == "SUCCEEDED") return GlueOutcome{.state = status, .log = log};
      return InvalidArgument("crawler " + name + " ended as " + status + ": " +
                             TextIn(last, "ErrorMessage") + " (log " + log + ')');
    }
    if (state == "READY" && ++unseen_count > kUnseenLooksMax) {
      return Unavailable("crawler " + name + " was started, but no crawl of it is to be seen");
    }
    Pause(pause);
  }
}

Status GlueRuns::PutJob(const GlueJobSpec& spec) {
  json job = {{"Role", spec.role},
              {"Command",
               {{"Name", "glueetl"}, {"ScriptLocation", spec.script}, {"PythonVersion", "3"}}},
              {"DefaultArguments", spec.arguments},
              {"GlueVersion", spec.glue_version},
              {"WorkerType", spec.worker_type},
              {"NumberOfWorkers", spec.workers_count},
              {"Timeout", spec.timeout_minutes},
              {"MaxRetries", 0},
              {"ExecutionProperty", {{"MaxConcurrentRuns", 1}}}};
  json request = job;
  request["Name"] = spec.name;
  Status created = DoneBy(CallJson(calls_, "AWSGlue.CreateJob", request));
  if (created || created.error().code != ErrorCode::kAlreadyExists) return created;
  return DoneBy(
      CallJson(calls_, "AWSGlue.UpdateJob", {{"JobName", spec.name}, {"JobUpdate", job}}));
}

Result<GlueOutcome> GlueRuns::RunJob(const std::string& name,
                                     const std::map<std::string, std::string>& arguments,
                                     const std::function<void(const std::string&)>& tell) {
  auto started = CallJson(uncancelled_, "AWSGlue.StartJobRun",
                          {{"JobName", name}, {"Arguments", arguments}});
  if (!started) {
    Error error = std::move(started).error();
    if (error.code == ErrorCode::kConflict) {
      error.message += "; a run of job " + name + " is at work: wait for it to end";
    }
    return error;
  }
  const std::string id = TextIn(*started, "JobRunId");
  if (id.empty()) return CorruptData("StartJobRun: an id is expected, found none");
  return FollowJob(name, id, tell);
}

Result<GlueOutcome> GlueRuns::FollowJob(const std::string& name, const std::string& id,
                                        const std::function<void(const std::string&)>& tell) {
  std::string told;
  milliseconds pause = options_.pause_min;
  while (true) {
    const auto stop = [&] {
      return StoppedOnRequest(
          "run " + id + " of job " + name,
          DoneBy(CallJson(uncancelled_, "AWSGlue.BatchStopJobRun",
                          {{"JobName", name}, {"JobRunIds", json::array({id})}})));
    };
    if (cancel_.is_cancelled()) return stop();
    auto answer = CallJson(calls_, "AWSGlue.GetJobRun", {{"JobName", name}, {"RunId", id}});
    if (cancel_.is_cancelled()) return stop();
    if (!answer) {
      return std::move(answer).error().WithContext("run " + id + " of job " + name + " goes on");
    }
    const json run = ObjectIn(*answer, "JobRun");
    const std::string state = TextIn(run, "JobRunState");
    if (state != told) tell(told = state);
    if (state == "SUCCEEDED") {
      return GlueOutcome{.id = id,
                         .state = state,
                         .seconds = static_cast<int64_t>(NumberIn(run, "ExecutionTime")),
                         .dpu_seconds = NumberIn(run, "DPUSeconds"),
                         .log = TextIn(run, "LogGroupName") + ' ' + id};
    }
    if (is_any_of(state, {"FAILED", "ERROR", "TIMEOUT", "STOPPED", "EXPIRED"})) {
      return InvalidArgument("run " + id + " of job " + name + " ended as " + state + ": " +
                             TextIn(run, "ErrorMessage") + " (log " +
                             TextIn(run, "LogGroupName") + ' ' + id + ')');
    }
    Pause(pause);
  }
}

}  // namespace daypart::aws
