// SPDX-License-Identifier: Apache-2.0
//
// The named limits of the query folder: what is cut, batched or refused above which size.
#pragma once

#include <cstddef>
#include <cstdint>

namespace daypart::query {

/// A statement's text. DuckDB parses any length; a megabyte is no question that somebody typed.
inline constexpr size_t kStatementBytesMax = size_t{1} << 20;
/// A view file or a saved query.
inline constexpr uint64_t kSqlFileBytesMax = uint64_t{1} << 20;
/// Views that use views that use …: deeper is a mistake.
inline constexpr int kViewDepthMax = 32;
/// Rows that one result batch gathers. DuckDB's chunks have 2048, too few for a writer's per-batch
/// work.
inline constexpr int64_t kResultBatchRows = 32 * 2048;
/// Values of one IN list that are handed to the planner; a longer list is not used for pruning.
inline constexpr size_t kPlannedValuesMax = 1000;

}  // namespace daypart::query
