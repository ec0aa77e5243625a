// SPDX-License-Identifier: Apache-2.0
//
// System calls with EINTR retried and errors that name the file.
#include "store/posix_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace daypart::store {

void FileDescriptor::Reset() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

FileMapping& FileMapping::operator=(FileMapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

FileMapping::~FileMapping() {
  if (bytes_.empty()) return;
  (void)::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<FileMapping> MapFile(const std::string& path) {
  DAYPART_TRY(const FileDescriptor file, OpenFile(path, O_RDONLY));
  struct stat info {};
  if (::fstat(file.number(), &info) != 0) return SystemError("cannot look at " + path, errno);
  FileMapping mapping;
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return mapping;  // mmap refuses no bytes
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file.number(), 0);
  if (at == MAP_FAILED) return SystemError("cannot map " + path, errno);
  mapping.bytes_ = {static_cast<const std::byte*>(at), size};
  return mapping;
}

Result<FileDescriptor> OpenFile(const std::string& path, int flags) {
  constexpr mode_t kMode = 0666;  // narrowed by the process's umask
  while (true) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC, kMode);
    if (number >= 0) return FileDescriptor(number);
    if (errno != EINTR) return SystemError("cannot open " + path, errno);
  }
}

Status WriteAll(int descriptor, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError("cannot write " + path, errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return Ok();
}

Result<size_t> ReadFully(int descriptor, uint64_t offset, std::span<std::byte> into,
                         const std::string& path) {
  size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got = ::pread(descriptor, into.data() + filled, into.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0) {
      if (errno == EINTR) continue;
      return SystemError("cannot read " + path, errno);
    }
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return filled;
}

Status SyncFile(int descriptor, const std::string& path) {
  // Never called again after a failure: the kernel may have dropped the pages and would then say
  // yes.
  if (::fsync(descriptor) != 0) return SystemError("cannot bring to disk " + path, errno);
  return Ok();
}

Status SyncFolder(const std::string& folder) {
  DAYPART_TRY(const FileDescriptor descriptor, OpenFile(folder, O_RDONLY | O_DIRECTORY));
  return SyncFile(descriptor.number(), folder);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) return "/";
  return path.substr(0, slash);
}

namespace {

Result<bool> is_folder_there(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return true;
    return InvalidArgument("expected a directory, found a file: " + folder);
  }
  if (errno == ENOTDIR) {
    return InvalidArgument("expected directories only, found a file in the way to " + folder);
  }
  if (errno != ENOENT) return SystemError("cannot look at " + folder, errno);
  return false;
}

}  // namespace

Result<std::string> NearestFolder(std::string folder) {
  while (true) {
    DAYPART_TRY(const bool is_there, is_folder_there(folder));
    if (is_there) return folder;
    folder = FolderOf(folder);
  }
}

Status MakeFolders(const std::string& folder, bool sync) {
  DAYPART_TRY(const bool is_there, is_folder_there(folder));
  if (is_there) return Ok();
  const std::string parent = FolderOf(folder);
  if (parent != folder) DAYPART_RETURN_IF_ERROR(MakeFolders(parent, sync));
  if (::mkdir(folder.c_str(), 0777) != 0) {
    if (errno == EEXIST) return Ok();  // Another process was quicker.
    return SystemError("cannot make directory " + folder, errno);
  }
  if (!sync) return Ok();
  Status synced = SyncFolder(parent);
  // Whoever comes next would take the folder that is there for one on disk.
  if (!synced) ::rmdir(folder.c_str());
  return synced;
}

}  // namespace daypart::store
