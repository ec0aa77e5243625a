// SPDX-License-Identifier: Apache-2.0
//
// SortedSource: the rows of another source in the order of a key, in bounded memory. Rows gather
// up to a budget, are sorted and written to a temporary file (a run, Arrow IPC); at the end the
// runs are merged. A source within the budget never touches the disk.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "lake/table.h"
#include "source/batch_source.h"

namespace daypart::lake {

/// Keys of a batch's rows; unsigned order of their bytes is the rows' order.
struct RowKeys {
  std::string bytes;  // one after the other
  std::vector<size_t> ends;

  size_t size() const { return ends.size(); }
  std::string_view operator[](size_t row) const {
    const size_t begin = row == 0 ? 0 : ends[row - 1];
    return std::string_view(bytes).substr(begin, ends[row] - begin);
  }
};

using KeyFunction = std::function<Result<RowKeys>(const arrow::RecordBatch&)>;

struct SortedSourceOptions {
  int64_t buffer_bytes_max = 0;
  /// Folder for the runs; empty: the system's for temporary files.
  std::string folder;
  /// Threads that read and sort runs.
  int threads_count = 1;
};

/// Reads all of `rows` (so it may take long) and gives its rows back in order; rows with equal keys
/// stay in the order read if one thread reads them. Strings come without dictionaries. The runs are
/// deleted with the source.
/// errors: those of the source, of the keys, of the temporary files (kResourceExhausted).
Result<std::unique_ptr<source::BatchSource>> MakeSortedSource(source::BatchSource& rows,
                                                              const KeyFunction& keys,
                                                              Random& random,
                                                              const SortedSourceOptions& options);

}  // namespace daypart::lake
