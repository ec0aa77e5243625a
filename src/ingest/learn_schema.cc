// SPDX-License-Identifier: Apache-2.0
//
// The crawler's profiles, for text that came by a stream.
#include "ingest/learn_schema.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "crawl/text_sample.h"
#include "iceberg/schema_update.h"
#include "ingest/limits.h"
#include "ingest/source_names.h"

namespace daypart::ingest {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<LearntColumn> ColumnsOf(const crawl::FileShape& shape) {
  const crawl::InferenceOptions options{.misfit_values_min = kLearntValuesMin,
                                        .has_to_last = true};
  std::vector<LearntColumn> columns;
  std::set<std::string> taken;
  for (const crawl::ColumnShape& column : shape.columns) {
    const crawl::InferredType inferred = crawl::TypeOf(column, options);
    if (!inferred.is_evidenced) continue;
    LearntColumn learnt{.name = column.source_name, .source_name = column.source_name};
    std::replace(learnt.name.begin(), learnt.name.end(), '.', '_');
    learnt.type = inferred.type;
    learnt.takes_scalars =
        learnt.type.kind == iceberg::TypeKind::kString &&
        (inferred.is_mixed || column.profile.values_count() < kSureValuesMin);
    if (!inferred.warning.empty()) learnt.warning = learnt.name + ": " + inferred.warning;
    // Names that differ in case only cannot stand side by side in SQL: the first is taken.
    if (learnt.name.empty() || !taken.insert(Lower(learnt.name)).second) continue;
    columns.push_back(std::move(learnt));
  }
  return columns;
}

crawl::FileShape ShapeOfJson(std::string_view lines) {
  crawl::FileShape shape;
  crawl::ProfileJsonLines({.head = lines, .is_whole_file = true}, shape);
  return shape;
}

/// Of the lines: at least the first, and as many as are a sample.
std::string_view SampleOf(std::string_view lines) {
  if (lines.size() <= kSampleBytesMax) return lines;
  const size_t end = lines.find('\n', kSampleBytesMax);
  return lines.substr(0, end == std::string_view::npos ? end : end + 1);
}

/// The header line of the file that the run is of.
std::string HeaderOf(const source::LineRun& run) {
  std::string line;
  for (const std::string& column : *run.csv_columns) {
    if (!line.empty()) line += run.csv_delimiter;
    line += '"';
    for (const char c : column) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line + '\n';
}

/// Of a run of a CSV file, whether it begins with the header or not.
crawl::FileShape ShapeOfCsv(const source::LineRun& run) {
  std::string_view sample = std::string_view(run.text).substr(0, kSampleBytesMax);
  std::string headed;
  if (!run.has_header) {
    headed = HeaderOf(run);
    headed += sample;
    sample = headed;
  }
  crawl::FileShape shape;
  crawl::ProfileCsv({.head = sample,
                     .is_whole_file = run.text.size() <= kSampleBytesMax,
                     .parts = {},
                     .delimiter = run.csv_delimiter},
                    shape);
  return shape;
}

crawl::FileShape ShapeOf(const InputRun& run) {
  if (const auto* lines = std::get_if<source::LineRun>(&run.run)) {
    if (lines->csv_columns != nullptr) return ShapeOfCsv(*lines);
    return ShapeOfJson(SampleOf(lines->text));
  }
  std::string text;
  for (const auto& record : std::get<source::RecordRun>(run.run).records) {
    if (text.size() + record.data.size() > kSampleBytesMax) break;
    text.append(record.data);
    text += '\n';
  }
  return ShapeOfJson(text);
}

}  // namespace

bool ColumnSample::Add(const InputRun& run) {
  const crawl::FileShape shape = ShapeOf(run);
  bytes_ += run.bytes_count();
  if (ColumnsOf(shape).empty()) return false;
  crawl::MergeShape(shape_, shape, run.shard_id);
  shape_.warnings.clear();  // of names that differ in case: the first of them is the column
  return true;
}

bool ColumnSample::is_enough() const {
  return shape_.records_count >= static_cast<uint64_t>(kSampleRecordsMin) ||
         bytes_ >= static_cast<int64_t>(kSampleBytesMax);
}

std::vector<LearntColumn> ColumnSample::Columns() const { return ColumnsOf(shape_); }

std::vector<LearntColumn> LearnCsvColumns(const source::LineRun& run,
                                          const std::set<std::string>& headers) {
  std::vector<LearntColumn> columns = ColumnsOf(ShapeOfCsv(run));
  std::erase_if(columns,
                [&](const LearntColumn& column) { return !headers.contains(column.source_name); });
  for (const std::string& header : headers) {
    const bool is_learnt =
        std::any_of(columns.begin(), columns.end(),
                    [&header](const auto& column) { return column.source_name == header; });
    const bool is_of_run = std::find(run.csv_columns->begin(), run.csv_columns->end(), header) !=
                           run.csv_columns->end();
    if (is_learnt || !is_of_run) continue;
    columns.push_back({.name = header,
                       .source_name = header,
                       .type = iceberg::Type::Of(iceberg::TypeKind::kString)});
    std::replace(columns.back().name.begin(), columns.back().name.end(), '.', '_');
  }
  return columns;
}

std::vector<LearntColumn> LearnColumns(std::string_view json_lines,
                                       const std::set<std::string>& keys) {
  std::vector<LearntColumn> columns = ColumnsOf(ShapeOfJson(json_lines));
  std::erase_if(columns, [&](const LearntColumn& column) {
    if (keys.contains(column.source_name)) return false;
    std::string_view path = column.source_name;
    for (size_t dot = path.rfind('.'); dot != std::string_view::npos; dot = path.rfind('.')) {
      path = path.substr(0, dot);
      if (keys.contains(std::string(path) + ".*")) return false;
    }
    return true;
  });
  return columns;
}

void AddColumnProperties(const iceberg::Schema& schema, const std::vector<LearntColumn>& columns,
                         std::map<std::string, std::string>& properties) {
  for (const LearntColumn& column : columns) {
    const auto* field = schema.FindField(std::string_view(column.name));
    if (field == nullptr) continue;
    if (column.name != column.source_name) {
      properties[SourceNameProperty(column.name)] = column.source_name;
    }
    if (!column.takes_scalars) continue;
    std::string& ids = properties[kTakesScalarsProperty];
    ids += (ids.empty() ? "" : ",") + std::to_string(field->id.value());
  }
}

Result<std::vector<iceberg::TableUpdate>> AddColumnUpdates(
    const iceberg::TableMetadata& metadata, const std::vector<LearntColumn>& columns) {
  std::vector<iceberg::TableUpdate> updates;
  iceberg::SchemaUpdate update(metadata);
  std::set<std::string> known;
  for (const auto& field : metadata.current_schema().fields) known.insert(Lower(field.name));
  iceberg::SetProperties properties;
  std::vector<LearntColumn> added;
  for (const LearntColumn& column : columns) {
    if (known.size() >= kColumnsMax) break;  // the caller sees which are not there
    if (!known.insert(Lower(column.name)).second) continue;
    DAYPART_RETURN_IF_ERROR(update.Add({.path = {column.name}, .type = column.type}));
    added.push_back(column);
  }
  if (added.empty()) return updates;
  const auto before = metadata.properties.find(kTakesScalarsProperty);
  if (before != metadata.properties.end()) properties.updates.insert(*before);
  AddColumnProperties(update.schema(), added, properties.updates);
  updates.emplace_back(iceberg::AddSchema{update.schema()});
  updates.emplace_back(iceberg::SetCurrentSchema{iceberg::SchemaId(-1)});
  if (!properties.updates.empty()) updates.emplace_back(std::move(properties));
  return updates;
}

}  // namespace daypart::ingest
