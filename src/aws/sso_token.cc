// SPDX-License-Identifier: Apache-2.0
//
// source: AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider"; IAM
// Identity Center OIDC API Reference, CreateToken.
#include "aws/sso_token.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "aws/json_call.h"
#include "aws/service.h"
#include "base/log.h"

namespace daypart::aws {
namespace {

using nlohmann::json;

/// A token that ends sooner is renewed, as the AWS tools do.
constexpr int64_t kRenewMicros = int64_t{15} * 60 * 1'000'000;
constexpr std::chrono::milliseconds kTokenTimeout{20'000};

std::string IsoTime(UtcMicros time) {
  const auto seconds = static_cast<time_t>(time.value() / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t bytes = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, bytes};
}

/// Whether the cache holds all that CreateToken wants, and the client's registration goes on.
bool can_renew(const json& cached, UtcMicros now) {
  for (const char* key : {"refreshToken", "clientId", "clientSecret"}) {
    if (TextIn(cached, key).empty()) return false;
  }
  const auto registered = ParseIsoTime(TextIn(cached, "registrationExpiresAt"));
  return !registered || *registered > now;
}

/// The cache's document with a new token. errors: what the service said, without any token.
Result<json> Renew(http::Client& http, Clock& clock, const SsoCache& cache, const json& cached) {
  const std::string body = json{{"grantType", "refresh_token"},
                                {"clientId", TextIn(cached, "clientId")},
                                {"clientSecret", TextIn(cached, "clientSecret")},
                                {"refreshToken", TextIn(cached, "refreshToken")}}
                               .dump();
  const UtcMicros asked = clock.Now();
  DAYPART_TRY(const http::Response response,
              http.Send({.method = "POST",
                         .url = cache.endpoint + "/token",
                         .headers = {{"Content-Type", "application/json"}},
                         .body = std::as_bytes(std::span(body)),
                         .total_timeout = kTokenTimeout}));
  if (!response.is_success()) return ToError(response, cache.origin + ", sso-oidc:CreateToken");
  const json told = json::parse(response.body, nullptr, false);
  const std::string token = TextIn(told, "accessToken");
  const auto lasts = told.is_object() ? told.find("expiresIn") : told.end();
  if (token.empty() || lasts == told.end() || !lasts->is_number_integer()) {
    return PermissionDenied(cache.origin + ": sso-oidc:CreateToken gave no token");
  }
  json renewed = cached;
  renewed["accessToken"] = token;
  renewed["expiresAt"] =
      IsoTime(UtcMicros(asked.value() + lasts->get<int64_t>() * 1'000'000));
  // A refresh token may be good for one time only: then the next one comes with the answer.
  if (const std::string next = TextIn(told, "refreshToken"); !next.empty()) {
    renewed["refreshToken"] = next;
  }
  return renewed;
}

/// Beside the file, then in its place: who reads it sees the one or the other, whole.
Status WriteSecret(const std::string& path, const std::string& text) {
  const std::string beside = path + ".daypart-" + std::to_string(::getpid());
  const int descriptor =
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return SystemError("making " + beside, errno);
  const ssize_t written = ::write(descriptor, text.data(), text.size());
  const bool is_whole = written == static_cast<ssize_t>(text.size());
  const bool is_closed = ::close(descriptor) == 0;
  if (is_whole && is_closed && ::rename(beside.c_str(), path.c_str()) == 0) return Ok();
  const int error_number = errno;
  (void)::unlink(beside.c_str());  // The error that led here is the one to tell.
  return SystemError("writing " + path, error_number);
}

}  // namespace

Result<std::string> SsoAccessToken(http::Client& http, Clock& clock,
                                   const ChainSurroundings& around, const SsoCache& cache) {
  const auto text = around.read_file(cache.path);
  json cached = text ? json::parse(*text, nullptr, false) : json();
  const UtcMicros now = clock.Now();
  const auto expires = ParseIsoTime(TextIn(cached, "expiresAt"));
  const bool is_valid = expires && *expires > now && !TextIn(cached, "accessToken").empty();
  const bool is_due = !is_valid || expires->value() - now.value() < kRenewMicros;
  std::string why;
  if (is_due && can_renew(cached, now)) {
    auto renewed = Renew(http, clock, cache, cached);
    if (renewed) {
      const Status kept = WriteSecret(cache.path, renewed->dump(2) + '\n');
      if (!kept) {
        Log(LogLevel::kWarning, cache.origin + ": the renewed SSO token could not be kept: " +
                                    kept.error().message);
      }
      return TextIn(*renewed, "accessToken");
    }
    why = "; it could not be renewed: " + renewed.error().message;
    if (is_valid) Log(LogLevel::kWarning, cache.origin + ": the SSO token ends soon" + why);
  }
  if (is_valid) return TextIn(cached, "accessToken");
  return PermissionDenied(cache.origin + ": there is no valid SSO token" + why +
                          "; log in with: aws sso login");
}

}  // namespace daypart::aws
