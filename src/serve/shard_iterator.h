// SPDX-License-Identifier: Apache-2.0
//
// Shard iterators: where a reader is in a shard, as the opaque text that GetShardIterator and
// GetRecords give out. They outlast a restart of the server, not five minutes.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "streamlog/ids.h"
#include "streamlog/segment_format.h"

namespace daypart::serve {

struct ShardIterator {
  std::string stream;
  /// A stream made anew under the name is another.
  streamlog::StreamId stream_id{};
  streamlog::ShardNumber shard;
  streamlog::RecordIndex next;
  UtcMicros created;

  friend bool operator==(const ShardIterator&, const ShardIterator&) = default;
};

std::string ToText(const ShardIterator& iterator);
/// errors: kInvalidArgument for a text that ToText cannot have made.
Result<ShardIterator> ParseShardIterator(std::string_view text);

}  // namespace daypart::serve
