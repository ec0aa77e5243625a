// SPDX-License-Identifier: Apache-2.0
//
// Walking over a segment file's frames: at start to find where its whole frames end, and for the
// sparse index of a segment that has no index file. Reads in blocks, so a segment of any size takes
// bounded memory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "streamlog/segment_format.h"

namespace daypart::streamlog {

/// Adds an entry if the frame lies a stride behind the last one.
void NoteFrame(const FrameHead& head, uint64_t offset, std::vector<IndexEntry>& entries);

/// A segment as recovery found it.
struct SegmentScan {
  SegmentIndex index;  // of the whole frames; segment_bytes is where they end
  uint64_t file_bytes = 0;
  /// Some frame behind the end is whole and knows an index at or above end_index as durable: what
  /// lies between was acknowledged and is damaged.
  bool has_lost_records = false;
};

/// Checks every frame of the file. errors: kCorruptData for the segment's head (of another stream
/// or shard, or damaged); what the file system says.
Result<SegmentScan> ScanSegment(const std::string& path, const SegmentHead& expected);

/// The sparse index of frames from `from` on to the first index >= end, by their heads only.
/// errors: kCorruptData if there is no frame where one must be.
Result<SegmentIndex> IndexFrames(const std::string& path, SegmentIndex from, RecordIndex end);

/// The head of the segment file. errors: kCorruptData.
Result<SegmentHead> ReadSegmentHead(const std::string& path);

/// The shard folder's segments by their first index, in order.
Result<std::vector<RecordIndex>> ListSegments(const std::string& folder);

}  // namespace daypart::streamlog
