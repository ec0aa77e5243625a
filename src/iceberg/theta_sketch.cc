// SPDX-License-Identifier: Apache-2.0
//
// MurmurHash3 and the sketch's own sorting; no table of hashes, because a sort of every few
// thousand new hashes costs less than looking each one up.
#include "iceberg/theta_sketch.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace daypart::iceberg {
namespace {

/// DataSketches' default update seed, which the Puffin spec asks for.
constexpr uint64_t kSeed = 9001;
/// Nominal entries of the reference's sketches.
constexpr size_t kNominal = 4096;
constexpr uint64_t kThetaStart = uint64_t{1} << 63;

uint64_t LoadLong(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

uint64_t Finish(uint64_t k) {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccdULL;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return k ^ (k >> 33);
}

template <typename Value>
void Append(std::string& out, Value value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out.append(bytes, sizeof(value));
}

}  // namespace

uint64_t Murmur3Low64(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t c1 = 0x87c37b91114253d5ULL;
  constexpr uint64_t c2 = 0x4cf5ad432745937fULL;
  uint64_t h1 = seed;
  uint64_t h2 = seed;
  const size_t blocks = bytes.size() / 16;
  for (size_t i = 0; i < blocks; ++i) {
    const uint64_t k1 = LoadLong(bytes.data() + i * 16);
    const uint64_t k2 = LoadLong(bytes.data() + i * 16 + 8);
    h1 ^= std::rotl(k1 * c1, 31) * c2;
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= std::rotl(k2 * c2, 33) * c1;
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  char tail[16] = {};
  const size_t rest = bytes.size() % 16;
  if (rest > 0) std::memcpy(tail, bytes.data() + blocks * 16, rest);
  if (rest > 8) h2 ^= std::rotl(LoadLong(tail + 8) * c2, 33) * c1;
  if (rest > 0) h1 ^= std::rotl(LoadLong(tail) * c1, 31) * c2;
  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = Finish(h1);
  h2 = Finish(h2);
  return h1 + h2;
}

void ThetaSketch::Add(std::string_view bytes) {
  if (!bytes.empty()) AddHash(Murmur3Low64(bytes, kSeed) >> 1);
}

void ThetaSketch::AddHash(uint64_t hash) {
  // Zero stands for an empty slot in DataSketches and is never kept.
  if (hash >= theta_ || hash == 0) return;
  hashes_.push_back(hash);
  if (hashes_.size() >= settled_ + 2 * kNominal) Settle();
}

void ThetaSketch::Merge(const ThetaSketch& other) {
  theta_ = std::min(theta_, other.theta_);
  for (const uint64_t hash : other.hashes_) AddHash(hash);
  Settle();
}

void ThetaSketch::Settle() {
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  if (hashes_.size() > 2 * kNominal) theta_ = hashes_[kNominal];
  hashes_.erase(std::lower_bound(hashes_.begin(), hashes_.end(), theta_), hashes_.end());
  settled_ = hashes_.size();
}

double ThetaSketch::Estimate() {
  Settle();
  const auto count = static_cast<double>(hashes_.size());
  return theta_ == kThetaStart
             ? count
             : count * (static_cast<double>(kThetaStart) / static_cast<double>(theta_));
}

std::string ThetaSketch::Serialize() {
  Settle();
  const bool is_exact = theta_ == kThetaStart;
  const bool is_empty = is_exact && hashes_.empty();
  const bool is_single = is_exact && hashes_.size() == 1;
  const int longs = is_empty || is_single ? 1 : is_exact ? 2 : 3;
  const int flags = 2 | 8 | 16 | (is_empty ? 4 : 0) | (is_single ? 32 : 0);
  std::string out;
  for (const int byte : {longs, 3, 3, 0, 0, flags}) out += static_cast<char>(byte);
  std::string seed;
  Append(seed, kSeed);
  Append(out, static_cast<uint16_t>(is_empty ? 0 : Murmur3Low64(seed, 0) & 0xFFFF));
  if (longs >= 2) {
    Append(out, static_cast<uint32_t>(hashes_.size()));
    Append(out, 1.0F);
  }
  if (longs == 3) Append(out, theta_);
  for (const uint64_t hash : hashes_) Append(out, hash);
  return out;
}

}  // namespace daypart::iceberg
