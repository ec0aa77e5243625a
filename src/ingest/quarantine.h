// SPDX-License-Identifier: Apache-2.0
//
// Quarantine: rows that did not fit their table, kept with all that is needed to find, judge and
// replay them, in the Iceberg table media.quarantine. Rows wait in a temporary file, so that a
// delivery of nothing but broken rows takes no memory; they are committed before the rows that did
// fit. A row is known by its target, file, version of that file and byte offset, so that a run
// which was killed between the two commits and is run again does not keep it twice.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "lake/table.h"
#include "source/file_source.h"

namespace daypart::ingest {

/// media.quarantine: target_table, source_file, source_version (the store's etag), line,
/// byte_offset, column_name, reason, raw (binary), rejected_at, raw_format.
inline const catalog::TableName kQuarantineTable{"media", "quarantine"};
inline constexpr const char* kRawFormatColumn = "raw_format";

class Quarantine {
 public:
  /// target: the table that the rows were meant for.
  static Result<std::unique_ptr<Quarantine>> Open(catalog::TableName target);

  /// Keeps one row. Not thread-safe: FileSource calls its sink one at a time.
  /// raw_format: what decoding `raw` takes besides its bytes (CsvFormToJson); empty for nothing.
  Status Add(const source::InputFile& file, const decode::RejectedRow& reject,
             const std::string& raw_format = {});
  /// Adds the kept rows that the quarantine table does not have yet; it is created if need be.
  /// Nothing happens if there are none.
  Status Commit(const lake::LakeContext& context);

  uint64_t rows_count() const { return rows_; }

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Quarantine(catalog::TableName target, std::FILE* spool)
      : target_(std::move(target)), spool_(spool) {}

  catalog::TableName target_;
  std::unique_ptr<std::FILE, FileCloser> spool_;
  uint64_t rows_ = 0;
};

}  // namespace daypart::ingest
