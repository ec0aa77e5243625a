// SPDX-License-Identifier: Apache-2.0
//
// A file of the cache is named <32 hex digits of the location's XXH3><.tail|.whole|.OFFSET-BYTES>
// and put under that name by a rename, so that a reader sees all of it or none. It begins with the
// count of the bytes that follow, 8 bytes little-endian: nothing is fsynced here, and a file that a
// power failure cut short has to be passed over. Arrow asks for the
// same coalesced ranges whenever the same columns are read, so equal ranges are what repeats; a
// range is also cut out of a whole file. In the tail's file the object's size comes next, 8 bytes
// little-endian: it is what opening a file asks for. A copy for other programs (.copy) is the
// object's bytes alone; its size is compared with the object's.
#include "store/cached_store.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <utility>

#include "store/directory_store.h"
#include "store/local_copies.h"
#include "store/location.h"
#include "store/posix_file.h"

namespace daypart::store {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kTailBytes = uint64_t{64} << 10;
/// Files over this size are not taken in whole by a Get; they are read by ranges.
constexpr uint64_t kWholeBytesMax = uint64_t{64} << 20;
/// Writes between two looks at the folder's size, at most: what it may have over its limit.
constexpr uint64_t kEvictEveryBytesMax = uint64_t{64} << 20;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// A file of the cache behind its count of bytes.
class KeptReader final : public ObjectReader {
 public:
  KeptReader(std::unique_ptr<ObjectReader> file, uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }
  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) override {
    return file_->ReadAt(sizeof(size_bytes_) + offset, into);
  }

 private:
  const std::unique_ptr<ObjectReader> file_;
  const uint64_t size_bytes_;
};

/// A part of a file of the cache. Eviction removes names and cuts nothing, so the bytes stay.
class KeptBytes final : public MappedBytes {
 public:
  KeptBytes(FileMapping file, std::span<const std::byte> bytes)
      : file_(std::move(file)), bytes_(bytes) {}
  std::span<const std::byte> bytes() const override { return bytes_; }

 private:
  const FileMapping file_;
  const std::span<const std::byte> bytes_;
};

/// A UUID in the name is what makes it one that no other object ever gets.
bool HasUuid(std::string_view name) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  for (size_t at = 0; at + kShape.size() <= name.size(); ++at) {
    const std::string_view part = name.substr(at, kShape.size());
    const bool is_one =
        std::equal(kShape.begin(), kShape.end(), part.begin(), [](char shape, unsigned char c) {
          return shape == '-' ? c == '-' : std::isxdigit(c) != 0;
        });
    if (is_one) return true;
  }
  return false;
}

/// The folder: get, put, evict.
class CacheFolder {
 public:
  explicit CacheFolder(CacheOptions options)
      : options_(std::move(options)),
        files_(MakeDirectoryStore({.sync = false})),
        evict_every_bytes_(std::min(kEvictEveryBytesMax, options_.bytes_max / 16)),
        written_bytes_(evict_every_bytes_) {}

  std::string PathOf(std::string_view location, const std::string& part) const {
    const XXH128_hash_t hash = XXH3_128bits(location.data(), location.size());
    char name[40];
    std::snprintf(name, sizeof(name), "%016llx%016llx.",
                  static_cast<unsigned long long>(hash.high64),
                  static_cast<unsigned long long>(hash.low64));
    return options_.directory + '/' + name + part;
  }

  /// Null if there is no such file, or only a part of one.
  std::unique_ptr<ObjectReader> Open(const std::string& path) {
    auto reader = files_->OpenRead(path);
    if (!reader) return nullptr;
    uint64_t bytes = 0;
    const auto got = (*reader)->ReadAt(0, std::as_writable_bytes(std::span(&bytes, 1)));
    if (!got || *got != sizeof(bytes) || (*reader)->size_bytes() != sizeof(bytes) + bytes) {
      return nullptr;
    }
    MarkUsed(path);
    return std::make_unique<KeptReader>(std::move(reader).value(), bytes);
  }

  /// So many bytes of the file's content from `offset` on; null if they are not all there.
  std::shared_ptr<const MappedBytes> Map(const std::string& path, uint64_t offset, size_t bytes) {
    auto file = MapFile(path);
    if (!file) return nullptr;
    const std::span<const std::byte> whole = file->bytes();
    uint64_t count = 0;
    if (whole.size() < sizeof(count)) return nullptr;
    std::memcpy(&count, whole.data(), sizeof(count));
    if (whole.size() != sizeof(count) + count) return nullptr;
    if (offset > count || bytes > count - offset) return nullptr;
    MarkUsed(path);
    const auto part = whole.subspan(sizeof(count) + static_cast<size_t>(offset), bytes);
    return std::make_shared<KeptBytes>(std::move(file).value(), part);
  }

  /// Whether the path is there with so many bytes and none besides.
  bool HasCopy(const std::string& path, uint64_t bytes) {
    std::error_code error;
    if (fs::file_size(path, error) != bytes || error) return false;
    MarkUsed(path);
    return true;
  }

  /// A full disk or a folder that is gone makes the cache useless, not the read.
  void Put(const std::string& path, std::span<const std::byte> bytes) {
    const uint64_t count = bytes.size();
    Write(path, {std::as_bytes(std::span(&count, 1)), bytes});
  }
  void PutCopy(const std::string& path, std::span<const std::byte> bytes) { Write(path, {bytes}); }

  void Forget(std::string_view location) {
    const std::string prefix = fs::path(PathOf(location, "")).filename().string();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(options_.directory, error)) {
      if (entry.path().filename().string().starts_with(prefix)) fs::remove(entry.path(), error);
    }
  }

  void Evict() {
    const std::lock_guard lock(mutex_);
    written_bytes_ = 0;
    struct Entry {
      fs::file_time_type used;
      fs::path path;
      uint64_t bytes;
    };
    std::vector<Entry> entries;
    uint64_t total = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(options_.directory, error)) {
      const uint64_t bytes = entry.file_size(error);
      if (error) continue;
      entries.push_back({entry.last_write_time(error), entry.path(), bytes});
      total += bytes;
    }
    if (total <= options_.bytes_max) return;
    std::sort(entries.begin(), entries.end(),
              [](const Entry& left, const Entry& right) { return left.used < right.used; });
    for (const Entry& entry : entries) {
      if (total <= options_.bytes_max / 10 * 9) return;
      fs::remove(entry.path, error);
      total -= entry.bytes;
    }
  }

 private:
  /// The pieces one after the other, which are not copied together: there may be much of them.
  void Write(const std::string& path,
             std::initializer_list<std::span<const std::byte>> pieces) {
    uint64_t bytes = 0;
    for (const auto& piece : pieces) bytes += piece.size();
    if (bytes > options_.bytes_max) return;
    auto writer = files_->OpenWrite(path, WriteMode::kReplace);
    if (!writer) return;
    for (const auto& piece : pieces) {
      if (!(*writer)->Append(piece)) return;
    }
    if (!(*writer)->Finish()) return;
    if ((written_bytes_ += bytes) > evict_every_bytes_) Evict();
  }

  static void MarkUsed(const std::string& path) {
    std::error_code error;  // a folder that cannot be written still gives
    fs::last_write_time(path, fs::file_time_type::clock::now(), error);
  }

  const CacheOptions options_;
  const std::unique_ptr<ObjectStore> files_;
  const uint64_t evict_every_bytes_;
  std::atomic<uint64_t> written_bytes_;  // so that the first write looks at once
  std::mutex mutex_;                     // one eviction at a time
};

class CachedReader final : public ObjectReader {
 public:
  /// remote: the object, if it was opened already, else null.
  CachedReader(ObjectStore& inner, CacheFolder& folder, std::string location, uint64_t size_bytes,
               std::string tail, std::unique_ptr<ObjectReader> remote)
      : inner_(inner),
        folder_(folder),
        location_(std::move(location)),
        size_bytes_(size_bytes),
        tail_(std::move(tail)),
        remote_(std::move(remote)) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) override {
    if (offset >= size_bytes_ || into.empty()) return size_t{0};
    into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), size_bytes_ - offset)));
    const uint64_t tail_begin = size_bytes_ - tail_.size();
    if (offset >= tail_begin) {
      std::memcpy(into.data(), tail_.data() + (offset - tail_begin), into.size());
      return into.size();
    }
    if (const auto whole = folder_.Open(folder_.PathOf(location_, "whole"))) {
      const auto got = whole->ReadAt(offset, into);
      if (got && *got == into.size()) return got;
    }
    const std::string path = RangePath(offset, into.size());
    if (const auto kept = folder_.Open(path)) {
      const auto got = kept->ReadAt(0, into);
      if (got && *got == into.size()) return got;
    }
    DAYPART_TRY(ObjectReader* const reader, Remote());
    DAYPART_TRY(const size_t got, reader->ReadAt(offset, into));
    if (got == into.size()) folder_.Put(path, into);
    return got;
  }

  std::shared_ptr<const MappedBytes> Map(uint64_t offset, size_t bytes) override {
    if (auto part = folder_.Map(folder_.PathOf(location_, "whole"), offset, bytes)) return part;
    return folder_.Map(RangePath(offset, bytes), 0, bytes);
  }

 private:
  std::string RangePath(uint64_t offset, size_t bytes) const {
    return folder_.PathOf(location_, std::to_string(offset) + '-' + std::to_string(bytes));
  }

  Result<ObjectReader*> Remote() {
    const std::lock_guard lock(mutex_);
    if (remote_ == nullptr) {
      DAYPART_TRY(remote_, inner_.OpenRead(location_));
    }
    return remote_.get();
  }

  ObjectStore& inner_;
  CacheFolder& folder_;
  const std::string location_;
  const uint64_t size_bytes_;
  const std::string tail_;
  std::mutex mutex_;  // guards remote_
  std::unique_ptr<ObjectReader> remote_;
};

class CachedStore final : public ObjectStore, public LocalCopies {
 public:
  CachedStore(std::unique_ptr<ObjectStore> inner, CacheOptions options)
      : inner_(std::move(inner)), folder_(std::move(options)) {}

  Result<std::string> Get(std::string_view location) override {
    if (!is_immutable_name(location)) return inner_->Get(location);
    const std::string path = folder_.PathOf(location, "whole");
    if (const auto kept = folder_.Open(path)) {
      std::string bytes(static_cast<size_t>(kept->size_bytes()), '\0');
      const auto got = kept->ReadAt(0, std::as_writable_bytes(std::span(bytes)));
      if (got && *got == bytes.size()) return bytes;
    }
    DAYPART_TRY(std::string bytes, inner_->Get(location));
    if (bytes.size() <= kWholeBytesMax) folder_.Put(path, Bytes(bytes));
    return bytes;
  }

  Status Put(std::string_view location, std::string_view bytes, WriteMode mode) override {
    DAYPART_RETURN_IF_ERROR(inner_->Put(location, bytes, mode));
    if (is_immutable_name(location)) folder_.Put(folder_.PathOf(location, "whole"), Bytes(bytes));
    return Ok();
  }

  Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) override {
    if (!is_immutable_name(location)) return inner_->OpenRead(location);
    if (auto whole = folder_.Open(folder_.PathOf(location, "whole"))) return whole;
    const std::string path = folder_.PathOf(location, "tail");
    std::string text;
    if (const auto kept = folder_.Open(path)) {
      text.resize(static_cast<size_t>(kept->size_bytes()));
      const auto got = kept->ReadAt(0, std::as_writable_bytes(std::span(text)));
      if (!got || *got != text.size()) text.clear();
    }
    uint64_t size_bytes = 0;
    std::unique_ptr<ObjectReader> remote;
    if (text.size() < sizeof(size_bytes)) {
      DAYPART_TRY(remote, inner_->OpenRead(location));
      size_bytes = remote->size_bytes();
      const uint64_t tail_bytes = std::min(kTailBytes, size_bytes);
      text.assign(reinterpret_cast<const char*>(&size_bytes), sizeof(size_bytes));
      text.resize(sizeof(size_bytes) + static_cast<size_t>(tail_bytes));
      const auto tail = std::as_writable_bytes(std::span(text)).subspan(sizeof(size_bytes));
      DAYPART_TRY(const size_t got, remote->ReadAt(size_bytes - tail_bytes, tail));
      if (got != tail.size()) return CorruptData("short object: " + std::string(location));
      folder_.Put(path, Bytes(text));
    }
    std::memcpy(&size_bytes, text.data(), sizeof(size_bytes));
    return std::unique_ptr<ObjectReader>(
        std::make_unique<CachedReader>(*inner_, folder_, std::string(location), size_bytes,
                                       text.substr(sizeof(size_bytes)), std::move(remote)));
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                  WriteMode mode) override {
    return inner_->OpenWrite(location, mode);
  }
  Result<std::unique_ptr<ObjectWriter>> OpenResumable(std::string_view location,
                                                      std::string_view key) override {
    return inner_->OpenResumable(location, key);
  }
  Result<ObjectInfo> Head(std::string_view location) override { return inner_->Head(location); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    return inner_->List(prefix);
  }

  Status Move(std::string_view from, std::string_view to) override {
    DAYPART_RETURN_IF_ERROR(inner_->Move(from, to));
    for (const std::string_view location : {from, to}) {
      if (is_immutable_name(location)) folder_.Forget(location);
    }
    return Ok();
  }

  Status Confirm(std::string_view location) override { return inner_->Confirm(location); }

  Status Delete(std::string_view location) override {
    DAYPART_RETURN_IF_ERROR(inner_->Delete(location));
    if (is_immutable_name(location)) folder_.Forget(location);
    return Ok();
  }

  Result<std::string> LocalCopy(std::string_view location) override {
    // The etag is part of the name, because raw files may be replaced.
    DAYPART_TRY(const ObjectInfo info, inner_->Head(location));
    const std::string path =
        folder_.PathOf(std::string(location) + '\n' + info.etag, "copy");
    if (folder_.HasCopy(path, info.bytes)) return path;
    DAYPART_TRY(const auto remote, inner_->OpenRead(location));
    std::string bytes(static_cast<size_t>(remote->size_bytes()), '\0');
    DAYPART_TRY(const size_t got, remote->ReadAt(0, std::as_writable_bytes(std::span(bytes))));
    bytes.resize(got);
    folder_.PutCopy(path, Bytes(bytes));
    if (folder_.HasCopy(path, info.bytes)) return path;
    return ResourceExhausted("the cache folder cannot hold " + std::string(location) +
                             "; raise store.cache_size or free its disk");
  }

 private:
  const std::unique_ptr<ObjectStore> inner_;
  CacheFolder folder_;
};

}  // namespace

bool is_immutable_name(std::string_view location) {
  if (location.find("/metadata/") == std::string_view::npos &&
      location.find("/data/") == std::string_view::npos) {
    return false;
  }
  const std::string_view name = BaseName(location);
  return HasUuid(name) && (name.ends_with(".parquet") || name.ends_with(".avro") ||
                           name.ends_with(".puffin") || name.ends_with(".metadata.json"));
}

Result<std::unique_ptr<ObjectStore>> MakeCachedStore(std::unique_ptr<ObjectStore> inner,
                                                     CacheOptions options) {
  std::error_code error;
  fs::create_directories(options.directory, error);
  if (error) return SystemError("making the cache folder " + options.directory, error.value());
  fs::permissions(options.directory, fs::perms::owner_all, error);
  return std::unique_ptr<ObjectStore>(
      std::make_unique<CachedStore>(std::move(inner), std::move(options)));
}

}  // namespace daypart::store
