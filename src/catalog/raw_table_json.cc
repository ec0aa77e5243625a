// SPDX-License-Identifier: Apache-2.0
//
// {"location": …, "format": "csv", "delimiter": ",", "quote": "\"", "header": true,
//  "columns": [{"name": …, "source": …, "type": "long"}], "partition_columns": […],
//  "partitions": [{"values": […], "location": …}], "parameters": {…}}
// delimiter and quote are texts of one character, an empty quote means that there is none.
#include "catalog/raw_table_json.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace daypart::catalog {
namespace {

using nlohmann::json;

std::string_view FormatName(RawFormat format) {
  switch (format) {
    case RawFormat::kCsv: return "csv";
    case RawFormat::kJsonLines: return "json";
    case RawFormat::kParquet: return "parquet";
  }
  return "csv";
}

Result<RawFormat> ParseFormat(std::string_view name) {
  for (const RawFormat format : {RawFormat::kCsv, RawFormat::kJsonLines, RawFormat::kParquet}) {
    if (FormatName(format) == name) return format;
  }
  return Unsupported("expected raw format csv, json or parquet, found '" + std::string(name) + "'");
}

json ColumnsToJson(const std::vector<RawColumn>& columns) {
  json list = json::array();
  for (const RawColumn& column : columns) {
    list.push_back({{"name", column.name},
                    {"source", column.source_name},
                    {"type", iceberg::ToJson(column.type)}});
  }
  return list;
}

Result<std::vector<RawColumn>> ColumnsFromJson(const json& list) {
  std::vector<RawColumn> columns;
  for (const json& item : list) {
    RawColumn column;
    column.name = item.at("name").get<std::string>();
    column.source_name = item.value("source", column.name);
    DAYPART_TRY(column.type, iceberg::TypeFromJson(item.at("type")));
    columns.push_back(std::move(column));
  }
  return columns;
}

char CharacterFrom(const json& document, const char* key, char fallback) {
  const auto found = document.find(key);
  if (found == document.end()) return fallback;
  const auto text = found->get<std::string>();
  return text.empty() ? '\0' : text.front();
}

/// May throw json's exceptions, which RawTableFromJson turns into an Error.
Result<RawTable> TableFromDocument(const json& document) {
  RawTable table;
  table.location = document.at("location").get<std::string>();
  DAYPART_TRY(table.format, ParseFormat(document.at("format").get<std::string>()));
  table.delimiter = CharacterFrom(document, "delimiter", ',');
  table.quote = CharacterFrom(document, "quote", '"');
  table.has_header = document.value("header", true);
  DAYPART_TRY(table.columns, ColumnsFromJson(document.at("columns")));
  DAYPART_TRY(table.partition_columns,
              ColumnsFromJson(document.value("partition_columns", json::array())));
  for (const json& item : document.value("partitions", json::array())) {
    table.partitions.push_back({.values = item.at("values").get<std::vector<std::string>>(),
                                .location = item.at("location").get<std::string>()});
  }
  table.parameters =
      document.value("parameters", json::object()).get<std::map<std::string, std::string>>();
  return table;
}

}  // namespace

std::string RawTableToJson(const RawTable& table) {
  json document = {{"location", table.location},
                   {"format", FormatName(table.format)},
                   {"delimiter", std::string(1, table.delimiter)},
                   {"quote", table.quote == '\0' ? std::string() : std::string(1, table.quote)},
                   {"header", table.has_header},
                   {"columns", ColumnsToJson(table.columns)},
                   {"partition_columns", ColumnsToJson(table.partition_columns)},
                   {"parameters", table.parameters}};
  json partitions = json::array();
  for (const RawPartition& partition : table.partitions) {
    partitions.push_back({{"values", partition.values}, {"location", partition.location}});
  }
  document["partitions"] = std::move(partitions);
  // Names come from files and may be no UTF-8; such bytes are replaced rather than thrown over.
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<RawTable> RawTableFromJson(std::string_view text) {
  try {
    return TableFromDocument(json::parse(text));
  } catch (const json::exception& exception) {
    return CorruptData(std::string("expected the description of a raw table, found: ") +
                       exception.what());
  }
}

}  // namespace daypart::catalog
