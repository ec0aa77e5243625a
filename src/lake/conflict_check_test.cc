// SPDX-License-Identifier: Apache-2.0
//
// Two writers, the second of which commits between the planning and the commit of the first.
#include "lake/conflict_check.h"

#include <gmock/gmock.h>

#include "lake/change_rows.h"
#include "lake/row_lineage.h"
#include "lake/table_scan.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using iceberg::Expression;
using iceberg::ExpressionKind;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

/// The text at `row`, dictionaries looked through.
std::string_view TextAt(const arrow::Array& column, int64_t row) {
  if (column.type_id() != arrow::Type::DICTIONARY) {
    return static_cast<const arrow::StringArray&>(column).GetView(row);
  }
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(column);
  return TextAt(*encoded.dictionary(), encoded.GetValueIndex(row));
}

class ConflictCheck : public LakeTest {
 protected:
  void Make(const std::string& partition) {
    MustCreate(name_, schema_, partition);
    Append(R"([[1, "north"], [2, "north"], [3, "south"]])");
    auto planned = LoadTable(*context_, name_);
    ASSERT_TRUE(planned);
    planned_ = std::make_unique<LoadedTable>(*std::move(planned));
  }

  void Append(const std::string& json) {
    MemorySource source({Rows(schema_, json)});
    const auto result = lake::Append(*context_, name_, source, {.threads_count = 1});
    ASSERT_TRUE(result) << result.error().message;
  }

  Expression RegionIs(const std::string& region) const {
    return Expression::Compare(ExpressionKind::kEqual,
                               planned_->metadata.current_schema().FindField("region")->id,
                               iceberg::Literal(region));
  }

  /// Deletes all rows of the region as `table` has them.
  Result<CommitResult> DeleteRegion(const LoadedTable& table, const std::string& region,
                                    ChangeMode mode, bool is_serializable = true) {
    const Expression filter = RegionIs(region);
    auto plan = PlanScan(*context_, table, filter);
    if (!plan) return std::move(plan).error();
    auto scan = OpenScan(*context_, table, *std::move(plan), {"region"}, /*has_positions=*/true);
    if (!scan) return std::move(scan).error();
    const auto cursor = *(*scan)->NewCursor();
    arrow::StringBuilder files;
    arrow::Int64Builder positions;
    while (true) {
      auto batch = cursor->Next();
      if (!batch) return std::move(batch).error();
      if (*batch == nullptr) break;
      for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
        if (TextAt(*(*batch)->column(0), row) != region) continue;
        const auto& numbers = static_cast<const arrow::Int64Array&>(
            *(*batch)->GetColumnByName(kPositionColumn));
        EXPECT_TRUE(files.Append(TextAt(*(*batch)->GetColumnByName(kFileColumn), row)).ok());
        EXPECT_TRUE(positions.Append(numbers.Value(row)).ok());
      }
    }
    const auto shape = arrow::schema({arrow::field(kFileColumn, arrow::utf8()),
                                      arrow::field(kPositionColumn, arrow::int64())});
    const int64_t rows = positions.length();
    MemorySource found(
        {arrow::RecordBatch::Make(shape, rows, {*files.Finish(), *positions.Finish()})});
    return ChangeRows(*context_, table, found,
                      {.mode = mode, .filter = filter, .is_serializable = is_serializable},
                      {.threads_count = 1});
  }

  void ExpectConflict(const Result<CommitResult>& result, const char* words) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kConflict);
    EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
  }

  catalog::TableName name_{"media", "t"};
  std::unique_ptr<LoadedTable> planned_;
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8())});
};

constexpr ChangeMode kModes[] = {ChangeMode::kCopyOnWrite, ChangeMode::kMergeOnRead};

TEST_F(ConflictCheck, AnAppendToAnotherPartitionDoesNotDisturb) {
  for (const ChangeMode mode : kModes) {
    TearDown();
    SetUp();
    Make("region");
    Append(R"([[4, "south"]])");
    const auto result = DeleteRegion(*planned_, "north", mode);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(MustRead(name_).size(), 2U);
  }
}

TEST_F(ConflictCheck, AnAppendToTheSamePartitionIsSeenWhenSerializable) {
  for (const ChangeMode mode : kModes) {
    TearDown();
    SetUp();
    Make("region");
    Append(R"([[4, "north"]])");
    ExpectConflict(DeleteRegion(*planned_, "north", mode), "were added meanwhile");
    EXPECT_EQ(MustRead(name_).size(), 4U);
    const auto result = DeleteRegion(*planned_, "north", mode, /*is_serializable=*/false);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(MustRead(name_).size(), 2U);
  }
}

TEST_F(ConflictCheck, BoundsTellWhatAnAppendHas) {
  Make("");
  Append(R"([[4, "west"]])");
  ASSERT_TRUE(DeleteRegion(*planned_, "north", ChangeMode::kCopyOnWrite));
  EXPECT_EQ(MustRead(name_).size(), 2U);
}

TEST_F(ConflictCheck, ADeleteInTheSameFileIsAConflictAtEveryLevel) {
  for (const ChangeMode first : kModes) {
    for (const ChangeMode second : kModes) {
      TearDown();
      SetUp();
      Make("");
      ASSERT_TRUE(DeleteRegion(*planned_, "south", first));
      const char* words =
          first == ChangeMode::kCopyOnWrite ? "meanwhile" : "were deleted meanwhile";
      ExpectConflict(DeleteRegion(*planned_, "north", second, /*is_serializable=*/false), words);
      EXPECT_EQ(MustRead(name_).size(), 2U);
    }
  }
}

TEST_F(ConflictCheck, ADeleteInAnotherPartitionDoesNotDisturb) {
  for (const ChangeMode mode : kModes) {
    TearDown();
    SetUp();
    Make("region");
    ASSERT_TRUE(DeleteRegion(*planned_, "south", mode));
    const auto result = DeleteRegion(*planned_, "north", mode);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(MustRead(name_).empty());
  }
}

TEST_F(ConflictCheck, OverwrittenPartitionsMustBeAsTheyWere) {
  Make("region");
  Append(R"([[4, "south"]])");
  MemorySource rows({Rows(schema_, R"([[9, "north"]])")});
  const auto done = OverwritePartitions(*context_, *planned_, rows, {.threads_count = 1}, false);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(MustRead(name_).size(), 3U);
  Append(R"([[5, "north"]])");
  MemorySource again({Rows(schema_, R"([[9, "north"]])")});
  ExpectConflict(OverwritePartitions(*context_, *planned_, again, {.threads_count = 1}, false),
                 "meanwhile");
  EXPECT_EQ(MustRead(name_).size(), 4U);
  MemorySource last({Rows(schema_, R"([[9, "north"]])")});
  ASSERT_TRUE(OverwritePartitions(*context_, *planned_, last, {.threads_count = 1}, true));
  EXPECT_EQ(MustRead(name_).size(), 3U);
}

TEST_F(ConflictCheck, AnUnknownIsolationLevelIsRefused) {
  Make("");
  auto metadata = planned_->metadata;
  EXPECT_TRUE(*is_serializable(metadata, "write.merge.isolation-level"));
  metadata.properties["write.merge.isolation-level"] = "snapshot";
  EXPECT_FALSE(*is_serializable(metadata, "write.merge.isolation-level"));
  metadata.properties["write.merge.isolation-level"] = "dirty";
  EXPECT_FALSE(is_serializable(metadata, "write.merge.isolation-level"));
}

}  // namespace
}  // namespace daypart::lake
