// SPDX-License-Identifier: Apache-2.0
//
// What an error of a service means for the one who has to mend it.
#include "app/doctor.h"

#include <algorithm>
#include <initializer_list>

namespace daypart::app {
namespace {

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

/// "User: arn:… is not authorized to perform: glue:GetTable on resource: …" -> glue:GetTable, which
/// may be another action than the call's own: kms:GenerateDataKey of a put.
std::string ActionNamed(std::string_view message, std::string fallback) {
  constexpr std::string_view kBefore = "not authorized to perform: ";
  const size_t at = message.find(kBefore);
  if (at == std::string_view::npos) return fallback;
  const std::string_view rest = message.substr(at + kBefore.size());
  const std::string_view action = rest.substr(0, rest.find_first_of(" \r\n"));
  return action.find(':') == std::string_view::npos ? fallback : std::string(action);
}

}  // namespace

void Findings::Fine(std::string service, std::string what, std::string found) {
  checks_.push_back(
      {std::move(service), std::move(what), Outcome::kFine, std::move(found), "", ""});
}

void Findings::Failed(std::string service, std::string what, std::string found,
                      std::string remedy) {
  checks_.push_back({std::move(service), std::move(what), Outcome::kFailed, std::move(found), "",
                     std::move(remedy)});
}

void Findings::Skipped(std::string service, std::string what, std::string why) {
  checks_.push_back(
      {std::move(service), std::move(what), Outcome::kSkipped, std::move(why), "", ""});
}

bool Findings::is_well() const {
  return std::none_of(checks_.begin(), checks_.end(),
                      [](const Check& check) { return check.outcome == Outcome::kFailed; });
}

bool Findings::Refused(std::string service, std::string action, const Error& error,
                       std::string_view endpoint) {
  Check check{std::move(service), action, Outcome::kFailed, error.message, "", ""};
  const std::string_view message = error.message;
  bool goes_on = false;
  if (has_any(message, {"RequestTimeTooSkewed", "RequestExpired", "Signature expired",
                        "Signature not yet current"})) {
    check.remedy = "set this machine's clock: timedatectl set-ntp true, or chronyd -q";
  } else if (has_any(message, {"ExpiredToken", "TokenRefreshRequired"})) {
    check.remedy = "get new credentials: aws sso login, or a new AWS_SESSION_TOKEN";
  } else if (has_any(message, {"SignatureDoesNotMatch", "InvalidSignatureException"})) {
    check.remedy = "correct the secret access key: AWS_SECRET_ACCESS_KEY, or aws configure";
  } else if (has_any(message, {"InvalidAccessKeyId", "InvalidAccessKeyID", "InvalidClientTokenId",
                               "UnrecognizedClientException"})) {
    check.remedy = "correct the access key id: AWS_ACCESS_KEY_ID, or aws configure; it may have "
                   "been deleted in IAM";
  } else if (has_any(message, {"NoSuchBucket"})) {
    check.remedy = "make the bucket (aws s3 mb s3://BUCKET) or correct store.location";
  } else if (error.code == ErrorCode::kPermissionDenied) {
    check.missing = ActionNamed(message, std::move(action));
    check.remedy = "allow " + check.missing + "; daypart deploy iam prints the policy";
    goes_on = true;
  } else if (error.code == ErrorCode::kUnavailable) {
    check.remedy = "see that " + std::string(endpoint) +
                   " runs and can be reached from here; correct the endpoint or region in "
                   "daypart.toml";
  } else if (error.code == ErrorCode::kNotFound && check.service.starts_with("kinesis")) {
    // Nothing else can be tried on a stream that is not there.
    check.remedy = "make the stream (aws kinesis create-stream --stream-name NAME) or correct "
                   "the source of [stream." +
                   check.service.substr(check.service.find(' ') + 1) + "] and the region";
  } else if (error.code == ErrorCode::kNotFound) {
    check.remedy = "make it, or correct its name in daypart.toml; daypart init makes databases";
    // Without the database each other call would say the same.
    goes_on = check.service != "glue";
  } else {
    check.remedy = "see the message; the endpoint, region or name in daypart.toml may be wrong";
  }
  checks_.push_back(std::move(check));
  return goes_on;
}

}  // namespace daypart::app
