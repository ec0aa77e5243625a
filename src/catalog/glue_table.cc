// SPDX-License-Identifier: Apache-2.0
//
// A raw table carries our whole description in the parameter daypart.definition, beside the SerDe
// that Athena and Spark read it by; a table without it (of a Glue crawler) is read from its SerDe.
// CSV goes by OpenCSVSerde, the one that knows quotes; it has no dates and decimals, so Athena sees
// these columns as text, and as such the times of JSON, which are ISO 8601.
#include "catalog/glue_table.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "aws/credentials.h"
#include "aws/json_call.h"
#include "catalog/raw_table_json.h"

namespace daypart::catalog {
namespace {

using iceberg::Type;
using iceberg::TypeKind;
using nlohmann::json;

constexpr const char* kDefinition = "daypart.definition";

/// What OpenCSVSerde can say of a column.
/// source: Amazon Athena User Guide, "Open CSV SerDe for processing CSV".
std::string CsvType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kDouble: return HiveType(type);
    case TypeKind::kFloat: return "double";
    default: return "string";
  }
}

/// Athena reads a time of text as "2026-11-24 20:00:00" alone; JSON's are ISO 8601.
/// source: AWS Knowledge Center, "query-table-athena-timestamp-empty".
std::string JsonType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs: return "string";
    default: return HiveType(type);
  }
}

std::string TypeIn(RawFormat format, const Type& type) {
  switch (format) {
    case RawFormat::kCsv: return CsvType(type);
    case RawFormat::kJsonLines: return JsonType(type);
    case RawFormat::kParquet: break;
  }
  return HiveType(type);
}

/// Which JSON key is which column. Keys become lower case before they are looked for unless this is
/// switched off. source: Amazon Athena User Guide, "OpenX JSON SerDe", case.insensitive.
json KeyMapping(const std::vector<RawColumn>& columns) {
  json mapping = json::object();
  for (const RawColumn& column : columns) {
    if (column.name == column.source_name) continue;
    mapping["mapping." + column.name] = column.source_name;
    const bool has_capital = std::any_of(column.source_name.begin(), column.source_name.end(),
                                         [](char c) { return c >= 'A' && c <= 'Z'; });
    if (has_capital) mapping["case.insensitive"] = "FALSE";
  }
  return mapping;
}

json StorageOf(const RawTable& table, const std::string& location) {
  json columns = json::array();
  for (const RawColumn& column : table.columns) {
    columns.push_back({{"Name", column.name}, {"Type", TypeIn(table.format, column.type)}});
  }
  json storage = {{"Columns", columns}, {"Location", location}};
  json serde = json::object();
  switch (table.format) {
    case RawFormat::kCsv:
      serde["SerializationLibrary"] = "org.apache.hadoop.hive.serde2.OpenCSVSerde";
      serde["Parameters"] = {{"separatorChar", std::string(1, table.delimiter)},
                             {"quoteChar", std::string(1, table.quote == '\0' ? '"' : table.quote)},
                             {"escapeChar", "\\"}};
      break;
    case RawFormat::kJsonLines:
      serde["SerializationLibrary"] = "org.openx.data.jsonserde.JsonSerDe";
      serde["Parameters"] = KeyMapping(table.columns);
      break;
    case RawFormat::kParquet:
      serde["SerializationLibrary"] =
          "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
      break;
  }
  const bool is_parquet = table.format == RawFormat::kParquet;
  storage["InputFormat"] = is_parquet
                               ? "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
                               : "org.apache.hadoop.mapred.TextInputFormat";
  storage["OutputFormat"] =
      is_parquet ? "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
                 : "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
  storage["SerdeInfo"] = std::move(serde);
  return storage;
}

std::vector<RawColumn> ColumnsOf(const json& owner, const char* key) {
  std::vector<RawColumn> columns;
  const auto found = owner.find(key);
  if (found == owner.end() || !found->is_array()) return columns;
  for (const json& item : *found) {
    columns.push_back({aws::TextIn(item, "Name"), aws::TextIn(item, "Name"),
                       TypeOfHive(aws::TextIn(item, "Type"))});
  }
  return columns;
}

}  // namespace

std::string HiveType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: return "boolean";
    case TypeKind::kInt: return "int";
    case TypeKind::kLong: return "bigint";
    case TypeKind::kFloat: return "float";
    case TypeKind::kDouble: return "double";
    case TypeKind::kDecimal:
      return "decimal(" + std::to_string(type.precision) + ',' + std::to_string(type.scale) + ')';
    case TypeKind::kDate: return "date";
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs: return "timestamp";
    case TypeKind::kFixed:
    case TypeKind::kBinary: return "binary";
    case TypeKind::kTime:
    case TypeKind::kString:
    case TypeKind::kUuid: return "string";
    case TypeKind::kList: return "array<" + HiveType(type.fields().at(0).type) + '>';
    case TypeKind::kMap:
      return "map<" + HiveType(type.fields().at(0).type) + ',' +
             HiveType(type.fields().at(1).type) + '>';
    case TypeKind::kStruct: {
      std::string text;
      for (const auto& field : type.fields()) {
        text += (text.empty() ? "" : ",") + field.name + ':' + HiveType(field.type);
      }
      return "struct<" + text + '>';
    }
  }
  return "string";
}

Type TypeOfHive(const std::string& name) {
  if (name == "boolean") return Type::Of(TypeKind::kBoolean);
  if (name == "int" || name == "tinyint" || name == "smallint") return Type::Of(TypeKind::kInt);
  if (name == "bigint") return Type::Of(TypeKind::kLong);
  if (name == "float") return Type::Of(TypeKind::kFloat);
  if (name == "double") return Type::Of(TypeKind::kDouble);
  if (name == "date") return Type::Of(TypeKind::kDate);
  if (name == "timestamp") return Type::Of(TypeKind::kTimestamp);
  if (name == "binary") return Type::Of(TypeKind::kBinary);
  int precision = 0;
  int scale = 0;
  if (std::sscanf(name.c_str(), "decimal(%d,%d)", &precision, &scale) == 2) {
    return Type::DecimalOf(precision, scale);
  }
  return Type::Of(TypeKind::kString);
}

bool is_iceberg_table(const json& table) {
  std::string kind = aws::TextIn(aws::ObjectIn(table, "Parameters"), "table_type");
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return kind == "ICEBERG";
}

json IcebergTableInput(const json& known, const std::string& table_name,
                       const std::string& metadata_location, const std::string& previous_location,
                       const iceberg::TableMetadata& metadata) {
  json input = json::object();
  for (const char* key : {"Description", "Owner", "Retention", "PartitionKeys", "TargetTable"}) {
    if (known.contains(key)) input[key] = known[key];
  }
  input["Name"] = table_name;
  input["TableType"] = "EXTERNAL_TABLE";
  json parameters = aws::ObjectIn(known, "Parameters");
  parameters["table_type"] = "ICEBERG";
  parameters["EXTERNAL"] = "TRUE";
  parameters["metadata_location"] = metadata_location;
  if (!previous_location.empty()) parameters["previous_metadata_location"] = previous_location;
  input["Parameters"] = std::move(parameters);
  json columns = json::array();
  for (const auto& field : metadata.current_schema().fields) {
    columns.push_back({{"Name", field.name},
                       {"Type", HiveType(field.type)},
                       {"Parameters",
                        {{"iceberg.field.id", std::to_string(field.id.value())},
                         {"iceberg.field.optional", field.is_required ? "false" : "true"},
                         {"iceberg.field.current", "true"}}}});
  }
  json storage = aws::ObjectIn(known, "StorageDescriptor");
  storage["Columns"] = std::move(columns);
  storage["Location"] = metadata.location;
  input["StorageDescriptor"] = std::move(storage);
  return input;
}

json RawTableInput(const RawTable& table) {
  RawTable described = table;
  described.partitions.clear();  // they are Glue's own objects
  json parameters = {{kDefinition, RawTableToJson(described)},
                     {"daypart.updated", std::to_string(table.updated.value())},
                     {"EXTERNAL", "TRUE"}};
  switch (table.format) {
    case RawFormat::kCsv:
      parameters["classification"] = "csv";
      if (table.has_header) parameters["skip.header.line.count"] = "1";
      // An empty cell is no number to OpenCSVSerde and would fail the query.
      if (std::any_of(table.columns.begin(), table.columns.end(), [](const RawColumn& column) {
            return CsvType(column.type) != "string";
          })) {
        parameters["use.null.for.invalid.data"] = "TRUE";
      }
      break;
    case RawFormat::kJsonLines: parameters["classification"] = "json"; break;
    case RawFormat::kParquet: parameters["classification"] = "parquet"; break;
  }
  json keys = json::array();
  for (const RawColumn& column : table.partition_columns) {
    keys.push_back({{"Name", column.name}, {"Type", HiveType(column.type)}});
  }
  return {{"Name", table.name.table},
          {"TableType", "EXTERNAL_TABLE"},
          {"Parameters", parameters},
          {"PartitionKeys", keys},
          {"StorageDescriptor", StorageOf(table, table.location)}};
}

json PartitionInput(const RawTable& table, const RawPartition& partition) {
  return {{"Values", partition.values},
          {"StorageDescriptor", StorageOf(table, partition.location)}};
}

Result<RawTable> RawTableOfGlue(const json& table, const std::string& database) {
  const json parameters = aws::ObjectIn(table, "Parameters");
  const std::string name = aws::TextIn(table, "Name");
  RawTable raw;
  if (const std::string definition = aws::TextIn(parameters, kDefinition); !definition.empty()) {
    DAYPART_TRY(raw, RawTableFromJson(definition).WithContext("Glue table " + name));
    raw.updated = UtcMicros(std::atoll(aws::TextIn(parameters, "daypart.updated").c_str()));
  } else {
    const json storage = aws::ObjectIn(table, "StorageDescriptor");
    const json serde = aws::ObjectIn(storage, "SerdeInfo");
    const json settings = aws::ObjectIn(serde, "Parameters");
    const std::string library = aws::TextIn(serde, "SerializationLibrary");
    const auto has = [&](const char* word) { return library.find(word) != std::string::npos; };
    raw.location = aws::TextIn(storage, "Location");
    if (!raw.location.empty() && !raw.location.ends_with('/')) raw.location += '/';
    if (has("Parquet")) {
      raw.format = RawFormat::kParquet;
    } else if (has("Json") || has("JSON")) {
      raw.format = RawFormat::kJsonLines;
    } else if (has("CSV") || has("LazySimple")) {
      std::string delimiter = aws::TextIn(settings, has("CSV") ? "separatorChar" : "field.delim");
      if (!delimiter.empty()) raw.delimiter = delimiter.front();
      raw.has_header = aws::TextIn(parameters, "skip.header.line.count") == "1";
    } else {
      return Unsupported("Glue table " + database + '.' + name +
                         ": CSV, JSON or Parquet files are expected, found SerDe '" + library +
                         "'");
    }
    raw.columns = ColumnsOf(storage, "Columns");
    raw.partition_columns = ColumnsOf(table, "PartitionKeys");
  }
  raw.name = {.database = database, .table = name};
  // VersionId begins at 0, ours at 1; a server that leaves it out has one version.
  raw.version = std::atoll(aws::TextIn(table, "VersionId").c_str()) + 1;
  return raw;
}

}  // namespace daypart::catalog
