// SPDX-License-Identifier: Apache-2.0
//
// Commands that look at tables: tables, describe, snapshots. They read metadata only.
#include <charconv>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/calendar.h"
#include "lake/table_statistics.h"

namespace daypart::app {
namespace {

int64_t SummaryNumber(const iceberg::Snapshot* snapshot, const std::string& key) {
  if (snapshot == nullptr) return 0;
  const auto found = snapshot->summary.find(key);
  int64_t number = 0;
  if (found == snapshot->summary.end()) return -1;
  (void)std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

std::string CountText(int64_t count) { return count < 0 ? "?" : FormatCount(count); }

std::string TimeText(UtcMicros time) {
  return FormatTimestampMicros(time.value() / 1'000'000 * 1'000'000, true);
}

Result<lake::LoadedTable> Load(LakeSession& session, const std::string& table) {
  DAYPART_TRY(const auto name, catalog::ParseTableName(table, "media"));
  return lake::LoadTable(session.context(), name);
}

std::string PartitionText(const iceberg::PartitionSpec& spec, const iceberg::Schema& schema) {
  std::string text;
  for (const auto& field : spec.fields) {
    const auto* source = schema.FindField(field.source_id);
    if (!text.empty()) text += ", ";
    text += iceberg::ToString(field.transform) + '(' + (source ? source->name : "?") + ')';
  }
  return text.empty() ? "none" : text;
}

Result<int> DescribeRaw(const catalog::RawTable& table, const OutputOptions& output) {
  nlohmann::json columns = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const catalog::RawColumn& column, const char* kind) {
    rows.push_back({column.name, iceberg::ToString(column.type), kind});
    columns.push_back(
        {{"name", column.name}, {"type", iceberg::ToString(column.type)}, {"kind", kind}});
  };
  for (const auto& column : table.columns) add(column, "column");
  for (const auto& column : table.partition_columns) add(column, "partition");
  if (output.is_json) {
    PrintLine(nlohmann::json{
        {"table", ToString(table.name)}, {"location", table.location}, {"columns", columns}}
                  .dump(2));
    return kExitDone;
  }
  PrintLine(ToString(table.name) + ": raw files at " + table.location);
  PrintLine(FormatTable({"column", "type", "kind"}, rows, {false, false, false}));
  return kExitDone;
}

}  // namespace

Result<int> RunTables(LakeSession& session, const OutputOptions& output) {
  nlohmann::json json = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  DAYPART_TRY(const auto databases, session.catalog().ListDatabases());
  for (const std::string& database : databases) {
    DAYPART_TRY(const auto names, session.catalog().ListTables(database));
    for (const auto& name : names) {
      DAYPART_TRY(const auto table, lake::LoadTable(session.context(), name));
      const auto* snapshot = table.metadata.current_snapshot();
      const int64_t row_count = SummaryNumber(snapshot, "total-records");
      const int64_t files = SummaryNumber(snapshot, "total-data-files");
      const int64_t bytes = SummaryNumber(snapshot, "total-files-size");
      rows.push_back({ToString(name), CountText(row_count), CountText(files),
                      bytes < 0 ? "?" : FormatBytes(bytes),
                      std::to_string(table.metadata.snapshots.size()),
                      TimeText(table.metadata.last_updated)});
      json.push_back({{"table", ToString(name)},
                      {"rows", row_count},
                      {"files", files},
                      {"bytes", bytes},
                      {"snapshots", table.metadata.snapshots.size()},
                      {"metadata_location", table.metadata_location}});
    }
  }
  DAYPART_TRY(const auto raw_tables, session.raw_catalog().ListRawTables("media_raw"));
  for (const auto& table : raw_tables) {
    rows.push_back({ToString(table.name), "", "", "raw files", "", TimeText(table.updated)});
    json.push_back({{"table", ToString(table.name)}, {"raw", true}, {"location", table.location}});
  }
  if (output.is_json) {
    PrintLine(json.dump(2));
  } else if (rows.empty()) {
    PrintLine("no tables yet; load files with: daypart load media.TABLE FILE.csv");
  } else {
    PrintLine(FormatTable({"table", "rows", "files", "size", "snapshots", "updated"}, rows,
                          {false, true, true, true, true, false}));
  }
  return kExitDone;
}

Result<int> RunDescribe(LakeSession& session, const std::string& table,
                        const OutputOptions& output) {
  auto loaded = Load(session, table);
  if (!loaded) {
    if (loaded.error().code != ErrorCode::kNotFound) return std::move(loaded).error();
    DAYPART_TRY(const auto name, catalog::ParseTableName(table, "media_raw"));
    const auto raw = session.raw_catalog().GetRawTable(name);
    if (!raw) return std::move(loaded).error();
    return DescribeRaw(*raw, output);
  }
  const auto& metadata = loaded->metadata;
  nlohmann::json columns = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  const auto distinct = lake::DistinctCounts(metadata);
  for (const auto& field : metadata.current_schema().fields) {
    const auto counted = distinct.find(field.id);
    const std::string count = counted == distinct.end() ? "" : FormatCount(counted->second);
    rows.push_back({std::to_string(field.id.value()), field.name, iceberg::ToString(field.type),
                    field.is_required ? "required" : "", count});
    columns.push_back({{"id", field.id.value()},
                       {"name", field.name},
                       {"type", iceberg::ToString(field.type)},
                       {"required", field.is_required}});
    if (counted != distinct.end()) columns.back()["distinct_count"] = counted->second;
  }
  const std::string partition = PartitionText(metadata.default_spec(), metadata.current_schema());
  if (output.is_json) {
    PrintLine(nlohmann::json{{"table", ToString(loaded->name)},
                             {"uuid", metadata.table_uuid},
                             {"format_version", metadata.format_version},
                             {"location", metadata.location},
                             {"metadata_location", loaded->metadata_location},
                             {"partition", partition},
                             {"columns", columns},
                             {"properties", metadata.properties}}
                  .dump(2));
    return kExitDone;
  }
  PrintLine(ToString(loaded->name) + ": Iceberg v" + std::to_string(metadata.format_version) +
            ", partitioned by " + partition);
  PrintLine("location " + metadata.location);
  PrintLine(FormatTable({"id", "column", "type", "", distinct.empty() ? "" : "distinct"}, rows,
                        {true, false, false, false, true}));
  for (const auto& [key, value] : metadata.properties) PrintLine(key + " = " + value);
  return kExitDone;
}

Result<int> RunSnapshots(LakeSession& session, const std::string& table,
                         const OutputOptions& output) {
  DAYPART_TRY(const auto loaded, Load(session, table));
  nlohmann::json json = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& snapshot : loaded.metadata.snapshots) {
    const auto text = [&](const char* key) {
      const auto found = snapshot.summary.find(key);
      return found == snapshot.summary.end() ? std::string("0") : found->second;
    };
    const bool is_current = loaded.metadata.current_snapshot_id == snapshot.id;
    const auto operation = snapshot.summary.find("operation");
    rows.push_back({std::to_string(snapshot.id.value()), TimeText(snapshot.timestamp),
                    operation == snapshot.summary.end() ? "?" : operation->second,
                    text("added-records"), text("deleted-records"), text("total-records"),
                    is_current ? "current" : ""});
    json.push_back({{"snapshot_id", snapshot.id.value()},
                    {"timestamp_ms", snapshot.timestamp.value() / 1000},
                    {"current", is_current},
                    {"summary", snapshot.summary}});
  }
  if (output.is_json) {
    PrintLine(json.dump(2));
  } else {
    PrintLine(FormatTable({"snapshot", "time", "operation", "added", "deleted", "rows", ""}, rows,
                          {true, false, false, true, true, true, false}));
  }
  return kExitDone;
}

}  // namespace daypart::app
