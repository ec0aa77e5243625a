// SPDX-License-Identifier: Apache-2.0
//
// Named limits of the ingest engine: what it holds in memory and how long it waits is bounded by
// these, whatever the streams do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daypart::ingest {

/// A longer state goes into an object of its own: summaries are read with every load of the table.
inline constexpr size_t kStateInSummaryBytesMax = 4096;
/// Bytes of records that are decoded in one go: large enough that a batch's fixed cost is nothing,
/// small enough that two of them stay in the second-level cache's reach (as FileSource's chunks).
inline constexpr int64_t kRunBytesMax = int64_t{1} << 20;
inline constexpr int64_t kRunRecordsMax = 100'000;
/// Of a file before another has its turn: files are mostly of one time each, so that an epoch then
/// has rows of few partitions; bounded, so that a file that keeps growing holds up no other.
inline constexpr int64_t kTurnBytesMax = int64_t{64} << 20;
/// A single record beyond this goes to quarantine, cut: that of FileSource.
inline constexpr int64_t kRecordBytesMax = int64_t{16} << 20;
/// Rejected bytes that end an epoch: they wait in memory until it does.
inline constexpr int64_t kRejectBytesMax = int64_t{64} << 20;
/// Decoded bytes that threads which take rows decode ahead while an earlier run is still at work.
inline constexpr int64_t kAheadBytesMax = int64_t{64} << 20;
/// Files that the progress of stream files names for filling the window of ids: at one file every
/// 30 s more than a day, and a megabyte.
inline constexpr size_t kRecentFilesMax = 4'096;
/// A stream file's name: file systems take 255 bytes, and programs that copy add some to them.
inline constexpr size_t kStreamFileNameBytesMax = 240;
/// Of a shard's id (a file's path) in such a name.
inline constexpr size_t kShardTextBytesMax = 64;
/// Files of a commit that move to their names at a time: on S3 each waits for two answers.
inline constexpr size_t kMovesMax = 32;
/// Progress objects of stream files that stay: the last ones, for a look at what went before.
inline constexpr int64_t kProgressKept = 3;
/// Files that wait to be seen and are this old were left behind by a crash: as for orphans.
inline constexpr int64_t kPendingMicrosMax = int64_t{3} * 86'400 * 1'000'000;
/// Attempts of a replay's commits while others change the table or the quarantine.
inline constexpr int kReplayAttemptsMax = 20;
/// Replayed records whose batches are made one.
inline constexpr size_t kReplayBatchRecords = 1'000;
/// How long one look for new records waits at the source; what a row waits at most besides.
inline constexpr int64_t kPollMs = 5;
/// How long a query waits for rows that were acknowledged before it began to be decoded: some
/// milliseconds, unless the processors are taken by others.
inline constexpr int64_t kReadableMsMax = 2'000;
/// The same while they wait for a commit: for a column of theirs, or for room.
inline constexpr int64_t kReadableCommitMsMax = 10'000;
/// How long a query waits for a stream that the server has not begun to read.
inline constexpr int64_t kStartedMsMax = 500;
/// How often new shards are looked for.
inline constexpr int64_t kShardListMs = 1'000;
/// Keys without a column that are told by name.
inline constexpr size_t kLeftOutKeysMax = 20;
/// Columns that a stream may add to its table on its own.
inline constexpr size_t kColumnsMax = 1'000;
/// Text that a new table's columns are learnt from.
inline constexpr size_t kSampleBytesMax = size_t{4} << 20;
/// Records that are enough to learn columns from, and how long the first ones wait for them: longer
/// would be seen by who asks for the first event of a stream, and slow streams would gain nothing.
inline constexpr int64_t kSampleRecordsMin = 1'000;
inline constexpr int64_t kSampleMs = 200;
/// The same for a key that comes up later in a stream that goes on: rows wait for it that are to be
/// seen within 100 ms.
inline constexpr int64_t kSampleMoreMs = 20;
/// Values of a learnt column from which on one that is of another kind than all others is odd.
inline constexpr uint64_t kLearntValuesMin = 5;
/// Values from which on a learnt string column is sure to be one: only strings fit it then.
inline constexpr uint64_t kSureValuesMin = 100;
/// Waits between attempts of a sink that failed: doubled from the first to the last, with jitter.
inline constexpr int64_t kRetryMsMin = 100;
inline constexpr int64_t kRetryMsMax = 30'000;
/// Failures in a row without a commit between them after which a sink that is not to run for ever
/// gives up.
inline constexpr int kFailuresMax = 8;
/// Event times further ahead of the clock than this do not move a watermark.
inline constexpr int64_t kSkewMicrosMax = int64_t{600} * 1'000'000;

}  // namespace daypart::ingest
