// SPDX-License-Identifier: Apache-2.0
//
// Putting values as text.
#include "generate/row_text.h"

#include <algorithm>

#include "base/calendar.h"

namespace daypart::generate {
namespace {

char* PutDigits(char* at, uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + digits;
}

}  // namespace

char* RowBuffer::Reserve(size_t bytes_max) {
  if (capacity_ - size_ < bytes_max) {
    const size_t capacity = std::max(capacity_ * 2, size_ + bytes_max + 4096);
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
    data_ = std::move(grown);
    capacity_ = capacity;
  }
  return data_.get() + size_;
}

void RowBuffer::Append(std::string_view text) { Commit(PutText(Reserve(text.size()), text)); }

char* PutDecimal(char* at, uint64_t value, int decimals) {
  uint64_t scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  at = PutChar(PutNumber(at, value / scale), '.');
  return PutDigits(at, value % scale, decimals);
}

char* PutHex(char* at, uint64_t value) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = kHex[(value >> shift) & 0xF];
  return at;
}

char* PutCsvCell(char* at, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return PutText(at, text);
  *at++ = '"';
  for (const char c : text) {
    if (c == '"') *at++ = '"';
    *at++ = c;
  }
  return PutChar(at, '"');
}

char* TimeText::PutDate(char* at, int32_t day) {
  if (day != day_) {
    const std::string date = FormatDate(day);  // 10 characters: years are limited to 1970..9999
    std::memcpy(date_, date.data(), std::min(date.size(), size_t{10}));
    date_[10] = 'T';
    day_ = day;
  }
  std::memcpy(at, date_, 10);
  return at + 10;
}

char* TimeText::PutTimestamp(char* at, int64_t millis) {
  constexpr int64_t kMillisPerDay = 86'400'000;
  const int64_t day = FloorDivide(millis, kMillisPerDay);
  const auto of_day = static_cast<uint32_t>(millis - day * kMillisPerDay);
  at = PutDate(at, static_cast<int32_t>(day));
  const uint32_t seconds = of_day / 1000;
  const uint32_t minutes = seconds / 60;
  at = PutDigits(PutChar(at, 'T'), minutes / 60, 2);
  at = PutDigits(PutChar(at, ':'), minutes % 60, 2);
  at = PutDigits(PutChar(at, ':'), seconds % 60, 2);
  at = PutDigits(PutChar(at, '.'), of_day % 1000, 3);
  return PutChar(at, 'Z');
}

}  // namespace daypart::generate
