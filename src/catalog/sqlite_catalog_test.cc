// SPDX-License-Identifier: Apache-2.0
//
// The SQLite catalog: commits that race, the layout that PyIceberg shares, damaged files.
#include "catalog/sqlite_catalog.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace daypart::catalog {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A folder of its own with one catalog file in it.
class SqliteCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static std::atomic<int> count{0};
    folder_ = fs::path(testing::TempDir()) / fmt::format("catalog_{}_{}", getpid(), ++count);
    fs::create_directories(folder_);
    path_ = (folder_ / "catalog.db").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<SqliteCatalog> Open(SqliteCatalogOptions options = {}) {
    options.path = path_;
    auto catalog = OpenSqliteCatalog(options);
    EXPECT_TRUE(catalog) << catalog.error().message;
    return catalog ? std::move(*catalog) : nullptr;
  }

  /// Runs SQL as another program would.
  void Sql(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }

  fs::path folder_;
  std::string path_;
};

const TableName kAds = {.database = "media", .table = "ad_revenue"};

RawTable AdsCsv() {
  RawTable table;
  table.name = {.database = "media_raw", .table = "ad_revenue"};
  table.location = "file:///lake/raw/ad_revenue/";
  table.delimiter = '\t';
  table.quote = '\0';
  table.columns = {
      {.name = "ad_id",
       .source_name = "Ad Id",
       .type = iceberg::Type::Of(iceberg::TypeKind::kLong)},
      {.name = "revenue", .source_name = "Umsatz €", .type = iceberg::Type::DecimalOf(18, 4)}};
  table.partition_columns = {
      {.name = "day", .source_name = "day", .type = iceberg::Type::Of(iceberg::TypeKind::kDate)}};
  table.partitions = {
      {.values = {"2026-11-24"}, .location = "file:///lake/raw/ad_revenue/day=2026-11-24/"}};
  table.parameters = {{"compression", "gzip"}};
  table.updated = UtcMicros(1'700'000'000'000'000);
  return table;
}

TEST_F(SqliteCatalogTest, KeepsTablesAcrossReopening) {
  {
    const auto catalog = Open();
    ASSERT_TRUE(catalog->CreateDatabase("media", {}));
    ASSERT_TRUE(catalog->CreateTable(kAds, "file:///m/0.json"));
  }
  const auto catalog = Open();
  EXPECT_THAT(*catalog->ListDatabases(), ElementsAre("media"));
  EXPECT_THAT(*catalog->ListTables("media"), ElementsAre(kAds));
  EXPECT_EQ(*catalog->MetadataLocation(kAds), "file:///m/0.json");
}

TEST_F(SqliteCatalogTest, RefusesASecondDatabaseOrTableOfTheSameName) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {{"owner", "ads"}}));
  EXPECT_EQ(catalog->CreateDatabase("media", {}).error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(catalog->CreateTable(kAds, "a"));
  EXPECT_EQ(catalog->CreateTable(kAds, "b").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(*catalog->MetadataLocation(kAds), "a");
}

TEST_F(SqliteCatalogTest, RefusesATableInADatabaseThatIsNotThere) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  const Status status = catalog->CreateTable({"medai", "t"}, "a");
  ASSERT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(status.error().message, HasSubstr("did you mean media?"));
}

TEST_F(SqliteCatalogTest, SuggestsTheNearestTable) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  ASSERT_TRUE(catalog->CreateTable(kAds, "a"));
  const auto near = catalog->MetadataLocation({"media", "ad_revnue"});
  ASSERT_EQ(near.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(near.error().message, HasSubstr("did you mean ad_revenue?"));
  EXPECT_THAT(catalog->MetadataLocation({"media", "viewership"}).error().message,
              Not(HasSubstr("did you mean")));
}

TEST_F(SqliteCatalogTest, SwapsOnlyFromTheExpectedLocation) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  ASSERT_TRUE(catalog->CreateTable(kAds, "0"));
  ASSERT_TRUE(catalog->CompareAndSwap(kAds, "0", "1"));
  const Status stale = catalog->CompareAndSwap(kAds, "0", "2");
  EXPECT_EQ(stale.error().code, ErrorCode::kConflict);
  EXPECT_THAT(stale.error().message, HasSubstr("expected 0, found 1"));
  EXPECT_EQ(*catalog->MetadataLocation(kAds), "1");
  EXPECT_EQ(catalog->CompareAndSwap({"media", "x"}, "0", "1").error().code, ErrorCode::kNotFound);
}

TEST_F(SqliteCatalogTest, RemembersThePreviousLocationForOtherPrograms) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  ASSERT_TRUE(catalog->CreateTable(kAds, "0"));
  ASSERT_TRUE(catalog->CompareAndSwap(kAds, "0", "1"));
  Sql("UPDATE iceberg_tables SET metadata_location = 'seen' WHERE previous_metadata_location = '0' "
      "AND iceberg_type = 'TABLE' AND catalog_name = 'daypart'");
  EXPECT_EQ(*catalog->MetadataLocation(kAds), "seen");
}

TEST_F(SqliteCatalogTest, DropsAndRenames) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  ASSERT_TRUE(catalog->CreateDatabase("archive", {}));
  ASSERT_TRUE(catalog->CreateTable(kAds, "0"));
  ASSERT_TRUE(catalog->CreateTable({"media", "b"}, "1"));
  EXPECT_EQ(catalog->RenameTable(kAds, {"media", "b"}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(catalog->RenameTable(kAds, {"gone", "b"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog->RenameTable({"media", "c"}, {"media", "d"}).error().code,
            ErrorCode::kNotFound);
  ASSERT_TRUE(catalog->RenameTable(kAds, {"archive", "ads"}));
  EXPECT_EQ(*catalog->MetadataLocation({"archive", "ads"}), "0");
  ASSERT_TRUE(catalog->DropTable({"media", "b"}));
  EXPECT_EQ(catalog->DropTable({"media", "b"}).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(*catalog->ListTables("media"), IsEmpty());
  EXPECT_THAT(*catalog->ListDatabases(), ElementsAre("archive", "media"));
}

TEST_F(SqliteCatalogTest, SeesOnlyRowsOfItsCatalogName) {
  const auto ours = Open();
  const auto theirs = Open({.path = {}, .catalog_name = "other"});
  ASSERT_TRUE(ours->CreateDatabase("media", {}));
  EXPECT_THAT(*theirs->ListDatabases(), IsEmpty());
  ASSERT_TRUE(theirs->CreateDatabase("media", {}));
}

TEST_F(SqliteCatalogTest, PassesOverViewsOfOtherPrograms) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  Sql("INSERT INTO iceberg_tables VALUES ('daypart', 'media', 'v', 'x', NULL, 'VIEW')");
  EXPECT_THAT(*catalog->ListTables("media"), IsEmpty());
  EXPECT_EQ(catalog->MetadataLocation({"media", "v"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog->CreateTable({"media", "v"}, "y").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(catalog->DropTable({"media", "v"}).error().code, ErrorCode::kNotFound);
}

TEST_F(SqliteCatalogTest, UsesAFileOfTheOlderLayoutAsItIs) {
  Sql("CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace "
      "VARCHAR(255) "
      "NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
      "previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, "
      "table_name)); CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR(255) NOT "
      "NULL, "
      "namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, property_value "
      "VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key))");
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  ASSERT_TRUE(catalog->CreateTable(kAds, "0"));
  ASSERT_TRUE(catalog->CompareAndSwap(kAds, "0", "1"));
  EXPECT_EQ(*catalog->MetadataLocation(kAds), "1");
}

TEST_F(SqliteCatalogTest, ReadersUndoWhatAKilledWriterLeft) {
  {
    const auto catalog = Open();
    ASSERT_TRUE(catalog->CreateDatabase("media", {}));
    ASSERT_TRUE(catalog->CreateTable(kAds, "0"));
  }
  // A transaction whose pages are in the file and whose journal lies beside it, as after SIGKILL.
  const std::string copy = path_ + ".copy";
  sqlite3* writer = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &writer), SQLITE_OK);
  const std::string change =
      "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN IMMEDIATE; "
      "UPDATE iceberg_tables SET metadata_location = 'half-way'; CREATE TABLE big (x); "
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
      "INSERT INTO big SELECT hex(zeroblob(1000)) FROM n";
  ASSERT_EQ(sqlite3_exec(writer, change.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  fs::copy_file(path_, copy);
  fs::copy_file(path_ + "-journal", copy + "-journal");
  sqlite3_close(writer);
  path_ = copy;
  const auto reader = Open({.read_only = true});
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(*reader->MetadataLocation(kAds), "0");
}

TEST_F(SqliteCatalogTest, RoundTripsRawTables) {
  const auto catalog = Open();
  const RawTable table = AdsCsv();
  ASSERT_TRUE(catalog->PutRawTable(table));
  const auto stored = catalog->GetRawTable(table.name);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->version, 1);
  EXPECT_EQ(stored->name, table.name);
  EXPECT_EQ(stored->location, table.location);
  EXPECT_EQ(stored->delimiter, '\t');
  EXPECT_EQ(stored->quote, '\0');
  EXPECT_EQ(stored->columns, table.columns);
  EXPECT_EQ(stored->partition_columns, table.partition_columns);
  EXPECT_EQ(stored->partitions, table.partitions);
  EXPECT_EQ(stored->parameters, table.parameters);
  EXPECT_EQ(stored->updated, table.updated);
  EXPECT_EQ(catalog->ListRawTables("media_raw")->size(), 1u);
  EXPECT_THAT(*catalog->ListDatabases(), IsEmpty());
}

TEST_F(SqliteCatalogTest, WritesARawTableOnlyOverTheVersionItWasReadAt) {
  const auto catalog = Open();
  RawTable table = AdsCsv();
  ASSERT_TRUE(catalog->PutRawTable(table));
  EXPECT_EQ(catalog->PutRawTable(table).error().code, ErrorCode::kConflict);
  table.version = 1;
  ASSERT_TRUE(catalog->PutRawTable(table));
  EXPECT_EQ(catalog->PutRawTable(table).error().code, ErrorCode::kConflict);
  EXPECT_EQ(catalog->GetRawTable(table.name)->version, 2);
  ASSERT_TRUE(catalog->DropRawTable(table.name));
  EXPECT_EQ(catalog->PutRawTable(table).error().code, ErrorCode::kConflict);
  EXPECT_EQ(catalog->DropRawTable(table.name).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog->GetRawTable(table.name).error().code, ErrorCode::kNotFound);
}

TEST_F(SqliteCatalogTest, NamesTheFileWhereARawDescriptionIsBroken) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->PutRawTable(AdsCsv()));
  Sql("UPDATE daypart_raw_tables SET definition = '{\"location\": 7}'");
  const auto table = catalog->GetRawTable(AdsCsv().name);
  ASSERT_EQ(table.error().code, ErrorCode::kCorruptData);
  EXPECT_THAT(table.error().message, HasSubstr(path_));
}

TEST_F(SqliteCatalogTest, IsSharedByThreads) {
  const auto catalog = Open();
  ASSERT_TRUE(catalog->CreateDatabase("media", {}));
  ASSERT_TRUE(catalog->CreateTable(kAds, "0"));
  constexpr int kThreads = 4;
  constexpr int kCommits = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&catalog] {
      for (int done = 0; done < kCommits;) {
        const std::string current = catalog->MetadataLocation(kAds).value();
        const std::string next = std::to_string(std::stoi(current) + 1);
        if (catalog->CompareAndSwap(kAds, current, next)) ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*catalog->MetadataLocation(kAds), std::to_string(kThreads * kCommits));
}

}  // namespace
}  // namespace daypart::catalog
