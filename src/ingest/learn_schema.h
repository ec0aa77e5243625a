// SPDX-License-Identifier: Apache-2.0
//
// Columns of a stream from its records: of a new table, and of keys that come up later. A guess
// made of a first sample has to last, so whole numbers become long, never int.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/metadata.h"
#include "iceberg/type.h"
#include "ingest/record_decoder.h"

namespace daypart::ingest {

struct LearntColumn {
  std::string name;
  std::string source_name;  // JSON key ("a.b" within an object) or CSV header
  iceberg::Type type;
};

/// The columns that the run's records have values for, in the order of their appearance.
std::vector<LearntColumn> LearnColumns(const InputRun& run);

/// Of a run of a CSV file, whether it begins with the header or not: only those of these headers.
/// One that has no value in the run is text, so that none of its later values is lost.
std::vector<LearntColumn> LearnCsvColumns(const source::LineRun& run,
                                          const std::set<std::string>& headers);

/// Of JSON lines: only those of these keys ("a.*" stands for all keys of the object a).
std::vector<LearntColumn> LearnColumns(std::string_view json_lines,
                                       const std::set<std::string>& keys);

/// The updates that add the columns to a table, without those whose name it has already
/// and those beyond kColumnsMax; none if nothing is to be added.
Result<std::vector<iceberg::TableUpdate>> AddColumnUpdates(
    const iceberg::TableMetadata& metadata, const std::vector<LearntColumn>& columns);

}  // namespace daypart::ingest
