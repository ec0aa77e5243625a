// SPDX-License-Identifier: Apache-2.0
//
// Names of a stream's files: the stream, the number of the commit, the positions that the commit
// covers and the file's number in it. Readable, of a limited length, and of letters that stores,
// shells and readers of hive folders take as they are. Names are made once and kept by the commit:
// nothing reads them back. The grammar is told in docs/formats/stream-files.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingest/stream_state.h"

namespace daypart::ingest {

/// Names of one commit's files: all but the file's number and ending are the same.
class StreamFileNames {
 public:
  /// Of a commit that takes the stream from one state to another.
  static StreamFileNames OfRange(std::string_view stream, int64_t commit, const StreamState& from,
                                 const StreamState& to);
  /// Of a commit of rows that came back from quarantine.
  static StreamFileNames OfReplay(std::string_view stream, int64_t commit,
                                  std::string_view replay_id);

  /// At most kStreamFileNameBytesMax bytes.
  std::string Name(size_t number) const;

 private:
  explicit StreamFileNames(std::string stem) : stem_(std::move(stem)) {}

  std::string stem_;
};

}  // namespace daypart::ingest
