// SPDX-License-Identifier: Apache-2.0
//
// Work that AWS Glue does for us: crawlers and jobs are made, started, followed to their end, and
// stopped when the user stops. source: AWS Glue Web API Reference, "Crawlers", "Jobs", "Job runs".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "aws/service.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

namespace daypart::aws {

struct GlueCrawlerSpec {
  std::string name;
  std::string role;      // ARN or name of the role that reads the files
  std::string database;
  std::string path;      // s3://bucket/prefix/
};

struct GlueJobSpec {
  std::string name;
  std::string role;
  std::string script;    // s3://…py
  std::string glue_version = "5.0";
  std::string worker_type = "G.1X";
  int64_t workers_count = 2;
  int64_t timeout_minutes = 60;
  std::map<std::string, std::string> arguments;  // "--key" -> value, of every run
};

/// How a crawl or a job's run ended.
struct GlueOutcome {
  std::string id;        // of a job's run
  std::string state;     // SUCCEEDED, …
  int64_t seconds = 0;   // of a job's run
  double dpu_seconds = 0;
  std::string log;       // log group and stream, where they are known
};

struct GlueRunsOptions {
  std::string region;
  std::string endpoint;
  http::RetryPolicy retry;
  std::chrono::milliseconds pause_min{1'000};
  std::chrono::milliseconds pause_max{15'000};
};

class GlueRuns {
 public:
  /// Everything passed must outlive it.
  GlueRuns(http::Client& http, CredentialSource& credentials, Clock& clock, Random& random,
           const CancelToken& cancel, GlueRunsOptions options);

  /// Makes the crawler, or changes it to be as described.
  Status PutCrawler(const GlueCrawlerSpec& spec);
  /// Starts the crawler and waits for the end; one that is at work already is waited for.
  ///
  /// tell: called with each state that is new.
  /// errors: kInvalidArgument with Glue's reason if the crawl failed; kCancelled once `cancel` is,
  ///   after the crawler was told to stop; kNotFound.
  Result<GlueOutcome> RunCrawler(const std::string& name,
                                 const std::function<void(const std::string&)>& tell);

  /// Makes the job, or changes it to be as described.
  Status PutJob(const GlueJobSpec& spec);
  /// Starts a run and waits for its end. errors: as RunCrawler.
  Result<GlueOutcome> RunJob(const std::string& name,
                             const std::map<std::string, std::string>& arguments,
                             const std::function<void(const std::string&)>& tell);

 private:
  Result<GlueOutcome> FollowJob(const std::string& name, const std::string& id,
                                const std::function<void(const std::string&)>& tell);
  void Pause(std::chrono::milliseconds& pause);

  Clock& clock_;
  const CancelToken& cancel_;
  const GlueRunsOptions options_;
  Service calls_;
  Service uncancelled_;  // starts and stops are carried through
};

}  // namespace daypart::aws
