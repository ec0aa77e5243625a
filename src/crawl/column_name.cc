// SPDX-License-Identifier: Apache-2.0
//
// ASCII only by intent: what a letter of another script would be in Latin ones is nobody's to
// guess.
#include "crawl/column_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace daypart::crawl {
namespace {

constexpr std::array<std::string_view, 6> kCompressionExtensions = {"gz",   "gzip", "zst",
                                                                    "zstd", "bz2",  "xz"};

char LowerLetter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), LowerLetter);
  return lower;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// Splits "ads.csv" into "ads" and "csv"; a leading dot begins no extension.
std::pair<std::string_view, std::string_view> SplitExtension(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {name, {}};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

std::string_view WithoutCompression(std::string_view name) {
  const auto [stem, extension] = SplitExtension(name);
  const std::string lower = Lower(extension);
  const bool is_compressed = std::find(kCompressionExtensions.begin(), kCompressionExtensions.end(),
                                       lower) != kCompressionExtensions.end();
  return is_compressed ? stem : name;
}

}  // namespace

std::string LowerName(std::string_view text) {
  std::string name;
  bool is_gap = false;
  bool has_letter = false;
  for (const char original : text) {
    const char c = LowerLetter(original);
    if (!is_name_character(c)) {
      is_gap = true;
      continue;
    }
    if (is_gap && !name.empty() && name.back() != '_' && c != '_') name += '_';
    is_gap = false;
    has_letter = has_letter || c != '_';
    name += c;
  }
  return has_letter ? name : std::string();
}

std::vector<std::string> LowerNames(const std::vector<std::string>& texts) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  names.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string base = LowerName(texts[i]);
    if (base.empty()) base = fmt::format("column_{}", i + 1);
    std::string name = base;
    for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}_{}", base, n);
    names.push_back(std::move(name));
  }
  return names;
}

std::string_view FileStem(std::string_view name) {
  return SplitExtension(WithoutCompression(name)).first;
}

std::string FormatExtension(std::string_view name) {
  return Lower(SplitExtension(WithoutCompression(name)).second);
}

}  // namespace daypart::crawl
