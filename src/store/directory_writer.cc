// SPDX-License-Identifier: Apache-2.0
//
// Order of steps, each safe to die after: bytes into an unnamed (or dot-) file; fsync of the file;
// its folder, if that is new; name by link(2), which fails if taken, or rename(2), which replaces;
// fsync of the folder. A process killed with an unnamed file leaves nothing at all; with a dot-file
// it leaves one that List never shows. The file of a new folder is begun in the one above it.
#include "store/directory_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "store/posix_file.h"

namespace daypart::store {
namespace {

constexpr int kOpenAttemptsMax = 16;

std::string BaseNameOf(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

/// A name in the folder that no other writer of any process has at the same time.
std::string TemporaryPath(const std::string& folder) {
  static std::atomic<uint64_t> counter{0};
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  char name[80];
  std::snprintf(name, sizeof(name), "/.daypart-%ld-%llx-%llx.tmp", static_cast<long>(::getpid()),
                static_cast<unsigned long long>(now.tv_sec) * 1'000'000'000ULL +
                    static_cast<unsigned long long>(now.tv_nsec),
                static_cast<unsigned long long>(counter.fetch_add(1)));
  return folder + name;
}

/// Where the bytes are before they have their name.
struct Staging {
  FileDescriptor file;
  std::string path;  // empty: the file has no name
  uint64_t bytes = 0;
};

std::string DescriptorPath(int number) { return "/proc/self/fd/" + std::to_string(number); }

Result<Staging> OpenTemporary(const std::string& folder) {
  Staging staging;
  auto unnamed = OpenFile(folder, O_TMPFILE | O_WRONLY);
  if (unnamed && ::access(DescriptorPath(unnamed->number()).c_str(), F_OK) == 0) {
    staging.file = std::move(*unnamed);
    return staging;
  }
  staging.path = TemporaryPath(folder);
  DAYPART_TRY(staging.file, OpenFile(staging.path, O_WRONLY | O_CREAT | O_EXCL));
  return staging;
}

/// Parts of one target share the front of their name; what follows it is the key.
std::string PartPrefix(const std::string& path) {
  const std::string name = BaseNameOf(path);
  char hash[20];
  std::snprintf(hash, sizeof(hash), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(name.data(), name.size())));
  return std::string(".daypart-part-") + hash + "-";
}

/// Removes what earlier uploads of other content to the same name left, unless one is still at
/// work.
void RemoveOtherParts(const std::string& folder, const std::string& prefix,
                      const std::string& part_name) {
  DIR* entries = ::opendir(folder.c_str());
  if (entries == nullptr) return;  // Litter only: not worth failing for.
  while (const dirent* entry = ::readdir(entries)) {
    const std::string name = entry->d_name;
    if (!name.starts_with(prefix) || name == part_name) continue;
    const std::string path = folder + "/" + name;
    const auto file = OpenFile(path, O_WRONLY);
    if (file && ::flock(file->number(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  }
  ::closedir(entries);
}

Result<Staging> OpenPart(const std::string& path, const std::string& key) {
  const std::string prefix = PartPrefix(path);
  const std::string folder = FolderOf(path);
  Staging staging;
  staging.path = folder + "/" + prefix + key;
  for (int attempt = 0; attempt < kOpenAttemptsMax; ++attempt) {
    DAYPART_TRY(staging.file, OpenFile(staging.path, O_WRONLY | O_CREAT | O_APPEND));
    if (::flock(staging.file.number(), LOCK_EX | LOCK_NB) != 0) {
      return Unavailable("expected to be the only upload, found another one at work: " + path);
    }
    struct stat held {};
    struct stat named {};
    // The lock's last holder may have given the file its final name between our open and our lock.
    if (::fstat(staging.file.number(), &held) == 0 && ::stat(staging.path.c_str(), &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
      staging.bytes = static_cast<uint64_t>(held.st_size);
      RemoveOtherParts(folder, prefix, prefix + key);
      return staging;
    }
  }
  return Unavailable("another upload kept finishing the same object: " + path);
}

/// Gives the file `from` the name `to`. returns: 0 or errno.
int Link(const std::string& from, const std::string& to) {
  return ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/// Renames unless `to` is there. File systems without hard links (FAT, some network ones) have
/// this.
int RenameIfAbsent(const std::string& from, const std::string& to) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0
                                                                                          : errno;
}

class DirectoryWriter final : public ObjectWriter {
 public:
  DirectoryWriter(DirectoryWriteOptions options, Staging staging)
      : options_(std::move(options)), staging_(std::move(staging)), written_bytes_(staging_.bytes) {
    flushed_bytes_ = writeback_bytes_ = written_bytes_;
  }

  ~DirectoryWriter() override {
    if (is_finished_) return;
    if (!options_.resume_key.empty()) {
      (void)Flush();  // What cannot be kept is written again by the next attempt.
    } else if (!staging_.path.empty()) {
      ::unlink(staging_.path.c_str());
    }
  }

  Status Append(std::span<const std::byte> bytes) override {
    DAYPART_RETURN_IF_ERROR(CheckUsable());
    written_bytes_ += bytes.size();
    if (buffer_.size() + bytes.size() >= kWriteBufferBytes) {
      DAYPART_RETURN_IF_ERROR(Flush());
      if (bytes.size() >= kWriteBufferBytes) return Write(bytes);
    }
    if (buffer_.capacity() == 0) buffer_.reserve(kWriteBufferBytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return Ok();
  }

  Status Finish() override {
    DAYPART_RETURN_IF_ERROR(CheckUsable());
    DAYPART_RETURN_IF_ERROR(Flush());
    if (options_.sync) {
      failed_ = SyncFile(staging_.file.number(), options_.path);
      DAYPART_RETURN_IF_ERROR(failed_);
    }
    // Not before: whoever opens a file in a new folder would wait for the disk.
    failed_ = MakeFolders(FolderOf(options_.path), options_.sync);
    DAYPART_RETURN_IF_ERROR(failed_);
    failed_ = Publish();
    DAYPART_RETURN_IF_ERROR(failed_);
    is_finished_ = true;
    if (!options_.sync) return Ok();
    auto synced = SyncFolder(FolderOf(options_.path));
    if (synced) return Ok();
    return CommitUnknown("object is there, but the disk did not confirm its name: " +
                         synced.error().message);
  }

  uint64_t written_bytes() const override { return written_bytes_; }

 private:
  Status CheckUsable() const {
    if (is_finished_) return InvalidArgument("object is finished already: " + options_.path);
    return failed_;
  }

  Status Flush() {
    const Status written = Write(buffer_);
    buffer_.clear();
    return written;
  }

  Status Write(std::span<const std::byte> bytes) {
    DAYPART_RETURN_IF_ERROR(failed_);
    failed_ = WriteAll(staging_.file.number(), bytes, options_.path);
    DAYPART_RETURN_IF_ERROR(failed_);
    flushed_bytes_ += bytes.size();
    if (options_.sync && flushed_bytes_ - writeback_bytes_ >= kWritebackBytes) {
      // A hint: where it is not supported, fsync does the whole work later.
      (void)::sync_file_range(staging_.file.number(), static_cast<off_t>(writeback_bytes_),
                              static_cast<off_t>(flushed_bytes_ - writeback_bytes_),
                              SYNC_FILE_RANGE_WRITE);
      writeback_bytes_ = flushed_bytes_;
    }
    return Ok();
  }

  Status Publish() {
    const int error =
        options_.mode == WriteMode::kIfAbsent ? PublishIfAbsent() : PublishReplacing();
    if (error == EEXIST) return AlreadyExists("object is there already: " + options_.path);
    if (error == EISDIR)
      return InvalidArgument("is a directory, expected a file: " + options_.path);
    if (error != 0) return SystemError("cannot name " + options_.path, error);
    return Ok();
  }

  int PublishIfAbsent() {
    if (staging_.path.empty()) return Link(DescriptorPath(staging_.file.number()), options_.path);
    const int error = Link(staging_.path, options_.path);
    if (error == EPERM || error == ENOTSUP || error == ENOSYS) {
      return RenameIfAbsent(staging_.path, options_.path);
    }
    if (error == 0) ::unlink(staging_.path.c_str());
    return error;
  }

  int PublishReplacing() {
    if (staging_.path.empty()) {
      const std::string unnamed = DescriptorPath(staging_.file.number());
      int error = Link(unnamed, options_.path);
      if (error != EEXIST) return error;
      const std::string temporary = TemporaryPath(FolderOf(options_.path));
      error = Link(unnamed, temporary);
      if (error != 0) return error;
      staging_.path = temporary;
    }
    return ::rename(staging_.path.c_str(), options_.path.c_str()) == 0 ? 0 : errno;
  }

  const DirectoryWriteOptions options_;
  Staging staging_;
  std::vector<std::byte> buffer_;  // at most kWriteBufferBytes
  uint64_t written_bytes_ = 0;
  uint64_t flushed_bytes_ = 0;    // given to the kernel
  uint64_t writeback_bytes_ = 0;  // of them, on their way to the disk
  Status failed_;                 // the first failure; all later calls answer with it
  bool is_finished_ = false;
};

}  // namespace

Result<std::unique_ptr<ObjectWriter>> OpenDirectoryWriter(DirectoryWriteOptions options) {
  const std::string folder = FolderOf(options.path);
  DAYPART_TRY(const std::string nearest, NearestFolder(folder));
  struct stat info {};
  if (options.path.ends_with('/') ||
      (::stat(options.path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))) {
    return InvalidArgument("is a directory, expected a file: " + options.path);
  }
  if (options.mode == WriteMode::kIfAbsent && ::lstat(options.path.c_str(), &info) == 0) {
    return AlreadyExists("object is there already: " + options.path);
  }
  Staging staging;
  if (options.resume_key.empty()) {
    auto opened = OpenTemporary(nearest);
    if (!opened && nearest != folder) {
      // What can be written are the folders below it, perhaps; else this tells what is wrong.
      DAYPART_RETURN_IF_ERROR(MakeFolders(folder, options.sync));
      opened = OpenTemporary(folder);
    }
    DAYPART_TRY(staging, std::move(opened));
  } else {
    DAYPART_RETURN_IF_ERROR(MakeFolders(folder, options.sync));
    DAYPART_TRY(staging, OpenPart(options.path, options.resume_key));
  }
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<DirectoryWriter>(std::move(options), std::move(staging)));
}

}  // namespace daypart::store
