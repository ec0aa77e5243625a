// SPDX-License-Identifier: Apache-2.0
//
// The hash tables under IdWindow: sets of keys by open addressing with linear probing, at most half
// full, and two of them as generations.
//
// Limiting resource: memory latency, one miss a generation and id; behind it the TLB, hence large
// pages, and the zeroing of fresh memory, hence the forgotten generation's is used again. Together
// they took the window from 180 to 60 ns an id, of 2 M numbers in a window of 4 M.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace daypart::ingest {

/// The upper bits of a product depend on all bits of the value, so they are the ones to take.
/// bits: 1 to 64 of them.
inline size_t UpperBits(uint64_t value, int bits) {
  return static_cast<size_t>(((value ^ (value >> 32)) * 0x9E3779B97F4A7C15ULL) >> (64 - bits));
}

/// A key type tells in which of 2^slots_bits slots it belongs, and which value marks a free one
/// (all bits zero).
struct NumberKey {
  int64_t value = 0;
  /// Eight numbers in a row share a cache line: ids that are counted up cost an eighth of the
  /// misses, others what they would anyway. slots_bits: 4 at least.
  size_t Home(int slots_bits) const {
    const auto bits = static_cast<uint64_t>(value);
    return (UpperBits(bits >> 3, slots_bits - 3) << 3) | (bits & 7);
  }
  bool is_free() const { return value == 0; }
  friend bool operator==(const NumberKey&, const NumberKey&) = default;
};

struct TextKey {
  uint64_t low = 0;
  uint64_t high = 0;  // 0 only in free slots
  size_t Home(int slots_bits) const { return UpperBits(low, slots_bits); }
  bool is_free() const { return high == 0; }
  friend bool operator==(const TextKey&, const TextKey&) = default;
};

/// Zeroed memory on large pages where the system has them. Running out of memory throws bad_alloc,
/// as new does.
class LargeMemory {
 public:
  LargeMemory() = default;
  explicit LargeMemory(size_t bytes);
  ~LargeMemory();
  LargeMemory(LargeMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  LargeMemory& operator=(LargeMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

template <typename Key>
class IdTable {
 public:
  bool Contains(const Key& key) const {
    if (key.is_free()) return has_free_key_;
    if (slots_count_ == 0) return false;
    const Key* slots = Slots();
    for (size_t at = Home(key);; at = (at + 1) & (slots_count_ - 1)) {
      if (slots[at] == key) return true;
      if (slots[at].is_free()) return false;
    }
  }
  /// key: one that is not there.
  void Insert(const Key& key) {
    ++count_;
    if (key.is_free()) {
      has_free_key_ = true;
      return;
    }
    if (static_cast<size_t>(count_) * 2 > slots_count_) Grow();
    Put(key);
  }
  void Prefetch(const Key& key) const {
    if (slots_count_ != 0) __builtin_prefetch(Slots() + Home(key));
  }
  /// Empty, with room for as many keys as `like` has room for.
  void ClearLike(const IdTable& like);

  int64_t count() const { return count_; }
  int64_t memory_bytes() const { return static_cast<int64_t>(memory_.bytes()); }

 private:
  Key* Slots() const { return static_cast<Key*>(memory_.data()); }
  size_t Home(const Key& key) const { return key.Home(slots_bits_); }
  void Put(const Key& key) {
    Key* slots = Slots();
    size_t at = Home(key);
    while (!slots[at].is_free()) at = (at + 1) & (slots_count_ - 1);
    slots[at] = key;
  }
  void Grow();

  LargeMemory memory_;
  size_t slots_count_ = 0;  // a power of two, or 0
  int slots_bits_ = 0;      // of that power
  int64_t count_ = 0;
  bool has_free_key_ = false;  // the key that looks like a free slot
};

/// The newest keys: at least generation_max of them once so many came, at most twice that.
template <typename Key>
class IdGenerations {
 public:
  explicit IdGenerations(int64_t generation_max) : generation_max_(generation_max) {}

  void Prefetch(const Key& key) const {
    young_.Prefetch(key);
    old_.Prefetch(key);
  }
  /// returns: whether the key was not there.
  bool Insert(const Key& key) {
    if (young_.Contains(key) || old_.Contains(key)) return false;
    if (young_.count() >= generation_max_) {
      std::swap(young_, old_);
      young_.ClearLike(old_);
    }
    young_.Insert(key);
    return true;
  }
  int64_t count() const { return young_.count() + old_.count(); }
  int64_t memory_bytes() const { return young_.memory_bytes() + old_.memory_bytes(); }

 private:
  int64_t generation_max_;
  IdTable<Key> young_;
  IdTable<Key> old_;
};

extern template class IdTable<NumberKey>;
extern template class IdTable<TextKey>;

}  // namespace daypart::ingest
