// SPDX-License-Identifier: Apache-2.0
//
// BatchSource: rows on their way, as Arrow record batches, to be taken by several threads at once.
// Files, query results and table scans are all sources; the table writer is what takes from them.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace daypart::source {

/// One thread's hold on a source.
class BatchCursor {
 public:
  virtual ~BatchCursor() = default;
  /// The next batch that no other cursor of the source has had; null at the end. A utf8 column may
  /// come as dictionary<int32, utf8> (see decode/decoder.h), otherwise batches have schema()'s
  /// types.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// Place of the batch that Next gave last in the order of the whole source, whichever cursor had
  /// the others: what "the last row read wins" is decided by. Sources with one cursor may leave it
  /// at 0.
  virtual uint64_t batch_index() const { return 0; }
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual std::shared_ptr<arrow::Schema> schema() const = 0;
  /// Thread-safe. All cursors together yield each row once; they must not outlive the source.
  virtual Result<std::unique_ptr<BatchCursor>> NewCursor() = 0;
};

}  // namespace daypart::source
