// SPDX-License-Identifier: Apache-2.0
//
// Chance that depends on a place, not on a history: a stream is named by seed, purpose and index,
// so any thread can make any block, viewer or channel, and the bytes are the same. SplitMix64
// (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Integers only: no
// libm, whose last digits differ between machines. Not for secrets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace daypart::generate {

/// SplitMix64's finisher: a bijection in which every input bit moves every output bit.
constexpr uint64_t MixBits(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

/// What a stream is for; values are part of the output's identity and never change.
enum class Purpose : uint64_t {
  kChannel = 1,
  kHousehold = 2,
  kViewer = 3,
  kFavourite = 4,
  kEvents = 5,
  kHistory = 6,
  kAds = 7,
  kContent = 8,
  kFaults = 9,
  kLineup = 10,
  kCampaign = 11,
  kSession = 12,
};

class RandomStream {
 public:
  RandomStream(uint64_t seed, Purpose purpose, uint64_t index)
      : state_(MixBits(MixBits(seed ^ (static_cast<uint64_t>(purpose) << 56)) + index)) {}

  uint64_t Next() { return MixBits(state_ += 0x9E3779B97F4A7C15ULL); }
  /// 0 <= x < bound, for bound >= 1. Lemire's multiplication; the bias is below bound / 2^64.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  /// low <= x <= high.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low + 1)));
  }
  bool IsPermille(uint64_t permille) { return Below(1000) < permille; }

  /// An index drawn with the weights given; their sum is above 0.
  template <typename Weight>
  size_t Pick(std::span<const Weight> weights) {
    uint64_t sum = 0;
    for (const Weight weight : weights) sum += static_cast<uint64_t>(weight);
    uint64_t left = Below(sum);
    size_t index = 0;
    while (left >= static_cast<uint64_t>(weights[index])) {
      left -= static_cast<uint64_t>(weights[index++]);
    }
    return index;
  }
  template <typename Weight, size_t N>
  size_t Pick(const Weight (&weights)[N]) {
    return Pick(std::span<const Weight>(weights, N));
  }

 private:
  uint64_t state_;
};

/// A permutation of 0 … n-1 without a table: x -> (x * step + shift) mod n.
class StridePermutation {
 public:
  StridePermutation(uint64_t n, RandomStream random) : n_(n) {
    // A step near the golden section of n spreads neighbours; it must share no factor with n.
    step_ = n < 3 ? 1 : n / 2 + random.Below(n / 4 + 1);
    while (GreatestCommonDivisor(step_, n) != 1) ++step_;
    shift_ = random.Below(n);
  }
  uint64_t operator()(uint64_t x) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(x) * step_ + shift_) % n_);
  }

 private:
  static uint64_t GreatestCommonDivisor(uint64_t a, uint64_t b) {
    while (b != 0) {
      const uint64_t rest = a % b;
      a = b;
      b = rest;
    }
    return a;
  }
  uint64_t n_;
  uint64_t step_ = 1;
  uint64_t shift_ = 0;
};

}  // namespace daypart::generate
