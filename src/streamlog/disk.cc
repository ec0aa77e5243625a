// SPDX-License-Identifier: Apache-2.0
//
// The machine's file system as a Disk.
#include "streamlog/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "store/posix_file.h"

namespace daypart::streamlog {
namespace {

class PosixFile final : public LogFile {
 public:
  PosixFile(store::FileDescriptor file, std::string path, bool sync)
      : file_(std::move(file)), path_(std::move(path)), sync_(sync) {}

  Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t done =
          ::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (done < 0) {
        if (errno == EINTR) continue;
        return SystemError("writing " + path_, errno);
      }
      offset += static_cast<uint64_t>(done);
      bytes = bytes.subspan(static_cast<size_t>(done));
    }
    return Ok();
  }

  Status Sync() override {
    // fdatasync also writes the file's size, the only metadata a reader needs.
    if (sync_ && ::fdatasync(file_.number()) != 0) return SystemError("syncing " + path_, errno);
    return Ok();
  }

  Status Truncate(uint64_t size_bytes) override {
    if (::ftruncate(file_.number(), static_cast<off_t>(size_bytes)) != 0) {
      return SystemError("truncating " + path_, errno);
    }
    return Ok();
  }

 private:
  store::FileDescriptor file_;
  std::string path_;
  bool sync_;
};

class PosixDisk final : public Disk {
 public:
  explicit PosixDisk(bool sync) : sync_(sync) {}

  Result<std::unique_ptr<LogFile>> Create(const std::string& path) override {
    return OpenWith(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
  }

  Result<std::unique_ptr<LogFile>> Open(const std::string& path) override {
    return OpenWith(path, O_WRONLY | O_CLOEXEC);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) {
      return SystemError("renaming " + from + " to " + to, errno);
    }
    return Ok();
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return SystemError("removing " + path, errno);
    return Ok();
  }

  Status MakeFolders(const std::string& folder) override {
    return store::MakeFolders(folder, sync_);
  }

  Status SyncFolder(const std::string& folder) override {
    return sync_ ? store::SyncFolder(folder) : Ok();
  }

 private:
  Result<std::unique_ptr<LogFile>> OpenWith(const std::string& path, int flags) {
    const int number = ::open(path.c_str(), flags, 0644);
    if (number < 0) return SystemError("opening " + path, errno);
    return std::unique_ptr<LogFile>(
        std::make_unique<PosixFile>(store::FileDescriptor(number), path, sync_));
  }

  bool sync_;
};

}  // namespace

std::unique_ptr<Disk> OpenPosixDisk(bool sync) { return std::make_unique<PosixDisk>(sync); }

Status WriteFileAtomically(Disk& disk, const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  if (::access(beside.c_str(), F_OK) == 0) DAYPART_RETURN_IF_ERROR(disk.Remove(beside));
  DAYPART_TRY(const auto file, disk.Create(beside));
  DAYPART_RETURN_IF_ERROR(file->WriteAt(0, std::as_bytes(std::span(content))));
  DAYPART_RETURN_IF_ERROR(file->Sync());
  DAYPART_RETURN_IF_ERROR(disk.Rename(beside, path));
  return disk.SyncFolder(store::FolderOf(path));
}

Result<std::string> ReadWholeFile(const std::string& path, size_t bytes_max) {
  DAYPART_TRY(const auto file, store::OpenFile(path, O_RDONLY));
  struct stat info {};
  if (::fstat(file.number(), &info) != 0) return SystemError("looking at " + path, errno);
  const auto size = static_cast<size_t>(info.st_size);
  if (size > bytes_max) {
    return ResourceExhausted(path + " may have " + std::to_string(bytes_max) + " bytes, it has " +
                             std::to_string(size));
  }
  std::string content(size, '\0');
  DAYPART_TRY(const size_t got,
              store::ReadFully(file.number(), 0, std::as_writable_bytes(std::span(content)), path));
  content.resize(got);
  return content;
}

}  // namespace daypart::streamlog
