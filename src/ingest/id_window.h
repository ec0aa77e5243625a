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
#include "ingest/id_table.h"

namespace daypart::ingest {

class IdWindow {
 public:
  explicit IdWindow(int64_t ids_max);

  /// Takes the ids in. returns: numbers of the rows whose id was not in the window, rising; a null
  /// is never a repetition. errors: kUnsupported for a column that is no int, long or string.
  Result<std::vector<int32_t>> Insert(const arrow::Array& ids);

  int64_t ids_count() const { return numbers_.count() + texts_.count(); }
  int64_t memory_bytes() const { return numbers_.memory_bytes() + texts_.memory_bytes(); }

 private:
  template <typename Key, typename KeyAt>
  std::vector<int32_t> InsertKeys(IdGenerations<Key>& generations, const arrow::Array& ids,
                                  const KeyAt& key_at);

  // A column is of one type, so one of the two stays empty.
  IdGenerations<NumberKey> numbers_;
  IdGenerations<TextKey> texts_;
};

}  // namespace daypart::ingest
