// SPDX-License-Identifier: Apache-2.0
//
// The system calls under the directory store: a descriptor that closes itself, whole writes and
// reads, fsync, folders. Each retries EINTR and names the file in its error. Knows nothing of
// objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"

namespace daypart::store {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    Reset();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~FileDescriptor() { Reset(); }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// Closes it. What close(2) would report was found by fsync before, so it is not asked.
  void Reset();

 private:
  int number_ = -1;
};

/// A file mapped to be read. It must not be cut short while this lives: what is behind its new end
/// would end the process when it is touched.
class FileMapping {
 public:
  FileMapping() = default;
  FileMapping(FileMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  FileMapping& operator=(FileMapping&& other) noexcept;
  ~FileMapping();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  friend Result<FileMapping> MapFile(const std::string& path);
  std::span<const std::byte> bytes_;
};

/// All of the file as it is now, its pages there at once as far as they are in memory.
Result<FileMapping> MapFile(const std::string& path);

/// open(2) with O_CLOEXEC. The error's errno text is whole; its code is SystemError's.
Result<FileDescriptor> OpenFile(const std::string& path, int flags);

/// Writes all of `bytes` at the descriptor's position.
Status WriteAll(int descriptor, std::span<const std::byte> bytes, const std::string& path);

/// Reads from `offset` until `into` is full or the file ends. returns: bytes read.
Result<size_t> ReadFully(int descriptor, uint64_t offset, std::span<std::byte> into,
                         const std::string& path);

/// fsync of a file's bytes.
Status SyncFile(int descriptor, const std::string& path);

/// fsync of a folder, so that names made or changed in it survive a power cut.
Status SyncFolder(const std::string& folder);

/// Makes `folder` and its missing parents; with `sync`, each parent that got a new folder is
/// synced.
Status MakeFolders(const std::string& folder, bool sync);

/// `folder`, or the nearest folder above it if it is not there yet. errors: as MakeFolders.
Result<std::string> NearestFolder(std::string folder);

/// The folder part of an absolute path: "/" for "/a", "/a" for "/a/b".
std::string FolderOf(const std::string& path);

}  // namespace daypart::store
