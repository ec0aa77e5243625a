// SPDX-License-Identifier: Apache-2.0
//
// Edit distance with neighbour swaps (optimal string alignment), on three rows of the usual table.
#include "catalog/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace daypart::catalog {
namespace {

bool equal_letters(char left, char right) {
  return std::tolower(static_cast<unsigned char>(left)) ==
         std::tolower(static_cast<unsigned char>(right));
}

}  // namespace

size_t EditDistance(std::string_view left, std::string_view right) {
  std::vector<size_t> before_last(right.size() + 1);
  std::vector<size_t> last(right.size() + 1);
  std::vector<size_t> current(right.size() + 1);
  for (size_t j = 0; j <= right.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      const size_t replaced = last[j - 1] + (equal_letters(left[i - 1], right[j - 1]) ? 0 : 1);
      current[j] = std::min({replaced, last[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && equal_letters(left[i - 1], right[j - 2]) &&
          equal_letters(left[i - 2], right[j - 1])) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[right.size()];
}

std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates) {
  size_t best_distance = std::clamp<size_t>(name.size() / 3, 1, 4) + 1;
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

}  // namespace daypart::catalog
