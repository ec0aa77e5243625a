// SPDX-License-Identifier: Apache-2.0
//
// One pass over the rows, a sketch a column and thread, merged at the end.
#include "lake/table_statistics.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "iceberg/puffin.h"
#include "iceberg/theta_sketch.h"
#include "lake/arrow_literal.h"
#include "lake/commit.h"
#include "lake/table_writer.h"

namespace daypart::lake {
namespace {

using iceberg::NestedField;
using iceberg::ThetaSketch;
using Json = nlohmann::json;

constexpr char kThetaBlob[] = "apache-datasketches-theta-v1";
constexpr char kDistinctProperty[] = "ndv";
/// Bytes that end a Puffin file: footer length, flags, magic.
constexpr size_t kPuffinEndBytes = 12;

Result<std::vector<NestedField>> Chosen(const iceberg::Schema& schema,
                                        const std::vector<std::string>& columns) {
  std::vector<NestedField> chosen;
  if (columns.empty()) {
    for (const NestedField& field : schema.fields) {
      if (field.type.is_primitive()) chosen.push_back(field);
    }
    return chosen;
  }
  for (const std::string& column : columns) {
    const auto found = std::find_if(schema.fields.begin(), schema.fields.end(),
                                    [&](const NestedField& field) { return field.name == column; });
    if (found == schema.fields.end()) {
      return InvalidArgument("a column of the table is expected, found '" + column +
                             "'; see daypart describe");
    }
    if (!found->type.is_primitive()) {
      return InvalidArgument("distinct values are counted of primitive columns, " + column +
                             " is nested");
    }
    chosen.push_back(*found);
  }
  return chosen;
}

/// Adds the array's values in the bytes that bounds have too, which is what the reference hashes.
Status AddValues(const arrow::Array& array, const iceberg::Type& type, ThetaSketch& sketch) {
  if (array.type_id() == arrow::Type::STRING || array.type_id() == arrow::Type::BINARY) {
    const auto& bytes = static_cast<const arrow::BinaryArray&>(array);
    for (int64_t row = 0; row < array.length(); ++row) {
      if (bytes.IsValid(row)) sketch.Add(bytes.GetView(row));
    }
    return Ok();
  }
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) continue;
    DAYPART_TRY(const std::string bytes, iceberg::SerializeLiteral(LiteralAt(array, row), type));
    sketch.Add(bytes);
  }
  return Ok();
}

Result<std::vector<ThetaSketch>> Sketch(const LakeContext& context, const LoadedTable& table,
                                        const std::vector<NestedField>& fields, int threads_count) {
  std::vector<std::string> names;
  for (const NestedField& field : fields) names.push_back(field.name);
  DAYPART_TRY(auto plan, PlanScan(context, table, iceberg::Expression::True()));
  DAYPART_TRY(const auto scan, OpenScan(context, table, std::move(plan), names));
  std::vector<ThetaSketch> sketches(fields.size());
  std::mutex mutex;  // guards sketches
  Status counted = RunInParallel(std::max(1, threads_count), [&](int) -> Status {
    std::vector<ThetaSketch> own(fields.size());
    DAYPART_TRY(const auto cursor, scan->NewCursor());
    while (true) {
      DAYPART_RETURN_IF_ERROR(context.cancel.Check());
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      for (size_t i = 0; i < fields.size(); ++i) {
        const auto& column = *batch->column(static_cast<int>(i));
        DAYPART_RETURN_IF_ERROR(AddValues(column, fields[i].type, own[i]));
      }
    }
    const std::lock_guard lock(mutex);
    for (size_t i = 0; i < fields.size(); ++i) sketches[i].Merge(own[i]);
    return Ok();
  });
  if (!counted) return std::move(counted).error();
  return sketches;
}

Json BlobJson(const iceberg::PuffinBlob& blob) {
  Json fields = Json::array();
  for (const iceberg::FieldId id : blob.fields) fields.push_back(id.value());
  return {{"type", blob.type},
          {"snapshot-id", blob.snapshot_id},
          {"sequence-number", blob.sequence_number},
          {"fields", std::move(fields)},
          {"properties", blob.properties}};
}

/// The blob's property ndv, if it is of one column. Throws Json::exception.
void AddDistinct(const Json& blob, std::map<iceberg::FieldId, int64_t>& counts) {
  const auto& fields = blob.at("fields");
  const auto properties = blob.value("properties", Json::object());
  const std::string text = properties.value(kDistinctProperty, "");
  int64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (fields.size() != 1 || text.empty() || parsed.ec != std::errc()) return;
  counts[iceberg::FieldId(fields[0].get<int32_t>())] = count;
}

}  // namespace

Result<StatisticsReport> ComputeStatistics(const LakeContext& context,
                                           const catalog::TableName& name,
                                           const StatisticsOptions& options) {
  StatisticsReport report;
  DAYPART_TRY(const LoadedTable table, LoadTable(context, name));
  DAYPART_TRY(const auto fields, Chosen(table.metadata.current_schema(), options.columns));
  const auto* snapshot = table.metadata.current_snapshot();
  if (snapshot == nullptr || fields.empty()) return report;
  DAYPART_TRY(auto sketches, Sketch(context, table, fields, options.threads_count));
  iceberg::PuffinFile puffin;
  puffin.properties["created-by"] = "Daypart";
  std::vector<std::string> contents;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto distinct = static_cast<int64_t>(std::llround(sketches[i].Estimate()));
    report.columns.push_back({.column = fields[i].name, .distinct_count = distinct});
    puffin.blobs.push_back({.type = kThetaBlob,
                            .fields = {fields[i].id},
                            .snapshot_id = snapshot->id.value(),
                            .sequence_number = snapshot->sequence_number.value(),
                            .properties = {{kDistinctProperty, std::to_string(distinct)}}});
    contents.push_back(sketches[i].Serialize());
  }
  const std::string bytes = iceberg::EncodePuffin(puffin, contents);
  const auto file_bytes = static_cast<int64_t>(bytes.size());
  DAYPART_TRY(const int64_t footer_bytes,
              iceberg::PuffinFooterBytes(
                  std::string_view(bytes).substr(bytes.size() - kPuffinEndBytes), file_bytes));
  report.snapshot_id = snapshot->id;
  report.location = MetadataDirectory(table.metadata) + '/' +
                    std::to_string(snapshot->id.value()) + '-' + NewUuid(context.random) + ".stats";
  Json blobs = Json::array();
  for (const auto& blob : puffin.blobs) blobs.push_back(BlobJson(blob));
  const Json entry = {{"snapshot-id", snapshot->id.value()},
                      {"statistics-path", report.location},
                      {"file-size-in-bytes", file_bytes},
                      {"file-footer-size-in-bytes", footer_bytes},
                      {"blob-metadata", std::move(blobs)}};
  DAYPART_RETURN_IF_ERROR(context.store.Put(report.location, bytes, store::WriteMode::kIfAbsent));
  Status committed = CommitUpdates(
      context, name,
      [&](const iceberg::TableMetadata& now) -> Result<std::vector<iceberg::TableUpdate>> {
        if (now.FindSnapshot(snapshot->id) == nullptr) {
          return Conflict("the snapshot that was counted is gone from table " + ToString(name) +
                          "; run it again");
        }
        return std::vector<iceberg::TableUpdate>{
            iceberg::SetStatistics{.snapshot_id = snapshot->id, .statistics_json = entry.dump()}};
      });
  if (!committed) {
    if (committed.error().code != ErrorCode::kCommitUnknown) {
      (void)context.store.Delete(report.location);  // an orphan at worst
    }
    return std::move(committed).error();
  }
  return report;
}

std::map<iceberg::FieldId, int64_t> DistinctCounts(const iceberg::TableMetadata& metadata) {
  std::map<iceberg::FieldId, int64_t> counts;
  const auto* snapshot = metadata.current_snapshot();
  for (; snapshot != nullptr && counts.empty();
       snapshot = snapshot->parent_id ? metadata.FindSnapshot(*snapshot->parent_id) : nullptr) {
    try {
      for (const Json& entry : Json::parse(metadata.statistics_json)) {
        if (entry.at("snapshot-id").get<int64_t>() != snapshot->id.value()) continue;
        for (const Json& blob : entry.at("blob-metadata")) AddDistinct(blob, counts);
      }
    } catch (const Json::exception&) {
      return {};  // another writer's entry that is not as the spec has it: nothing is known
    }
  }
  return counts;
}

}  // namespace daypart::lake
