// SPDX-License-Identifier: Apache-2.0
//
// The bounds of the Kinesis API, as the service documents them, and our own where it has none.
// source: Amazon Kinesis Data Streams, "Quotas and limits" and the API Reference.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daypart::serve {

inline constexpr size_t kPutRecordsMax = 500;
inline constexpr size_t kPutBytesMax = size_t{5} << 20;
inline constexpr size_t kPartitionKeyCharactersMax = 256;
inline constexpr int64_t kGetRecordsMax = 10'000;
inline constexpr int64_t kGetBytesMax = 10'000'000;
inline constexpr int64_t kIteratorMillisMax = 300'000;
inline constexpr int64_t kRetentionHoursMin = 24;
inline constexpr int64_t kRetentionHoursMax = 8'760;
/// Documents nested deeper than this are refused: no request of the API needs more than 4.
inline constexpr size_t kNestingMax = 32;
/// Of one SubscribeToShard event, so that a slow client holds little.
inline constexpr int64_t kEventRecordsMax = 2'000;
inline constexpr int64_t kEventBytesMax = 1 << 20;
inline constexpr int64_t kSubscriptionMillisMax = 300'000;
/// A subscription that is younger cannot be taken over by another call.
inline constexpr int64_t kSubscriptionMillisMin = 5'000;

}  // namespace daypart::serve
