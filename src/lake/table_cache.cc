// SPDX-License-Identifier: Apache-2.0
//
// A list in order of use with an index by location.
#include "lake/table_cache.h"

#include <cctype>
#include <utility>

namespace daypart::lake {

bool is_named_once(std::string_view location) {
  static constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const std::string_view name = location.substr(location.rfind('/') + 1);
  for (size_t begin = 0; begin + kForm.size() <= name.size(); ++begin) {
    size_t at = 0;
    while (at < kForm.size() &&
           (kForm[at] == '-'
                ? name[begin + at] == '-'
                : std::isxdigit(static_cast<unsigned char>(name[begin + at])) != 0)) {
      ++at;
    }
    if (at == kForm.size()) return true;
  }
  return false;
}

template <typename Value>
Value TableCache::Find(const std::string& location) {
  const std::lock_guard lock(mutex_);
  const auto found = by_location_.find(location);
  if (found == by_location_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  const auto* value = std::get_if<Value>(&found->second->value);
  return value == nullptr ? nullptr : *value;
}

TableCache::Metadata TableCache::FindMetadata(const std::string& location) {
  return Find<Metadata>(location);
}

TableCache::ManifestList TableCache::FindManifestList(const std::string& location) {
  return Find<ManifestList>(location);
}

void TableCache::Put(const std::string& location, Metadata metadata, int64_t file_bytes) {
  PutEntry({.location = location, .value = std::move(metadata), .bytes = file_bytes});
}

void TableCache::Put(const std::string& location, ManifestList list, int64_t file_bytes) {
  PutEntry({.location = location, .value = std::move(list), .bytes = file_bytes});
}

void TableCache::PutEntry(Entry entry) {
  if (entry.bytes > bytes_max_ || !is_named_once(entry.location)) return;
  std::list<Entry> dropped;  // freed after the lock is gone
  const std::lock_guard lock(mutex_);
  const auto known = by_location_.find(entry.location);
  if (known != by_location_.end()) {
    bytes_ -= known->second->bytes;
    dropped.splice(dropped.begin(), entries_, known->second);
    by_location_.erase(known);
  }
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_location_.emplace(entries_.front().location, entries_.begin());
  while (bytes_ > bytes_max_) {
    bytes_ -= entries_.back().bytes;
    by_location_.erase(entries_.back().location);
    dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
  }
}

}  // namespace daypart::lake
