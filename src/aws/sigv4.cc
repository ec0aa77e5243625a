// SPDX-License-Identifier: Apache-2.0
//
// Canonical request, string to sign, derived key, signature, in the words of the specification.
#include "aws/sigv4.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "aws/digest.h"

namespace daypart::aws {
namespace {

std::string_view AsText(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Names in lower case, values trimmed and inner runs of spaces made one; several of a name joined.
std::map<std::string, std::string> CanonicalHeaders(const Parameters& headers) {
  std::map<std::string, std::string> canonical;
  for (const auto& [name, value] : headers) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    std::string trimmed;
    for (const char c : value) {
      const bool is_space = c == ' ' || c == '\t';
      if (is_space && (trimmed.empty() || trimmed.back() == ' ')) continue;
      trimmed += is_space ? ' ' : c;
    }
    if (trimmed.ends_with(' ')) trimmed.pop_back();
    const auto [at, is_new] = canonical.try_emplace(lower, trimmed);
    if (!is_new) at->second += "," + trimmed;
  }
  return canonical;
}

std::string ScopeText(const SigningScope& scope) {
  return AmzDate(scope.time).substr(0, 8) + '/' + scope.region + '/' + scope.service +
         "/aws4_request";
}

}  // namespace

std::string AmzDate(UtcMicros time) {
  const std::time_t seconds = time.value() / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[20];
  (void)std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

std::string CanonicalQuery(const Parameters& query) {
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) encoded.emplace_back(UriEncode(name), UriEncode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text += name + '=' + value;
  }
  return text;
}

std::string SignedHeaderNames(const SignableRequest& request) {
  std::string names;
  for (const auto& [name, value] : CanonicalHeaders(request.headers)) {
    if (!names.empty()) names += ';';
    names += name;
  }
  return names;
}

std::string CanonicalRequest(const SignableRequest& request) {
  std::string text = request.method + '\n';
  text += request.encodes_path_twice ? UriEncode(request.path, "/") : request.path;
  text += '\n' + CanonicalQuery(request.query) + '\n';
  for (const auto& [name, value] : CanonicalHeaders(request.headers)) {
    text += name + ':' + value + '\n';
  }
  return text + '\n' + SignedHeaderNames(request) + '\n' + request.payload_hash;
}

std::string Signature(const SignableRequest& request, const SigningScope& scope) {
  const std::string date = AmzDate(scope.time);
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + date + '\n' + ScopeText(scope) + '\n' +
                              Sha256Hex(CanonicalRequest(request));
  Sha256Digest key = HmacSha256("AWS4" + scope.secret_access_key, date.substr(0, 8));
  key = HmacSha256(AsText(key), scope.region);
  key = HmacSha256(AsText(key), scope.service);
  key = HmacSha256(AsText(key), "aws4_request");
  return Hex(HmacSha256(AsText(key), to_sign));
}

std::string Authorization(const SignableRequest& request, const SigningScope& scope) {
  return "AWS4-HMAC-SHA256 Credential=" + scope.access_key_id + '/' + ScopeText(scope) +
         ", SignedHeaders=" + SignedHeaderNames(request) +
         ", Signature=" + Signature(request, scope);
}

Parameters PresignedQuery(SignableRequest request, const SigningScope& scope,
                          std::string_view session_token, std::chrono::seconds valid) {
  request.query.emplace_back("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
  request.query.emplace_back("X-Amz-Credential", scope.access_key_id + '/' + ScopeText(scope));
  request.query.emplace_back("X-Amz-Date", AmzDate(scope.time));
  request.query.emplace_back("X-Amz-Expires", std::to_string(valid.count()));
  request.query.emplace_back("X-Amz-SignedHeaders", SignedHeaderNames(request));
  if (!session_token.empty()) request.query.emplace_back("X-Amz-Security-Token", session_token);
  std::string signature = Signature(request, scope);
  request.query.emplace_back("X-Amz-Signature", std::move(signature));
  return std::move(request.query);
}

}  // namespace daypart::aws
