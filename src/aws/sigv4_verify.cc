// SPDX-License-Identifier: Apache-2.0
//
// Taking the Authorization header apart and signing again.
#include "aws/sigv4_verify.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "aws/digest.h"
#include "aws/sigv4.h"

namespace daypart::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr int64_t kSkewMaxMicros = int64_t{15} * 60 * 1'000'000;

std::string_view HeaderOf(const ReceivedRequest& request, std::string_view name) {
  return http::FindHeader(request.headers, name).value_or(std::string_view());
}

/// The value of "name=" in a list separated by commas.
std::string_view PartOf(std::string_view header, std::string_view name) {
  size_t at = header.find(std::string(name) + '=');
  if (at == std::string_view::npos) return {};
  at += name.size() + 1;
  return header.substr(at, header.find_first_of(", ", at) - at);
}

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::optional<UtcMicros> ParseAmzDate(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return UtcMicros(int64_t{::timegm(&parts)} * 1'000'000);
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const std::string hex(text.substr(i + 1, 2));
      out += static_cast<char>(std::strtoul(hex.c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool EqualInConstantTime(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(left[i] ^ right[i]));
  }
  return difference == 0;
}

SignableRequest ToSignable(const ReceivedRequest& request, std::string_view signed_names) {
  SignableRequest signable;
  signable.method = std::string(request.method);
  const size_t question = std::min(request.target.find('?'), request.target.size());
  signable.path = std::string(request.target.substr(0, question));
  if (question < request.target.size()) {
    for (const auto pair : SplitAt(request.target.substr(question + 1), '&')) {
      const size_t equals = std::min(pair.find('='), pair.size());
      const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
      signable.query.emplace_back(Decoded(pair.substr(0, equals)), Decoded(value));
    }
  }
  for (const auto name : SplitAt(signed_names, ';')) {
    signable.headers.emplace_back(std::string(name), std::string(HeaderOf(request, name)));
  }
  signable.payload_hash = Sha256Hex(request.body);
  signable.encodes_path_twice = true;
  return signable;
}

}  // namespace

Refusal VerifySignature(const ReceivedRequest& request, const AcceptedKey& key,
                        std::string_view service, UtcMicros now) {
  const std::string_view header = HeaderOf(request, "authorization");
  if (header.empty()) {
    return {"MissingAuthenticationTokenException", "Missing Authentication Token"};
  }
  const auto scope = SplitAt(PartOf(header, "Credential"), '/');
  const auto signed_names = PartOf(header, "SignedHeaders");
  const auto signature = PartOf(header, "Signature");
  const auto date = ParseAmzDate(std::string(HeaderOf(request, "x-amz-date")));
  if (!header.starts_with(kAlgorithm) || scope.size() != 5 || signed_names.empty() ||
      signature.empty() || !date) {
    return {"IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' "
            "parameters, and an 'X-Amz-Date' header."};
  }
  if (scope[0] != key.access_key_id) {
    return {"UnrecognizedClientException",
            "The security token included in the request is invalid."};
  }
  const auto names = SplitAt(signed_names, ';');
  const bool is_bound = std::find(names.begin(), names.end(), "host") != names.end() &&
                        std::find(names.begin(), names.end(), "x-amz-date") != names.end();
  SigningScope signing;
  signing.access_key_id = key.access_key_id;
  signing.secret_access_key = key.secret_access_key;
  signing.region = std::string(scope[2]);
  signing.service = std::string(scope[3]);
  signing.time = *date;
  const std::string expected = Signature(ToSignable(request, signed_names), signing);
  if (!is_bound || scope[3] != service || scope[4] != "aws4_request" ||
      AmzDate(*date).substr(0, 8) != scope[1] || !EqualInConstantTime(expected, signature)) {
    return {"InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method."};
  }
  if (std::abs(now.value() - date->value()) > kSkewMaxMicros) {
    return {"InvalidSignatureException", "Signature expired: " + AmzDate(*date) +
                                             " is too far from the server's " + AmzDate(now)};
  }
  return {};
}

}  // namespace daypart::aws
