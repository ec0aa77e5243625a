// SPDX-License-Identifier: Apache-2.0
//
// SQL over real tables of a small lake: pruning never changes an answer, the schema is the table's
// own whatever the files have, sources are read as often as they are named.
#include "query/engine.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "lake/commit.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::query {
namespace {

using catalog::TableName;
using lake::testing::MemorySource;
using lake::testing::ValueText;

class EngineTest : public lake::testing::LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    options_.views_directory = (folder_ / "views").string();
    std::filesystem::create_directories(options_.views_directory);
  }

  void MustAppend(const TableName& name, const std::shared_ptr<arrow::Schema>& schema,
                  const std::string& json) {
    MemorySource source({lake::testing::Rows(schema, json)});
    lake::WriteOptions write;
    write.threads_count = 1;
    const auto result = lake::Append(*context_, name, source, write);
    ASSERT_TRUE(result) << result.error().message;
  }

  void MakeEngine() {
    auto engine = OpenEngine(*context_, *catalog_, options_);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(engine).value();
  }

  /// Rows as "a|b" in order, or the error's message in their place.
  std::vector<std::string> Ask(const std::string& sql, ScanStatistics* statistics = nullptr) {
    if (engine_ == nullptr) MakeEngine();
    std::vector<std::string> rows;
    auto result = engine_->Query(sql);
    if (!result) return {"error: " + result.error().message};
    if (statistics != nullptr) *statistics = (*result)->statistics();
    auto cursor = (*result)->NewCursor();
    while (true) {
      auto batch = (*cursor)->Next();
      if (!batch) return {"error: " + batch.error().message};
      if (*batch == nullptr) return rows;
      for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
        std::string text;
        for (const auto& column : (*batch)->columns()) {
          text += (text.empty() ? "" : "|") + ValueText(*column, row);
        }
        rows.push_back(std::move(text));
      }
    }
  }

  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

const auto kSchema =
    arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
                   arrow::field("price", arrow::float64()), arrow::field("day", arrow::date32()),
                   arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});

TEST_F(EngineTest, AnswersOverATableOfSeveralFiles) {
  MustCreate({"media", "t"}, kSchema);
  MustAppend({"media", "t"}, kSchema, R"([[1, "a", 1.5, 0, 0]])");
  MustAppend({"media", "t"}, kSchema, R"([[2, null, null, null, null], [3, "", -0.0, 1, 1]])");
  EXPECT_EQ(Ask("SELECT id, name FROM t ORDER BY id"),
            (std::vector<std::string>{"1|a", "2|null", "3|"}));
  EXPECT_EQ(Ask("SELECT count(*), sum(a.id) FROM t a JOIN media.t b ON a.id = b.id"),
            (std::vector<std::string>{"3|6"}));
}

TEST_F(EngineTest, ComparesWithTheEmptyText) {
  MustCreate({"media", "t"}, kSchema);
  MustAppend({"media", "t"}, kSchema, R"([[1, "", 0, 0, 0], [2, "x", 0, 0, 0]])");
  MustAppend({"media", "t"}, kSchema, R"([[3, null, 0, 0, 0]])");
  EXPECT_EQ(Ask("SELECT id FROM t WHERE name = ''"), std::vector<std::string>{"1"});
  EXPECT_EQ(Ask("SELECT id FROM t WHERE name > ''"), std::vector<std::string>{"2"});
}

TEST_F(EngineTest, AnEmptyTableHasItsColumns) {
  MustCreate({"media", "t"}, kSchema);
  EXPECT_EQ(Ask("SELECT count(*), max(price) FROM t"), (std::vector<std::string>{"0|null"}));
  EXPECT_EQ(Ask("SELECT column_name FROM (DESCRIBE t) WHERE column_type = 'DATE'"),
            (std::vector<std::string>{"day"}));
}

TEST_F(EngineTest, SeesThroughARename) {
  MustCreate({"media", "t"}, kSchema);
  MustAppend({"media", "t"}, kSchema, R"([[1, "old", 1.5, 0, 0]])");
  const auto rename = [](const iceberg::TableMetadata& metadata) {
    iceberg::Schema schema = metadata.current_schema();
    schema.fields[1].name = "title";
    schema.id = iceberg::SchemaId(1);
    return Result<std::vector<iceberg::TableUpdate>>(std::vector<iceberg::TableUpdate>{
        iceberg::AddSchema{schema}, iceberg::SetCurrentSchema{iceberg::SchemaId(1)}});
  };
  const Status renamed = lake::CommitUpdates(*context_, {"media", "t"}, rename);
  ASSERT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(Ask("SELECT title FROM t WHERE title = 'old'"), (std::vector<std::string>{"old"}));
}

TEST_F(EngineTest, PruningChangesNoAnswer) {
  MustCreate({"media", "t"}, kSchema);
  const std::vector<std::string> rows = {
      R"([[1, "a", 1.5, 0, 0]])", R"([[2, "it's", -1.0, 19000, 1600000000000000]])",
      R"([[3, null, null, null, null]])", R"([[4, "zz", 1e300, -1, -1]])",
      R"([[null, "\u00e9", 0.0, 1, 5], [7, "b", 2.5, 2, 6]])"};
  for (const std::string& row : rows) MustAppend({"media", "t"}, kSchema, row);
  const std::vector<std::string> terms = {"id = 2",
                                          "id <> 2",
                                          "id > 2",
                                          "2 >= id",
                                          "id IN (1, 4, NULL)",
                                          "id NOT IN (1, 4)",
                                          "id BETWEEN 2 AND 3",
                                          "id IS NULL",
                                          "id IS NOT NULL",
                                          "id + 1 = 3",
                                          "CAST(id AS VARCHAR) = '2'",
                                          "name = 'it''s'",
                                          "name LIKE 'z%'",
                                          "name LIKE '%t%'",
                                          "name NOT LIKE 'a%'",
                                          "name > 'b'",
                                          "starts_with(name, 'z')",
                                          "lower(name) = 'zz'",
                                          "name IS NULL",
                                          "price < 0",
                                          "price = 0",
                                          "price > 1e299",
                                          "isnan(price)",
                                          "price IS NOT DISTINCT FROM NULL",
                                          "day = DATE '1970-01-01'",
                                          "day < DATE '1970-01-01'",
                                          "year(day) = 2022",
                                          "\"at\" >= TIMESTAMPTZ '2020-01-01 00:00:00+00'",
                                          "\"at\" = TIMESTAMPTZ '1970-01-01 00:00:00+00'",
                                          "\"at\"::DATE = DATE '1970-01-01'",
                                          "TRUE",
                                          "NULL"};
  int64_t files_read = 0;
  int64_t files_total = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    for (size_t j = i; j < terms.size(); j += 5) {
      for (const std::string& where :
           {terms[i] + " AND " + terms[j], terms[i] + " OR NOT (" + terms[j] + ")"}) {
        ScanStatistics statistics;
        const auto pruned =
            Ask("SELECT id, name FROM t WHERE " + where + " ORDER BY ALL", &statistics);
        // The condition as a column cannot be used for pruning.
        const auto whole = Ask("SELECT id, name FROM (SELECT id, name, random() >= 0 AND (" +
                               where + ") AS hit FROM t) WHERE hit ORDER BY ALL");
        ASSERT_EQ(pruned, whole) << where;
        ASSERT_TRUE(pruned.empty() || !pruned[0].starts_with("error")) << pruned[0];
        files_read += statistics.files_read;
        files_total += statistics.files_total;
      }
    }
  }
  EXPECT_LT(files_read, files_total * 3 / 4) << "hardly any file was spared";
}

TEST_F(EngineTest, AnAliasDoesNotPruneByTheColumnOfItsName) {
  const auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  const auto schema = arrow::schema({arrow::field("a", time), arrow::field("b", time)});
  MustCreate({"media", "t"}, schema);
  MustAppend({"media", "t"}, schema, "[[0, 864000000000]]");
  MustAppend({"media", "t"}, schema, "[[864000000000, 0]]");
  const std::string day = "::DATE = DATE '1970-01-01'";
  const std::vector<std::string> swapped = {
      "SELECT a AS b, b AS a FROM t", "SELECT b, a FROM t x(b, a)",
      "SELECT * RENAME (a AS b, b AS a) FROM t",
      "SELECT a, b FROM t WHERE false UNION ALL SELECT b, a FROM t"};
  for (const std::string& rows : swapped) {
    EXPECT_EQ(Ask("SELECT a, b FROM (" + rows + ") WHERE a" + day).size(), 1U) << rows;
  }
  ScanStatistics statistics;
  EXPECT_EQ(Ask("SELECT a FROM t WHERE a" + day, &statistics).size(), 1U);
  EXPECT_EQ(statistics.files_read, 1);
}

TEST_F(EngineTest, FiltersByColumnsOfAnyNameAndByFieldsOfStructs) {
  const auto place = arrow::struct_(
      {arrow::field("x", arrow::int64()), arrow::field("name", arrow::utf8())});
  const auto schema = arrow::schema({arrow::field("at", arrow::int64()),
                                     arrow::field("odd name.%", arrow::utf8()),
                                     arrow::field("place", place)});
  MustCreate({"media", "select"}, schema);
  MustAppend({"media", "select"}, schema,
             R"([[1, "abc", {"x": 1, "name": "n1"}], [2, "abd", null]])");
  MustAppend({"media", "select"}, schema, R"([[3, "b", {"x": 3, "name": null}]])");
  const std::vector<std::tuple<std::string, std::string, int64_t>> cases = {
      {"\"at\" > 2", "3", 1},
      {"\"odd name.%\" = 'b'", "3", 1},
      {"\"odd name.%\" NOT LIKE 'ab%'", "3", 1},
      {"place.x > 1 AND \"at\" > 2", "3", 1},
      {"place.x = 3", "3", 1},
      {"place.name = 'n1'", "1", 1},
      {"place.x IN (3, 4)", "3", 1},
      {"NOT (place.x <> 1)", "1", 1}};
  for (const auto& [where, expected, files_max] : cases) {
    ScanStatistics statistics;
    EXPECT_EQ(Ask("SELECT \"at\" FROM \"select\" WHERE " + where, &statistics),
              std::vector<std::string>{expected})
        << where;
    EXPECT_EQ(statistics.files_total, 2);
    EXPECT_LE(statistics.files_read, files_max) << where;
  }
  EXPECT_EQ(Ask("SELECT \"at\" FROM \"select\" WHERE place.name IS NULL ORDER BY 1"),
            (std::vector<std::string>{"2", "3"}));
}

TEST_F(EngineTest, ABoundSourceIsReadOnceAndComesFirst) {
  MustCreate({"media", "t"}, kSchema);
  MakeEngine();
  const auto schema = arrow::schema({arrow::field("id", arrow::int64())});
  MemorySource source({lake::testing::Rows(schema, "[[5], [6]]")});
  ASSERT_TRUE(engine_->Bind({"media", "t"}, source));
  EXPECT_EQ(Ask("SELECT id FROM t ORDER BY id"), (std::vector<std::string>{"5", "6"}));
  MemorySource again({lake::testing::Rows(schema, "[[5], [6]]")});
  ASSERT_TRUE(engine_->Bind({"media", "t"}, again));
  const auto twice = Ask("SELECT * FROM t a, t b");
  ASSERT_EQ(twice.size(), 1U);
  EXPECT_NE(twice[0].find("name it once"), std::string::npos) << twice[0];
}

TEST_F(EngineTest, ViewsOfTheFolderAreTables) {
  MustCreate({"media", "t"}, kSchema);
  MustAppend({"media", "t"}, kSchema, R"([[1, "a", 1.5, 0, 0], [2, "b", 1.5, 0, 0]])");
  std::ofstream(folder_ / "views" / "big.sql")
      << "-- ids above one\nSELECT id FROM t WHERE id > 1\n";
  EXPECT_EQ(Ask("SELECT * FROM big"), (std::vector<std::string>{"2"}));
  std::ofstream(folder_ / "views" / "ring.sql") << "SELECT * FROM ring\n";
  EXPECT_NE(Ask("SELECT * FROM ring")[0].find("error"), std::string::npos);
}

TEST_F(EngineTest, AStatementSeesNoFileButThoseOfItsTables) {
  std::ofstream(folder_ / "secret.csv") << "a\n1\n";
  for (const std::string& sql :
       {"SELECT * FROM read_csv('" + (folder_ / "secret.csv").string() + "')",
        "SELECT * FROM '" + (folder_ / "secret.csv").string() + "'",
        std::string("SELECT * FROM getenv('HOME')")}) {
    EXPECT_TRUE(Ask(sql)[0].starts_with("error")) << sql;
  }
}

TEST_F(EngineTest, MemoryIsLimited) {
  options_.memory_bytes_max = int64_t{24} << 20;
  MakeEngine();
  const auto result = engine_->Query(
      "SELECT count(DISTINCT a.range * 100000 + b.range) FROM range(20000) a, range(20000) b");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted) << result.error().message;
}

TEST_F(EngineTest, NestedColumnsComeBackAsTheyWent) {
  const auto schema = arrow::schema(
      {arrow::field("id", arrow::int64()), arrow::field("tags", arrow::list(arrow::utf8())),
       arrow::field("place", arrow::struct_({arrow::field("x", arrow::float64()),
                                             arrow::field("names", arrow::list(arrow::utf8()))}))});
  MustCreate({"media", "n"}, schema);
  MustAppend({"media", "n"}, schema,
             R"([[1, ["a", null], {"x": 1.5, "names": []}], [2, null, null],
                 [3, [], {"x": null, "names": ["q", "r"]}]])");
  EXPECT_EQ(
      Ask("SELECT id, len(tags), tags[1], place.x, place.names[2] FROM n ORDER BY id"),
      (std::vector<std::string>{"1|2|a|1.5|null", "2|null|null|null|null", "3|0|null|null|r"}));
  EXPECT_EQ(Ask("SELECT sum(id) FROM n WHERE place IS NOT NULL"), (std::vector<std::string>{"4"}));
}

}  // namespace
}  // namespace daypart::query
