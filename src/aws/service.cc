// SPDX-License-Identifier: Apache-2.0
//
// The attempt loop. Which codes are passing: AWS SDKs and Tools Reference Guide, "Retry behavior".
#include "aws/service.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "aws/digest.h"
#include "aws/endpoint.h"
#include "base/log.h"

namespace daypart::aws {
namespace {

constexpr std::array<std::string_view, 18> kPassingCodes = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "ServiceUnavailable",
    "OperationAborted"};

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

bool is_expired(std::string_view code) {
  return is_one_of(code, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"});
}

bool is_skewed(std::string_view code) {
  return is_one_of(code, {"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException",
                          "SignatureDoesNotMatch", "AuthFailure"});
}

/// Five minutes are what services allow between the clocks; less is not worth a correction.
constexpr int64_t kSkewMicrosMin = int64_t{240} * 1'000'000;

std::optional<int64_t> SkewOf(const http::Response& response, UtcMicros now) {
  const auto date = http::FindHeader(response.headers, "Date");
  if (!date) return std::nullopt;
  const time_t theirs = curl_getdate(std::string(*date).c_str(), nullptr);
  if (theirs < 0) return std::nullopt;
  return static_cast<int64_t>(theirs) * 1'000'000 - now.value();
}

std::string_view WithoutScheme(std::string_view endpoint) {
  const size_t begin = endpoint.find("://");
  return begin == std::string_view::npos ? endpoint : endpoint.substr(begin + 3);
}

std::string HostOf(std::string_view endpoint) {
  const std::string_view host = WithoutScheme(endpoint);
  return std::string(host.substr(0, host.find('/')));
}

/// Before the call's own: of an endpoint such as http://127.0.0.1:8080/s3, else empty.
std::string PathOf(std::string_view endpoint) {
  const std::string_view host = WithoutScheme(endpoint);
  return std::string(host.substr(std::min(host.find('/'), host.size())));
}

std::chrono::milliseconds RetryAfter(const http::Response& response) {
  const auto after = http::FindHeader(response.headers, "Retry-After");
  const int seconds = after ? std::atoi(std::string(*after).c_str()) : 0;
  return std::chrono::seconds(std::clamp(seconds, 0, 60));
}

/// What to do about calls that were refused again and again, for a while or by their number.
std::string HintOf(std::string_view code, int status) {
  if (is_one_of(code, {"LimitExceededException"})) {
    return "; too many calls of this kind, or a quota of the account is used up: wait a minute, "
           "then raise the quota (Service Quotas in the AWS console)";
  }
  if (code == "ProvisionedThroughputExceededException") {
    return "; the stream's shards take no more: send or read more slowly, or add shards (aws "
           "kinesis update-shard-count, or on-demand mode)";
  }
  if (status == 429 || code.find("Throttl") != std::string_view::npos ||
      is_one_of(code, {"TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
                       "BandwidthLimitExceeded"})) {
    return "; the service is asked too often, also by others in the account: wait a minute and run "
           "it again, with fewer processes at once";
  }
  if (status >= 500) {
    return "; the service fails for now and was asked again in vain: run it again later "
           "(https://health.aws.amazon.com tells of outages)";
  }
  return "";
}

}  // namespace

ServiceError ErrorOfAnswer(const http::Response& response) {
  ServiceError error;
  if (const auto type = http::FindHeader(response.headers, "x-amzn-ErrorType")) error.code = *type;
  const size_t first = response.body.find_first_not_of(" \r\n\t");
  if (first != std::string::npos && response.body[first] == '<') {
    pugi::xml_document document;
    if (document.load_buffer(response.body.data(), response.body.size())) {
      const auto found = document.find_node(
          [](const pugi::xml_node& node) { return std::string_view(node.name()) == "Code"; });
      if (found) {
        error.code = found.child_value();
        error.message = found.parent().child("Message").child_value();
      }
    }
  } else if (first != std::string::npos) {
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (json.is_object()) {
      const auto text = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : "";
      };
      if (error.code.empty()) error.code = text("__type");
      if (error.code.empty()) error.code = text("code");
      error.message = text("message");
      if (error.message.empty()) error.message = text("Message");
    }
  }
  // "com.amazonaws.glue#EntityNotFoundException:http://…" -> the name alone.
  error.code = error.code.substr(0, error.code.find(':'));
  error.code = error.code.substr(error.code.find('#') + 1);
  return error;
}

Error ToError(const http::Response& response, std::string_view what) {
  const ServiceError error = ErrorOfAnswer(response);
  std::string message = std::string(what) + ": HTTP " + std::to_string(response.status);
  if (!error.code.empty()) message += " " + error.code;
  if (!error.message.empty()) message += ": " + error.message.substr(0, 500);
  if (is_one_of(error.code, {"SignatureDoesNotMatch", "InvalidSignatureException"})) {
    message += "; the secret access key does not belong to the access key id "
               "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the profile's in ~/.aws/credentials)";
  } else if (is_one_of(error.code, {"InvalidAccessKeyId", "UnrecognizedClientException",
                                    "InvalidClientTokenId", "InvalidAccessKeyID"})) {
    message += "; the access key id is not known to the service";
  } else if (is_one_of(error.code, {"RequestTimeTooSkewed", "RequestExpired"})) {
    message += "; this machine's clock differs from the service's: timedatectl set-ntp true";
  } else if (is_expired(error.code)) {
    message += "; get new credentials (aws sso login, or a new session token)";
  }
  message += HintOf(error.code, response.status);
  if (is_skewed(error.code) || is_expired(error.code)) return PermissionDenied(std::move(message));
  if (std::find(kPassingCodes.begin(), kPassingCodes.end(), error.code) != kPassingCodes.end() ||
      response.status >= 500 || response.status == 429) {
    return Unavailable(std::move(message));
  }
  switch (response.status) {
    case 401:
    case 403: return PermissionDenied(std::move(message));
    case 404: return NotFound(std::move(message));
    case 409: return Conflict(std::move(message));
    default: break;
  }
  if (is_one_of(error.code, {"AccessDeniedException", "UnrecognizedClientException",
                             "IncompleteSignature", "InvalidClientTokenId"})) {
    return PermissionDenied(std::move(message));
  }
  return InvalidArgument(std::move(message));
}

Service::Service(http::Client& http, CredentialSource& credentials, Clock& clock, Random& random,
                 const CancelToken* cancel, ServiceOptions options)
    : http_(http),
      credentials_(credentials),
      clock_(clock),
      random_(random),
      cancel_(cancel),
      options_(std::move(options)) {}

std::string Service::endpoint() const {
  if (options_.endpoint.empty()) return AwsEndpoint(options_.name, options_.region);
  std::string given = options_.endpoint;
  while (given.ends_with('/')) given.pop_back();
  return given;
}

Result<http::Response> Service::Attempt(const ServiceCall& call, const Credentials& credentials) {
  const std::string base = endpoint();
  const std::string scheme = base.substr(0, base.find("://") + 3);
  const std::string host = call.host_prefix + HostOf(base);
  const std::string path = PathOf(base) + call.path;
  const UtcMicros now(clock_.Now().value() + skew_micros_.load());
  const bool is_unsigned = options_.may_leave_body_unsigned && scheme == "https://";
  SignableRequest signable{.method = call.method,
                           .path = path,
                           .query = call.query,
                           .headers = call.headers,
                           .payload_hash = is_unsigned && !call.body.empty()
                                               ? std::string(kUnsignedPayload)
                                               : Sha256Hex(call.body),
                           .encodes_path_twice = options_.name != "s3"};
  signable.headers.emplace_back("Host", host);
  signable.headers.emplace_back("X-Amz-Date", AmzDate(now));
  if (options_.name == "s3") {
    signable.headers.emplace_back("X-Amz-Content-Sha256", signable.payload_hash);
  }
  if (!credentials.session_token.empty()) {
    signable.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  http::Request request{.method = call.method,
                        .url = scheme + host + path,
                        .body = call.body,
                        .into = call.into,
                        .on_body = call.on_body,
                        .prefers_http2 = call.prefers_http2,
                        .body_bytes_max = call.body_bytes_max,
                        .total_timeout = call.total_timeout,
                        .cancel = cancel_};
  if (!call.query.empty()) request.url += '?' + CanonicalQuery(call.query);
  for (const auto& [name, value] : signable.headers) request.headers.push_back({name, value});
  request.headers.push_back(
      {"Authorization",
       Authorization(signable, {.access_key_id = credentials.access_key_id,
                                .secret_access_key = credentials.secret_access_key,
                                .region = options_.region,
                                .service = options_.name,
                                .time = now})});
  return http_.Send(request);
}

Result<ServiceAnswer> Service::Call(const ServiceCall& call) {
  http::Retries retries(options_.retry, budget_, clock_, random_, cancel_);
  ServiceAnswer answer;
  bool was_corrected = false;
  while (true) {
    DAYPART_TRY(const Credentials credentials, credentials_.Get());
    auto response = Attempt(call, credentials);
    if (!response) {
      if (response.error().code != ErrorCode::kUnavailable || call.is_single) {
        return std::move(response).error();
      }
      answer.may_have_acted_before = true;
      Log(LogLevel::kInfo, "attempt " + std::to_string(retries.attempts_count()) + " failed: " +
                               response.error().message);
      if (!retries.Again()) return std::move(response).error();
      continue;
    }
    if (response->is_success()) {
      budget_.Return();
      answer.response = std::move(response).value();
      return answer;
    }
    const ServiceError error = ErrorOfAnswer(*response);
    const auto skew = SkewOf(*response, clock_.Now());
    const bool is_off =
        skew && std::abs(*skew - skew_micros_.load()) > kSkewMicrosMin &&
        (is_skewed(error.code) || (response->status == 403 && call.method == "HEAD"));
    bool again = false;
    if (is_off && !was_corrected) {
      skew_micros_.store(*skew);
      was_corrected = true;
      Log(LogLevel::kWarning, "this machine's clock differs from the service's by " +
                                  std::to_string(*skew / 1'000'000) + " s; signing by theirs");
      again = true;
    } else if (is_expired(error.code) && !was_corrected) {
      credentials_.Refuse();
      was_corrected = true;
      again = true;
    } else if (response->status >= 500 || response->status == 429 ||
               std::find(kPassingCodes.begin(), kPassingCodes.end(), error.code) !=
                   kPassingCodes.end()) {
      answer.may_have_acted_before |= response->status >= 500;
      Log(LogLevel::kInfo, "attempt " + std::to_string(retries.attempts_count()) +
                               " was answered " + std::to_string(response->status) + " " +
                               error.code);
      again = !call.is_single && retries.Again(RetryAfter(*response));
    }
    if (!again) {
      answer.response = std::move(response).value();
      return answer;
    }
  }
}

}  // namespace daypart::aws
