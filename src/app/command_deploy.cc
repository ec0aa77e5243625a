// SPDX-License-Identifier: Apache-2.0
//
// daypart deploy iam: policies printed, or written as files with the two commands that make a role
// of them. Nothing in the account is changed.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/doctor.h"
#include "app/iam_policies.h"

namespace daypart::app {
namespace {

Status WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text << '\n';
  if (!out.flush()) return SystemError("writing " + path.string(), errno);
  return Ok();
}

Status WriteRole(const std::filesystem::path& folder, const RolePolicy& role,
                 const OutputOptions& output) {
  const std::string name = "daypart-" + role.role;
  const std::filesystem::path policy = folder / (name + ".json");
  const std::filesystem::path trust = folder / (name + "-trust.json");
  DAYPART_RETURN_IF_ERROR(WriteFile(policy, role.policy.dump(2)));
  DAYPART_RETURN_IF_ERROR(WriteFile(trust, role.trust.dump(2)));
  if (output.is_quiet || output.is_json) return Ok();
  PrintLine("# " + role.purpose);
  PrintLine("aws iam create-role --role-name " + name + " --assume-role-policy-document file://" +
            trust.string());
  PrintLine("aws iam put-role-policy --role-name " + name + " --policy-name lake" +
            " --policy-document file://" + policy.string());
  return Ok();
}

/// As given, of the configured catalog, or of whoever calls.
Result<std::string> AccountOf(LakeSession& session, const std::string& given) {
  if (!given.empty()) return given;
  auto caller = CallerOf(session);
  if (caller) return caller->account;
  return InvalidArgument("the account's number is expected: --account 123456789012 (" +
                         caller.error().message + ")");
}

}  // namespace

Result<int> RunDeployIam(LakeSession& session, const DeployIamArguments& arguments,
                         const OutputOptions& output) {
  const Config& config = session.config();
  if (!is_on_aws(config)) {
    return InvalidArgument("a lake on AWS is expected: daypart.toml names no store on S3, no Glue "
                           "catalog, no [athena] and no stream of Kinesis");
  }
  IamPlace place;
  DAYPART_TRY(place.account, AccountOf(session, arguments.account));
  place.region = session.Region("");
  place.glue_region = session.Region(config.glue_region);
  place.athena_region = session.Region(config.athena_region);
  place.kinesis_region = session.Region(config.kinesis_region);
  place.databases = arguments.databases;
  DAYPART_TRY(auto roles, MakeRolePolicies(config, place));
  if (!arguments.role.empty()) {
    std::erase_if(roles, [&](const RolePolicy& role) { return role.role != arguments.role; });
  }
  // IAM takes no policy without a statement.
  std::erase_if(roles, [](const RolePolicy& role) {
    const bool is_empty = role.policy["Statement"].empty();
    if (is_empty) {
      PrintNotice("role " + role.role + " needs no policy: as configured it calls nothing of AWS");
    }
    return is_empty;
  });
  if (roles.empty()) return kExitDone;
  if (!arguments.out.empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.out, error);
    if (error) return SystemError("making " + arguments.out, error.value());
    for (const RolePolicy& role : roles) {
      DAYPART_RETURN_IF_ERROR(WriteRole(arguments.out, role, output));
    }
    return kExitDone;
  }
  // One role is printed as it goes into put-role-policy.
  if (!arguments.role.empty()) {
    PrintLine(roles.front().policy.dump(2));
    return kExitDone;
  }
  nlohmann::json all = nlohmann::json::object();
  for (const RolePolicy& role : roles) all[role.role] = role.policy;
  PrintLine(all.dump(2));
  return kExitDone;
}

}  // namespace daypart::app
