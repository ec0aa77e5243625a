// SPDX-License-Identifier: Apache-2.0
//
// Names of tables and columns from what files, folders, headers and keys are called: lower case,
// [a-z0-9_] only, so that every engine takes them without quotes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace daypart::crawl {

/// Letters lower-cased, each run of other characters one '_', none at the ends unless it was
/// written there: "Revenue (USD)" -> "revenue_usd", "_id" -> "_id". Empty if there is no letter or
/// digit.
std::string LowerName(std::string_view text);

/// LowerName of each; empty ones become column_N (N from 1), repeated ones get _2, _3, …
std::vector<std::string> LowerNames(const std::vector<std::string>& texts);

/// A file's name without its format's and its compression's extension: "ads.csv.gz" -> "ads".
std::string_view FileStem(std::string_view name);

/// The format's extension in lower case, compression aside: "ads.CSV.gz" -> "csv"; empty for none.
std::string FormatExtension(std::string_view name);

}  // namespace daypart::crawl
