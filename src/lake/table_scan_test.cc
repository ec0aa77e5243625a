// SPDX-License-Identifier: Apache-2.0
//
// Scans that leave out row groups by the statistics in the footer, and say the right positions.
#include "lake/table_scan.h"

#include <arrow/array.h>
#include <gmock/gmock.h>

#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using ::testing::ElementsAre;
using iceberg::Expression;
using iceberg::ExpressionKind;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

class TableScanTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    MustCreate(name_, schema_);
    // One file of three row groups.
    MemorySource source({Rows(schema_, R"([[1, 10, "a"], [2, null, "b"]])"),
                         Rows(schema_, R"([[3, null, "c"], [4, null, "d"]])"),
                         Rows(schema_, R"([[5, 30, "e"], [6, 40, "f"]])")});
    const auto result =
        Append(*context_, name_, source, {.threads_count = 1, .row_group_rows = 2});
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->files_added, 1);
  }

  /// Ids and positions that the scan gives for a filter on the column, planned without it, so that
  /// it is the scan that prunes.
  std::vector<std::string> Scan(const std::string& column, ExpressionKind kind,
                                iceberg::Literal value) {
    const auto table = LoadTable(*context_, name_);
    iceberg::FieldId field;
    for (const auto& candidate : table->metadata.current_schema().fields) {
      if (candidate.name == column) field = candidate.id;
    }
    auto plan = PlanScan(*context_, *table, Expression::True());
    auto scan = OpenScanWhere(*context_, *table, *std::move(plan), {"id"}, true,
                              Expression::Compare(kind, field, std::move(value)));
    EXPECT_TRUE(scan) << scan.error().message;
    std::vector<std::string> rows;
    const auto cursor = (*scan)->NewCursor();
    while (true) {
      const auto batch = (*cursor)->Next();
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch || *batch == nullptr) return rows;
      for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
        rows.push_back(testing::ValueText(*(*batch)->GetColumnByName("id"), row) + '@' +
                       testing::ValueText(*(*batch)->GetColumnByName(kPositionColumn), row));
      }
    }
  }

  const catalog::TableName name_{"media", "views"};
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("seconds", arrow::int32()),
                     arrow::field("region", arrow::utf8())});
};

TEST_F(TableScanTest, LeavesOutRowGroupsThatCannotMatch) {
  EXPECT_THAT(Scan("id", ExpressionKind::kGreater, int64_t{4}), ElementsAre("5@4", "6@5"));
  EXPECT_THAT(Scan("id", ExpressionKind::kEqual, int64_t{2}), ElementsAre("1@0", "2@1"));
  EXPECT_THAT(Scan("id", ExpressionKind::kLess, int64_t{1}), ElementsAre());
}

TEST_F(TableScanTest, KeepsRowGroupsWithoutBounds) {
  // All of the middle group's values are null, so its footer has no bounds: it proves nothing.
  EXPECT_THAT(Scan("seconds", ExpressionKind::kGreater, int32_t{20}),
              ElementsAre("3@2", "4@3", "5@4", "6@5"));
}

TEST_F(TableScanTest, KeepsRowGroupsWhereTheTypeIsNotLookedAt) {
  EXPECT_THAT(Scan("region", ExpressionKind::kEqual, std::string("a")),
              ElementsAre("1@0", "2@1", "3@2", "4@3", "5@4", "6@5"));
}

}  // namespace
}  // namespace daypart::lake
