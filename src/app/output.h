// SPDX-License-Identifier: Apache-2.0
//
// What commands print: results on standard output as a table or as JSON, progress and errors on
// standard error. Human units are for people only; JSON has plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace daypart::app {

struct OutputOptions {
  bool is_json = false;
  bool is_quiet = false;
};

/// A table with a header line, columns aligned, those of `right_aligned` to the right; columns
/// without any text are left out.
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right_aligned);

/// The same without a header.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right_aligned);

/// 1, "file" -> "1 file"; 1234, "file" -> "1,234 files"
std::string Counted(int64_t count, std::string_view thing);
/// The same of a thing whose plural is not its name with an s.
std::string Counted(int64_t count, std::string_view thing, std::string_view things);
/// 1234567 -> "1,234,567"
std::string FormatCount(int64_t count);
/// 1536 -> "1.5 KiB"
std::string FormatBytes(int64_t bytes);
/// 0.0123 -> "12 ms", 3.456 -> "3.46 s"
std::string FormatSeconds(double seconds);

void PrintLine(std::string_view line);    // standard output
void PrintNotice(std::string_view line);  // standard error
/// What a command ends with: "daypart: MESSAGE", or with --json what the server answers, too:
/// {"error": {"code": "not found", "message": "…"}}. To standard error.
void PrintError(std::string_view code, std::string_view message, const OutputOptions& output);

}  // namespace daypart::app
