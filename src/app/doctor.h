// SPDX-License-Identifier: Apache-2.0
//
// daypart doctor: what a lake needs, tried one by one: each finding is a line with what was tried,
// what came of it and what to do. Whatever is tried is taken back (a probe object, a probe table);
// nothing of the lake is changed. Once a service cannot be reached or takes no keys, the rest of
// its checks are left out, so that one trouble is one line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/lake_session.h"
#include "base/result.h"

namespace daypart::app {

enum class Outcome { kFine, kFailed, kSkipped };

struct Check {
  std::string service;  // "lake", "s3", "glue", …
  std::string what;     // what was tried: an IAM action where there is one
  Outcome outcome = Outcome::kFine;
  std::string found;
  std::string missing;  // the IAM action that the service refused, or empty
  std::string remedy;   // what to do; empty if nothing
};

/// Findings as they come.
class Findings {
 public:
  void Fine(std::string service, std::string what, std::string found);
  void Failed(std::string service, std::string what, std::string found, std::string remedy);
  void Skipped(std::string service, std::string what, std::string why);
  /// A call that was refused or lost. action: what the IAM policy has to allow. returns: whether
  /// more calls of this service make sense.
  bool Refused(std::string service, std::string action, const Error& error,
               std::string_view endpoint);
  const std::vector<Check>& checks() const { return checks_; }
  bool is_well() const;

 private:
  std::vector<Check> checks_;
};

/// The machine: folders, locks, space, clock, the catalog's file, DuckDB, folders of streams.
void ExamineMachine(const Config& config, Findings& findings);

/// Whether the configuration names a service of AWS.
bool is_on_aws(const Config& config);

/// Endpoints, credentials, who they belong to, clock, S3, Glue, Athena, Kinesis: those that are
/// configured. catalog_kind: of the lake; the session's own may differ.
void ExamineAws(LakeSession& session, const std::string& catalog_kind, Findings& findings);

/// Before there is a lake: which credentials there are and whose. None are no failure.
void ExamineCredentialsAlone(LakeSession& session, Findings& findings);

struct CallerIdentity {
  std::string account;
  std::string arn;
};
/// Who the credentials belong to (sts:GetCallerIdentity, which no policy can refuse).
Result<CallerIdentity> CallerOf(LakeSession& session);

}  // namespace daypart::app
