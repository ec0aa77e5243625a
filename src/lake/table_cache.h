// SPDX-License-Identifier: Apache-2.0
//
// TableCache: parsed metadata files and manifest lists by location, for the operations of one
// process. Such files never change once written, so nothing here goes stale: what the current one
// is, only the catalog says. It refuses files whose name holds no UUID, since other writers may
// reuse such names.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/metadata.h"

namespace daypart::lake {

/// Thread-safe. Drops what was used longest ago when it holds more than its limit.
class TableCache {
 public:
  // Shared, because a reader keeps what it found while others drop it from the cache.
  using Metadata = std::shared_ptr<const iceberg::TableMetadata>;
  using ManifestList = std::shared_ptr<const std::vector<iceberg::ManifestFile>>;

  /// bytes_max: of the files as stored; parsed they take a few times as much.
  explicit TableCache(int64_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  /// Null if it is not there.
  Metadata FindMetadata(const std::string& location);
  ManifestList FindManifestList(const std::string& location);
  /// file_bytes: the file's length.
  void Put(const std::string& location, Metadata metadata, int64_t file_bytes);
  void Put(const std::string& location, ManifestList list, int64_t file_bytes);

 private:
  static constexpr int64_t kBytesMax = int64_t{64} << 20;

  struct Entry {
    std::string location;
    std::variant<Metadata, ManifestList> value;
    int64_t bytes = 0;
  };
  void PutEntry(Entry entry);
  template <typename Value>
  Value Find(const std::string& location);

  const int64_t bytes_max_;
  std::mutex mutex_;  // guards what follows
  std::list<Entry> entries_;  // latest use first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_location_;
  int64_t bytes_ = 0;
};

/// Whether the file name has a UUID in it, as all that name themselves once have.
bool is_named_once(std::string_view location);

}  // namespace daypart::lake
