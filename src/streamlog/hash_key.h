// SPDX-License-Identifier: Apache-2.0
//
// Hash keys: the 128-bit space that Kinesis splits among a stream's shards. A partition key stands
// for the MD5 of its UTF-8 bytes, read as a big-endian number.
// source: Amazon Kinesis Data Streams API Reference, PutRecord and HashKeyRange.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace daypart::streamlog {

struct HashKey {
  unsigned __int128 value = 0;
  friend auto operator<=>(const HashKey&, const HashKey&) = default;
};

inline constexpr HashKey kHashKeyMax{~static_cast<unsigned __int128>(0)};

/// Both ends belong to the range.
struct HashKeyRange {
  HashKey first;
  HashKey last;
  bool Contains(HashKey key) const { return first <= key && key <= last; }
  friend bool operator==(const HashKeyRange&, const HashKeyRange&) = default;
};

HashKey HashKeyOf(std::string_view partition_key);

std::string ToDecimal(HashKey key);

/// "0" or a decimal number without leading zeros, below 2^128. errors: kInvalidArgument.
Result<HashKey> ParseHashKey(std::string_view text);

/// The i-th of `count` ranges of equal size, the last one a little larger: as Kinesis cuts them.
HashKeyRange EvenRange(size_t index, size_t count);

}  // namespace daypart::streamlog
