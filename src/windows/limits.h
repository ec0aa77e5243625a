// SPDX-License-Identifier: Apache-2.0
//
// Named limits of continuous aggregates: what a declaration may ask for and what one step holds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daypart::windows {

/// Windows that one row may fall into: a hop of one second over an hour is beyond it.
inline constexpr int64_t kWindowsPerRowMax = 1'440;
/// Longest window, gap and lateness: beyond it is more likely a slip of the unit.
inline constexpr int64_t kSpanMicrosMax = int64_t{3'660} * 86'400 * 1'000'000;
/// Spans of event time that a step reads of its source; nearer ones than the nearest are joined
/// when there are more, so that the condition stays short.
inline constexpr size_t kSpansMax = 64;
/// Rows of touched windows that a step holds in memory; a step with more builds the table anew,
/// which takes about as long and holds nothing.
inline constexpr int64_t kTouchedRowsMax = 8'000'000;
/// Steps in a row that lose a commit to another keeper or a compaction before it is given up.
inline constexpr int kAttemptsMax = 10;
/// A declaration is read whole.
inline constexpr size_t kDeclarationBytesMax = size_t{1} << 20;

}  // namespace daypart::windows
