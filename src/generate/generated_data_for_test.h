// SPDX-License-Identifier: Apache-2.0
//
// Reads generated files back with code that shares nothing with what wrote them. For tests only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "generate/generate.h"
#include "store/object_store.h"

namespace daypart::generate {

using Cells = std::vector<std::string>;

/// Lines without their ends.
std::vector<std::string> LinesOf(std::string_view text);
/// One CSV line as RFC 4180 has it, quoted commas and doubled quotes included.
Cells CellsOf(std::string_view line);

/// A CSV file's rows, each by column name.
using Row = std::map<std::string, std::string>;
std::vector<Row> RowsOf(const std::string& csv);

int64_t NumberOf(const std::string& text);

/// All objects under "/out" by name.
std::map<std::string, std::string> FilesOf(store::ObjectStore& store);

/// Generates into a store of its own. A failure fails the test.
std::map<std::string, std::string> FilesFor(GenerateOptions options);

}  // namespace daypart::generate
