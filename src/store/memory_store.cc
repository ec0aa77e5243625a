// SPDX-License-Identifier: Apache-2.0
//
// Objects in a sorted map under one mutex. Contents are shared with open readers, which therefore
// keep seeing the object they opened after it was replaced or deleted, as with files.
#include "store/memory_store.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "store/location.h"

namespace daypart::store {
namespace {

// Shared: open readers keep an object's bytes alive after it is replaced or deleted.
using SharedBytes = std::shared_ptr<const std::string>;

class MemoryReader final : public ObjectReader {
 public:
  explicit MemoryReader(SharedBytes bytes) : bytes_(std::move(bytes)) {}
  uint64_t size_bytes() const override { return bytes_->size(); }
  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) override {
    if (offset >= bytes_->size()) return size_t{0};
    const auto begin = static_cast<size_t>(offset);
    const size_t count = std::min(into.size(), bytes_->size() - begin);
    std::memcpy(into.data(), bytes_->data() + begin, count);
    return count;
  }

 private:
  const SharedBytes bytes_;
};

class MemoryStore final : public ObjectStore {
 public:
  Result<std::string> Get(std::string_view location) override {
    DAYPART_TRY(const SharedBytes bytes, Find(location));
    if (bytes->size() > kGetBytesMax) return ResourceExhausted("object too large to read at once");
    return std::string(*bytes);
  }

  Status Put(std::string_view location, std::string_view bytes, WriteMode mode) override {
    const std::lock_guard lock(mutex_);
    auto [at, is_new] = objects_.try_emplace(std::string(location));
    if (!is_new && mode == WriteMode::kIfAbsent) {
      return AlreadyExists("object is there already: " + std::string(location));
    }
    at->second = {std::make_shared<const std::string>(bytes), ++writes_count_};
    return Ok();
  }

  Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) override {
    DAYPART_TRY(SharedBytes bytes, Find(location));
    return std::unique_ptr<ObjectReader>(std::make_unique<MemoryReader>(std::move(bytes)));
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                  WriteMode mode) override;

  Result<ObjectInfo> Head(std::string_view location) override {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(location);
    if (at == objects_.end()) return NotFound("no such object: " + std::string(location));
    return InfoOf(at->first, at->second);
  }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    std::string folder(WithoutTrailingSlash(prefix));
    if (!folder.ends_with('/')) folder += '/';
    const std::lock_guard lock(mutex_);
    std::vector<ObjectInfo> found;
    for (auto at = objects_.lower_bound(folder); at != objects_.end(); ++at) {
      if (!at->first.starts_with(folder)) break;
      const std::string relative = "/" + at->first.substr(folder.size());
      if (relative.find("/.") == std::string::npos) found.push_back(InfoOf(at->first, at->second));
    }
    return found;
  }

  Status Delete(std::string_view location) override {
    const std::lock_guard lock(mutex_);
    if (const auto at = objects_.find(location); at != objects_.end()) objects_.erase(at);
    return Ok();
  }

 private:
  struct Object {
    SharedBytes bytes;
    uint64_t version = 0;
  };

  static ObjectInfo InfoOf(const std::string& location, const Object& object) {
    return {location, object.bytes->size(), UtcMicros(static_cast<int64_t>(object.version)),
            std::to_string(object.version)};
  }

  Result<SharedBytes> Find(std::string_view location) {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(location);
    if (at == objects_.end()) return NotFound("no such object: " + std::string(location));
    return at->second.bytes;
  }

  std::mutex mutex_;  // guards objects_ and writes_count_
  std::map<std::string, Object, std::less<>> objects_;
  uint64_t writes_count_ = 0;
};

class MemoryWriter final : public ObjectWriter {
 public:
  MemoryWriter(MemoryStore& store, std::string location, WriteMode mode)
      : store_(store), location_(std::move(location)), mode_(mode) {}

  Status Append(std::span<const std::byte> bytes) override {
    if (is_finished_) return InvalidArgument("object is finished already: " + location_);
    bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    written_bytes_ += bytes.size();
    return Ok();
  }
  Status Finish() override {
    if (is_finished_) return InvalidArgument("object is finished already: " + location_);
    is_finished_ = true;
    return store_.Put(location_, bytes_, mode_);
  }
  uint64_t written_bytes() const override { return written_bytes_; }

 private:
  MemoryStore& store_;
  const std::string location_;
  const WriteMode mode_;
  std::string bytes_;
  uint64_t written_bytes_ = 0;
  bool is_finished_ = false;
};

Result<std::unique_ptr<ObjectWriter>> MemoryStore::OpenWrite(std::string_view location,
                                                             WriteMode mode) {
  if (mode == WriteMode::kIfAbsent && Find(location)) {
    return AlreadyExists("object is there already: " + std::string(location));
  }
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<MemoryWriter>(*this, std::string(location), mode));
}

}  // namespace

std::unique_ptr<ObjectStore> MakeMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace daypart::store
