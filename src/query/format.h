// SPDX-License-Identifier: Apache-2.0
//
// Rows as text or bytes for people and programs: an aligned table, CSV (RFC 4180), a JSON array of
// objects, or an Arrow IPC stream. All but the table stream, whatever the number of rows.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "base/result.h"
#include "source/batch_source.h"

namespace daypart::query {

enum class OutputFormat { kTable, kCsv, kJson, kArrow };

/// "table", "csv", "json", "arrow".
Result<OutputFormat> ParseOutputFormat(std::string_view name);

/// Writes all rows to `out`. Decimals and 64-bit integers are exact; timestamps are ISO 8601; a
/// table shows the first kTableRowsMax rows and tells how many more there are. In CSV null is an
/// empty cell and the empty string is "". returns: rows written or counted. errors: those of the
/// source; kUnavailable if `out` takes no more.
Result<int64_t> WriteRows(source::BatchSource& rows, OutputFormat format, std::FILE* out);

inline constexpr int64_t kTableRowsMax = 1000;

}  // namespace daypart::query
