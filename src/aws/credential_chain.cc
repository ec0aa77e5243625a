// SPDX-License-Identifier: Apache-2.0
//
// The order in which the SDKs look: a profile named on purpose; else environment, web identity,
// the shared files' profile, container endpoint, instance metadata.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <set>
#include <utility>

#include "aws/credentials.h"
#include "aws/digest.h"
#include "aws/endpoint.h"
#include "aws/json_call.h"
#include "aws/profile_file.h"
#include "aws/service.h"
#include "aws/sso_token.h"

namespace daypart::aws {
namespace {

using nlohmann::json;

/// Profiles that name each other as their source: more is a loop.
constexpr int kProfileDepthMax = 8;
/// Metadata endpoints are on the machine or not there at all.
constexpr std::chrono::milliseconds kMetadataTimeout{2'000};
/// What STS takes as DurationSeconds of AssumeRole.
constexpr int kRoleSecondsMin = 900;
constexpr int kRoleSecondsMax = 43'200;

/// Keys that are there already, as a source for the calls that get others.
class Fixed final : public CredentialSource {
 public:
  explicit Fixed(Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<Credentials> Get() override { return credentials_; }
  void Refuse() override {}

 private:
  const Credentials credentials_;
};

/// The JSON that credential_process, containers and instances answer with. Its text is never put
/// into an error, because it may hold a secret.
Result<Credentials> FromJson(const std::string& text, const char* token_key, std::string origin) {
  const json document = json::parse(text, nullptr, false);
  Credentials credentials{.access_key_id = TextIn(document, "AccessKeyId"),
                          .secret_access_key = TextIn(document, "SecretAccessKey"),
                          .session_token = TextIn(document, token_key),
                          .expires = ParseIsoTime(TextIn(document, "Expiration")),
                          .origin = std::move(origin)};
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return PermissionDenied(credentials.origin +
                            ": JSON with AccessKeyId and SecretAccessKey is expected, found none");
  }
  return credentials;
}

/// Containers' tokens go over plain http to this machine and to the agents' own addresses alone.
/// source: AWS SDKs and Tools Reference Guide, "Container credential provider".
bool is_trusted_agent(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view kHttp = "http://";
  if (!url.starts_with(kHttp)) return false;
  std::string_view host = url.substr(kHttp.size());
  host = host.substr(0, host.find('/'));
  const size_t port = host.rfind(':');
  const bool has_port = port != std::string_view::npos && host.find(']', port) == host.npos;
  if (has_port) host = host.substr(0, port);
  const bool is_address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || host == "169.254.170.2" ||
         host == "169.254.170.23" || host == "[fd00:ec2::23]" ||
         (is_address && host.starts_with("127."));
}

class Chain {
 public:
  Chain(http::Client& http, Clock& clock, ChainSurroundings surroundings, ChainOptions options)
      : http_(http),
        clock_(clock),
        around_(std::move(surroundings)),
        options_(std::move(options)) {}

  Result<Credentials> Fetch() {
    if (options_.profile.empty()) {
      const std::string key = Env("AWS_ACCESS_KEY_ID");
      const std::string secret = Env("AWS_SECRET_ACCESS_KEY");
      if (!key.empty() && !secret.empty()) {
        return Credentials{.access_key_id = key,
                           .secret_access_key = secret,
                           .session_token = Env("AWS_SESSION_TOKEN"),
                           .expires = std::nullopt,
                           .origin = "environment"};
      }
      const std::string token_file = Env("AWS_WEB_IDENTITY_TOKEN_FILE");
      const std::string role = Env("AWS_ROLE_ARN");
      if (!token_file.empty() && !role.empty()) {
        return WebIdentity(token_file, role, Env("AWS_ROLE_SESSION_NAME"));
      }
    }
    const std::string profile = ProfileNameOf(around_, options_.profile);
    files_ = ReadProfileFiles(around_);
    const bool is_named = !options_.profile.empty() || !Env("AWS_PROFILE").empty();
    if (files_.profiles.contains(profile)) {
      auto found = FromProfile(profile, 0);
      if (found || is_named || found.error().code != ErrorCode::kNotFound) return found;
    } else if (is_named) {
      return PermissionDenied("profile '" + profile + "' is in neither " + ConfigPath() + " nor " +
                              CredentialsPath() + "; see aws configure list-profiles");
    }
    auto container = FromContainer();
    if (container || container.error().code != ErrorCode::kNotFound) return container;
    auto instance = FromInstance();
    if (instance || instance.error().code != ErrorCode::kNotFound) return instance;
    return PermissionDenied(
        "no AWS credentials: looked at AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, profile '" +
        profile +
        "', the container endpoint and the instance metadata; aws configure writes a profile");
  }

 private:
  std::string Env(const std::string& name) const {
    return around_.environment(name).value_or("");
  }
  std::string ConfigPath() const { return ConfigFilePath(around_); }
  std::string CredentialsPath() const { return CredentialsFilePath(around_); }

  /// errors: kNotFound if the profile says nothing of credentials.
  Result<Credentials> FromProfile(const std::string& name, int depth) {
    if (depth > kProfileDepthMax) {
      return InvalidArgument("profile '" + name + "': source_profile leads in a circle");
    }
    const auto found = files_.profiles.find(name);
    if (found == files_.profiles.end()) {
      return InvalidArgument("source_profile '" + name + "' is not in " + ConfigPath());
    }
    const ProfileSettings& settings = found->second;
    const auto get = [&](const char* key) {
      const auto at = settings.find(key);
      return at == settings.end() ? std::string() : at->second;
    };
    const std::string origin = "profile " + name;
    const bool has_keys =
        !get("aws_access_key_id").empty() && !get("aws_secret_access_key").empty();
    const std::string role = get("role_arn");
    // A profile that is its own source means its keys; else a role goes first.
    if (!role.empty() && !(depth > 0 && get("source_profile") == name && has_keys)) {
      if (!get("mfa_serial").empty()) return NeedsCode(name);
      if (const auto token_file = get("web_identity_token_file"); !token_file.empty()) {
        return WebIdentity(token_file, role, get("role_session_name"));
      }
      DAYPART_TRY(const Credentials source, SourceOf(settings, name, depth));
      return AssumeRole(source, role, settings).WithContext(origin);
    }
    if (has_keys) {
      return Credentials{.access_key_id = get("aws_access_key_id"),
                         .secret_access_key = get("aws_secret_access_key"),
                         .session_token = get("aws_session_token"),
                         .expires = std::nullopt,
                         .origin = origin};
    }
    if (!get("sso_account_id").empty()) return FromSso(settings, origin);
    if (const std::string command = get("credential_process"); !command.empty()) {
      DAYPART_TRY(const std::string text,
                  around_.run(command).WithContext(origin + ", credential_process"));
      return FromJson(text, "SessionToken", origin + ", credential_process");
    }
    return NotFound(origin + " has no credentials");
  }

  static Error NeedsCode(const std::string& profile) {
    return PermissionDenied(
        "profile '" + profile +
        "' has mfa_serial, whose code nobody can be asked for here: take out credentials with "
        "aws configure export-credentials --profile " + profile +
        " --format env and put them into the environment");
  }

  /// errors: kInvalidArgument.
  static Result<std::string> RoleSeconds(const ProfileSettings& settings) {
    const auto at = settings.find("duration_seconds");
    if (at == settings.end()) return std::string("3600");
    const std::string& text = at->second;
    const bool is_number = !text.empty() && text.size() <= 5 &&
                           text.find_first_not_of("0123456789") == std::string::npos;
    const int seconds = is_number ? std::atoi(text.c_str()) : 0;
    if (seconds >= kRoleSecondsMin && seconds <= kRoleSecondsMax) return text;
    return InvalidArgument("duration_seconds of 900 to 43200 is expected, found '" + text + "'");
  }

  Result<Credentials> SourceOf(const ProfileSettings& settings, const std::string& name,
                               int depth) {
    if (const auto at = settings.find("source_profile"); at != settings.end()) {
      return FromProfile(at->second, depth + 1);
    }
    const auto at = settings.find("credential_source");
    const std::string source = at == settings.end() ? "" : at->second;
    if (source == "Environment") {
      if (Env("AWS_ACCESS_KEY_ID").empty() || Env("AWS_SECRET_ACCESS_KEY").empty()) {
        return PermissionDenied("profile '" + name +
                                "' takes its source from the environment: AWS_ACCESS_KEY_ID and "
                                "AWS_SECRET_ACCESS_KEY are expected there");
      }
      return Credentials{.access_key_id = Env("AWS_ACCESS_KEY_ID"),
                         .secret_access_key = Env("AWS_SECRET_ACCESS_KEY"),
                         .session_token = Env("AWS_SESSION_TOKEN"),
                         .expires = std::nullopt,
                         .origin = "environment"};
    }
    if (source == "EcsContainer") return FromContainer();
    if (source == "Ec2InstanceMetadata") return FromInstance();
    return InvalidArgument("profile '" + name +
                           "' has role_arn: source_profile or credential_source is expected too");
  }

  std::string StsRegion() const { return options_.region.empty() ? "us-east-1" : options_.region; }

  Result<Endpoint> StsEndpoint() const {
    return FindEndpoint(around_, {.service = "sts",
                                  .region = StsRegion(),
                                  .configured = options_.sts_endpoint,
                                  .profile = options_.profile});
  }

  static Result<Credentials> FromSts(const std::string& xml, const std::string& origin) {
    pugi::xml_document document;
    const bool is_xml = document.load_buffer(xml.data(), xml.size());
    const pugi::xml_node node = document.find_node([](const pugi::xml_node& candidate) {
      return std::string_view(candidate.name()) == "Credentials";
    });
    if (!is_xml || !node) return PermissionDenied(origin + ": STS answered without Credentials");
    return Credentials{.access_key_id = node.child_value("AccessKeyId"),
                       .secret_access_key = node.child_value("SecretAccessKey"),
                       .session_token = node.child_value("SessionToken"),
                       .expires = ParseIsoTime(node.child_value("Expiration")),
                       .origin = origin};
  }

  Result<Credentials> AssumeRole(const Credentials& source, const std::string& role,
                                 const ProfileSettings& settings) {
    const auto get = [&](const char* key, const char* fallback) {
      const auto at = settings.find(key);
      return at == settings.end() ? std::string(fallback) : at->second;
    };
    DAYPART_TRY(const std::string seconds, RoleSeconds(settings));
    Parameters form = {{"Action", "AssumeRole"},
                       {"Version", "2011-06-15"},
                       {"RoleArn", role},
                       {"RoleSessionName", get("role_session_name", "daypart")},
                       {"DurationSeconds", seconds}};
    if (settings.contains("external_id")) form.emplace_back("ExternalId", get("external_id", ""));
    Fixed fixed(source);
    DAYPART_TRY(const Endpoint endpoint, StsEndpoint());
    Service sts(http_, fixed, clock_, random_, nullptr,
                {.name = "sts", .region = StsRegion(), .endpoint = endpoint.url, .retry = {}});
    const std::string body = CanonicalQuery(form);
    DAYPART_TRY(const ServiceAnswer answer,
                sts.Call({.headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                          .body = std::as_bytes(std::span(body.data(), body.size()))}));
    const std::string origin = "role " + role;
    if (!answer.response.is_success()) return ToError(answer.response, "sts:AssumeRole " + role);
    return FromSts(answer.response.body, origin);
  }

  Result<Credentials> WebIdentity(const std::string& token_file, const std::string& role,
                                  const std::string& session_name) {
    DAYPART_TRY(std::string token, around_.read_file(token_file).WithContext("web identity token"));
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    const std::string body =
        CanonicalQuery({{"Action", "AssumeRoleWithWebIdentity"},
                        {"Version", "2011-06-15"},
                        {"RoleArn", role},
                        {"RoleSessionName", session_name.empty() ? "daypart" : session_name},
                        {"WebIdentityToken", token}});
    DAYPART_TRY(const http::Response response, AskUnsigned(body));
    if (!response.is_success()) return ToError(response, "sts:AssumeRoleWithWebIdentity " + role);
    return FromSts(response.body, "web identity role " + role);
  }

  /// A call to STS that is not signed, because a token in it proves who asks.
  Result<http::Response> AskUnsigned(const std::string& body) {
    DAYPART_TRY(const Endpoint endpoint, StsEndpoint());
    const http::RetryPolicy policy;
    http::RetryBudget budget;
    http::Retries retries(policy, budget, clock_, random_, nullptr);
    while (true) {
      auto response =
          http_.Send({.method = "POST",
                      .url = endpoint.url + "/",
                      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                      .body = std::as_bytes(std::span(body.data(), body.size()))});
      const bool is_passing =
          response ? response->status >= 500 || response->status == 429 ||
                         ErrorOfAnswer(*response).code == "IDPCommunicationError" ||
                         ErrorOfAnswer(*response).code == "Throttling"
                   : response.error().code == ErrorCode::kUnavailable;
      if (!is_passing || !retries.Again()) return response;
    }
  }

  Result<Credentials> FromSso(const ProfileSettings& settings, const std::string& origin) {
    const auto get = [](const ProfileSettings& from, const char* key) {
      const auto at = from.find(key);
      return at == from.end() ? std::string() : at->second;
    };
    const std::string session = get(settings, "sso_session");
    const auto shared = files_.sso_sessions.find(session);
    const bool has_shared = shared != files_.sso_sessions.end();
    const ProfileSettings& sso = has_shared ? shared->second : settings;
    const std::string cache_key = has_shared ? session : get(sso, "sso_start_url");
    const std::string path = Env("HOME") + "/.aws/sso/cache/" + Sha1Hex(cache_key) + ".json";
    const std::string login = "; log in with: aws sso login";
    const std::string region = get(sso, "sso_region");
    const auto find = [&](const char* service) {
      return FindEndpoint(around_, {.service = service,
                                    .region = region,
                                    .configured = {},
                                    .profile = options_.profile});
    };
    DAYPART_TRY(const Endpoint oidc, find("sso_oidc"));
    DAYPART_TRY(const std::string token,
                SsoAccessToken(http_, clock_, around_,
                               {.path = path, .endpoint = oidc.url, .origin = origin}));
    DAYPART_TRY(const Endpoint portal, find("sso"));
    DAYPART_TRY(const http::Response response,
                http_.Send({.url = portal.url + "/federation/credentials?" +
                                   CanonicalQuery({{"account_id", get(settings, "sso_account_id")},
                                                   {"role_name", get(settings, "sso_role_name")}}),
                            .headers = {{"x-amz-sso_bearer_token", token}}}));
    if (!response.is_success()) return ToError(response, origin + ", SSO" + login);
    const json document = json::parse(response.body, nullptr, false);
    const json role = document.is_object() ? document.value("roleCredentials", json()) : json();
    if (!role.is_object()) return PermissionDenied(origin + ": SSO gave no credentials" + login);
    return Credentials{.access_key_id = TextIn(role, "accessKeyId"),
                       .secret_access_key = TextIn(role, "secretAccessKey"),
                       .session_token = TextIn(role, "sessionToken"),
                       .expires = UtcMicros(role.value("expiration", int64_t{0}) * 1000),
                       .origin = origin + ", SSO"};
  }

  Result<Credentials> FromContainer() {
    const std::string relative = Env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = Env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.empty() && full.empty()) return NotFound("no container endpoint");
    if (relative.empty() && !is_trusted_agent(full)) {
      return PermissionDenied(
          "AWS_CONTAINER_CREDENTIALS_FULL_URI: https://, or http:// to this machine or the agent at "
          "169.254.170.2 is expected, found " + full);
    }
    http::Request request{.url = relative.empty() ? full : "http://169.254.170.2" + relative,
                          .connect_timeout = kMetadataTimeout,
                          .total_timeout = kMetadataTimeout};
    std::string token = Env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = Env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      DAYPART_TRY(token, around_.read_file(file).WithContext("container authorization token"));
      while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    }
    if (!token.empty()) request.headers.push_back({"Authorization", token});
    DAYPART_TRY(const http::Response response, http_.Send(request));
    if (!response.is_success()) return ToError(response, "container credentials");
    return FromJson(response.body, "Token", "container");
  }

  Result<Credentials> FromInstance() {
    if (Env("AWS_EC2_METADATA_DISABLED") == "true") return NotFound("instance metadata is off");
    const std::string given = Env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const std::string base = given.empty() ? "http://169.254.169.254" : given;
    const auto ask = [&](const char* method, const std::string& path, http::Header header) {
      return http_.Send({.method = method,
                         .url = base + path,
                         .headers = {std::move(header)},
                         .connect_timeout = std::chrono::milliseconds(1'000),
                         .total_timeout = kMetadataTimeout});
    };
    const auto token =
        ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds", "21600"});
    if (!token || !token->is_success()) return NotFound("no instance metadata");
    const http::Header proof{"X-aws-ec2-metadata-token", token->body};
    const std::string path = "/latest/meta-data/iam/security-credentials/";
    DAYPART_TRY(const http::Response role, ask("GET", path, proof));
    if (!role.is_success() || role.body.empty()) return NotFound("the instance has no role");
    DAYPART_TRY(const http::Response response,
                ask("GET", path + role.body.substr(0, role.body.find('\n')), proof));
    if (!response.is_success()) return ToError(response, "instance credentials");
    return FromJson(response.body, "Token", "instance role");
  }

  http::Client& http_;
  Clock& clock_;
  Random random_;
  const ChainSurroundings around_;
  const ChainOptions options_;
  ProfileFiles files_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeCredentialChain(http::Client& http, Clock& clock,
                                                      ChainSurroundings surroundings,
                                                      ChainOptions options) {
  // Shared, because std::function wants to be copied.
  const auto chain =
      std::make_shared<Chain>(http, clock, std::move(surroundings), std::move(options));
  return MakeRefreshing(clock, [chain] { return chain->Fetch(); });
}

}  // namespace daypart::aws
