// SPDX-License-Identifier: Apache-2.0
//
// ThetaSketch: about how many distinct values there are, in a bounded number of bytes, as Puffin's
// blob "apache-datasketches-theta-v1" holds it. A value's hash is kept while it lies below theta;
// once more than twice the nominal number are kept, theta falls to the nominal-th lowest of them.
// Source: Puffin spec, "apache-datasketches-theta-v1"; Apache DataSketches' compact theta format,
// serial version 3.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace daypart::iceberg {

/// 128 bits of MurmurHash3 (x64 variant), the lower half.
uint64_t Murmur3Low64(std::string_view bytes, uint64_t seed);

class ThetaSketch {
 public:
  /// bytes: a value's single-value serialisation, as the reference hashes it. No bytes at all (an
  /// empty string) are passed over, as DataSketches does.
  void Add(std::string_view bytes);
  /// Takes in what another sketch has seen.
  void Merge(const ThetaSketch& other);

  /// The estimate; exact up to 8,192 distinct values, beyond it within about 1.6 % at one sigma.
  double Estimate();
  /// The compact form, ordered, little-endian: a preamble of 8, 16 or 24 bytes, then the hashes
  /// rising, 8 bytes each.
  ///
  ///     byte 0 longs of preamble (1 empty or one hash, 2 exact, 3 estimating) · 1 version 3 ·
  ///     2 family 3 · 5 flags (2 read-only, 4 empty, 8 compact, 16 ordered, 32 single) ·
  ///     6-7 hash of the seed · 8-11 number of hashes · 12-15 sampling rate 1.0f · 16-23 theta
  std::string Serialize();

 private:
  void AddHash(uint64_t hash);
  /// Sorts, drops repetitions, and lowers theta if too many are left.
  void Settle();

  uint64_t theta_ = uint64_t{1} << 63;  // hashes are 63 bits: all lie below at first
  std::vector<uint64_t> hashes_;        // sorted and unique up to settled_
  size_t settled_ = 0;
};

}  // namespace daypart::iceberg
