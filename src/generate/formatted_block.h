// SPDX-License-Identifier: Apache-2.0
//
// A stretch of one table's rows as text, made by one thread and written by another, and the way
// many of them are made at once but written in order.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "generate/faults.h"
#include "generate/row_text.h"

namespace daypart::generate {

struct FormattedBlock {
  RowBuffer csv;
  RowBuffer jsonl;  // empty unless asked for
  std::vector<PlacedFault> faults;
  uint64_t rows = 0;
  uint64_t sessions = 0;

  void Clear() {
    csv.Clear();
    jsonl.Clear();
    faults.clear();
    rows = sessions = 0;
  }
};

struct BlockRun {
  uint64_t blocks_count = 0;
  unsigned threads_count = 1;
};

/// Calls `format` once for each block from many threads and `write` once for each in order, from
/// the calling one. At most threads_count + kSpareBlocks blocks are in memory.
/// format: thread-safe; gets a cleared block, fills it from its number alone.
/// errors: kCancelled; the first error of `write`, after which nothing more is written.
Status RunBlocks(const BlockRun& run,
                 const std::function<void(uint64_t block, FormattedBlock& out)>& format,
                 const std::function<Status(const FormattedBlock& block)>& write,
                 const CancelToken& cancel);

inline constexpr unsigned kSpareBlocks = 2;
inline constexpr unsigned kThreadsMax = 256;

}  // namespace daypart::generate
