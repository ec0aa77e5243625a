// SPDX-License-Identifier: Apache-2.0
//
// Bounds of runs, and their columns as the table has them now.
#include "lake/hot_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/log.h"
#include "lake/arrow_literal.h"
#include "lake/arrow_schema.h"
#include "lake/column_metrics.h"
#include "lake/column_projection.h"

namespace daypart::lake {
namespace {

/// A commit takes milliseconds at least and disturbs one attempt.
constexpr int kAttemptsMax = 8;

void CollectFields(const iceberg::Expression& filter, std::set<iceberg::FieldId>& fields) {
  for (const auto& operand : filter.operands) CollectFields(operand, fields);
  const bool is_constant = filter.kind == iceberg::ExpressionKind::kTrue ||
                           filter.kind == iceberg::ExpressionKind::kFalse;
  if (filter.operands.empty() && !is_constant) fields.insert(filter.field);
}

int IndexOf(const arrow::Schema& schema, iceberg::FieldId id) {
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (FieldIdOf(*schema.field(i)) == id.value()) return i;
  }
  return -1;
}

/// What all cursors of a source share.
struct Opened {
  HotRuns runs;
  std::vector<iceberg::NestedField> fields;
  std::shared_ptr<arrow::Schema> schema;
  std::atomic<size_t> next{0};
};

class RunCursor final : public source::BatchCursor {
 public:
  explicit RunCursor(Opened& opened) : opened_(opened) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    const size_t index = opened_.next.fetch_add(1, std::memory_order_relaxed);
    if (index >= opened_.runs.size()) return std::shared_ptr<arrow::RecordBatch>();
    index_ = index;
    const HotRun& run = *opened_.runs[index];
    return ProjectRows(*run.rows(), *run.schema(), opened_.fields, *opened_.schema);
  }
  uint64_t batch_index() const override { return index_; }

 private:
  Opened& opened_;
  uint64_t index_ = 0;
};

class RunSource final : public source::BatchSource {
 public:
  std::shared_ptr<arrow::Schema> schema() const override { return opened.schema; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<source::BatchCursor>(std::make_unique<RunCursor>(opened));
  }
  Opened opened;
};

}  // namespace

void HotRun::Measure(const iceberg::NestedField& field) const {
  if (!measured_.insert(field.id).second || !field.type.is_primitive()) return;
  const int place = IndexOf(*schema_, field.id);
  if (place < 0) return;
  // A column of an older type has its bounds in that one's form, which is not worth telling apart.
  const auto type = ToArrowType(field.type);
  if (!type || !schema_->field(place)->type()->Equals(**type)) return;
  ColumnMetrics metrics(field.type);
  if (!metrics.Add(*rows_->column(place))) return;
  auto low = metrics.LowerBound();
  auto high = metrics.UpperBound();
  if (!low || !high) return;
  metrics_.value_counts[field.id] = metrics.value_count();
  metrics_.null_value_counts[field.id] = metrics.null_count();
  if (const auto nans = metrics.nan_count()) metrics_.nan_value_counts[field.id] = *nans;
  if (*low) metrics_.lower_bounds[field.id] = std::move(**low);
  if (*high) metrics_.upper_bounds[field.id] = std::move(**high);
}

bool HotRun::MayMatch(const iceberg::Expression& filter, const iceberg::Schema& schema) const {
  if (filter.kind == iceberg::ExpressionKind::kTrue) return true;
  std::set<iceberg::FieldId> fields;
  CollectFields(filter, fields);
  const std::lock_guard lock(mutex_);
  for (const iceberg::FieldId id : fields) {
    const auto* field = schema.FindField(id);
    if (field != nullptr) Measure(*field);
  }
  metrics_.record_count = rows_->num_rows();
  return iceberg::MayMatch(filter, schema, metrics_);
}

PinnedRuns::PinnedRuns(HotRuns runs) : runs_(std::move(runs)) {
  for (const auto& run : runs_) rows_count_ += run->rows()->num_rows();
}

Result<HotRuns> PinnedRuns::Runs(const iceberg::Schema& schema, const std::vector<std::string>&,
                                 const iceberg::Expression& filter) const {
  HotRuns runs;
  std::copy_if(runs_.begin(), runs_.end(), std::back_inserter(runs),
               [&](const auto& run) { return run->MayMatch(filter, schema); });
  return runs;
}

Result<TableWithHotRows> LoadWithHotRows(const LakeContext& context, HotTables& tables,
                                         const catalog::TableName& name) {
  const bool has_all = !tables.has(name) || tables.Await(name);
  for (int attempt = 0; ; ++attempt) {
    TableWithHotRows loaded{.table = {}, .hot = nullptr, .may_lack_rows = !has_all};
    DAYPART_TRY(loaded.table, LoadTable(context, name));
    if (!tables.has(name)) return loaded;
    auto pinned = tables.Pin(loaded.table);
    if (pinned) {
      loaded.hot = std::move(pinned).value();
      return loaded;
    }
    if (pinned.error().code != ErrorCode::kConflict) return std::move(pinned).error();
    if (attempt == kAttemptsMax) {
      Log(LogLevel::kWarning, ToString(name) + ": read without the rows of its stream that are " +
                                  "not committed: " + pinned.error().message);
      loaded.may_lack_rows = true;
      return loaded;
    }
  }
}

Result<std::unique_ptr<source::BatchSource>> OpenHotRuns(HotRuns runs,
                                                         const iceberg::Schema& schema,
                                                         const std::vector<std::string>& columns) {
  auto source = std::make_unique<RunSource>();
  source->opened.runs = std::move(runs);
  iceberg::Schema wanted;
  for (const auto& field : schema.fields) {
    const bool is_wanted =
        columns.empty() || std::find(columns.begin(), columns.end(), field.name) != columns.end();
    if (is_wanted) wanted.fields.push_back(field);
  }
  DAYPART_TRY(source->opened.schema, ToArrowSchema(wanted));
  source->opened.fields = std::move(wanted.fields);
  return std::unique_ptr<source::BatchSource>(std::move(source));
}

}  // namespace daypart::lake
