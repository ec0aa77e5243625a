// SPDX-License-Identifier: Apache-2.0
//
// Open addressing with linear probing. Limiting resource: memory latency, one miss a generation;
// the slots of a block of rows are prefetched before they are looked at (3 times the ids a second
// at 4 M ids).
#include "ingest/id_window.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace daypart::ingest {
namespace {

constexpr int64_t kBlockRows = 64;
constexpr size_t kSlotsMin = 1024;

uint64_t Mix(uint64_t value) {
  value ^= value >> 32;
  value *= 0x9E3779B97F4A7C15ULL;
  value ^= value >> 29;
  return value;
}

}  // namespace

IdWindow::IdWindow(int64_t ids_max) : generation_max_(std::max<int64_t>(1, ids_max / 2)) {}

int64_t IdWindow::memory_bytes() const {
  return static_cast<int64_t>((young_.slots.capacity() + old_.slots.capacity()) * sizeof(Key));
}

bool IdWindow::Generation::Contains(const Key& key) const {
  if (slots.empty()) return false;
  const size_t mask = slots.size() - 1;
  for (size_t at = Mix(key.low) & mask;; at = (at + 1) & mask) {
    if (slots[at] == key) return true;
    if (slots[at].high == 0) return false;
  }
}

void IdWindow::Generation::Prefetch(const Key& key) const {
  if (!slots.empty()) __builtin_prefetch(&slots[Mix(key.low) & (slots.size() - 1)]);
}

void IdWindow::Generation::Grow() {
  std::vector<Key> older = std::exchange(slots, {});
  slots.resize(std::max(kSlotsMin, older.size() * 2));
  count = 0;
  for (const Key& key : older) {
    if (key.high != 0) Insert(key);
  }
}

void IdWindow::Generation::Insert(const Key& key) {
  if (static_cast<size_t>(count) * 2 >= slots.size()) Grow();
  const size_t mask = slots.size() - 1;
  size_t at = Mix(key.low) & mask;
  while (slots[at].high != 0) at = (at + 1) & mask;
  slots[at] = key;
  ++count;
}

bool IdWindow::InsertKey(const Key& key) {
  if (young_.Contains(key) || old_.Contains(key)) return false;
  if (young_.count >= generation_max_) old_ = std::exchange(young_, {});
  young_.Insert(key);
  return true;
}

Status IdWindow::KeysOf(const arrow::Array& ids, int64_t from, int64_t to, Key* keys) const {
  const auto text_key = [](std::string_view text) {
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return Key{.low = hash.low64, .high = hash.high64 | 1};
  };
  switch (ids.type_id()) {
    case arrow::Type::INT32: {
      const auto& numbers = static_cast<const arrow::Int32Array&>(ids);
      for (int64_t row = from; row < to; ++row) {
        *keys++ = {.low = static_cast<uint64_t>(numbers.Value(row)), .high = 1};
      }
      return Ok();
    }
    case arrow::Type::INT64: {
      const auto& numbers = static_cast<const arrow::Int64Array&>(ids);
      for (int64_t row = from; row < to; ++row) {
        *keys++ = {.low = static_cast<uint64_t>(numbers.Value(row)), .high = 1};
      }
      return Ok();
    }
    case arrow::Type::STRING: {
      const auto& texts = static_cast<const arrow::StringArray&>(ids);
      for (int64_t row = from; row < to; ++row) *keys++ = text_key(texts.GetView(row));
      return Ok();
    }
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(ids);
      if (coded.dictionary()->type_id() != arrow::Type::STRING) break;
      const auto& texts = static_cast<const arrow::StringArray&>(*coded.dictionary());
      for (int64_t row = from; row < to; ++row) {
        *keys++ = ids.IsNull(row) ? Key{} : text_key(texts.GetView(coded.GetValueIndex(row)));
      }
      return Ok();
    }
    default: break;
  }
  return Unsupported("an event id of type int, long or string is expected, found " +
                     ids.type()->ToString());
}

Result<std::vector<int32_t>> IdWindow::Insert(const arrow::Array& ids) {
  std::vector<int32_t> fresh;
  fresh.reserve(static_cast<size_t>(ids.length()));
  std::array<Key, kBlockRows> keys;
  const bool has_nulls = ids.null_count() > 0;
  for (int64_t from = 0; from < ids.length(); from += kBlockRows) {
    const int64_t to = std::min(ids.length(), from + kBlockRows);
    DAYPART_RETURN_IF_ERROR(KeysOf(ids, from, to, keys.data()));
    const auto rows = static_cast<size_t>(to - from);
    for (size_t i = 0; i < rows; ++i) {
      young_.Prefetch(keys[i]);
      old_.Prefetch(keys[i]);
    }
    for (size_t i = 0; i < rows; ++i) {
      const int64_t row = from + static_cast<int64_t>(i);
      if ((has_nulls && ids.IsNull(row)) || InsertKey(keys[i])) {
        fresh.push_back(static_cast<int32_t>(row));
      }
    }
  }
  return fresh;
}

}  // namespace daypart::ingest
