// SPDX-License-Identifier: Apache-2.0
//
// IdWindow: which event ids came among the last ones, so that what a producer sent again is left
// out. Bounded memory: two generations of ids; when the younger is full the older is forgotten, so
// the window holds between half of ids_max and ids_max of the latest ids.
//
// Text ids count as equal when their 128-bit XXH3 hashes are: with 10 M ids in the window the
// chance that a row is ever lost to a collision is below 10^-24. Numbers are kept as they are.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace daypart::ingest {

class IdWindow {
 public:
  explicit IdWindow(int64_t ids_max);

  /// Takes the ids in. returns: numbers of the rows whose id was not in the window, rising; a null
  /// is never a repetition. errors: kUnsupported for a column that is no int, long or string.
  Result<std::vector<int32_t>> Insert(const arrow::Array& ids);

  int64_t ids_count() const { return young_.count + old_.count; }
  int64_t memory_bytes() const;

 private:
  struct Key {
    uint64_t low = 0;
    uint64_t high = 0;  // 0 only in free slots
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Generation {
    std::vector<Key> slots;  // a power of two of them, at most half of them taken
    int64_t count = 0;
    bool Contains(const Key& key) const;
    void Insert(const Key& key);
    void Prefetch(const Key& key) const;
    void Grow();
  };
  bool InsertKey(const Key& key);
  Status KeysOf(const arrow::Array& ids, int64_t from, int64_t to, Key* keys) const;

  int64_t generation_max_;
  Generation young_;
  Generation old_;
};

}  // namespace daypart::ingest
