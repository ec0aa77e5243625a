// SPDX-License-Identifier: Apache-2.0
//
// Named limits of the sources: what they hold in memory and how often they ask.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daypart::source {

/// Between two GetRecords of a shard: the service takes five a second, from all its readers.
inline constexpr int64_t kKinesisReadMsMin = 200;
/// The most records of one GetRecords: the service's own limit.
inline constexpr int kKinesisPageRecordsMax = 10'000;
/// A page (10 MiB at most) is given out in runs of about this size, that of the ingest engine.
inline constexpr size_t kKinesisRunBytes = size_t{4} << 20;
/// Pages that were fetched ahead or may be asked for by another sink; beyond it nothing is fetched
/// ahead.
inline constexpr int64_t kKinesisKeptBytesMax = int64_t{32} << 20;
/// Places of a shard that are remembered with their iterators.
inline constexpr size_t kKinesisSpotsMax = 16;
/// The same with enhanced fan-out, whose events are smaller than pages and come by themselves:
/// those that wait for a reader, and as many that another reader may still come for.
inline constexpr size_t kKinesisEventSpotsMax = 128;
/// Events of a shard that wait for their reader; beyond it the subscription is held up.
inline constexpr int64_t kKinesisEventsAheadMax = 64;
/// Shards with a subscription, a thread and a connection each; more are read by GetRecords.
inline constexpr int kKinesisSubscriptionsMax = 256;
/// A subscription that lasted less is renewed after a wait: the service takes one in 5 s.
inline constexpr int64_t kKinesisSubscriptionMicrosMin = int64_t{5} * 1'000'000;
/// A subscription whose events nobody takes for so long ends; a reader begins another.
inline constexpr int64_t kKinesisAbandonedMicros = int64_t{60} * 1'000'000;
/// Iterators end after 300 s; one that is older than this is not tried.
inline constexpr int64_t kKinesisIteratorMicrosMax = int64_t{270} * 1'000'000;
/// Waits after a refused or failed call: doubled from the first to the last, with jitter.
inline constexpr int64_t kKinesisWaitMsMin = 200;
inline constexpr int64_t kKinesisWaitMsMax = 5'000;
/// Failures of a place in a row (throttling is none) before its reader is told.
inline constexpr int kKinesisFailuresMax = 8;
/// Between two ListShards, unless something tells that there are new shards.
inline constexpr int64_t kKinesisListMicros = 1'000'000;
/// The same where a reader has come to a shard's tip, which with fan-out is many times a second.
inline constexpr int64_t kKinesisTipListMicros = 200'000;
/// Until children of a shard that ended are no longer waited for: the stream is being deleted.
inline constexpr int64_t kKinesisChildrenMicrosMax = int64_t{10} * 1'000'000;
/// A reader that did not come back for so long has gone elsewhere.
inline constexpr int64_t kKinesisReaderMicrosMax = int64_t{10} * 1'000'000;
/// What clocks of this machine and of the service may differ by, when records' ages are judged.
inline constexpr int64_t kKinesisClockMicros = int64_t{600} * 1'000'000;
/// How long the sight of a record proves that those behind it are there too.
inline constexpr int64_t kKinesisProofMicros = int64_t{10} * 1'000'000;
/// How often the stream's retention is asked for.
inline constexpr int64_t kKinesisDescribeMicros = int64_t{3600} * 1'000'000;
/// How long a stream may take to become ACTIVE.
inline constexpr int64_t kKinesisActiveMsMax = 120'000;

}  // namespace daypart::source
