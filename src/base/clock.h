// SPDX-License-Identifier: Apache-2.0
//
// Time and chance as values that are passed in: no code below app/ asks the machine for either, so
// that a test decides both.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>

#include "base/strong.h"

namespace daypart {

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
using UtcMicros = Strong<struct UtcMicrosTag, int64_t>;

/// Of milliseconds since the same moment.
constexpr UtcMicros FromMillis(int64_t millis) { return UtcMicros(millis * 1000); }
/// Whole milliseconds, rounded towards the epoch.
constexpr int64_t ToMillis(UtcMicros time) { return time.value() / 1000; }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UtcMicros Now() = 0;
  /// Waits for at least `duration`; a test's clock moves on at once instead.
  virtual void Sleep(std::chrono::microseconds duration) = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  UtcMicros Now() override;
  void Sleep(std::chrono::microseconds duration) override;
};

/// A clock that moves only when told to (Advance) or slept on. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(UtcMicros start) : now_(start.value()) {}
  UtcMicros Now() override;
  void Sleep(std::chrono::microseconds duration) override;
  void Advance(std::chrono::microseconds duration) { Sleep(duration); }

 private:
  std::mutex mutex_;  // guards now_
  int64_t now_;
};

/// Source of chance for ids and retry jitter. Thread-safe.
class Random {
 public:
  /// Seeded from the operating system.
  Random();
  /// The same seed gives the same numbers.
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t Next();

 private:
  std::mutex mutex_;  // guards engine_
  std::mt19937_64 engine_;
};

/// A random (version 4, RFC 4122) UUID in its 36-character lower-case form.
std::string NewUuid(Random& random);

}  // namespace daypart
