// SPDX-License-Identifier: Apache-2.0
//
// Positions in a shard of Amazon Kinesis, as the state of a stream keeps them:
//
//   TRIM_HORIZON            from the oldest record on
//   @1764000000000          from this time on (milliseconds since 1970)
//   495…698                 behind the record of this sequence number
//   495…698:3               behind user record 3 (from 0) of an aggregated record
//   495…698@1764000000000   the same, and all that arrived up to this time is before it
//
// The time tells whether records can have been dropped by retention since: sequence numbers do not
// follow each other without gaps, so nothing else could.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace daypart::source {

struct KinesisPosition {
  /// Decimal; empty for a place that is not behind a record.
  std::string sequence;
  /// Absent: behind all of the record.
  std::optional<uint32_t> sub;
  /// Without a sequence number: where to begin. With one: what is known to be before it.
  std::optional<int64_t> time_ms;

  bool is_behind_record() const { return !sequence.empty(); }
  /// The place alone: texts that are equal for equal places, whatever is known of the time.
  std::string Place() const;
};

std::string ToText(const KinesisPosition& position);
/// errors: kInvalidArgument.
Result<KinesisPosition> ParseKinesisPosition(std::string_view text);

/// < 0, 0 or > 0: numerically, sub-records before the whole.
int ComparePlaces(const KinesisPosition& left, const KinesisPosition& right);

}  // namespace daypart::source
