// SPDX-License-Identifier: Apache-2.0
//
// Key encoding, column at a time where the key is one number, row at a time otherwise.
#include "lake/row_key.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <xxhash.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace daypart::lake {
namespace {

bool is_int32_like(arrow::Type::type id) {
  return id == arrow::Type::INT32 || id == arrow::Type::DATE32;
}
bool is_int64_like(arrow::Type::type id) {
  return id == arrow::Type::INT64 || id == arrow::Type::TIMESTAMP || id == arrow::Type::TIME64;
}

/// One key column's bytes, row by row.
class KeyColumn {
 public:
  static Result<KeyColumn> Make(const arrow::Array& array) {
    KeyColumn column;
    column.array_ = &array;
    column.words_ = &array;
    if (array.type_id() == arrow::Type::DICTIONARY) {
      column.dictionary_ = &static_cast<const arrow::DictionaryArray&>(array);
      column.words_ = column.dictionary_->dictionary().get();
    }
    const auto id = column.words_->type_id();
    const bool is_bytes = arrow::is_base_binary_like(id) || id == arrow::Type::FIXED_SIZE_BINARY ||
                          id == arrow::Type::DECIMAL128;
    if (!is_bytes && !is_int32_like(id) && !is_int64_like(id) && id != arrow::Type::BOOL) {
      return Unsupported("a key column of a number, text, date or time type is expected, found " +
                         array.type()->ToString());
    }
    return column;
  }

  bool is_null(int64_t row) const { return array_->IsNull(row); }

  /// scratch: holds the bytes where the array does not.
  std::string_view Bytes(int64_t row, int64_t& scratch) const {
    if (dictionary_ != nullptr) row = dictionary_->GetValueIndex(row);
    const auto id = words_->type_id();
    if (id == arrow::Type::STRING || id == arrow::Type::BINARY) {
      return static_cast<const arrow::BinaryArray*>(words_)->GetView(row);
    }
    if (id == arrow::Type::FIXED_SIZE_BINARY || id == arrow::Type::DECIMAL128) {
      return static_cast<const arrow::FixedSizeBinaryArray*>(words_)->GetView(row);
    }
    if (is_int32_like(id)) {
      scratch = words_->data()->GetValues<int32_t>(1)[row];
    } else if (is_int64_like(id)) {
      scratch = words_->data()->GetValues<int64_t>(1)[row];
    } else {
      scratch = static_cast<const arrow::BooleanArray*>(words_)->Value(row) ? 1 : 0;
    }
    return {reinterpret_cast<const char*>(&scratch), sizeof(scratch)};
  }

 private:
  const arrow::Array* array_ = nullptr;
  const arrow::Array* words_ = nullptr;
  const arrow::DictionaryArray* dictionary_ = nullptr;
};

RowKey HashBytes(std::string_view bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {.low = hash.low64, .high = hash.high64};
}

template <typename Value>
void NumberKeys(const arrow::Array& array, BatchKeys& out) {
  const auto* values = array.data()->GetValues<Value>(1);
  for (size_t row = 0; row < out.keys.size(); ++row) {
    out.keys[row].low = static_cast<uint64_t>(static_cast<int64_t>(values[row]));
    out.has_key[row] = array.IsValid(static_cast<int64_t>(row)) ? 1 : 0;
  }
}

}  // namespace

uint64_t HashOf(const RowKey& key) {
  uint64_t hash = (key.low ^ (key.high * 0xC2B2AE3D27D4EB4FULL)) * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 32;
  hash *= 0xD6E8FEB86659FD93ULL;
  return hash ^ (hash >> 29);
}

Result<BatchKeys> KeysOf(const arrow::RecordBatch& batch, int key_columns_count, uint64_t seed) {
  BatchKeys out;
  out.keys.resize(static_cast<size_t>(batch.num_rows()));
  out.has_key.assign(out.keys.size(), 1);
  if (key_columns_count == 1) {
    const arrow::Array& array = *batch.column(0);
    if (is_int64_like(array.type_id())) {
      NumberKeys<int64_t>(array, out);
      return out;
    }
    if (is_int32_like(array.type_id())) {
      NumberKeys<int32_t>(array, out);
      return out;
    }
  }
  std::vector<KeyColumn> columns;
  for (int column = 0; column < key_columns_count; ++column) {
    DAYPART_TRY(auto key_column, KeyColumn::Make(*batch.column(column)));
    columns.push_back(key_column);
  }
  std::string bytes;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    bytes.clear();
    for (const KeyColumn& column : columns) {
      if (column.is_null(row)) {
        out.has_key[static_cast<size_t>(row)] = 0;
        break;
      }
      int64_t scratch = 0;
      const std::string_view value = column.Bytes(row, scratch);
      const uint64_t length = value.size();  // keeps ("ab","c") apart from ("a","bc")
      bytes.append(reinterpret_cast<const char*>(&length), sizeof(length)).append(value);
    }
    out.keys[static_cast<size_t>(row)] = HashBytes(bytes, seed);
  }
  return out;
}

Result<std::vector<int64_t>> OrderValues(const arrow::Array& column) {
  std::vector<int64_t> values(static_cast<size_t>(column.length()));
  const auto fill = [&](auto value_at) {
    for (int64_t row = 0; row < column.length(); ++row) {
      values[static_cast<size_t>(row)] =
          column.IsNull(row) ? std::numeric_limits<int64_t>::min() : value_at(row);
    }
  };
  if (is_int64_like(column.type_id())) {
    const auto* numbers = column.data()->GetValues<int64_t>(1);
    fill([&](int64_t row) { return numbers[row]; });
  } else if (is_int32_like(column.type_id())) {
    const auto* numbers = column.data()->GetValues<int32_t>(1);
    fill([&](int64_t row) { return int64_t{numbers[row]}; });
  } else if (column.type_id() == arrow::Type::DOUBLE) {
    const auto* numbers = column.data()->GetValues<double>(1);
    // IEEE 754 bits sort like their values once those of negative numbers are turned over.
    fill([&](int64_t row) {
      const auto bits = std::bit_cast<int64_t>(numbers[row]);
      return bits < 0 ? std::numeric_limits<int64_t>::min() + (~bits) : bits;
    });
  } else {
    return Unsupported(
        "an order column of an integer, double, date or time type is expected, found " +
        column.type()->ToString());
  }
  return values;
}

KeyIndex::KeyIndex(uint64_t rows_max)
    : slots_(std::bit_ceil(std::max<uint64_t>(16, rows_max * 2))), mask_(slots_.size() - 1) {}

}  // namespace daypart::lake
