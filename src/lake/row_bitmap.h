// SPDX-License-Identifier: Apache-2.0
//
// RowBitmap: a bit a row of one file. Bits are set by several threads at once; they are read after
// those threads have ended.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

namespace daypart::lake {

class RowBitmap {
 public:
  explicit RowBitmap(int64_t rows) : words_(static_cast<size_t>((rows + 63) / 64)) {}

  /// Thread-safe. Returns whether the bit was clear before.
  bool Set(int64_t row) {
    const uint64_t bit = uint64_t{1} << (row % 64);
    std::atomic_ref<uint64_t> word(words_[static_cast<size_t>(row / 64)]);
    return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }
  bool Test(int64_t row) const {
    return (words_[static_cast<size_t>(row / 64)] >> (row % 64) & 1) != 0;
  }
  int64_t count() const {
    int64_t bits = 0;
    for (const uint64_t word : words_) bits += std::popcount(word);
    return bits;
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace daypart::lake
