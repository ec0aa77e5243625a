// SPDX-License-Identifier: Apache-2.0
//
// LocalCopies: what a store can do besides that keeps copies of objects as files of this machine,
// for programs that read nothing else (DuckDB's reader of Parquet files).
#pragma once

#include <string>
#include <string_view>

#include "store/object_store.h"

namespace daypart::store {

class LocalCopies {
 public:
  virtual ~LocalCopies() = default;
  /// Path of a file with the object's bytes, which stays until the cache needs its room.
  virtual Result<std::string> LocalCopy(std::string_view location) = 0;
};

/// errors: kUnsupported if the store keeps no copies; the store's own.
inline Result<std::string> LocalCopyOf(ObjectStore& store, std::string_view location) {
  auto* const copies = dynamic_cast<LocalCopies*>(&store);
  if (copies != nullptr) return copies->LocalCopy(location);
  return Unsupported("a file of this machine is expected, found " + std::string(location));
}

}  // namespace daypart::store
