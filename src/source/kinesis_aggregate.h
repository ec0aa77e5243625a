// SPDX-License-Identifier: Apache-2.0
//
// Records that the Kinesis Producer Library packed into one. Pure.
//
//   4 bytes   F3 89 9A C2
//   n bytes   protocol buffer AggregatedRecord { repeated string partition_key_table = 1;
//             repeated string explicit_hash_key_table = 2; repeated Record records = 3; } with
//             Record { uint64 partition_key_index = 1; uint64 explicit_hash_key_index = 2;
//             bytes data = 3; repeated Tag tags = 4; }
//   16 bytes  MD5 of the protocol buffer
//
// Example: F3899AC2 0A0161 1A07 0800 1A036F6E65 and the MD5 of all from 0A on is the one record
// "one" of the key "a". What has the first bytes but not this form is a record like any other.
// source: amazon-kinesis-producer, "KPL Aggregated Record Format".
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace daypart::source {

/// Views of the aggregate.
struct PackedRecord {
  std::string_view data;
  std::string_view partition_key;
};

/// nullopt if the bytes are no aggregate; then nothing of them is one.
std::optional<std::vector<PackedRecord>> UnpackAggregate(std::string_view bytes);

}  // namespace daypart::source
