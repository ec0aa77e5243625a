// SPDX-License-Identifier: Apache-2.0
//
// Text of read_parquet calls. Names and paths are always quoted.
#include "query/view_sql.h"

#include <algorithm>
#include <utility>

#include "query/duckdb_session.h"
#include "store/directory_store.h"

namespace daypart::query {
namespace {

using iceberg::Type;
using iceberg::TypeKind;

Result<std::string> NestedSqlType(const Type& type) {
  if (type.kind == TypeKind::kStruct) {
    std::string fields;
    for (const auto& field : type.fields()) {
      DAYPART_TRY(const std::string inner, SqlType(field.type));
      fields += (fields.empty() ? "" : ", ") + QuoteIdentifier(field.name) + ' ' + inner;
    }
    return "STRUCT(" + fields + ')';
  }
  if (type.kind == TypeKind::kList) {
    DAYPART_TRY(const std::string element, SqlType(type.fields().at(0).type));
    return element + "[]";
  }
  DAYPART_TRY(const std::string key, SqlType(type.fields().at(0).type));
  DAYPART_TRY(const std::string value, SqlType(type.fields().at(1).type));
  return "MAP(" + key + ", " + value + ')';
}

void AppendItem(std::string& list, const std::string& item) {
  if (!list.empty()) list += ", ";
  list += item;
}

bool is_floating(const Type& type) {
  return type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble;
}

/// The value as a computed one, so that DuckDB prunes no row groups by Parquet's bounds of it:
/// these leave NaN out, which DuckDB's order has above all. Negated twice it is what it was.
std::string Unpruned(const std::string& value) { return "-(-" + value + ')'; }

/// Whether a file may have NaN in the column, as far as its entry tells.
bool may_have_nan(const iceberg::NestedField& field,
                  const std::vector<const iceberg::DataFile*>& files) {
  const auto has_nan = [&](const iceberg::DataFile* file) {
    const auto nans = file->nan_value_counts.find(field.id);
    return nans == file->nan_value_counts.end() || nans->second > 0;
  };
  return is_floating(field.type) && std::ranges::any_of(files, has_nan);
}

/// SELECT of all columns under the names that the files have them by, partition values as
/// constants.
Result<std::string> PartitionSql(const catalog::RawTable& table,
                                 const std::vector<const lake::RawFile*>& files,
                                 std::vector<std::string>& paths) {
  std::string list;
  for (const lake::RawFile* file : files) {
    DAYPART_TRY(std::string path, store::LocalPath(file->info.location));
    AppendItem(list, QuoteText(path));
    paths.push_back(std::move(path));
  }
  std::string constants;
  for (const auto& constant : files.front()->constants) {
    const std::string value = constant.is_null ? "NULL" : QuoteText(constant.text);
    constants += ", CAST(" + value + " AS VARCHAR) AS " + QuoteIdentifier(constant.name);
  }
  // A column that is in the folder's name and in the files as well counts as the partition's.
  std::string excluded;
  for (const auto& column : table.partition_columns) {
    if (!excluded.empty()) excluded += " AND ";
    excluded += "lower(c) <> lower(" + QuoteText(column.name) + ')';
  }
  const std::string columns = excluded.empty() ? "*" : "COLUMNS(c -> " + excluded + ")";
  return "SELECT " + columns + constants + " FROM read_parquet([" + list +
         "], union_by_name = true, hive_partitioning = false)";
}

}  // namespace

Result<std::string> SqlType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: return std::string("BOOLEAN");
    case TypeKind::kInt: return std::string("INTEGER");
    case TypeKind::kLong: return std::string("BIGINT");
    case TypeKind::kFloat: return std::string("FLOAT");
    case TypeKind::kDouble: return std::string("DOUBLE");
    case TypeKind::kDecimal:
      return "DECIMAL(" + std::to_string(type.precision) + ',' + std::to_string(type.scale) + ')';
    case TypeKind::kDate: return std::string("DATE");
    case TypeKind::kTime: return std::string("TIME");
    case TypeKind::kTimestamp: return std::string("TIMESTAMP");
    case TypeKind::kTimestamptz: return std::string("TIMESTAMP WITH TIME ZONE");
    case TypeKind::kTimestampNs: return std::string("TIMESTAMP_NS");
    case TypeKind::kString: return std::string("VARCHAR");
    case TypeKind::kUuid: return std::string("UUID");
    case TypeKind::kFixed:
    case TypeKind::kBinary: return std::string("BLOB");
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: return NestedSqlType(type);
    default: break;
  }
  return Unsupported("columns of type " + ToString(type) + " are not queried yet");
}

Result<std::string> ColumnList(const iceberg::Schema& schema) {
  std::string columns;
  for (const auto& field : schema.fields) {
    DAYPART_TRY(const std::string type, SqlType(field.type));
    AppendItem(columns, QuoteIdentifier(field.name) + ' ' + type);
  }
  return columns;
}

bool is_readable_by_duckdb(const iceberg::TableMetadata& metadata) {
  const auto& fields = metadata.current_schema().fields;
  return !metadata.properties.contains("schema.name-mapping.default") &&
         metadata.Property("write.parquet.compression-codec", "") != "lz4" &&
         std::all_of(fields.begin(), fields.end(), [](const auto& field) {
           return field.type.is_primitive() && field.initial_default.empty();
         });
}

Result<std::string> EmptySql(const iceberg::Schema& schema) {
  std::string columns;
  for (const auto& field : schema.fields) {
    DAYPART_TRY(const std::string type, SqlType(field.type));
    AppendItem(columns, "CAST(NULL AS " + type + ") AS " + QuoteIdentifier(field.name));
  }
  return "SELECT " + columns + " WHERE false";
}

Result<std::string> IcebergFilesSql(const iceberg::Schema& schema,
                                    const std::vector<const iceberg::DataFile*>& files,
                                    std::vector<std::string>& paths) {
  std::string list;
  for (const iceberg::DataFile* file : files) {
    DAYPART_TRY(std::string path, store::LocalPath(file->location));
    AppendItem(list, QuoteText(path));
    paths.push_back(std::move(path));
  }
  std::string fields;
  std::string replaced;
  for (const auto& field : schema.fields) {
    if (may_have_nan(field, files)) {
      const std::string name = QuoteIdentifier(field.name);
      AppendItem(replaced, Unpruned(name) + " AS " + name);
    }
    DAYPART_TRY(const std::string type, SqlType(field.type));
    AppendItem(fields, std::to_string(field.id.value()) + ": {name: " + QuoteText(field.name) +
                           ", type: " + QuoteText(type) + ", default_value: NULL}");
  }
  return "SELECT *" + (replaced.empty() ? "" : " REPLACE (" + replaced + ')') +
         " FROM read_parquet([" + list + "], schema = MAP {" + fields + "})";
}

Result<std::string> RawParquetSql(const catalog::RawTable& table,
                                  const std::vector<lake::RawFile>& files,
                                  std::vector<std::string>& paths) {
  // Files of one partition follow each other in the list, so one SELECT a run of equal constants.
  std::vector<std::vector<const lake::RawFile*>> partitions;
  for (const lake::RawFile& file : files) {
    const auto is_same = [&](const lake::RawFile& other) {
      for (size_t i = 0; i < file.constants.size(); ++i) {
        if (file.constants[i].text != other.constants[i].text) return false;
        if (file.constants[i].is_null != other.constants[i].is_null) return false;
      }
      return true;
    };
    if (partitions.empty() || !is_same(*partitions.back().front())) partitions.emplace_back();
    partitions.back().push_back(&file);
  }
  std::string columns;
  std::string missing;
  const auto add = [&](const std::string& name, const std::string& source_name,
                       const Type& declared) -> Status {
    DAYPART_TRY(const std::string type, SqlType(declared));
    const std::string source = QuoteIdentifier(source_name);
    const std::string value = "CAST(" + source + " AS " + type + ')';
    AppendItem(columns, (is_floating(declared) ? Unpruned(value) : value) + " AS " +
                            QuoteIdentifier(name));
    AppendItem(missing, "CAST(NULL AS " + type + ") AS " + source);
    return Ok();
  };
  for (const auto& column : table.columns) {
    DAYPART_RETURN_IF_ERROR(add(column.name, column.source_name, column.type));
  }
  for (const auto& column : table.partition_columns) {
    DAYPART_RETURN_IF_ERROR(add(column.name, column.name, column.type));
  }
  std::string parts = "SELECT " + missing + " WHERE false";
  for (const auto& partition : partitions) {
    DAYPART_TRY(const std::string part, PartitionSql(table, partition, paths));
    parts += " UNION ALL BY NAME " + part;
  }
  return "SELECT " + columns + " FROM (" + parts + ')';
}

}  // namespace daypart::query
