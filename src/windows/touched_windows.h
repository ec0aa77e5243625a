// SPDX-License-Identifier: Apache-2.0
//
// The windows that a step touches, as a statement found them: the rows themselves, for the next
// statement to join with, and the spans of event time that they cover, for the planner to prune by.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/expression.h"
#include "lake/batch_list.h"
#include "source/batch_source.h"

namespace daypart::windows {

struct TouchedWindows {
  /// For one statement: a second one would find none.
  std::unique_ptr<lake::BatchList> rows;
  int64_t open_count = 0;  // of those that may still change
  bool has_late = false;
  /// From begin to end, rising, apart from each other; at most kSpansMax.
  std::vector<std::pair<int64_t, int64_t>> spans;
};

/// rows: as WindowSql::Touched selects them.
/// errors: kResourceExhausted for more than kTouchedRowsMax.
Result<TouchedWindows> GatherTouched(source::BatchSource& rows);

/// Times of the field within the spans; nothing for no span.
iceberg::Expression WithinSpans(const std::vector<std::pair<int64_t, int64_t>>& spans,
                                iceberg::FieldId field);

/// Joins spans that overlap or touch, then the nearest ones, until there are at most `count_max`.
std::vector<std::pair<int64_t, int64_t>> JoinSpans(std::vector<std::pair<int64_t, int64_t>> spans,
                                                   size_t count_max);

}  // namespace daypart::windows
