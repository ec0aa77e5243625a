// SPDX-License-Identifier: Apache-2.0
//
// A lake in a folder of its own for tests, and rows to put into it: a test shows only what matters
// to it.
#pragma once

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catalog/sqlite_catalog.h"
#include "lake/arrow_schema.h"
#include "lake/batch_list.h"
#include "lake/table.h"
#include "store/directory_store.h"

namespace daypart::lake::testing {

/// The batches, of which there is one at least.
class MemorySource final : public BatchList {
 public:
  explicit MemorySource(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches)
      : BatchList(batches.front()->schema()) {
    for (const auto& batch : batches) Add(batch);
  }
};

/// The value as Arrow prints it, dictionaries looked through.
inline std::string ValueText(const arrow::Array& column, int64_t row) {
  if (column.type_id() == arrow::Type::DICTIONARY && column.IsValid(row)) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(column);
    return ValueText(*dictionary.dictionary(), dictionary.GetValueIndex(row));
  }
  return (*column.GetScalar(row))->ToString();
}

/// A batch from JSON rows: Rows(schema, R"([[1, "a"], [2, null]])").
inline std::shared_ptr<arrow::RecordBatch> Rows(const std::shared_ptr<arrow::Schema>& schema,
                                                const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  EXPECT_TRUE(array.ok()) << array.status().ToString();
  return *arrow::RecordBatch::FromStructArray(*array);
}

class LakeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("daypart_") + info->test_suite_name() + "_" + info->name() + "_" +
               std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    store_ = store::MakeDirectoryStore({.sync = false});
    auto catalog = catalog::OpenSqliteCatalog({.path = (folder_ / "catalog.db").string()});
    ASSERT_TRUE(catalog) << catalog.error().message;
    catalog_ = std::move(catalog).value();
    context_ = std::make_unique<LakeContext>(
        LakeContext{*store_, *catalog_, clock_, random_, cancel_, "file://" + folder_.string()});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  LoadedTable MustCreate(const catalog::TableName& name,
                         const std::shared_ptr<arrow::Schema>& schema,
                         const std::string& partition = "") {
    CreateOptions options;
    options.schema = iceberg::AssignFreshIds(*FromArrowSchema(*schema));
    auto spec = iceberg::ParsePartitionSpec(partition, options.schema);
    EXPECT_TRUE(spec) << spec.error().message;
    options.spec = *spec;
    auto table = CreateTable(*context_, name, options);
    EXPECT_TRUE(table) << table.error().message;
    return *table;
  }

  /// All rows of the table as sorted text, one "a|b|c" a row: what a model of the table compares
  /// with.
  std::vector<std::string> MustRead(const catalog::TableName& name) {
    std::vector<std::string> rows;
    auto table = LoadTable(*context_, name);
    EXPECT_TRUE(table) << table.error().message;
    auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
    EXPECT_TRUE(plan) << plan.error().message;
    auto scan = OpenScan(*context_, *table, *std::move(plan));
    EXPECT_TRUE(scan) << scan.error().message;
    auto cursor = (*scan)->NewCursor();
    while (true) {
      auto batch = (*cursor)->Next();
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch || *batch == nullptr) break;
      for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
        std::string text;
        for (const auto& column : (*batch)->columns()) {
          if (!text.empty()) text += '|';
          text += ValueText(*column, row);
        }
        rows.push_back(std::move(text));
      }
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::ObjectStore> store_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  FakeClock clock_{UtcMicros(1'763'978'400'000'000)};
  Random random_{7};
  CancelToken cancel_;
  std::unique_ptr<LakeContext> context_;
};

}  // namespace daypart::lake::testing
