// SPDX-License-Identifier: Apache-2.0
//
// Every bound of the server, with its reason. A client that goes over one gets an answer that says
// so, or is cut off; nothing it sends makes the process grow without end.
#pragma once

#include <chrono>
#include <cstddef>

namespace daypart::http {

struct ServerLimits {
  /// Each has a thread.
  size_t connections_max = 256;
  size_t head_bytes_max = size_t{64} << 10;
  /// A PutRecords call carries 5 MiB at most, which base64 makes 6.7 MiB; one that is too large by
  /// a record or two is to get the service's own error.
  size_t body_bytes_max = size_t{16} << 20;
  /// A connection that is silent for so long, between requests or within one, is closed.
  std::chrono::milliseconds idle_max{60'000};
  /// A client that takes nothing of an answer for so long is given up.
  std::chrono::milliseconds send_max{30'000};
};

/// How often a waiting thread looks whether the server stops.
inline constexpr std::chrono::milliseconds kStopLookInterval{100};
inline constexpr size_t kReceiveBytes = size_t{256} << 10;
/// As long as a refused body is passed over.
inline constexpr std::chrono::milliseconds kLingerMax{2'000};
inline constexpr int kBacklog = 128;

}  // namespace daypart::http
