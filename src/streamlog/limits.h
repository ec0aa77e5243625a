// SPDX-License-Identifier: Apache-2.0
//
// Every bound of the stream log, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daypart::streamlog {

/// Bytes of one record's data: Kinesis' own limit.
inline constexpr size_t kRecordBytesMax = size_t{1} << 20;
/// Bytes of a partition key: 256 characters of at most 4 bytes.
inline constexpr size_t kKeyBytesMax = 1024;
/// A frame's body is closed when it has this size: readers need not take in more to check it.
inline constexpr size_t kFrameBytesTarget = size_t{1} << 20;
/// A longer frame is damaged: one target and one record more is the most that is written.
inline constexpr size_t kFrameBytesMax = size_t{4} << 20;
/// One entry of the sparse index for so many bytes: 64 MiB need 1,024 entries, 24 KiB.
inline constexpr uint64_t kIndexStrideBytes = uint64_t{64} << 10;
/// Shards of one stream that are kept, closed ones included.
inline constexpr size_t kShardsMax = 1024;
/// Streams in one log.
inline constexpr size_t kStreamsMax = 500;
/// Tags and registered consumers of a stream: Kinesis' own limits.
inline constexpr size_t kTagsMax = 50;
inline constexpr size_t kConsumersMax = 20;
/// The most that one read gives out, whatever the caller asks for.
inline constexpr int64_t kReadBytesMax = int64_t{64} << 20;
/// A segment takes no more records after this time, so that retention by age has something to drop.
inline constexpr int64_t kSegmentAgeMaxMicros = int64_t{3600} * 1'000'000;

}  // namespace daypart::streamlog
