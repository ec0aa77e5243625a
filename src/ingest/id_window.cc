// SPDX-License-Identifier: Apache-2.0
//
// Columns of ids -> keys, a block of rows at a time: the slots of a block are prefetched before
// they are looked at (3 times the ids a second at 4 M ids).
#include "ingest/id_window.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/type.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace daypart::ingest {
namespace {

constexpr int64_t kBlockRows = 64;

TextKey KeyOf(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {.low = hash.low64, .high = hash.high64 | 1};
}

}  // namespace

IdWindow::IdWindow(int64_t ids_max)
    : numbers_(std::max<int64_t>(1, ids_max / 2)), texts_(std::max<int64_t>(1, ids_max / 2)) {}

template <typename Key, typename KeyAt>
std::vector<int32_t> IdWindow::InsertKeys(IdGenerations<Key>& generations, const arrow::Array& ids,
                                          const KeyAt& key_at) {
  std::vector<int32_t> fresh(static_cast<size_t>(ids.length()));
  size_t fresh_count = 0;
  std::array<Key, kBlockRows> keys;
  const bool has_nulls = ids.null_count() > 0;
  for (int64_t from = 0; from < ids.length(); from += kBlockRows) {
    const auto rows = static_cast<size_t>(std::min(ids.length() - from, kBlockRows));
    for (size_t i = 0; i < rows; ++i) {
      keys[i] = key_at(from + static_cast<int64_t>(i));
      generations.Prefetch(keys[i]);
    }
    for (size_t i = 0; i < rows; ++i) {
      const int64_t row = from + static_cast<int64_t>(i);
      const bool is_null = has_nulls && ids.IsNull(row);
      fresh[fresh_count] = static_cast<int32_t>(row);
      fresh_count += is_null || generations.Insert(keys[i]) ? 1 : 0;
    }
  }
  fresh.resize(fresh_count);
  return fresh;
}

Result<std::vector<int32_t>> IdWindow::Insert(const arrow::Array& ids) {
  switch (ids.type_id()) {
    case arrow::Type::INT32: {
      const auto& numbers = static_cast<const arrow::Int32Array&>(ids);
      return InsertKeys(numbers_, ids, [&](int64_t row) { return NumberKey{numbers.Value(row)}; });
    }
    case arrow::Type::INT64: {
      const auto& numbers = static_cast<const arrow::Int64Array&>(ids);
      return InsertKeys(numbers_, ids, [&](int64_t row) { return NumberKey{numbers.Value(row)}; });
    }
    case arrow::Type::STRING: {
      const auto& texts = static_cast<const arrow::StringArray&>(ids);
      return InsertKeys(texts_, ids, [&](int64_t row) { return KeyOf(texts.GetView(row)); });
    }
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(ids);
      if (coded.dictionary()->type_id() != arrow::Type::STRING) break;
      const auto& texts = static_cast<const arrow::StringArray&>(*coded.dictionary());
      return InsertKeys(texts_, ids, [&](int64_t row) {
        return ids.IsNull(row) ? TextKey{} : KeyOf(texts.GetView(coded.GetValueIndex(row)));
      });
    }
    default: break;
  }
  // A column of ids that was learnt from few of them may be of dates or truths; by their text they
  // are as different as by their values.
  auto texts = arrow::compute::Cast(ids, arrow::utf8());
  if (texts.ok()) return Insert(**texts);
  return Unsupported("an event id of a type with a text is expected, found " +
                     ids.type()->ToString());
}

}  // namespace daypart::ingest
