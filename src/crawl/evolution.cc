// SPDX-License-Identifier: Apache-2.0
//
// Everything that is kept beside the schema goes into the table's parameters: "compression" (none,
// gzip, zstd), "encoding", "crawler.version", and "crawler.untyped", the columns that had no values
// to tell their type by, parted by commas.
#include "crawl/evolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "crawl/column_name.h"
#include "store/location.h"

namespace daypart::crawl {
namespace {

using catalog::RawColumn;
using catalog::RawPartition;
using catalog::RawTable;
using iceberg::Type;
using iceberg::TypeKind;

constexpr const char* kUntypedKey = "crawler.untyped";

std::string CompressionName(decode::Compression compression) {
  switch (compression) {
    case decode::Compression::kNone: return "none";
    case decode::Compression::kGzip: return "gzip";
    case decode::Compression::kZstd: return "zstd";
  }
  return "none";
}

std::string EncodingName(decode::TextEncoding encoding) {
  switch (encoding) {
    case decode::TextEncoding::kUtf8: return "utf-8";
    case decode::TextEncoding::kUtf16LittleEndian: return "utf-16le";
    case decode::TextEncoding::kUtf16BigEndian: return "utf-16be";
  }
  return "utf-8";
}

std::set<std::string> SplitNames(const std::string& text) {
  std::set<std::string> names;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    names.insert(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::set<std::string> UntypedOf(const RawTable& table) {
  const auto found = table.parameters.find(kUntypedKey);
  return found == table.parameters.end() ? std::set<std::string>() : SplitNames(found->second);
}

void SetUntyped(RawTable& table, const std::set<std::string>& names) {
  if (names.empty()) {
    table.parameters.erase(kUntypedKey);
  } else {
    table.parameters[kUntypedKey] = fmt::format("{}", fmt::join(names, ","));
  }
}

/// int, date or string: what a partition's folder names read like.
Type PartitionType(const std::vector<RawPartition>& partitions, size_t column) {
  ValueProfile profile;
  for (const RawPartition& partition : partitions) {
    const std::string& value = partition.values[column];
    if (value == store::kHiveNull) continue;
    if (value.empty()) return Type::Of(TypeKind::kString);
    profile.AddCell(value);
  }
  const InferredType inferred = InferType(profile);
  const TypeKind kind = inferred.type.kind;
  const bool is_allowed =
      kind == TypeKind::kInt || kind == TypeKind::kLong || kind == TypeKind::kDate;
  // A value that does not fit is a partition that cannot be read, so there is no tolerance here.
  return is_allowed && inferred.warning.empty() ? inferred.type : Type::Of(TypeKind::kString);
}

std::vector<RawColumn> PartitionColumns(const TableDraft& draft) {
  std::vector<std::string> keys = draft.partition_keys;
  int generated_count = 0;
  for (std::string& key : keys) {
    if (key.empty()) key = fmt::format("partition_{}", generated_count++);
  }
  const std::vector<std::string> names = LowerNames(keys);
  std::vector<RawColumn> columns;
  for (size_t i = 0; i < keys.size(); ++i) {
    columns.push_back(
        {.name = names[i], .source_name = keys[i], .type = PartitionType(draft.partitions, i)});
  }
  return columns;
}

const RawColumn* FindColumn(const std::vector<RawColumn>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&name](const RawColumn& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::string FormText(const RawTable& table) {
  switch (table.format) {
    case catalog::RawFormat::kJsonLines: return "JSON lines";
    case catalog::RawFormat::kParquet: return "Parquet";
    case catalog::RawFormat::kCsv: break;
  }
  return fmt::format("CSV {} header", table.has_header ? "with" : "without");
}

/// Whether the file's rows can be read as before at all.
bool CheckForm(const RawTable& found, TableReport& report) {
  const RawTable& table = report.table;
  if (FormText(found) != FormText(table)) {
    report.incompatible.push_back(
        fmt::format("format: {} -> {}", FormText(table), FormText(found)));
    return false;
  }
  const bool has_delimiter = found.columns.size() > 1 && table.columns.size() > 1;
  if (found.format == catalog::RawFormat::kCsv && has_delimiter &&
      found.delimiter != table.delimiter) {
    report.incompatible.push_back(
        fmt::format("delimiter: '{}' -> '{}'", table.delimiter, found.delimiter));
    return false;
  }
  return true;
}

void EvolveColumns(const RawTable& found, TableReport& report) {
  RawTable& table = report.table;
  std::set<std::string> untyped = UntypedOf(table);
  const std::set<std::string> untyped_now = UntypedOf(found);
  for (RawColumn& column : table.columns) {
    const RawColumn* now = FindColumn(found.columns, column.name);
    if (now == nullptr) {
      // A key that no sampled JSON record has may still be in others.
      if (found.format != catalog::RawFormat::kJsonLines) {
        report.incompatible.push_back("column gone: " + column.name);
      }
      continue;
    }
    if (untyped_now.contains(column.name)) continue;
    const bool was_untyped = untyped.erase(column.name) != 0;
    if (!was_untyped && fits_type(now->type, column.type)) continue;
    const auto widened = was_untyped ? now->type : WidenedType(column.type, now->type);
    const std::string change =
        fmt::format("{}: {} -> {}", column.name, iceberg::ToString(column.type),
                    iceberg::ToString(widened.value_or(now->type)));
    if (!widened) {
      report.incompatible.push_back(change);
    } else if (!(*widened == column.type)) {
      column.type = *widened;
      report.widened_columns.push_back(change);
    }
  }
  for (const RawColumn& column : found.columns) {
    if (FindColumn(table.columns, column.name) != nullptr) continue;
    if (FindColumn(table.partition_columns, column.name) != nullptr) continue;
    table.columns.push_back(column);
    report.added_columns.push_back(column.name);
    if (untyped_now.contains(column.name)) untyped.insert(column.name);
  }
  SetUntyped(table, untyped);
}

std::string PartitionText(const std::vector<RawColumn>& columns) {
  std::vector<std::string> texts;
  for (const RawColumn& column : columns) {
    texts.push_back(column.name + " " + iceberg::ToString(column.type));
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

bool has_fitting_partitions(const RawTable& found, const RawTable& table) {
  if (found.partition_columns.size() != table.partition_columns.size()) return false;
  for (size_t i = 0; i < found.partition_columns.size(); ++i) {
    if (found.partition_columns[i].name != table.partition_columns[i].name) return false;
    if (!fits_type(found.partition_columns[i].type, table.partition_columns[i].type) &&
        !WidenedType(found.partition_columns[i].type, table.partition_columns[i].type)) {
      return false;
    }
  }
  return true;
}

void ListPartitionChanges(const RawTable& found, TableReport& report) {
  const auto less = [](const RawPartition& a, const RawPartition& b) {
    return a.location < b.location;
  };
  std::vector<RawPartition> before = report.table.partitions;
  std::vector<RawPartition> after = found.partitions;
  std::sort(before.begin(), before.end(), less);
  std::sort(after.begin(), after.end(), less);
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(report.added_partitions), less);
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(report.removed_partitions), less);
}

void EvolvePartitions(const RawTable& found, TableReport& report) {
  RawTable& table = report.table;
  if (!has_fitting_partitions(found, table)) {
    report.incompatible.push_back(fmt::format("partitions: {} -> {}",
                                              PartitionText(table.partition_columns),
                                              PartitionText(found.partition_columns)));
    return;
  }
  for (size_t i = 0; i < table.partition_columns.size(); ++i) {
    RawColumn& column = table.partition_columns[i];
    const auto widened = WidenedType(column.type, found.partition_columns[i].type);
    if (!widened || *widened == column.type) continue;
    report.widened_columns.push_back(fmt::format(
        "{}: {} -> {}", column.name, iceberg::ToString(column.type), iceberg::ToString(*widened)));
    column.type = *widened;
  }
  ListPartitionChanges(found, report);
  table.partitions = found.partitions;
}

bool has_changes(const TableReport& report) {
  return !report.added_columns.empty() || !report.widened_columns.empty() ||
         !report.added_partitions.empty() || !report.removed_partitions.empty();
}

void Replace(const RawTable& found, TableReport& report) {
  RawTable replaced = found;
  replaced.name = report.table.name;
  replaced.version = report.table.version;
  report.added_columns.clear();
  report.added_partitions.clear();
  report.removed_partitions.clear();
  for (const RawColumn& column : found.columns) {
    if (FindColumn(report.table.columns, column.name) == nullptr) {
      report.added_columns.push_back(column.name);
    }
  }
  ListPartitionChanges(found, report);
  report.table = std::move(replaced);
}

}  // namespace

RawTable TableFromDraft(const TableDraft& draft, catalog::TableName name,
                        std::vector<std::string>& warnings) {
  RawTable table;
  table.name = std::move(name);
  table.location = draft.location;
  table.format = draft.shape.format;
  table.delimiter = draft.shape.delimiter;
  table.quote = draft.shape.quote;
  table.has_header = draft.shape.has_header;
  table.partition_columns = PartitionColumns(draft);
  table.partitions = draft.partitions;
  table.parameters = {{"compression", CompressionName(draft.shape.compression)},
                      {"encoding", EncodingName(draft.shape.encoding)},
                      {"crawler.version", "1"}};
  std::vector<std::string> source_names;
  for (const ColumnShape& column : draft.shape.columns) source_names.push_back(column.source_name);
  const std::vector<std::string> names = LowerNames(source_names);
  std::set<std::string> untyped;
  for (size_t i = 0; i < names.size(); ++i) {
    if (FindColumn(table.partition_columns, names[i]) != nullptr) {
      warnings.push_back(
          fmt::format("column {} is in the files and in their folders' names: the "
                      "folders' value counts",
                      names[i]));
      continue;
    }
    InferredType inferred = TypeOf(draft.shape.columns[i]);
    if (!inferred.is_evidenced) untyped.insert(names[i]);
    if (!inferred.warning.empty())
      warnings.push_back("column " + names[i] + ": " + inferred.warning);
    table.columns.push_back(
        {.name = names[i], .source_name = source_names[i], .type = std::move(inferred.type)});
  }
  SetUntyped(table, untyped);
  return table;
}

void Evolve(const RawTable& found, bool apply_incompatible, TableReport& report) {
  const RawTable before = report.table;
  if (CheckForm(found, report)) {
    EvolveColumns(found, report);
    EvolvePartitions(found, report);
  }
  const bool is_incompatible = !report.incompatible.empty();
  if (is_incompatible && apply_incompatible) {
    report.table = before;
    report.widened_columns.clear();
    Replace(found, report);
    report.change = TableChange::kUpdated;
  } else if (is_incompatible) {
    report.change = TableChange::kIncompatible;
  } else {
    report.change = has_changes(report) ? TableChange::kUpdated : TableChange::kUnchanged;
  }
}

}  // namespace daypart::crawl
