// SPDX-License-Identifier: Apache-2.0
//
// The numbers of the stream log that must not be mistaken for each other.
#pragma once

#include <cstdint>

#include "base/strong.h"

namespace daypart::streamlog {

/// A record's place in its shard: 1 for the first one ever, without gaps.
using RecordIndex = Strong<struct RecordIndexTag, uint64_t>;
/// A shard's place in its stream: 0 for the first one ever made, never used twice.
using ShardNumber = Strong<struct ShardNumberTag, uint32_t>;

inline constexpr RecordIndex kFirstIndex{1};

}  // namespace daypart::streamlog
