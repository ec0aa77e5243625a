// SPDX-License-Identifier: Apache-2.0
//
// Row keys for merging: the values of the key columns as 128 bits. One integer-like column is held
// exactly; strings and composite keys by a 128-bit XXH3 hash under a seed that is drawn anew for
// each merge, so that two different keys of n rows meet with a chance of n² / 2^129 that nobody can
// steer.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace daypart::lake {

struct RowKey {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const RowKey&, const RowKey&) = default;
};

/// Spreads a key over 64 bits: which pass it belongs to and where in the index it stands.
uint64_t HashOf(const RowKey& key);

/// The keys of a batch; a row with a null among its key columns has none.
struct BatchKeys {
  std::vector<RowKey> keys;
  std::vector<uint8_t> has_key;
};

/// batch: its first `key_columns_count` columns are the key.
/// errors: kUnsupported for a key column of a nested or floating-point type.
Result<BatchKeys> KeysOf(const arrow::RecordBatch& batch, int key_columns_count, uint64_t seed);

/// The values of an order column as integers that sort alike; null sorts first.
/// errors: kUnsupported for types that do not fit into 64 bits (strings, decimals).
Result<std::vector<int64_t>> OrderValues(const arrow::Array& column);

/// Key -> where in the source the winning row of that key is. Open addressing, sized once.
class KeyIndex {
 public:
  struct Slot {
    RowKey key;
    uint64_t position = kEmpty;
    int64_t order = 0;
  };
  static constexpr uint64_t kEmpty = UINT64_MAX;

  /// rows_max: entries that will ever be inserted; the index takes 64 to 128 bytes for each.
  explicit KeyIndex(uint64_t rows_max);

  /// The slot of the key, or the empty one where it belongs.
  Slot& Find(const RowKey& key) { return slots_[IndexOf(key)]; }
  const Slot* FindExisting(const RowKey& key) const {
    const Slot& slot = slots_[IndexOf(key)];
    return slot.position == kEmpty ? nullptr : &slot;
  }

 private:
  size_t IndexOf(const RowKey& key) const {
    size_t index = HashOf(key) & mask_;
    while (slots_[index].position != kEmpty && !(slots_[index].key == key)) {
      index = (index + 1) & mask_;
    }
    return index;
  }

  std::vector<Slot> slots_;
  size_t mask_;
};

}  // namespace daypart::lake
