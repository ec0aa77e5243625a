// SPDX-License-Identifier: Apache-2.0
//
// Columns of a stream from its records: of a new table, and of keys that come up later. A guess
// made of a first sample has to last, so whole numbers become long, never int, and a string that
// little or contradictory evidence speaks for takes numbers and truth values as well
// (docs/decisions/0076-what-a-stream-learns-of-its-first-records.md).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crawl/file_shape.h"
#include "iceberg/metadata.h"
#include "iceberg/type.h"
#include "ingest/record_decoder.h"

namespace daypart::ingest {

struct LearntColumn {
  std::string name;
  std::string source_name;  // JSON key ("a.b" within an object) or CSV header
  iceberg::Type type;
  /// A string column that takes JSON's numbers and truth values as their text.
  bool takes_scalars = false;
  std::string warning = {};  // empty, or what a reader of the table should know
};

/// The first records of a stream, until they are enough to tell its columns by. Not thread-safe.
class ColumnSample {
 public:
  /// returns: whether the run has a record with a value for some column.
  bool Add(const InputRun& run);

  bool is_empty() const { return shape_.columns.empty(); }
  /// More records would not change what is learnt, or are too many to look at.
  bool is_enough() const;
  /// What the records have values for, in the order of their appearance.
  std::vector<LearntColumn> Columns() const;

 private:
  crawl::FileShape shape_;
  int64_t bytes_ = 0;
};

/// Of a run of a CSV file, whether it begins with the header or not: only those of these headers.
/// One that has no value in the run is text, so that none of its later values is lost.
std::vector<LearntColumn> LearnCsvColumns(const source::LineRun& run,
                                          const std::set<std::string>& headers);

/// Of JSON lines: only those of these keys ("a.*" stands for all keys of the object a).
std::vector<LearntColumn> LearnColumns(std::string_view json_lines,
                                       const std::set<std::string>& keys);

/// Puts what a table's properties are to say of the columns as `schema` has them.
void AddColumnProperties(const iceberg::Schema& schema, const std::vector<LearntColumn>& columns,
                         std::map<std::string, std::string>& properties);

/// The updates that add the columns to a table, without those whose name it has already
/// and those beyond kColumnsMax; none if nothing is to be added.
Result<std::vector<iceberg::TableUpdate>> AddColumnUpdates(
    const iceberg::TableMetadata& metadata, const std::vector<LearntColumn>& columns);

}  // namespace daypart::ingest
