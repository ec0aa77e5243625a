// SPDX-License-Identifier: Apache-2.0
//
// Keeping and renewing credentials, and what the chain sees of this machine.
#include "aws/credentials.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <utility>

#include "aws/profile_file.h"
#include "base/log.h"

namespace daypart::aws {
namespace {

/// Five minutes, as the SDKs have it: long enough for a slow call signed just before.
constexpr int64_t kRefreshMicros = int64_t{300} * 1'000'000;
/// While those at hand are valid, a service that gives no new ones is not asked at every call.
constexpr int64_t kTryAgainMicros = int64_t{30} * 1'000'000;
/// A credential_process that prints more is none.
constexpr size_t kProcessBytesMax = 1 << 20;

class Refreshing final : public CredentialSource {
 public:
  Refreshing(Clock& clock, std::function<Result<Credentials>()> fetch)
      : clock_(clock), fetch_(std::move(fetch)) {}

  Result<Credentials> Get() override {
    // Held over the fetch on purpose: other threads have nothing to sign with meanwhile, and one
    // call to STS is enough.
    const std::lock_guard lock(mutex_);
    const int64_t now = clock_.Now().value();
    const bool is_kept = kept_.has_value() && !is_refused_;
    if (is_kept && (!kept_->expires || now < kept_->expires->value() - kRefreshMicros)) {
      return *kept_;
    }
    const bool is_valid = is_kept && now < kept_->expires->value();
    if (is_valid && now < next_try_) return *kept_;
    auto fetched = fetch_();
    if (!fetched) {
      if (is_valid) {
        next_try_ = now + kTryAgainMicros;
        Log(LogLevel::kWarning, "new credentials could not be had yet: " + fetched.error().message);
        return *kept_;
      }
      return fetched;
    }
    kept_ = std::move(fetched).value();
    is_refused_ = false;
    return *kept_;
  }

  void Refuse() override {
    const std::lock_guard lock(mutex_);
    is_refused_ = true;
  }

 private:
  Clock& clock_;
  const std::function<Result<Credentials>()> fetch_;
  std::mutex mutex_;  // guards what follows
  std::optional<Credentials> kept_;
  bool is_refused_ = false;
  int64_t next_try_ = 0;
};

Result<std::string> RunShell(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return PermissionDenied("the command cannot be started");
  std::string text;
  char piece[4096];
  while (const size_t got = std::fread(piece, 1, sizeof(piece), pipe)) {
    text.append(piece, got);
    if (text.size() > kProcessBytesMax) break;
  }
  const int code = ::pclose(pipe);
  if (code != 0) return PermissionDenied("the command ended with code " + std::to_string(code));
  return text;
}

std::string SharedFilePath(const ChainSurroundings& around, const char* variable,
                           const char* name) {
  const std::string given = around.environment(variable).value_or("");
  return given.empty() ? around.environment("HOME").value_or("") + "/.aws/" + name : given;
}

}  // namespace

std::unique_ptr<CredentialSource> MakeRefreshing(Clock& clock,
                                                 std::function<Result<Credentials>()> fetch) {
  return std::make_unique<Refreshing>(clock, std::move(fetch));
}

ChainSurroundings RealSurroundings() {
  return {.environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr) return std::nullopt;
            return std::string(value);
          },
          .read_file = [](const std::string& path) -> Result<std::string> {
            std::ifstream file(path, std::ios::binary);
            if (!file) return NotFound("no such file: " + path);
            return std::string(std::istreambuf_iterator<char>(file), {});
          },
          .run = RunShell};
}

std::string ConfigFilePath(const ChainSurroundings& around) {
  return SharedFilePath(around, "AWS_CONFIG_FILE", "config");
}

std::string CredentialsFilePath(const ChainSurroundings& around) {
  return SharedFilePath(around, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
}

ProfileFiles ReadProfileFiles(const ChainSurroundings& around) {
  ProfileFiles files;
  if (const auto text = around.read_file(ConfigFilePath(around))) {
    AddProfileFile(*text, false, files);
  }
  if (const auto text = around.read_file(CredentialsFilePath(around))) {
    AddProfileFile(*text, true, files);
  }
  return files;
}

std::string ProfileNameOf(const ChainSurroundings& around, const std::string& profile) {
  if (!profile.empty()) return profile;
  const std::string named = around.environment("AWS_PROFILE").value_or("");
  return named.empty() ? "default" : named;
}

std::string RegionOfProfile(const ChainSurroundings& surroundings, const std::string& profile) {
  const ProfileFiles files = ReadProfileFiles(surroundings);
  const auto found = files.profiles.find(ProfileNameOf(surroundings, profile));
  if (found == files.profiles.end()) return "";
  const auto region = found->second.find("region");
  return region == found->second.end() ? "" : region->second;
}

std::optional<UtcMicros> ParseIsoTime(std::string_view text) {
  std::tm parts{};
  const std::string owned(text);
  if (strptime(owned.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return std::nullopt;
  return UtcMicros(static_cast<int64_t>(timegm(&parts)) * 1'000'000);
}

}  // namespace daypart::aws
