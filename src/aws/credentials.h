// SPDX-License-Identifier: Apache-2.0
//
// Who signs: keys, and the chain that finds them as the AWS SDKs do: environment, web identity,
// the shared config and credentials files (assumed roles, SSO, credential_process), the container
// endpoint, the instance's metadata. Keys with an end are fetched anew before it. Never shows a
// secret in a log, a message or an error.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "aws/profile_file.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"

namespace daypart::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::optional<UtcMicros> expires;
  std::string origin;  // "environment", "profile etl", …: for messages
};

/// Thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// errors: kPermissionDenied if there are none, with where they were looked for; kUnavailable.
  virtual Result<Credentials> Get() = 0;
  /// A service called them expired: the next Get fetches new ones.
  virtual void Refuse() = 0;
};

/// What the chain sees of the machine; a test gives its own.
struct ChainSurroundings {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  /// errors: kNotFound.
  std::function<Result<std::string>(const std::string& path)> read_file;
  /// Runs a shell command. returns: its standard output.
  std::function<Result<std::string>(const std::string& command)> run;
};

/// The process's environment, files and shell.
ChainSurroundings RealSurroundings();

/// The shared files, or what there is of them: $AWS_CONFIG_FILE, $AWS_SHARED_CREDENTIALS_FILE, else
/// ~/.aws/config and ~/.aws/credentials.
ProfileFiles ReadProfileFiles(const ChainSurroundings& around);
/// Where they are, for messages too.
std::string ConfigFilePath(const ChainSurroundings& around);
std::string CredentialsFilePath(const ChainSurroundings& around);

struct ChainOptions {
  /// Empty: $AWS_PROFILE, else "default". One named here goes before the environment.
  std::string profile;
  std::string region;   // of the STS calls that assume roles
  std::string sts_endpoint;  // instead of AWS's
};

/// http and clock must outlive the source.
std::unique_ptr<CredentialSource> MakeCredentialChain(http::Client& http, Clock& clock,
                                                      ChainSurroundings surroundings,
                                                      ChainOptions options);

/// Keeps what `fetch` gives until five minutes before it expires; goes on with it until it really
/// expires while fetching fails.
std::unique_ptr<CredentialSource> MakeRefreshing(Clock& clock,
                                                 std::function<Result<Credentials>()> fetch);

/// The profile that is meant: the one that is given, else $AWS_PROFILE, else "default".
std::string ProfileNameOf(const ChainSurroundings& around, const std::string& profile);

/// region in the profile's config; empty if there is none.
std::string RegionOfProfile(const ChainSurroundings& surroundings, const std::string& profile);

/// "2026-11-24T20:00:00Z" with or without fractions or an offset of zero.
std::optional<UtcMicros> ParseIsoTime(std::string_view text);

}  // namespace daypart::aws
