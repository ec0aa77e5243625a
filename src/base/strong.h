// SPDX-License-Identifier: Apache-2.0
//
// Strong<Tag, Rep>: a number that cannot be mistaken for another one. Ids, sequence numbers and
// times of Daypart are of such types; arithmetic is spelled out through value().
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace daypart {

template <typename Tag, typename Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  Rep value_{};
};

}  // namespace daypart

template <typename Tag, typename Rep>
struct std::hash<daypart::Strong<Tag, Rep>> {
  size_t operator()(daypart::Strong<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
