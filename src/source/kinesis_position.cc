// SPDX-License-Identifier: Apache-2.0
//
// Text to numbers and back; sequence numbers stay text, because they have up to 56 digits and more.
#include "source/kinesis_position.h"

#include <algorithm>
#include <charconv>

#include "streamlog/sequence_number.h"

namespace daypart::source {
namespace {

constexpr std::string_view kOldest = "TRIM_HORIZON";
/// As in the service's own check of sequence numbers. Zeros before them, which the service has not
/// and ministack has, are kept: there all numbers are of one length.
constexpr size_t kSequenceDigitsMax = 128;

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() &&
         number >= 0;
}

bool is_sequence(std::string_view text) {
  const bool has_digits = std::all_of(text.begin(), text.end(),
                                      [](char c) { return c >= '0' && c <= '9'; });
  return has_digits && !text.empty() && text.size() <= kSequenceDigitsMax;
}

}  // namespace

std::string KinesisPosition::Place() const {
  if (sequence.empty()) return ToText(*this);
  return sub ? sequence + ':' + std::to_string(*sub) : sequence;
}

std::string ToText(const KinesisPosition& position) {
  std::string text = position.sequence;
  if (text.empty() && !position.time_ms) return std::string(kOldest);
  if (position.sub) text += ':' + std::to_string(*position.sub);
  if (position.time_ms) text += '@' + std::to_string(*position.time_ms);
  return text;
}

Result<KinesisPosition> ParseKinesisPosition(std::string_view text) {
  KinesisPosition position;
  if (text == kOldest) return position;
  const std::string shown(text.substr(0, 80));
  std::string_view place = text.substr(0, text.find('@'));
  bool is_right = true;
  if (place.size() < text.size()) {
    position.time_ms.emplace();
    is_right = ParseNumber(text.substr(place.size() + 1), *position.time_ms);
  }
  const size_t colon = place.find(':');
  if (colon != std::string_view::npos) {
    position.sub.emplace();
    uint32_t sub = 0;
    is_right = is_right && ParseNumber(place.substr(colon + 1), sub);
    position.sub = sub;
    place = place.substr(0, colon);
  }
  const bool is_time = place.empty() && position.time_ms && !position.sub;
  if (!is_right || !(is_time || is_sequence(place))) {
    return InvalidArgument(
        "a sequence number, TRIM_HORIZON or @<milliseconds> is expected as a position, found '" +
        shown + "'");
  }
  position.sequence = place;
  return position;
}

int ComparePlaces(const KinesisPosition& left, const KinesisPosition& right) {
  const auto rank = [](const KinesisPosition& position) {
    return position.is_behind_record() ? 2 : position.time_ms ? 1 : 0;
  };
  if (rank(left) != rank(right)) return rank(left) - rank(right);
  const auto order = [](auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; };
  if (rank(left) == 1) return order(*left.time_ms, *right.time_ms);
  if (const int by = streamlog::CompareDecimals(left.sequence, right.sequence); by != 0) return by;
  constexpr int64_t kWhole = INT64_MAX;
  return order(left.sub ? int64_t{*left.sub} : kWhole, right.sub ? int64_t{*right.sub} : kWhole);
}

}  // namespace daypart::source
