// SPDX-License-Identifier: Apache-2.0
//
// One look at one place of a shard: an iterator if there is none, one GetRecords, the records as
// runs. It notices when records behind the place have been dropped by retention: the service says
// nothing of it and goes on with the oldest record that is left.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "source/kinesis_api.h"
#include "source/kinesis_position.h"
#include "source/record_source.h"

namespace daypart::source {

/// An iterator and what it is good for.
struct ShardCursor {
  std::string iterator;  // empty: to be had
  UtcMicros made;
  /// It begins with the record of the place, which has to come first: else it is gone.
  bool is_at_record = false;
  /// When that record was last seen to be there.
  UtcMicros proven;
};

struct KinesisFetch {
  std::string shard_id;
  KinesisPosition place;
  ShardCursor cursor;
  /// The shard was known to be closed before this fetch.
  bool is_closed = false;
  int64_t retention_micros = 0;
  /// Records that are gone are told in the log only.
  bool skips_lost = false;
  /// Records behind this one come by a subscription: they are left out if it is in the page, so
  /// that the place behind the runs is the subscription's own.
  std::string cut_sequence;
};

struct KinesisRuns {
  /// Runs that follow each other; none if there is no record. The last one may be without a record
  /// and only say that the shard is at its end.
  std::vector<RecordRun> runs;
  /// Of the place behind the runs.
  KinesisPosition next;
  ShardCursor cursor;
  int64_t behind_ms = 0;
  bool is_throttled = false;
};

/// errors: kUnavailable; kResourceExhausted if records were lost; those of KinesisApi.
Result<KinesisRuns> FetchRuns(KinesisApi& api, Clock& clock, KinesisFetch fetch);

/// What a page, or an event of a subscription, means for a reader at fetch.place. asked: the moment
/// at which the service cannot have looked before. errors: kResourceExhausted if records were lost.
Result<KinesisRuns> RunsOfPage(FetchedPage page, const KinesisFetch& fetch, UtcMicros asked,
                               const std::string& stream);

/// Whether records behind the place can have been dropped by now, as far as times tell.
bool may_have_lost(const KinesisPosition& place, UtcMicros now, int64_t retention_micros);
/// kResourceExhausted, with what to do.
Error LostRecords(const KinesisFetch& fetch, const std::string& stream);

}  // namespace daypart::source
