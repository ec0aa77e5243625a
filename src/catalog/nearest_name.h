// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean …?": the name among those there are that a mistyped one was most likely meant to
// be.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace daypart::catalog {

/// How many characters must be put in, taken out, replaced or swapped with their neighbour to get
/// from one text to the other; letters count as equal in upper and lower case.
size_t EditDistance(std::string_view left, std::string_view right);

/// Of one or two letters every other name of that length would be near: nothing is suggested.
inline constexpr size_t kSuggestedFromLetters = 3;

/// The candidate of least distance, the first of several; nullopt if none is within a third of the
/// name's length (at least 1, at most 4).
std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates);

}  // namespace daypart::catalog
