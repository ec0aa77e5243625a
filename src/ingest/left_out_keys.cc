// SPDX-License-Identifier: Apache-2.0
//
// Bounded: a file of nothing but different keys must not make a summary of megabytes.
#include "ingest/left_out_keys.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ingest/limits.h"

namespace daypart::ingest {
namespace {

/// Of a key that is longer.
constexpr size_t kKeyBytesMax = 100;

std::string Cut(const std::string& key) {
  return key.size() <= kKeyBytesMax ? key : key.substr(0, kKeyBytesMax) + "…";
}

}  // namespace

std::string LeftOutKeysToJson(const std::vector<std::string>& keys) {
  if (keys.empty()) return {};
  auto listed = nlohmann::json::array();
  const size_t shown = std::min(keys.size(), kLeftOutKeysMax);
  for (size_t i = 0; i < shown; ++i) listed.push_back(Cut(keys[i]));
  return listed.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ListedKeys(const std::vector<std::string>& keys) {
  std::string listed;
  const size_t shown = std::min(keys.size(), kLeftOutKeysMax);
  for (size_t i = 0; i < shown; ++i) listed += (i == 0 ? "" : ", ") + Cut(keys[i]);
  if (shown < keys.size()) listed += " and " + std::to_string(keys.size() - shown) + " others";
  return listed;
}

}  // namespace daypart::ingest
