// SPDX-License-Identifier: Apache-2.0
//
// What a sample of a file told about it, and how shapes of several files become one. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/raw_catalog.h"
#include "crawl/value_profile.h"
#include "decode/chunk.h"
#include "iceberg/type.h"

namespace daypart::crawl {

struct ColumnShape {
  std::string source_name;                // header cell, JSON path "a.b", Parquet column
  ValueProfile profile;                   // of texts; unused if declared
  std::optional<iceberg::Type> declared;  // the file says so itself: Parquet
};

struct FileShape {
  catalog::RawFormat format = catalog::RawFormat::kCsv;
  decode::Compression compression = decode::Compression::kNone;
  decode::TextEncoding encoding = decode::TextEncoding::kUtf8;
  char delimiter = ',';
  char quote = '"';
  bool has_header = true;
  std::vector<ColumnShape> columns;
  uint64_t records_count = 0;  // sampled ones
  std::vector<std::string> warnings;
};

/// Whether both can be read with the same settings: format, and for CSV delimiter, quote and
/// header.
bool has_same_form(const FileShape& left, const FileShape& right);

/// Share (0..1) of the columns of the wider shape that the other has too: by name where there are
/// names, else by position and kind of type. 0 for shapes of another form; 1 if both have no
/// columns.
double SimilarShare(const FileShape& left, const FileShape& right);

/// Adds the columns and values of `from`; unknown columns go to the end. Columns are the same if
/// their LowerName is. `location` names the file in warnings.
void MergeShape(FileShape& into, const FileShape& from, std::string_view location);

/// The narrowest type that both can be read as without loss, as Iceberg promotes types (int to
/// long, float to double, a decimal to more digits); nullopt if there is none.
std::optional<iceberg::Type> WidenedType(const iceberg::Type& left, const iceberg::Type& right);

/// Whether every value of `narrow` can be read by a column of type `wide` (an int in a double,
/// anything in a string).
bool fits_type(const iceberg::Type& narrow, const iceberg::Type& wide);

/// The column's type and what there is to say about it.
InferredType TypeOf(const ColumnShape& column, const InferenceOptions& options = {});

}  // namespace daypart::crawl
