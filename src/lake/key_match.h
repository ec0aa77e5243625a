// SPDX-License-Identifier: Apache-2.0
//
// KeyMatch: which rows of the staged source files and of the table's files a merge keeps. Works on
// the key columns alone, in passes over slices of the key space, so that the index of a pass has a
// fixed size however many rows there are; what remains is one bit a row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/metadata.h"
#include "lake/row_bitmap.h"
#include "lake/row_key.h"
#include "lake/table.h"
#include "lake/table_writer.h"

namespace daypart::lake {

/// A file and the rows of it that the merge drops.
struct MatchedFile {
  iceberg::DataFile file;
  iceberg::SpecId spec_id;
  std::unique_ptr<RowBitmap> dropped;
  /// Among `dropped`, those that delete files had taken away before the merge.
  int64_t deleted_before = 0;
  /// Absent for staged files.
  std::optional<iceberg::SequenceNumber> sequence_number = std::nullopt;
};

struct KeyMatchResult {
  std::vector<MatchedFile> source;  // the staged files: duplicates and, if inserts_only, known keys
  std::vector<MatchedFile> target;  // the table's files that may hold a key: rows that are replaced
  int64_t source_rows_dropped = 0;
  int64_t source_rows_matched = 0;  // kept source rows that replace a row of the table
  int64_t target_rows_dropped = 0;
  int64_t source_rows_without_key = 0;  // a key column is null: they match nothing and are added
  std::set<std::string> null_key_columns;  // of those rows
};

/// metadata: the table as planned on; the staged files were written with its schema.
/// staged:   with runs (see TableWriterOptions::keeps_runs).
/// errors:   kInvalidArgument for an unknown key or order column; those of KeysOf and OrderValues.
Result<KeyMatchResult> MatchKeys(const LakeContext& context, const LoadedTable& table,
                                 const std::vector<WrittenFile>& staged, const MergeOptions& merge,
                                 int threads_count);

}  // namespace daypart::lake
