// SPDX-License-Identifier: Apache-2.0
//
// flock: the system gives it back when a process dies.
#include "app/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace daypart::app {

Result<FileLock> FileLock::Take(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return SystemError("opening " + path.string(), errno);
  FileLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("locking " + path.string(), errno);
    char holder[16] = {};
    const bool is_told = ::pread(file, holder, sizeof(holder) - 1, 0) > 0;
    return Unavailable(path.string() + " is held by " +
                       (is_told ? "process " + std::string(holder) : "another process"));
  }
  // For whoever is refused; the lock does not depend on it.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(file, 0) == 0) (void)!::pwrite(file, pid.data(), pid.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace daypart::app
