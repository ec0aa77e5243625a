// SPDX-License-Identifier: Apache-2.0
//
// Clauses found whatever stands in texts, quoted names, comments and brackets.
#include "query/write_statement.h"

#include <gtest/gtest.h>

namespace daypart::query {
namespace {

TEST(WriteStatement, TakesADeleteApart) {
  const auto plain = ParseWriteStatement("delete from media.t");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->table, "media.t");
  EXPECT_EQ(plain->where, "");
  const auto full = ParseWriteStatement(
      "DELETE FROM media.\"t 1\" AS x WHERE x.a IN (SELECT b FROM u WHERE c = ';') -- end\n;");
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->table, "media.\"t 1\"");
  EXPECT_EQ(full->alias, "x");
  EXPECT_EQ(full->where, "x.a IN (SELECT b FROM u WHERE c = ';')");
}

TEST(WriteStatement, TakesAnUpdateApart) {
  const auto update = ParseWriteStatement(
      "UPDATE t SET a = coalesce(b, 1), \"where\" = 'x, WHERE y', c = (SELECT max(d) FROM u WHERE "
      "TRUE) WHERE a = 1 AND b = 2");
  ASSERT_TRUE(update) << update.error().message;
  EXPECT_EQ(update->kind, WriteKind::kUpdate);
  ASSERT_EQ(update->assignments.size(), 3U);
  EXPECT_EQ(update->assignments[0].second, "coalesce(b, 1)");
  EXPECT_EQ(update->assignments[1].first, "where");
  EXPECT_EQ(update->assignments[1].second, "'x, WHERE y'");
  EXPECT_EQ(update->assignments[2].second, "(SELECT max(d) FROM u WHERE TRUE)");
  EXPECT_EQ(update->where, "a = 1 AND b = 2");
}

TEST(WriteStatement, TakesAnInsertApart) {
  const auto insert = ParseWriteStatement("INSERT INTO t (b, a) VALUES (1, 'x'), (2, 'y')");
  ASSERT_TRUE(insert) << insert.error().message;
  EXPECT_EQ(insert->columns, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(insert->select, "VALUES (1, 'x'), (2, 'y')");
  EXPECT_EQ(ParseWriteStatement("INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x")->select,
            "WITH x AS (SELECT 1) SELECT * FROM x");
}

TEST(WriteStatement, TellsWhereSomethingElseWasExpected) {
  const std::pair<const char*, const char*> cases[] = {
      {"DELETE t", "FROM is expected at character 8, found 't'"},
      {"DELETE FROM t WHERE", "a condition"},
      {"UPDATE t SET a 1", "= is expected"},
      {"UPDATE t SET a = WHERE b", "a value for a"},
      {"INSERT INTO t FROM x", "SELECT, WITH or VALUES"},
      {"DELETE FROM t; DELETE FROM t", "one statement"},
      {"DELETE FROM t WHERE a = 'x", "is not closed"},
      {"DROP TABLE t", "is expected with --write"},
      {"", "is expected with --write"},
  };
  for (const auto& [sql, words] : cases) {
    const auto statement = ParseWriteStatement(sql);
    ASSERT_FALSE(statement) << sql;
    EXPECT_NE(statement.error().message.find(words), std::string::npos)
        << statement.error().message;
  }
}

TEST(WriteStatement, NamesLoseTheirQuotes) {
  EXPECT_EQ(NameParts(R"(media."a.""b""")"), (std::vector<std::string>{"media", R"(a."b")"}));
}

}  // namespace
}  // namespace daypart::query
