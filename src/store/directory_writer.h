// SPDX-License-Identifier: Apache-2.0
//
// Writes one file of the directory store: bytes gather in a nameless file of the target's folder
// (or a dot-file where the file system has no nameless ones), are brought to disk, and only then
// get the name.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/object_store.h"

namespace daypart::store {

struct DirectoryWriteOptions {
  std::string path;  // absolute
  WriteMode mode = WriteMode::kReplace;
  bool sync = true;
  /// Not empty: unfinished bytes are kept under this key and continued
  /// (ObjectStore::OpenResumable).
  std::string resume_key;
};

/// errors: kAlreadyExists (kIfAbsent and the name is taken), kInvalidArgument (the name is a
/// directory's), kUnavailable (the same resumable upload is under way elsewhere), SystemError's
/// codes. Finish may give kCommitUnknown: the object is visible, but the disk did not confirm its
/// name.
Result<std::unique_ptr<ObjectWriter>> OpenDirectoryWriter(DirectoryWriteOptions options);

/// 1 MiB: appends below it are gathered, so that a write(2) costs nothing beside its bytes.
inline constexpr size_t kWriteBufferBytes = size_t{1} << 20;

/// 8 MiB: after so many bytes the kernel is asked to begin writing back, which leaves little for
/// the fsync at the end to wait for.
inline constexpr uint64_t kWritebackBytes = uint64_t{8} << 20;

}  // namespace daypart::store
