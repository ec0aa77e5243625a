// SPDX-License-Identifier: Apache-2.0
//
// Looking things up in a request.
#include "http/server_message.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>

namespace daypart::http {
namespace {

int DigitOf(char hex) {
  if (hex >= '0' && hex <= '9') return hex - '0';
  if (hex >= 'a' && hex <= 'f') return hex - 'a' + 10;
  if (hex >= 'A' && hex <= 'F') return hex - 'A' + 10;
  return -1;
}

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool has_digits = text[i] == '%' && i + 2 < text.size();
    const int high = has_digits ? DigitOf(text[i + 1]) : -1;
    const int low = has_digits ? DigitOf(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace

std::string_view ServerRequest::Header(std::string_view name) const {
  return FindHeader(headers, name).value_or(std::string_view());
}

std::string_view ServerRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string ServerRequest::Parameter(std::string_view name) const {
  const size_t mark = target.find('?');
  if (mark == std::string::npos) return "";
  std::string_view rest = std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    const size_t equals = std::min(part.find('='), part.size());
    if (PercentDecoded(part.substr(0, equals)) == name) {
      return PercentDecoded(part.substr(std::min(equals + 1, part.size())));
    }
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return "";
}

std::string_view ReasonOf(int status) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(status)));
  return {reason.data(), reason.size()};
}

}  // namespace daypart::http
