// SPDX-License-Identifier: Apache-2.0
//
// The ObjectStore of the machine's own files. An object is a regular file; it appears under its
// name by link or rename only after its bytes are on disk, so a reader, another process or a power
// cut sees the whole object or none. Refuses relative paths and other hosts' files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/object_store.h"

namespace daypart::store {

struct DirectoryStoreOptions {
  /// fsync of file and folder before a write is reported done. Off only where the data can be made
  /// again.
  bool sync = true;
};

/// Locations: file:///abs/path, file:/abs/path, file://localhost/abs/path and /abs/path, none of
/// them percent-decoded. List answers in the form of the prefix it was given. Folders are made on
/// write and never removed. Thread-safe, also against other processes.
std::unique_ptr<ObjectStore> MakeDirectoryStore(DirectoryStoreOptions options = {});

/// The local path that a location names.
/// errors: kUnsupported for another scheme; kInvalidArgument for a relative path or another host.
Result<std::string> LocalPath(std::string_view location);

}  // namespace daypart::store
