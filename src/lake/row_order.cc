// SPDX-License-Identifier: Apache-2.0
//
// Keys lie one after the other in one buffer; the first eight bytes of each decide most
// comparisons.
#include "lake/row_order.h"

#include <arrow/array.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "lake/arrow_literal.h"

namespace daypart::lake {
namespace {

constexpr char kNullFirst = '\x00';
constexpr char kValue = '\x01';
constexpr char kNullLast = '\x02';

template <typename Unsigned>
void AppendBigEndian(Unsigned bits, std::string& key) {
  for (int shift = static_cast<int>(sizeof(bits)) * 8 - 8; shift >= 0; shift -= 8) {
    key += static_cast<char>(static_cast<unsigned char>(bits >> shift));
  }
}

/// IEEE bits so that unsigned order is the order of numbers: negatives inverted, positives raised.
template <typename Unsigned>
Unsigned OrderedBits(Unsigned bits) {
  constexpr Unsigned kSign = Unsigned{1} << (sizeof(bits) * 8 - 1);
  return (bits & kSign) != 0 ? static_cast<Unsigned>(~bits) : bits | kSign;
}

struct KeyAppender {
  std::string& key;

  void operator()(std::monostate) const {}
  void operator()(bool value) const { key += value ? '\x01' : '\x00'; }
  void operator()(int32_t value) const {
    AppendBigEndian(static_cast<uint32_t>(value) ^ 0x8000'0000U, key);
  }
  void operator()(int64_t value) const {
    AppendBigEndian(static_cast<uint64_t>(value) ^ 0x8000'0000'0000'0000ULL, key);
  }
  void operator()(float value) const {
    AppendBigEndian(value != value ? ~uint32_t{0} : OrderedBits(std::bit_cast<uint32_t>(value)),
                    key);
  }
  void operator()(double value) const {
    AppendBigEndian(value != value ? ~uint64_t{0} : OrderedBits(std::bit_cast<uint64_t>(value)),
                    key);
  }
  void operator()(const iceberg::Decimal& value) const {
    const auto bits = static_cast<unsigned __int128>(value.unscaled);
    AppendBigEndian(static_cast<uint64_t>(bits >> 64) ^ 0x8000'0000'0000'0000ULL, key);
    AppendBigEndian(static_cast<uint64_t>(bits), key);
  }
  void operator()(const std::string& value) const {
    // A zero byte is followed by 0xFF, the end by two zeros: no text is the front of another's key.
    for (const char c : value) {
      key += c;
      if (c == '\0') key += '\xFF';
    }
    key.append(2, '\0');
  }
};

struct OrderKey {
  uint64_t front = 0;
  size_t begin = 0;
  size_t end = 0;
  int64_t row = 0;
};

uint64_t FrontOf(std::string_view key) {
  uint64_t front = 0;
  for (size_t i = 0; i < 8; ++i) {
    front = front << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0U);
  }
  return front;
}

}  // namespace

void AppendSortKey(const iceberg::Literal& value, const iceberg::SortField& field,
                   std::string& key) {
  if (iceberg::is_null(value)) {
    key += field.is_nulls_last ? kNullLast : kNullFirst;
    return;
  }
  key += kValue;
  const size_t begin = key.size();
  std::visit(KeyAppender{key}, value);
  if (!field.is_descending) return;
  for (size_t i = begin; i < key.size(); ++i) key[i] = static_cast<char>(~key[i]);
}

Result<std::vector<int64_t>> OrderOfRows(const std::vector<SortColumn>& columns) {
  const int64_t rows = columns.front().values->length();
  std::string keys;
  std::vector<OrderKey> order(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    OrderKey& key = order[static_cast<size_t>(row)];
    key.row = row;
    key.begin = keys.size();
    for (const SortColumn& column : columns) {
      iceberg::Literal value = LiteralAt(*column.values, row);
      if (column.field.transform.kind != iceberg::TransformKind::kIdentity) {
        DAYPART_TRY(value, iceberg::Apply(column.field.transform, column.type, value));
      }
      AppendSortKey(value, column.field, keys);
    }
    key.end = keys.size();
    key.front = FrontOf(std::string_view(keys).substr(key.begin, key.end - key.begin));
  }
  const std::string_view all = keys;
  std::sort(order.begin(), order.end(), [all](const OrderKey& left, const OrderKey& right) {
    if (left.front != right.front) return left.front < right.front;
    const int compared = all.substr(left.begin, left.end - left.begin)
                             .compare(all.substr(right.begin, right.end - right.begin));
    return compared != 0 ? compared < 0 : left.row < right.row;
  });
  std::vector<int64_t> numbers;
  numbers.reserve(order.size());
  for (const OrderKey& key : order) numbers.push_back(key.row);
  return numbers;
}

}  // namespace daypart::lake
