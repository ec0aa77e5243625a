// SPDX-License-Identifier: Apache-2.0
//
// 188-bit numbers to decimal and back, in limbs of 18 digits.
#include "streamlog/sequence_number.h"

namespace daypart::streamlog {
namespace {

using Wide = unsigned __int128;
constexpr uint64_t kLimb = 1'000'000'000'000'000'000;
constexpr size_t kLimbDigits = 18;
constexpr uint64_t kEpochMax = (uint64_t{1} << 36) - 1;
// 2^84, by which the number grows from one index to the next, in limbs.
constexpr uint64_t kStepLow = 113'834'066'795'298'816;
constexpr uint64_t kStepHigh = 19'342'813;

/// The number's 192 bits, the lowest word first.
std::array<uint64_t, 3> Words(const SequenceNumber& number) {
  const uint64_t index = number.index.value();
  return {(uint64_t{number.shard.value()} << 4) | 2, index << 20,
          (uint64_t{2} << 56) | ((number.shard_epoch_s & kEpochMax) << 20) | (index >> 44)};
}

std::array<uint64_t, 4> Limbs(std::array<uint64_t, 3> words) {
  std::array<uint64_t, 4> limbs{};
  for (uint64_t& limb : limbs) {
    uint64_t remainder = 0;
    for (size_t i = words.size(); i-- > 0;) {
      const Wide value = (Wide{remainder} << 64) | words[i];
      words[i] = static_cast<uint64_t>(value / kLimb);
      remainder = static_cast<uint64_t>(value % kLimb);
    }
    limb = remainder;
  }
  return limbs;
}

void WriteDigits(uint64_t value, size_t digits, char* into) {
  for (size_t i = digits; i-- > 0; value /= 10) into[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

SequenceRun::SequenceRun(const SequenceNumber& first) : limbs_(Limbs(Words(first))) {}

void SequenceRun::WriteNext(char* into) {
  constexpr size_t kTopDigits = kSequenceDigits - 3 * kLimbDigits;
  WriteDigits(limbs_[3], kTopDigits, into);
  for (size_t i = 3; i-- > 0;) {
    WriteDigits(limbs_[i], kLimbDigits, into + kTopDigits + (2 - i) * kLimbDigits);
  }
  limbs_[0] += kStepLow;
  limbs_[1] += kStepHigh;
  for (size_t i = 0; i < 3; ++i) {
    if (limbs_[i] < kLimb) continue;
    limbs_[i] -= kLimb;
    ++limbs_[i + 1];
  }
}

std::string ToDecimal(const SequenceNumber& number) {
  std::string text(kSequenceDigits, '0');
  SequenceRun(number).WriteNext(text.data());
  return text;
}

Result<SequenceNumber> ParseSequenceNumber(std::string_view text) {
  const auto wrong = [text] {
    return InvalidArgument("a sequence number of 56 digits is expected, found '" +
                           std::string(text.substr(0, 80)) + "'");
  };
  if (text.size() != kSequenceDigits) return wrong();
  std::array<uint64_t, 3> words{};
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return wrong();
    uint64_t carry = static_cast<uint64_t>(digit - '0');
    for (uint64_t& word : words) {
      const Wide value = Wide{word} * 10 + carry;
      word = static_cast<uint64_t>(value);
      carry = static_cast<uint64_t>(value >> 64);
    }
  }
  SequenceNumber number;
  number.shard = ShardNumber(static_cast<uint32_t>(words[0] >> 4));
  number.index = RecordIndex((words[2] << 44) | (words[1] >> 20));
  number.shard_epoch_s = (words[2] >> 20) & kEpochMax;
  if (Words(number) != words) return wrong();
  return number;
}

int CompareDecimals(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return left.compare(right);
}

}  // namespace daypart::streamlog
