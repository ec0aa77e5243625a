// SPDX-License-Identifier: Apache-2.0
//
// Disk: the calls with which the stream log changes files. An interface, because what a failing
// fsync, a full disk and a crash between any two calls do to the log has to be tried out.
// Reading is not part of it: readers use the files themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace daypart::streamlog {

/// A file open for writing. Used by one thread at a time.
class LogFile {
 public:
  virtual ~LogFile() = default;
  /// errors: kResourceExhausted on a full disk; part of the bytes may have been written then.
  virtual Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) = 0;
  /// What was written before is on the medium once it returns Ok. After an error nothing may be
  /// assumed of any write since the last Ok: the kernel may have dropped the pages.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size_bytes) = 0;
};

/// Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;
  /// A new file. errors: kAlreadyExists.
  virtual Result<std::unique_ptr<LogFile>> Create(const std::string& path) = 0;
  /// A file that is there. errors: kNotFound.
  virtual Result<std::unique_ptr<LogFile>> Open(const std::string& path) = 0;
  /// Puts `to` in place of what had that name, in one step.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  /// Makes the folder and those above it, durably.
  virtual Status MakeFolders(const std::string& folder) = 0;
  /// Names made, renamed or removed in the folder survive a crash once it returns Ok.
  virtual Status SyncFolder(const std::string& folder) = 0;
};

/// The machine's file system. sync = false leaves durability to the kernel: for those who accept to
/// lose the last seconds when the machine (not the process) dies.
std::unique_ptr<Disk> OpenPosixDisk(bool sync);

/// Replaces the file's content in one step: written beside it, synced, renamed, folder synced.
Status WriteFileAtomically(Disk& disk, const std::string& path, std::string_view content);

/// The whole file. errors: kNotFound; kResourceExhausted above bytes_max.
Result<std::string> ReadWholeFile(const std::string& path, size_t bytes_max);

}  // namespace daypart::streamlog
