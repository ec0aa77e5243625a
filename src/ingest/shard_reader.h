// SPDX-License-Identifier: Apache-2.0
//
// ShardReader: the next run of whichever shard has one, parents to their end before their
// children, new shards as they appear. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ingest/record_decoder.h"
#include "ingest/stream_state.h"
#include "source/record_source.h"

namespace daypart::ingest {

/// A run with its place.
struct ReadRun {
  InputRun input;
  std::string position;
  std::string next_position;
  bool is_at_end = false;
};

class ShardReader {
 public:
  /// Both must outlive the reader. state: where shards are read on; others from their oldest
  /// record.
  ShardReader(source::RecordSource& source, Clock& clock, const StreamState& state);

  /// nullopt if no shard has records now, after waiting for a moment; is_idle tells then whether
  /// all shards were looked at anew.
  /// errors: those of the source; kResourceExhausted names records that are lost for good.
  Result<std::optional<ReadRun>> Next();
  /// Nothing is there that was not given, as far as the source can tell.
  bool is_idle() const { return is_idle_; }
  /// How far the reading is from the newest record, of the shard where it is farthest.
  int64_t behind_ms() const;

 private:
  struct Place {
    std::string position;
    bool is_at_end = false;
    int64_t behind_ms = 0;
  };
  Status ListShards();
  bool is_readable(const source::Shard& shard) const;
  Result<std::optional<ReadRun>> ReadShard(const source::Shard& shard, int64_t wait_ms);

  source::RecordSource& source_;
  Clock& clock_;
  std::vector<source::Shard> shards_;
  std::map<std::string, Place> places_;
  size_t turn_ = 0;
  int64_t turn_bytes_ = 0;  // of the shard whose turn it is
  UtcMicros listed_at_{INT64_MIN / 2};
  bool is_idle_ = false;
};

}  // namespace daypart::ingest
