// SPDX-License-Identifier: Apache-2.0
//
// Batches as they come; their times become spans.
#include "windows/touched_windows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <string>

#include "windows/limits.h"
#include "windows/window_sql.h"

namespace daypart::windows {
namespace {

using Spans = std::vector<std::pair<int64_t, int64_t>>;

/// Spans that wait are joined when there are so many, so that they take no memory to speak of.
constexpr size_t kSpansWaiting = size_t{1} << 16;

}  // namespace

Spans JoinSpans(Spans spans, size_t count_max) {
  std::ranges::sort(spans);
  Spans joined;
  for (const auto& [begin, end] : spans) {
    if (!joined.empty() && begin <= joined.back().second) {
      joined.back().second = std::max(joined.back().second, end);
    } else {
      joined.emplace_back(begin, end);
    }
  }
  if (joined.size() <= count_max) return joined;
  // The widest gaps stay.
  std::vector<int64_t> gaps;
  for (size_t i = 1; i < joined.size(); ++i) {
    gaps.push_back(joined[i].first - joined[i - 1].second);
  }
  std::ranges::sort(gaps, std::greater<>());
  const int64_t least = count_max < 2 ? INT64_MAX : gaps[count_max - 2];
  Spans few;
  size_t left = count_max - 1;  // gaps that may stay; equal ones may be more than these
  for (const auto& span : joined) {
    const bool is_apart = !few.empty() && span.first - few.back().second >= least && left > 0;
    if (few.empty()) {
      few.push_back(span);
    } else if (is_apart) {
      few.push_back(span);
      --left;
    } else {
      few.back().second = span.second;
    }
  }
  return few;
}

Result<TouchedWindows> GatherTouched(source::BatchSource& rows) {
  const auto schema = rows.schema();
  TouchedWindows touched{.rows = std::make_unique<lake::BatchList>(schema), .spans = {}};
  const int late = schema->GetFieldIndex(kIsLateColumn);
  const int begin = schema->GetFieldIndex("window_start");
  const int end = schema->GetFieldIndex("window_end");
  Spans spans;
  DAYPART_TRY(const auto cursor, rows.NewCursor());
  while (true) {
    DAYPART_TRY(auto batch, cursor->Next());
    if (batch == nullptr) break;
    const auto& is_late = static_cast<const arrow::BooleanArray&>(*batch->column(late));
    const auto& begins = static_cast<const arrow::TimestampArray&>(*batch->column(begin));
    const auto& ends = static_cast<const arrow::TimestampArray&>(*batch->column(end));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (is_late.Value(row)) {
        touched.has_late = true;
        continue;
      }
      ++touched.open_count;
      const std::pair<int64_t, int64_t> span{begins.Value(row), ends.Value(row)};
      if (spans.empty() || spans.back() != span) spans.push_back(span);
    }
    if (touched.open_count > kTouchedRowsMax) {
      return ResourceExhausted("one snapshot of the source touches more than " +
                               std::to_string(kTouchedRowsMax) + " windows");
    }
    if (spans.size() > kSpansWaiting) spans = JoinSpans(std::move(spans), kSpansWaiting / 2);
    touched.rows->Add(std::move(batch));
  }
  touched.spans = JoinSpans(std::move(spans), kSpansMax);
  return touched;
}

iceberg::Expression WithinSpans(const Spans& spans, iceberg::FieldId field) {
  using iceberg::Expression;
  using iceberg::ExpressionKind;
  std::vector<Expression> any;
  for (const auto& [begin, end] : spans) {
    any.push_back(
        Expression::And({Expression::Compare(ExpressionKind::kGreaterOrEqual, field, begin),
                         Expression::Compare(ExpressionKind::kLess, field, end)}));
  }
  if (any.empty()) {
    Expression none;
    none.kind = ExpressionKind::kFalse;
    return none;
  }
  if (any.size() == 1) return std::move(any.front());
  return Expression::Or(std::move(any));
}

}  // namespace daypart::windows
