// SPDX-License-Identifier: Apache-2.0
//
// Text work on locations. Hive's escaping: control characters and the characters that mean
// something in paths or queries become %XX (FileUtils.escapePathName of Apache Hive).
#include "store/location.h"

namespace daypart::store {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_scheme_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '.';
}

/// Length of the scheme before the ':' of `location`, 0 if it has none.
size_t SchemeLength(std::string_view location) {
  size_t length = 0;
  while (length < location.size() && is_scheme_char(location[length])) ++length;
  const bool is_scheme = length >= 2 && length + 1 < location.size() && location[length] == ':' &&
                         location[length + 1] == '/';
  return is_scheme ? length : 0;
}

std::string PercentEncodeForHive(std::string_view text) {
  static constexpr std::string_view kEscaped = "\"#%'*/:=?\\{[]^";
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || kEscaped.find(c) != std::string_view::npos) {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

LocationParts SplitLocation(std::string_view location) {
  LocationParts parts;
  const size_t scheme_length = SchemeLength(location);
  if (scheme_length == 0) {
    parts.path = location;
    return parts;
  }
  parts.scheme = location.substr(0, scheme_length);
  std::string_view rest = location.substr(scheme_length + 1);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const size_t slash = rest.find('/');
    parts.authority = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  }
  parts.path = rest;
  return parts;
}

std::string JoinLocation(std::string_view base, std::string_view relative) {
  while (relative.starts_with('/')) relative.remove_prefix(1);
  std::string joined(WithoutTrailingSlash(base));
  if (relative.empty()) return joined;
  if (!joined.ends_with('/')) joined += '/';
  joined += relative;
  return joined;
}

std::string_view WithoutTrailingSlash(std::string_view location) {
  const LocationParts parts = SplitLocation(location);
  const size_t path_begin = location.size() - parts.path.size();
  const size_t keep = parts.authority.empty() ? path_begin + 1 : path_begin;
  while (location.size() > keep && location.ends_with('/')) location.remove_suffix(1);
  return location;
}

std::string_view ParentLocation(std::string_view location) {
  location = WithoutTrailingSlash(location);
  const LocationParts parts = SplitLocation(location);
  const size_t slash = parts.path.rfind('/');
  if (slash == std::string_view::npos) return location;
  const size_t path_begin = location.size() - parts.path.size();
  return WithoutTrailingSlash(location.substr(0, path_begin + slash + 1));
}

std::string_view BaseName(std::string_view location) {
  location = WithoutTrailingSlash(location);
  const std::string_view path = SplitLocation(location).path;
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::optional<std::string_view> RelativeTo(std::string_view prefix, std::string_view location) {
  prefix = WithoutTrailingSlash(prefix);
  if (!location.starts_with(prefix)) return std::nullopt;
  std::string_view rest = location.substr(prefix.size());
  if (!prefix.ends_with('/')) {
    if (!rest.starts_with('/')) return std::nullopt;
    rest.remove_prefix(1);
  }
  if (rest.empty()) return std::nullopt;
  return rest;
}

bool is_hidden_name(std::string_view name) {
  return name.starts_with('_') || name.starts_with('.');
}

bool is_hidden_path(std::string_view relative) {
  while (true) {
    const size_t slash = relative.find('/');
    const std::string_view segment = relative.substr(0, slash);
    const bool is_file = slash == std::string_view::npos;
    const bool is_partition = !is_file && segment.find('=') != std::string_view::npos;
    if (segment.starts_with('.') || (is_hidden_name(segment) && !is_partition)) return true;
    if (is_file) return false;
    relative.remove_prefix(slash + 1);
  }
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::optional<HivePartition> ParseHiveSegment(std::string_view segment) {
  const size_t equals = segment.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  HivePartition partition;
  partition.key = PercentDecode(segment.substr(0, equals));
  const std::string_view value = segment.substr(equals + 1);
  partition.is_null = value == kHiveNull;
  if (!partition.is_null) partition.value = PercentDecode(value);
  return partition;
}

std::vector<HivePartition> ParseHivePath(std::string_view relative) {
  std::vector<HivePartition> partitions;
  while (true) {
    const size_t slash = relative.find('/');
    if (slash == std::string_view::npos) return partitions;
    if (auto partition = ParseHiveSegment(relative.substr(0, slash))) {
      partitions.push_back(std::move(*partition));
    }
    relative.remove_prefix(slash + 1);
  }
}

std::string FormatHiveSegment(const HivePartition& partition) {
  std::string out = PercentEncodeForHive(partition.key);
  out += '=';
  out += partition.is_null ? std::string(kHiveNull) : PercentEncodeForHive(partition.value);
  return out;
}

}  // namespace daypart::store
