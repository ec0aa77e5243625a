// SPDX-License-Identifier: Apache-2.0
//
// FileSource: raw CSV or JSON-lines files of one shape as a BatchSource. Files are read in the
// order given, chunks go to whichever cursor asks next, each cursor decodes for itself. Hive
// partition values join the rows as constant columns. Rows that do not fit go to the reject sink,
// never to null.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "decode/decoder.h"
#include "source/batch_source.h"
#include "store/object_store.h"

namespace daypart::source {

/// A constant column of one file: the value of a hive partition, as text of the column's type.
struct ConstantColumn {
  std::string name;
  std::string text;
  bool is_null = false;
};

struct InputFile {
  std::string location;
  std::vector<ConstantColumn> constants;
  /// The store's etag of it when it was listed; empty if unknown. Told to the reject sink, not
  /// checked.
  std::string version;
};

/// Called with each reject as it is found, from any cursor's thread, one call at a time. An error
/// stops the source: it is what Next returns.
using RejectSink = std::function<Status(const InputFile& file, const decode::RejectedRow& reject)>;

struct FileSourceOptions {
  std::vector<InputFile> files;
  /// Columns read from the files, then those of `constants` in the schema's order.
  decode::DecodeTarget target;
  std::vector<std::string> constant_columns;
  /// has_header and file_columns are looked up in each file's own header when it has one, so that
  /// files with added or reordered columns are read right; a target column that a file lacks is
  /// null there (a reject a row if required).
  std::variant<decode::CsvOptions, decode::JsonOptions> format;
  /// Stops with kInvalidArgument once more rows than this were rejected.
  uint64_t rejects_max = UINT64_MAX;
  size_t chunk_bytes = size_t{4} << 20;
};

/// Keys of JSON records that no column takes. Thread-safe.
class UnknownKeys {
 public:
  void Add(const std::vector<std::string>& keys);
  /// Sorted.
  std::vector<std::string> All() const;

 private:
  mutable std::mutex mutex_;  // guards keys_
  std::set<std::string> keys_;
};

/// What was read so far. Exact once all cursors are at their end.
struct FileSourceProgress {
  std::atomic<uint64_t> bytes_read{0};  // of the files as stored
  std::atomic<uint64_t> bytes_total{0};
  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> rejects{0};
  UnknownKeys unknown_keys;
};

/// store, cancel and progress must outlive the source.
/// errors (now or from Next): kNotFound for a missing file; kInvalidArgument for a directory, an
/// empty file where a header is needed, binary data, or a header that has none of the wanted
/// columns (says which delimiter would have given them, if one does); kCorruptData for a truncated
/// compressed file.
Result<std::unique_ptr<BatchSource>> OpenFiles(store::ObjectStore& store, FileSourceOptions options,
                                               const RejectSink& rejects, const CancelToken& cancel,
                                               FileSourceProgress& progress);

}  // namespace daypart::source
