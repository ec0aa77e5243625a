// SPDX-License-Identifier: Apache-2.0
//
// Rows of both sides are added up, +1 and -1; what does not come to 0 differs. So each side is read
// once, and files that were only rewritten cancel out.
#include "query/snapshot_diff.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "lake/arrow_io.h"
#include "lake/table_refs.h"
#include "query/duckdb_session.h"
#include "query/time_travel.h"
#include "source/shared_source.h"

namespace daypart::query {
namespace {

constexpr int kCountColumns = 3;

/// The rows without the counts that stand before them in each.
class WithoutCounts final : public source::SharedSource {
 public:
  WithoutCounts(std::shared_ptr<arrow::Schema> schema, std::unique_ptr<source::BatchCursor> cursor,
                std::shared_ptr<arrow::RecordBatch> first)
      : SharedSource(std::move(schema)), cursor_(std::move(cursor)), first_(std::move(first)) {}

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() override {
    auto batch = std::exchange(first_, nullptr);
    if (batch == nullptr) {
      DAYPART_TRY(batch, cursor_->Next());
    }
    if (batch == nullptr) return batch;
    std::vector<std::shared_ptr<arrow::Array>> columns(batch->columns().begin() + kCountColumns,
                                                       batch->columns().end());
    return arrow::RecordBatch::Make(schema(), batch->num_rows(), std::move(columns));
  }

  std::unique_ptr<source::BatchCursor> cursor_;
  std::shared_ptr<arrow::RecordBatch> first_;
};

/// What makes a file's rows: itself, and the delete files that apply to it.
std::string ContentOf(const lake::ScanFile& file) {
  std::set<std::string> parts;
  for (const auto& deleted : file.deletes) {
    parts.insert(deleted.location + '@' + std::to_string(deleted.content_offset.value_or(-1)));
  }
  std::string content = file.file.location;
  for (const std::string& part : parts) content += '\n' + part;
  return content;
}

/// Takes the files that both plans have out of them. returns: how many these were.
int64_t RemoveShared(lake::ScanPlan& before, lake::ScanPlan& after) {
  std::multiset<std::string> contents;
  for (const auto& file : before.files) contents.insert(ContentOf(file));
  std::multiset<std::string> shared;
  std::erase_if(after.files, [&](const lake::ScanFile& file) {
    const auto found = contents.find(ContentOf(file));
    if (found == contents.end()) return false;
    shared.insert(*found);
    contents.erase(found);
    return true;
  });
  const auto count = static_cast<int64_t>(shared.size());
  std::erase_if(before.files, [&](const lake::ScanFile& file) {
    const auto found = shared.find(ContentOf(file));
    if (found == shared.end()) return false;
    shared.erase(found);
    return true;
  });
  return count;
}

Result<lake::LoadedTable> At(const lake::LoadedTable& table, const std::string& text) {
  if (text.empty()) return table;
  Travel travel;
  auto found = lake::FindSnapshotOrRef(table.metadata, text);
  if (found) {
    travel.version = text;
  } else if (text.find('-') != std::string::npos) {
    travel.timestamp = text.find('T') == std::string::npos && text.find(' ') == std::string::npos
                           ? text + "T00:00:00"
                           : text;
  } else {
    return std::move(found).error();
  }
  return TableAsOf(table, travel);
}

/// ids: of the table's identifier fields as it is now, which an old snapshot's schema may not tell.
Result<std::vector<std::string>> KeyColumns(const iceberg::Schema& schema,
                                            const std::vector<iceberg::FieldId>& ids,
                                            std::vector<std::string> keys) {
  for (const std::string& key : keys) {
    const bool is_there = std::any_of(schema.fields.begin(), schema.fields.end(),
                                      [&](const auto& field) { return field.name == key; });
    if (!is_there) return InvalidArgument("key column " + key + " is not in the table");
  }
  if (!keys.empty()) return keys;
  for (const auto& field : schema.fields) {
    if (std::find(ids.begin(), ids.end(), field.id) != ids.end()) keys.push_back(field.name);
  }
  // An identifier with a nested part is not told by the top-level ones alone.
  if (keys.size() != ids.size()) keys.clear();
  return keys;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + QuoteIdentifier(name);
  return list;
}

/// Names with "daypart_" before them are ours; a table's columns keep theirs.
std::string DiffSql(const iceberg::Schema& schema, const std::vector<std::string>& keys) {
  std::vector<std::string> columns;
  for (const auto& field : schema.fields) columns.push_back(field.name);
  const std::string all = Listed(columns);
  std::string change = "CASE WHEN daypart_n > 0 THEN 'added' ELSE 'removed' END";
  std::string keyed = "SELECT * FROM daypart_net";
  if (!keys.empty()) {
    std::string is_whole;
    for (const std::string& key : keys) {
      is_whole += " AND " + QuoteIdentifier(key) + " IS NOT NULL";
    }
    const std::string window = " OVER (PARTITION BY " + Listed(keys) + ")";
    keyed = "SELECT *, sum(greatest(daypart_n, 0))" + window + " AS daypart_plus, " +
            "sum(greatest(-daypart_n, 0))" + window + " AS daypart_minus FROM daypart_net";
    change = "CASE WHEN daypart_plus = 1 AND daypart_minus = 1" + is_whole +
             " THEN CASE WHEN daypart_n > 0 THEN 'changed to' ELSE 'changed from' END"
             " WHEN daypart_n > 0 THEN 'added' ELSE 'removed' END";
  }
  const auto count = [](const char* what) {
    return std::string("(SELECT count(*) FROM daypart_rows WHERE _change = '") + what + "')";
  };
  return "WITH daypart_sides AS (SELECT 1 AS daypart_side, " + all +
         " FROM daypart_diff.after UNION ALL SELECT -1, " + all + " FROM daypart_diff.before), "
         "daypart_net AS (SELECT CAST(sum(daypart_side) AS BIGINT) AS daypart_n, " + all +
         " FROM daypart_sides GROUP BY " + all + " HAVING sum(daypart_side) <> 0), "
         "daypart_keyed AS (" + keyed + "), "
         "daypart_rows AS MATERIALIZED (SELECT " + change + " AS _change, " + all +
         ", unnest(range(abs(daypart_n))) AS daypart_copy FROM daypart_keyed) "
         "SELECT " + count("added") + " AS daypart_added, " + count("removed") +
         " AS daypart_removed, " + count("changed to") + " AS daypart_changed, _change, " + all +
         " FROM daypart_rows ORDER BY " + (keys.empty() ? "" : Listed(keys) + ", ") + "_change";
}

int64_t CountIn(const arrow::RecordBatch& batch, int column) {
  return static_cast<const arrow::Int64Array&>(*batch.column(column)).Value(0);
}

}  // namespace

Result<SnapshotDiff> SnapshotDiff::Open(const lake::LakeContext& context, catalog::RawCatalog& raw,
                                        const EngineOptions& engine,
                                        const lake::LoadedTable& table,
                                        const DiffOptions& options) {
  SnapshotDiff diff;
  DAYPART_TRY(const auto from, At(table, options.from));
  DAYPART_TRY(const auto to, At(table, options.to));
  const iceberg::Schema& schema = to.metadata.current_schema();
  DAYPART_TRY(const auto keys,
              KeyColumns(schema, table.metadata.current_schema().identifier_field_ids,
                         options.key_columns));
  const auto everything = iceberg::Expression::True();
  lake::LoadedTable then = to;  // the old snapshot under the new one's columns
  then.metadata.current_snapshot_id = from.metadata.current_snapshot_id;
  DAYPART_TRY(auto before, lake::PlanScan(context, then, everything));
  DAYPART_TRY(auto after, lake::PlanScan(context, to, everything));
  diff.files_shared_ = RemoveShared(before, after);
  diff.files_read_ = static_cast<int64_t>(before.files.size() + after.files.size());
  DAYPART_TRY(diff.before_, lake::OpenScan(context, then, std::move(before)));
  DAYPART_TRY(diff.after_, lake::OpenScan(context, to, std::move(after)));
  DAYPART_TRY(diff.engine_, OpenEngine(context, raw, engine));
  DAYPART_RETURN_IF_ERROR(diff.engine_->Bind({"daypart_diff", "before"}, *diff.before_));
  DAYPART_RETURN_IF_ERROR(diff.engine_->Bind({"daypart_diff", "after"}, *diff.after_));
  DAYPART_TRY(diff.result_, diff.engine_->Query(DiffSql(schema, keys)));
  DAYPART_TRY(auto cursor, diff.result_->NewCursor());
  DAYPART_TRY(auto first, cursor->Next());
  if (first != nullptr && first->num_rows() > 0) {
    diff.added_ = CountIn(*first, 0);
    diff.removed_ = CountIn(*first, 1);
    diff.changed_ = CountIn(*first, 2);
  }
  const auto fields = diff.result_->schema()->fields();
  auto shown = arrow::schema(arrow::FieldVector(fields.begin() + kCountColumns, fields.end()));
  diff.rows_ =
      std::make_unique<WithoutCounts>(std::move(shown), std::move(cursor), std::move(first));
  return diff;
}

}  // namespace daypart::query
