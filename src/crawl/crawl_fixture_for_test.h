// SPDX-License-Identifier: Apache-2.0
//
// A lake in memory with a catalog file of its own, and a crawl of it in one line. For tests only.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/sqlite_catalog.h"
#include "crawl/crawl.h"
#include "store/memory_store.h"
#include "store/temp_folder_for_test.h"

namespace daypart::crawl {

class CrawlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = catalog::OpenSqliteCatalog({.path = folder_.Path("catalog.db")});
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = std::move(*opened);
  }

  void Put(std::string_view name, std::string_view bytes) {
    const Status put =
        store_->Put("file:///lake/raw/" + std::string(name), bytes, store::WriteMode::kReplace);
    ASSERT_TRUE(put) << put.error().message;
  }
  void Delete(std::string_view name) {
    ASSERT_TRUE(store_->Delete("file:///lake/raw/" + std::string(name)));
  }

  CrawlReport Run(CrawlOptions options = {}) {
    if (options.prefix.empty()) options.prefix = "file:///lake/raw/";
    auto report = Crawl(*store_, *catalog_, *catalog_, clock_, options, cancel_);
    EXPECT_TRUE(report) << report.error().message;
    return report ? std::move(*report) : CrawlReport{};
  }

  /// The report of one table, which must be there.
  static TableReport Table(const CrawlReport& report, std::string_view name) {
    for (const TableReport& table : report.tables) {
      if (table.table.name.table == name) return table;
    }
    ADD_FAILURE() << "no table " << name << " among " << testing::PrintToString(Names(report));
    return {};
  }
  static std::vector<std::string> Names(const CrawlReport& report) {
    std::vector<std::string> names;
    for (const TableReport& table : report.tables) names.push_back(table.table.name.table);
    return names;
  }
  /// "name type" of each column.
  static std::vector<std::string> Columns(const std::vector<catalog::RawColumn>& columns) {
    std::vector<std::string> texts;
    for (const catalog::RawColumn& column : columns) {
      texts.push_back(column.name + " " + iceberg::ToString(column.type));
    }
    return texts;
  }
  /// The columns of the only table in a crawl of one file of that name.
  std::vector<std::string> ColumnsOf(std::string_view name, std::string_view bytes) {
    Put(name, bytes);
    const CrawlReport report = Run();
    EXPECT_EQ(report.tables.size(), 1u);
    return report.tables.empty() ? std::vector<std::string>()
                                 : Columns(report.tables.front().table.columns);
  }
  catalog::RawTable Stored(std::string_view name) {
    auto table = catalog_->GetRawTable({.database = "media_raw", .table = std::string(name)});
    EXPECT_TRUE(table) << table.error().message;
    return table ? std::move(*table) : catalog::RawTable{};
  }

  store::TempFolder folder_;
  std::unique_ptr<store::ObjectStore> store_ = store::MakeMemoryStore();
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  FakeClock clock_{UtcMicros(1'700'000'000'000'000)};
  CancelToken cancel_;
};

/// `count` lines "…" with their number put in for {}.
inline std::string Lines(int count, std::string_view pattern) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format(fmt::runtime(pattern), i);
  return text;
}

}  // namespace daypart::crawl
