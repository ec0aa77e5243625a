// SPDX-License-Identifier: Apache-2.0
//
// The file is {"url": "http://127.0.0.1:8480", "pid": 123}; the lock is flock's, which the kernel
// gives up with the process, however it ends.
#include "app/server_notice.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

namespace daypart::app {
namespace {

constexpr char kFileName[] = "/server.json";
constexpr size_t kFileBytesMax = 4'096;

/// false: a server that ended took the file away between its being opened and locked.
bool is_file_at(const std::string& path, int file) {
  struct stat opened = {};
  struct stat named = {};
  return ::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

Result<std::unique_ptr<ServerNotice>> ServerNotice::Put(const std::string& folder,
                                                        const std::string& url) {
  const std::string path = folder + kFileName;
  std::unique_ptr<ServerNotice> notice;
  int file = -1;
  do {
    file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return SystemError("opening " + path, errno);
    notice.reset(new ServerNotice(path, file));
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
      return AlreadyExists("another server of this lake runs: " + path);
    }
  } while (!is_file_at(path, file));
  const std::string text = nlohmann::json{{"url", url}, {"pid", ::getpid()}}.dump() + '\n';
  if (::ftruncate(file, 0) != 0 ||
      ::pwrite(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return SystemError("writing " + path, errno);
  }
  return notice;
}

std::optional<std::string> ServerNotice::Find(const std::string& folder) {
  const int file = ::open((folder + kFileName).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  const bool is_alive = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  std::string text(kFileBytesMax, '\0');
  const ssize_t count = is_alive ? ::pread(file, text.data(), text.size(), 0) : 0;
  ::close(file);
  text.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("url") || !json["url"].is_string()) return std::nullopt;
  return json["url"].get<std::string>();
}

ServerNotice::~ServerNotice() {
  // Before the lock goes, so that it is nobody else's.
  struct Lock {
    int file;
    ~Lock() { ::close(file); }
  } const lock{file_};
  const bool is_ours = ::flock(file_, LOCK_EX | LOCK_NB) == 0 && is_file_at(path_, file_);
  if (is_ours) (void)::unlink(path_.c_str());
}

}  // namespace daypart::app
