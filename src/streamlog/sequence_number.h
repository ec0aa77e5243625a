// SPDX-License-Identifier: Apache-2.0
//
// Sequence numbers as Kinesis shows them: decimal numbers of 56 digits that grow within a shard and
// from a shard to those split from it. They are made from what the log knows, not stored:
//
//   bit 187..184  2
//   bit 183..148  the shard's epoch: seconds since 1970 when it was made, higher than its parents'
//   bit 147..84   the record's index in the shard
//   bit  35..4    the shard's number
//   bit   3..0    2, the version of this layout
//
// Example: epoch 1732478000, index 1, shard 0 is
// 49658026114749402458171129158774217297636013003084136450 (the test has it from Python).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "streamlog/ids.h"

namespace daypart::streamlog {

inline constexpr size_t kSequenceDigits = 56;

struct SequenceNumber {
  /// Below 2^36.
  uint64_t shard_epoch_s = 0;
  RecordIndex index;
  ShardNumber shard;

  friend bool operator==(const SequenceNumber&, const SequenceNumber&) = default;
};

std::string ToDecimal(const SequenceNumber& number);

/// errors: kInvalidArgument for a text that ToDecimal cannot have made.
Result<SequenceNumber> ParseSequenceNumber(std::string_view text);

/// Which of two decimal numbers without leading zeros is smaller: < 0, 0 or > 0.
int CompareDecimals(std::string_view left, std::string_view right);

/// The decimal numbers of records that follow each other: 20 times as fast as ToDecimal for each,
/// because only the next index is added.
class SequenceRun {
 public:
  explicit SequenceRun(const SequenceNumber& first);

  /// Writes the current number's kSequenceDigits digits and moves on to the next index.
  void WriteNext(char* into);

 private:
  std::array<uint64_t, 4> limbs_{};  // base 10^18, the lowest first
};

}  // namespace daypart::streamlog
