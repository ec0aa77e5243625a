// SPDX-License-Identifier: Apache-2.0
//
// The readers of generated_data_for_test.h.
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/calendar.h"
#include "generate/generated_data_for_test.h"
#include "store/location.h"
#include "store/memory_store.h"

namespace daypart::generate {

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      ADD_FAILURE() << "the last line has no end";
      break;
    }
    text.remove_prefix(end + 1);
  }
  return lines;
}

Cells CellsOf(std::string_view line) {
  Cells cells(1);
  bool is_quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && is_quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += line[++i];
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == ',' && !is_quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

std::vector<Row> RowsOf(const std::string& csv) {
  std::vector<Row> rows;
  const auto lines = LinesOf(csv);
  const Cells header = CellsOf(lines.at(0));
  for (size_t i = 1; i < lines.size(); ++i) {
    const Cells cells = CellsOf(lines[i]);
    if (cells.size() != header.size()) {
      ADD_FAILURE() << "expected " << header.size() << " cells, found: " << lines[i];
      continue;
    }
    Row row;
    for (size_t column = 0; column < header.size(); ++column) row[header[column]] = cells[column];
    rows.push_back(std::move(row));
  }
  return rows;
}

int64_t NumberOf(const std::string& text) {
  size_t used = 0;
  try {
    const int64_t number = std::stoll(text, &used);
    if (used == text.size()) return number;
  } catch (const std::exception&) {
    used = 0;
  }
  ADD_FAILURE() << "expected a number, found '" << text << "'";
  return -1;
}

std::map<std::string, std::string> FilesOf(store::ObjectStore& store) {
  std::map<std::string, std::string> files;
  const auto objects = store.List("/out");
  EXPECT_TRUE(objects.has_value());
  for (const auto& object : *objects) {
    files[std::string(*store::RelativeTo("/out", object.location))] =
        store.Get(object.location).value();
  }
  return files;
}

std::map<std::string, std::string> FilesFor(GenerateOptions options) {
  const auto store = store::MakeMemoryStore();
  const CancelToken cancel;
  options.out = "/out";
  const auto report = Generate(*store, options, {}, cancel);
  if (!report) ADD_FAILURE() << report.error().message;
  return FilesOf(*store);
}

namespace {

TEST(GeneratedData, IsReadWithQuotesAsTheyAreMeant) {
  EXPECT_EQ(CellsOf("a,\"b,\"\"c\",d"), (Cells{"a", "b,\"c", "d"}));
  EXPECT_EQ(LinesOf("a\nb\n"), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace daypart::generate
