// SPDX-License-Identifier: Apache-2.0
//
// Plain text for terminals and logs.
#include "app/output.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace daypart::app {
namespace {

/// Columns that the text takes on a terminal: code points, which is right for the texts shown here.
size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<size_t> WidthsOf(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  return widths;
}

std::string Line(const std::vector<std::string>& row, const std::vector<size_t>& widths,
                 const std::vector<bool>& right_aligned) {
  std::string text;
  for (size_t i = 0; i < row.size(); ++i) {
    if (widths[i] == 0) continue;
    if (!text.empty()) text += "  ";
    const std::string padding(widths[i] - WidthOf(row[i]), ' ');
    text += right_aligned[i] ? padding + row[i] : row[i] + padding;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right_aligned) {
  const std::vector<size_t> widths = WidthsOf(rows);
  std::string text;
  for (const auto& row : rows) text += Line(row, widths, right_aligned);
  return text;
}

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right_aligned) {
  std::vector<std::vector<std::string>> all = {header, {}};
  all.insert(all.end(), rows.begin(), rows.end());
  for (const size_t width : WidthsOf(all)) all[1].emplace_back(width, '-');
  return FormatTable(all, right_aligned);
}

std::string Counted(int64_t count, std::string_view thing) {
  return Counted(count, thing, std::string(thing) + 's');
}

std::string Counted(int64_t count, std::string_view thing, std::string_view things) {
  return FormatCount(count) + ' ' + std::string(count == 1 ? thing : things);
}

std::string FormatCount(int64_t count) {
  std::string digits = std::to_string(std::llabs(count));
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return count < 0 ? "-" + digits : digits;
}

std::string FormatBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string FormatSeconds(double seconds) {
  char text[32];
  if (seconds < 1) {
    std::snprintf(text, sizeof(text), "%.0f ms", seconds * 1000);
  } else {
    std::snprintf(text, sizeof(text), "%.2f s", seconds);
  }
  return text;
}

void PrintLine(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  if (!line.ends_with('\n')) std::fputc('\n', stdout);
}

void PrintNotice(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  if (!line.ends_with('\n')) std::fputc('\n', stderr);
}

void PrintError(std::string_view code, std::string_view message, const OutputOptions& output) {
  if (!output.is_json) return PrintNotice("daypart: " + std::string(message));
  // A message may quote bytes of a file that are no text.
  PrintNotice(nlohmann::json{{"error", {{"code", code}, {"message", message}}}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace daypart::app
