// SPDX-License-Identifier: Apache-2.0
//
// The machine's clock and randomness: the only code that asks the operating system for either.
#include "base/clock.h"

#include <array>
#include <thread>

namespace daypart {

UtcMicros SystemClock::Now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return UtcMicros(std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
}

void SystemClock::Sleep(std::chrono::microseconds duration) {
  std::this_thread::sleep_for(duration);
}

UtcMicros FakeClock::Now() {
  const std::lock_guard lock(mutex_);
  return UtcMicros(now_);
}

void FakeClock::Sleep(std::chrono::microseconds duration) {
  const std::lock_guard lock(mutex_);
  now_ += duration.count();
}

Random::Random() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  engine_.seed(seed);
}

uint64_t Random::Next() {
  const std::lock_guard lock(mutex_);
  return engine_();
}

std::string NewUuid(Random& random) {
  std::array<uint64_t, 2> bits{random.Next(), random.Next()};
  bits[0] = (bits[0] & ~uint64_t{0xF000}) | 0x4000;                      // version 4
  bits[1] = (bits[1] & ~(uint64_t{0xC} << 60)) | (uint64_t{0x8} << 60);  // variant 10
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text += '-';
    const uint64_t word = bits[static_cast<size_t>(digit / 16)];
    text += kHex[(word >> (60 - 4 * (digit % 16))) & 0xF];
  }
  return text;
}

}  // namespace daypart
