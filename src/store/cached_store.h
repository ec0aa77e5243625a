// SPDX-License-Identifier: Apache-2.0
//
// CachedStore: a read-through cache of immutable files in a local folder. What was read once of a
// data, manifest or metadata file (the whole or a range) is a file of the folder, and the next
// read is one of that file. What is written whole by Put is kept as well, so that a commit does
// not fetch what the one before it wrote. Oldest use goes first when the folder has more bytes
// than its limit. Several processes may share a folder. Names that can get other bytes (raw files)
// pass through uncached.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/object_store.h"

namespace daypart::store {

struct CacheOptions {
  std::string directory;  // made when it is not there
  uint64_t bytes_max = uint64_t{10} << 30;
};

/// The folder holds copies of the user's data: it is made for the user alone (0700).
/// errors: kPermissionDenied and the like if the folder cannot be made.
Result<std::unique_ptr<ObjectStore>> MakeCachedStore(std::unique_ptr<ObjectStore> inner,
                                                     CacheOptions options);

/// Whether objects of this name never change: data, delete, manifest and metadata files of tables,
/// all of which have a UUID in their names. (v3.metadata.json of Hadoop tables has none, nor have
/// raw files, which may be replaced.)
bool is_immutable_name(std::string_view location);

}  // namespace daypart::store
