// SPDX-License-Identifier: Apache-2.0
//
// Which tables a statement reads, and which statements are none of a reader's.
#include "query/statement.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace daypart::query {
namespace {

class StatementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto session = Session::Open({});
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::move(session).value();
  }
  std::vector<std::string> TablesOf(const std::string& sql) {
    const auto statement = ParseStatement(*session_, sql);
    EXPECT_TRUE(statement) << sql << ": " << statement.error().message;
    std::vector<std::string> names;
    if (statement) {
      for (const auto& table : statement->tables) names.push_back(ToString(table));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::unique_ptr<Session> session_;
};

using Names = std::vector<std::string>;

TEST_F(StatementTest, FindsTablesWhereverTheyStand) {
  EXPECT_EQ(TablesOf("SELECT * FROM a JOIN media.b USING (id), c AS d"),
            (Names{"a", "c", "media.b"}));
  EXPECT_EQ(TablesOf("SELECT (SELECT max(x) FROM a) FROM b WHERE EXISTS (SELECT 1 FROM c)"),
            (Names{"a", "b", "c"}));
  EXPECT_EQ(TablesOf("SELECT * FROM a UNION ALL SELECT * FROM (SELECT * FROM b)"),
            (Names{"a", "b"}));
  EXPECT_EQ(TablesOf("SELECT 1"), Names{});
  EXPECT_EQ(TablesOf("SELECT * FROM a, a AS other"), (Names{"a", "a"}));
}

TEST_F(StatementTest, CommonTableExpressionsAreNoTables) {
  EXPECT_EQ(TablesOf("WITH x AS (SELECT * FROM a) SELECT * FROM x JOIN b USING (id)"),
            (Names{"a", "b"}));
}

TEST_F(StatementTest, KnowsExplainAndSemicolons) {
  const auto statement = ParseStatement(*session_, "EXPLAIN SELECT * FROM a; ");
  ASSERT_TRUE(statement) << statement.error().message;
  EXPECT_TRUE(statement->is_explain);
  EXPECT_EQ(statement->tables.size(), 1U);
}

TEST_F(StatementTest, RefusesWhatIsNoQuery) {
  for (const char* sql :
       {"CREATE TABLE t (a INT)", "INSERT INTO a VALUES (1)", "DELETE FROM a", "UPDATE a SET x = 1",
        "DROP TABLE a", "COPY a TO 'x.csv'", "ATTACH 'x.db'", "INSTALL httpfs", "LOAD httpfs",
        "SET threads = 1", "PRAGMA version", "EXPORT DATABASE 'x'", "CALL pragma_version()",
        "SELECT 1; SELECT 2", "", "  ", "-- nothing", "SELEC 1"}) {
    const auto statement = ParseStatement(*session_, sql);
    EXPECT_FALSE(statement) << sql;
  }
}

TEST_F(StatementTest, RefusesFunctionsThatReachOutside) {
  for (const char* sql :
       {"SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_parquet('x')",
        "SELECT * FROM '/etc/passwd'", "SELECT * FROM 'x.parquet'",
        "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/*')",
        "SELECT * FROM duckdb_secrets()", "SELECT * FROM sniff_csv('x')",
        "WITH x AS (SELECT * FROM read_blob('/etc/passwd')) SELECT * FROM x",
        "SELECT (SELECT count(*) FROM read_json('x'))"}) {
    const auto statement = ParseStatement(*session_, sql);
    // A quoted path is a table name for the parser; there is no such table then.
    const bool is_name = statement && statement->tables.size() == 1;
    EXPECT_TRUE(!statement || is_name) << sql;
  }
}

TEST_F(StatementTest, NamesMayHoldAnything) {
  EXPECT_EQ(TablesOf(R"(SELECT * FROM "we""ird"."ta ble")"), (Names{R"(we"ird.ta ble)"}));
}

}  // namespace
}  // namespace daypart::query
