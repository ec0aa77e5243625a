// SPDX-License-Identifier: Apache-2.0
//
// Objects as files. Reading is pread on one descriptor; listing walks folders, follows links once,
// and passes over dot-names; writing is directory_writer.cc's.
#include "store/directory_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "store/directory_writer.h"
#include "store/location.h"
#include "store/posix_file.h"

namespace daypart::store {
namespace {

/// Folders nested deeper are taken for a mistake (a mount within itself).
constexpr size_t kListDepthMax = 64;

std::string Etag(const struct stat& info) {
  char text[64];
  std::snprintf(text, sizeof(text), "%llx-%llx-%llx", static_cast<unsigned long long>(info.st_ino),
                static_cast<unsigned long long>(info.st_mtim.tv_sec) * 1'000'000'000ULL +
                    static_cast<unsigned long long>(info.st_mtim.tv_nsec),
                static_cast<unsigned long long>(info.st_size));
  return text;
}

ObjectInfo InfoOf(std::string location, const struct stat& info) {
  ObjectInfo object;
  object.location = std::move(location);
  object.bytes = static_cast<uint64_t>(info.st_size);
  object.modified =
      UtcMicros(int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1'000);
  object.etag = Etag(info);
  return object;
}

class FileReader final : public ObjectReader {
 public:
  FileReader(std::string path, FileDescriptor file, uint64_t size_bytes)
      : path_(std::move(path)), file_(std::move(file)), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) override {
    if (offset >= size_bytes_) return size_t{0};
    const size_t wanted =
        static_cast<size_t>(std::min<uint64_t>(into.size(), size_bytes_ - offset));
    DAYPART_TRY(const size_t got, ReadFully(file_.number(), offset, into.first(wanted), path_));
    if (got < wanted) {
      return CorruptData("file became shorter while it was read: expected " +
                         std::to_string(size_bytes_) + " bytes, found " +
                         std::to_string(offset + got) + ": " + path_);
    }
    return got;
  }

 private:
  const std::string path_;
  const FileDescriptor file_;
  const uint64_t size_bytes_;  // when it was opened: later growth is not looked at
};

/// What is open while folders are walked: the way down, to notice a link that leads back up.
struct FolderIdentity {
  dev_t device;
  ino_t inode;
  friend bool operator==(const FolderIdentity&, const FolderIdentity&) = default;
};

class FolderWalk {
 public:
  explicit FolderWalk(std::vector<ObjectInfo>& found) : found_(found) {}

  /// Adds the files below `path`, naming them `location`/…; a folder that is gone has none.
  Status Visit(const std::string& path, const std::string& location) {
    const FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) return UnlessAbsent("cannot list ", path, errno);
    struct stat self {};
    if (::fstat(folder.number(), &self) != 0) return SystemError("cannot look at " + path, errno);
    const FolderIdentity identity{self.st_dev, self.st_ino};
    if (std::find(way_.begin(), way_.end(), identity) != way_.end()) return Ok();
    if (way_.size() >= kListDepthMax) {
      return InvalidArgument("expected at most " + std::to_string(kListDepthMax) +
                             " nested directories, found more: " + path);
    }
    way_.push_back(identity);
    std::vector<std::string> names;
    DAYPART_RETURN_IF_ERROR(ReadNames(path, folder, names));
    for (const std::string& name : names) {
      DAYPART_RETURN_IF_ERROR(VisitEntry(folder, name, path, location));
    }
    way_.pop_back();
    return Ok();
  }

 private:
  /// What is gone since its name was read, or a link to nothing, is no failure of the walk.
  static Status UnlessAbsent(const char* what, const std::string& path, int error_number) {
    if (error_number == ENOENT || error_number == ENOTDIR) return Ok();
    return SystemError(what + path, error_number);
  }

  static Status ReadNames(const std::string& path, const FileDescriptor& folder,
                          std::vector<std::string>& names) {
    // fdopendir takes a descriptor over; the walk keeps its own for fstatat.
    const int duplicate = ::fcntl(folder.number(), F_DUPFD_CLOEXEC, 0);
    DIR* entries = duplicate < 0 ? nullptr : ::fdopendir(duplicate);
    if (entries == nullptr) {
      const int error_number = errno;
      if (duplicate >= 0) ::close(duplicate);
      return SystemError("cannot list " + path, error_number);
    }
    errno = 0;
    while (const dirent* entry = ::readdir(entries)) {
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
      errno = 0;
    }
    const int error_number = errno;
    ::closedir(entries);
    if (error_number != 0) return SystemError("cannot list " + path, error_number);
    return Ok();
  }

  Status VisitEntry(const FileDescriptor& folder, const std::string& name, const std::string& path,
                    const std::string& location) {
    struct stat info {};
    if (::fstatat(folder.number(), name.c_str(), &info, 0) != 0) {
      const int error_number = errno;
      return UnlessAbsent("cannot look at ", JoinLocation(path, name), error_number);
    }
    const std::string child = JoinLocation(location, name);
    if (S_ISDIR(info.st_mode)) return Visit(JoinLocation(path, name), child);
    if (S_ISREG(info.st_mode)) found_.push_back(InfoOf(child, info));
    return Ok();
  }

  std::vector<ObjectInfo>& found_;
  std::vector<FolderIdentity> way_;
};

class DirectoryStore final : public ObjectStore {
 public:
  explicit DirectoryStore(DirectoryStoreOptions options) : options_(options) {}

  Result<std::string> Get(std::string_view location) override {
    DAYPART_TRY(auto reader, OpenRead(location));
    if (reader->size_bytes() > kGetBytesMax) {
      return ResourceExhausted("expected at most " + std::to_string(kGetBytesMax) +
                               " bytes to read at once, found " +
                               std::to_string(reader->size_bytes()) + ": " + std::string(location));
    }
    std::string bytes(static_cast<size_t>(reader->size_bytes()), '\0');
    DAYPART_TRY(const size_t got, reader->ReadAt(0, std::as_writable_bytes(std::span(bytes))));
    bytes.resize(got);
    return bytes;
  }

  Status Put(std::string_view location, std::string_view bytes, WriteMode mode) override {
    // Its writer is finished at once: there is nothing to put the folder off for.
    DAYPART_TRY(const std::string path, LocalPath(location));
    DAYPART_RETURN_IF_ERROR(MakeFolders(FolderOf(path), options_.sync));
    DAYPART_TRY(auto writer, OpenWrite(location, mode));
    DAYPART_RETURN_IF_ERROR(writer->Append(std::as_bytes(std::span(bytes))));
    return writer->Finish();
  }

  Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) override {
    DAYPART_TRY(std::string path, LocalPath(location));
    // Not blocking: a pipe of that name must not hang us before it is seen to be none of ours.
    DAYPART_TRY(FileDescriptor file, OpenFile(path, O_RDONLY | O_NONBLOCK));
    struct stat info {};
    if (::fstat(file.number(), &info) != 0) return SystemError("cannot look at " + path, errno);
    if (S_ISDIR(info.st_mode)) return InvalidArgument("is a directory, expected a file: " + path);
    if (!S_ISREG(info.st_mode)) {
      return InvalidArgument("is a pipe, socket or device, expected a file: " + path);
    }
    const auto size_bytes = static_cast<uint64_t>(info.st_size);
    return std::unique_ptr<ObjectReader>(
        std::make_unique<FileReader>(std::move(path), std::move(file), size_bytes));
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                  WriteMode mode) override {
    DAYPART_TRY(std::string path, LocalPath(location));
    return OpenDirectoryWriter(
        {.path = std::move(path), .mode = mode, .sync = options_.sync, .resume_key = {}});
  }

  Result<std::unique_ptr<ObjectWriter>> OpenResumable(std::string_view location,
                                                      std::string_view key) override {
    DAYPART_TRY(std::string path, LocalPath(location));
    const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0; };
    if (key.empty() || key.size() > 128 || !std::all_of(key.begin(), key.end(), is_plain)) {
      return InvalidArgument("expected a key of 1 to 128 letters and digits, found '" +
                             std::string(key.substr(0, 160)) + "'");
    }
    return OpenDirectoryWriter({.path = std::move(path),
                                .mode = WriteMode::kReplace,
                                .sync = options_.sync,
                                .resume_key = std::string(key)});
  }

  Result<ObjectInfo> Head(std::string_view location) override {
    DAYPART_TRY(const std::string path, LocalPath(location));
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
      if (errno == ENOTDIR) return NotFound("no such object: " + path);
      return SystemError("cannot look at " + path, errno);
    }
    if (!S_ISREG(info.st_mode)) return NotFound("no such object (the name is no file's): " + path);
    return InfoOf(std::string(location), info);
  }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    DAYPART_TRY(const std::string path, LocalPath(prefix));
    std::vector<ObjectInfo> found;
    DAYPART_RETURN_IF_ERROR(
        FolderWalk(found).Visit(path, std::string(WithoutTrailingSlash(prefix))));
    std::sort(found.begin(), found.end(), [](const ObjectInfo& left, const ObjectInfo& right) {
      return left.location < right.location;
    });
    return found;
  }

  Status Move(std::string_view from, std::string_view to) override {
    DAYPART_TRY(const std::string source, LocalPath(from));
    DAYPART_TRY(const std::string target, LocalPath(to));
    DAYPART_RETURN_IF_ERROR(MakeFolders(FolderOf(target), options_.sync));
    if (::rename(source.c_str(), target.c_str()) != 0) {
      if (errno == EXDEV) return ObjectStore::Move(from, to);
      return SystemError("cannot rename " + source + " to " + target, errno);
    }
    if (!options_.sync) return Ok();
    // The new name first: a power cut in between may leave both names, but never none.
    DAYPART_RETURN_IF_ERROR(SyncFolder(FolderOf(target)));
    return SyncFolder(FolderOf(source));
  }

  Status Confirm(std::string_view location) override {
    DAYPART_TRY(const ObjectInfo info, Head(location));
    (void)info;  // Only that it is there matters.
    if (!options_.sync) return Ok();
    // The bytes were brought to disk before they had a name.
    DAYPART_TRY(const std::string path, LocalPath(location));
    return SyncFolder(FolderOf(path));
  }

  Status Delete(std::string_view location) override {
    DAYPART_TRY(const std::string path, LocalPath(location));
    if (::unlink(path.c_str()) == 0) return Ok();
    if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) return Ok();
    return SystemError("cannot delete " + path, errno);
  }

 private:
  const DirectoryStoreOptions options_;
};

}  // namespace

std::unique_ptr<ObjectStore> MakeDirectoryStore(DirectoryStoreOptions options) {
  return std::make_unique<DirectoryStore>(options);
}

Result<std::string> LocalPath(std::string_view location) {
  const LocationParts parts = SplitLocation(location);
  if (!parts.scheme.empty() && parts.scheme != "file") {
    return Unsupported("expected a file: location or an absolute path, found scheme '" +
                       std::string(parts.scheme) + "': " + std::string(location));
  }
  if (!parts.authority.empty() && parts.authority != "localhost") {
    return InvalidArgument("expected a file of this machine (file:///path), found host '" +
                           std::string(parts.authority) + "': " + std::string(location));
  }
  if (!parts.path.starts_with('/')) {
    return InvalidArgument("expected an absolute path, found '" + std::string(location) + "'");
  }
  if (parts.path.find('\0') != std::string_view::npos) {
    return InvalidArgument("expected a path without NUL characters, found one in it");
  }
  return std::string(parts.path);
}

}  // namespace daypart::store
