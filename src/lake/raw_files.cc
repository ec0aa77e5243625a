// SPDX-License-Identifier: Apache-2.0
//
// Listing by prefix and partition, and the decoder's view of a raw table.
#include "lake/raw_files.h"

#include <arrow/type.h>

#include <string>
#include <string_view>
#include <utility>

#include "lake/arrow_schema.h"

namespace daypart::lake {
namespace {

/// What Hive writes for the folder of a null partition value.
constexpr std::string_view kHiveNull = "__HIVE_DEFAULT_PARTITION__";

/// rest: a location below the table's.
bool is_hidden(std::string_view rest) {
  for (size_t at = 0; at < rest.size(); at = rest.find('/', at) + 1) {
    if (rest[at] == '_' || rest[at] == '.') return true;
    if (rest.find('/', at) == std::string_view::npos) break;
  }
  return false;
}

Status ListInto(store::ObjectStore& store, const std::string& location,
                const std::vector<source::ConstantColumn>& constants, std::vector<RawFile>& files) {
  if (!location.ends_with('/')) {
    DAYPART_TRY(auto info, store.Head(location));
    files.push_back({std::move(info), constants});
    return Ok();
  }
  DAYPART_TRY(const auto objects, store.List(location));
  for (const auto& info : objects) {
    if (!is_hidden(std::string_view(info.location).substr(location.size()))) {
      files.push_back({info, constants});
    }
  }
  return Ok();
}

}  // namespace

Result<std::vector<RawFile>> ListRawFiles(store::ObjectStore& store,
                                          const catalog::RawTable& table) {
  std::vector<RawFile> files;
  if (table.partition_columns.empty()) {
    DAYPART_RETURN_IF_ERROR(ListInto(store, table.location, {}, files));
    return files;
  }
  for (const auto& partition : table.partitions) {
    std::vector<source::ConstantColumn> constants;
    for (size_t i = 0; i < table.partition_columns.size(); ++i) {
      const bool is_null = partition.values[i] == kHiveNull;
      constants.push_back({.name = table.partition_columns[i].name,
                           .text = is_null ? "" : partition.values[i],
                           .is_null = is_null});
    }
    DAYPART_RETURN_IF_ERROR(ListInto(store, partition.location, constants, files));
  }
  return files;
}

Result<source::FileSourceOptions> RawFileSource(const catalog::RawTable& table,
                                                const std::vector<RawFile>& files) {
  if (table.format == catalog::RawFormat::kParquet) {
    return Unsupported(ToString(table.name) + ": Parquet files are not decoded row by row");
  }
  source::FileSourceOptions options;
  iceberg::Schema schema;
  decode::CsvOptions csv;
  for (const auto& column : table.columns) {
    schema.fields.push_back({.name = column.name, .type = column.type, .doc = ""});
    options.target.columns.push_back({.name = column.name, .source_name = column.source_name});
    csv.file_columns.push_back(column.source_name);
  }
  for (const auto& column : table.partition_columns) {
    schema.fields.push_back({.name = column.name, .type = column.type, .doc = ""});
    options.constant_columns.push_back(column.name);
  }
  DAYPART_TRY(options.target.schema, ToArrowSchema(schema));
  if (table.format == catalog::RawFormat::kCsv) {
    csv.delimiter = table.delimiter;
    csv.quote = table.quote;
    csv.has_header = table.has_header;
    options.format = std::move(csv);
  } else {
    options.format = decode::JsonOptions{};
  }
  for (const RawFile& file : files) {
    options.files.push_back(
        {.location = file.info.location, .constants = file.constants, .version = file.info.etag});
  }
  return options;
}

}  // namespace daypart::lake
