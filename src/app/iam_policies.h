// SPDX-License-Identifier: Apache-2.0
//
// IAM policies made from the configuration: for each role what Daypart's commands of that role
// call, on the buckets, tables, streams and workgroup that daypart.toml names, and nothing else.
// Pure; who makes the roles is the user. tests/interop/test_iam.py compares them with the calls
// really made.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"

namespace daypart::app {

/// Where the resources of the policies are.
struct IamPlace {
  std::string account;    // 12 digits
  std::string region;     // of Glue, Athena and streams without one of their own
  std::string glue_region;
  std::string athena_region;
  std::string kinesis_region;
  std::vector<std::string> databases;  // more than media and media_raw
};

struct RolePolicy {
  std::string role;     // "ingest"
  std::string purpose;  // which commands it is for
  nlohmann::json policy;
  nlohmann::json trust;  // who may take the role
};

/// All roles: ingest, etl, query, lambda, airflow.
/// errors: kInvalidArgument for an account that is none, or a lake that is on no service of AWS.
Result<std::vector<RolePolicy>> MakeRolePolicies(const Config& config, const IamPlace& place);

}  // namespace daypart::app
