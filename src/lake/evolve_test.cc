// SPDX-License-Identifier: Apache-2.0
//
// Changes of a definition beside other writers: neither overwrites what the other did.
#include "lake/evolve.h"

#include <gmock/gmock.h>

#include "lake/table_refs.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

class EvolveTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    MustCreate(name_, schema_);
  }
  void MustAppend(const std::string& json, const WriteOptions& options = {}) {
    MemorySource source({Rows(schema_, json)});
    const auto result = Append(*context_, name_, source, options);
    ASSERT_TRUE(result) << result.error().message;
  }
  Status AddColumn(const std::string& name) {
    return EvolveSchema(*context_, name_, [&](iceberg::SchemaUpdate& update, const auto&) {
      return update.Add({.path = {name}, .type = iceberg::Type::Of(iceberg::TypeKind::kInt)});
    });
  }
  std::string ColumnNames() {
    std::string names;
    const auto table = LoadTable(*context_, name_);
    for (const auto& field : table->metadata.current_schema().fields) {
      names += field.name + ' ';
    }
    return names;
  }

  const catalog::TableName name_{"media", "views"};
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8())});
};

TEST_F(EvolveTest, ASchemaChangeBuildsOnOneThatCameMeanwhile) {
  int attempts = 0;
  const Status changed =
      EvolveSchema(*context_, name_, [&](iceberg::SchemaUpdate& update, const auto&) -> Status {
        // Another writer commits between our load and our swap, the first time.
        if (attempts++ == 0) DAYPART_RETURN_IF_ERROR(AddColumn("theirs"));
        return update.Add({.path = {"ours"}, .type = iceberg::Type::Of(iceberg::TypeKind::kInt)});
      });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(ColumnNames(), "id region theirs ours ");
  const auto metadata = LoadTable(*context_, name_)->metadata;
  EXPECT_EQ(metadata.current_schema().fields[2].id, iceberg::FieldId(3));
  EXPECT_EQ(metadata.current_schema().fields[3].id, iceberg::FieldId(4));
}

TEST_F(EvolveTest, ASchemaChangeThatIsNoLongerRightIsRefused) {
  int attempts = 0;
  const Status changed =
      EvolveSchema(*context_, name_, [&](iceberg::SchemaUpdate& update, const auto&) -> Status {
        if (attempts++ == 0) DAYPART_RETURN_IF_ERROR(AddColumn("same"));
        return update.Add({.path = {"same"}, .type = iceberg::Type::Of(iceberg::TypeKind::kLong)});
      });
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().message, HasSubstr("is taken"));
  EXPECT_EQ(ColumnNames(), "id region same ");
}

TEST_F(EvolveTest, AnAppendLandsThoughSpecAndSchemaChangeUnderIt) {
  WriteOptions options;
  options.before_commit = [&]() -> Status {
    DAYPART_RETURN_IF_ERROR(AddColumn("late"));
    return EvolveSpec(*context_, name_,
                      [](iceberg::SpecUpdate& update) { return update.Add("region", ""); });
  };
  MustAppend(R"([[1, "north"]])", options);
  MustAppend(R"([[2, "south"]])");
  EXPECT_THAT(MustRead(name_), ElementsAre("1|north|null", "2|south|null"));
  const auto table = LoadTable(*context_, name_);
  const auto plan =
      PlanScan(*context_, *table,
               iceberg::Expression::Compare(iceberg::ExpressionKind::kEqual, iceberg::FieldId(2),
                                            iceberg::Literal(std::string("south"))));
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->files.size(), 1u);
  EXPECT_EQ(plan->files.front().spec_id, iceberg::SpecId(1));
}

TEST_F(EvolveTest, ACommitKeepsTheRetentionOfItsBranch) {
  MustAppend(R"([[1, "north"]])");
  RefChange change{.name = "main", .mode = RefChange::Mode::kReplace};
  change.min_snapshots_to_keep = 5;
  ASSERT_TRUE(ChangeRef(*context_, name_, change));
  MustAppend(R"([[2, "south"]])");
  EXPECT_EQ(LoadTable(*context_, name_)->metadata.refs.at("main").min_snapshots_to_keep, 5);
}

TEST_F(EvolveTest, ACherryPickIsRefusedIfItsRowsCameMeanwhile) {
  MustAppend(R"([[1, "north"]])");
  ASSERT_TRUE(ChangeRef(*context_, name_, {.name = "b"}));
  WriteOptions on_branch;
  on_branch.branch = "b";
  MustAppend(R"([[2, "south"]])", on_branch);
  MustAppend(R"([[3, "east"]])");
  EXPECT_THAT(MustRead(name_), ElementsAre("1|north", "3|east"));
  const auto head = LoadTable(*context_, name_)->metadata.refs.at("b").snapshot_id;
  const auto picked = CherryPick(*context_, name_, head);
  ASSERT_TRUE(picked) << picked.error().message;
  const auto again = CherryPick(*context_, name_, head);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("already"));
  EXPECT_THAT(MustRead(name_), ElementsAre("1|north", "2|south", "3|east"));
}

TEST_F(EvolveTest, ATableWithRowsIsThereWholeOrNotAtAll) {
  CreateOptions options;
  options.schema = iceberg::AssignFreshIds(*FromArrowSchema(*schema_));
  MemorySource rows({Rows(schema_, R"([[1, "north"]])")});
  EXPECT_EQ(CreateTableWithRows(*context_, name_, options, rows, {}).error().code,
            ErrorCode::kAlreadyExists);
  MemorySource more({Rows(schema_, R"([[1, "north"]])")});
  const catalog::TableName made{"media", "made"};
  ASSERT_TRUE(CreateTableWithRows(*context_, made, options, more, {}));
  EXPECT_THAT(MustRead(made), ElementsAre("1|north"));
  ASSERT_TRUE(DropTable(*context_, made, /*purges=*/true));
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder_ / "media" / "made")) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 0u);
}

}  // namespace
}  // namespace daypart::lake
