// SPDX-License-Identifier: Apache-2.0
//
// A new table is nobody's but its maker's until its first swap.
#include "catalog/new_table_catalog.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "catalog/sqlite_catalog.h"

namespace daypart::catalog {
namespace {

class NewTableCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("new_table_" + std::string(::testing::UnitTest::GetInstance()
                                              ->current_test_info()
                                              ->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    auto opened = OpenSqliteCatalog({.path = (folder_ / "catalog.db").string()});
    ASSERT_TRUE(opened) << opened.error().message;
    inner_ = std::move(*opened);
    ASSERT_TRUE(inner_->CreateDatabase("media", {}));
    new_tables_.emplace(*inner_);
    ASSERT_TRUE(new_tables_->CreateTable(kName, "v0"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  const TableName kName{"media", "clicks"};
  std::filesystem::path folder_;
  std::unique_ptr<SqliteCatalog> inner_;
  std::optional<NewTableCatalog> new_tables_;
};

TEST_F(NewTableCatalogTest, OthersSeeATableWithItsFirstSwap) {
  EXPECT_EQ(*new_tables_->MetadataLocation(kName), "v0");
  EXPECT_EQ(inner_->MetadataLocation(kName).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(new_tables_->CreateTable(kName, "w0").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(new_tables_->CompareAndSwap(kName, "other", "v1").error().code, ErrorCode::kConflict);
  ASSERT_TRUE(new_tables_->CompareAndSwap(kName, "v0", "v1"));
  EXPECT_EQ(*inner_->MetadataLocation(kName), "v1");
  ASSERT_TRUE(new_tables_->CompareAndSwap(kName, "v1", "v2"));
  EXPECT_EQ(*inner_->MetadataLocation(kName), "v2");
}

TEST_F(NewTableCatalogTest, ATableThatAnotherMadeFirstIsLeftAlone) {
  ASSERT_TRUE(inner_->CreateTable(kName, "theirs"));
  EXPECT_EQ(new_tables_->MetadataLocation(kName).error().code, ErrorCode::kConflict);
  EXPECT_EQ(new_tables_->CompareAndSwap(kName, "v0", "v1").error().code, ErrorCode::kConflict);
  EXPECT_EQ(*inner_->MetadataLocation(kName), "theirs");
}

TEST_F(NewTableCatalogTest, ATableWithoutRowsIsRegisteredOnRequest) {
  ASSERT_TRUE(new_tables_->Register(kName));
  EXPECT_EQ(*inner_->MetadataLocation(kName), "v0");
  ASSERT_TRUE(new_tables_->Register(kName)) << "once is enough";
  ASSERT_TRUE(new_tables_->CompareAndSwap(kName, "v0", "v1"));
}

TEST_F(NewTableCatalogTest, ATableThatIsDroppedBeforeWasNever) {
  ASSERT_TRUE(new_tables_->DropTable(kName));
  EXPECT_EQ(new_tables_->MetadataLocation(kName).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace daypart::catalog
