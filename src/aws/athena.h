// SPDX-License-Identifier: Apache-2.0
//
// Amazon Athena's API as values: a statement is started, looked at, stopped, its rows come in
// pages. Waiting, and what the rows mean, are the caller's. source: Amazon Athena API Reference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aws/service.h"
#include "base/result.h"

namespace daypart::aws {

struct AthenaOptions {
  std::string region;
  std::string endpoint;   // empty: AWS's own
  std::string workgroup = "primary";
  std::string output;     // s3://bucket/prefix/ of results; empty: the workgroup's
  std::string encryption;  // of results: "", SSE_S3 or SSE_KMS
  std::string kms_key;
  std::string catalog = "AwsDataCatalog";
  std::string database = "media";
  int64_t reuse_minutes = 0;  // results of the same statement up to this old are taken; 0: never
  http::RetryPolicy retry;
};

enum class AthenaState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

/// What Athena tells of a statement.
struct AthenaStatement {
  std::string id;
  AthenaState state = AthenaState::kQueued;
  std::string reason;          // of a failure
  bool may_be_retried = false;  // Athena says so of the failure
  std::string type;            // DML, DDL or UTILITY
  std::string output;          // s3://… of the result; empty if it is kept by Athena
  int64_t scanned_bytes = 0;
  int64_t queued_ms = 0;
  int64_t total_ms = 0;
  bool is_reused = false;      // an earlier result was taken
};

struct AthenaColumn {
  std::string name;
  std::string type;  // "varchar", "decimal", …
  int32_t precision = 0;
  int32_t scale = 0;
};

struct AthenaPage {
  std::vector<AthenaColumn> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::string next_token;  // empty: the last page
  std::optional<int64_t> rows_updated;
};

/// The most that GetQueryResults gives at once.
inline constexpr int kAthenaPageRowsMax = 1000;

class Athena {
 public:
  /// Everything passed must outlive it. cancel ends waiting for a look or a page; Start and Stop
  /// are always carried through, so that no statement runs on unknown.
  Athena(http::Client& http, CredentialSource& credentials, Clock& clock, Random& random,
         const CancelToken* cancel, AthenaOptions options);

  /// returns: the statement's id. A repetition after a lost answer starts it once only.
  /// errors: kInvalidArgument with Athena's words; kPermissionDenied; kUnavailable.
  Result<std::string> Start(const std::string& sql);
  Result<AthenaStatement> Look(const std::string& id);
  Status Stop(const std::string& id);
  Result<AthenaPage> Page(const std::string& id, const std::string& token);

  const AthenaOptions& options() const { return options_; }

 private:
  Random& random_;
  const AthenaOptions options_;
  Service calls_;
  Service uncancelled_;
};

/// USD: what the statement costs at `usd_per_tib`. Each statement counts as 10 MiB at least unless
/// it scanned nothing. source: Amazon Athena pricing, "SQL queries".
double AthenaCostUsd(const AthenaStatement& statement, double usd_per_tib);

}  // namespace daypart::aws
