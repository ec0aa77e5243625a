// SPDX-License-Identifier: Apache-2.0
//
// Clauses found whatever stands in texts, quoted names, comments and brackets.
#include "query/write_statement.h"

#include <gtest/gtest.h>

#include "query/sql_reader.h"

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

TEST(WriteStatement, TakesAnOverwriteApart) {
  for (const char* sql : {"INSERT OVERWRITE t SELECT 1", "insert overwrite into t SELECT 1",
                          "INSERT OVERWRITE TABLE t SELECT 1"}) {
    const auto overwrite = ParseWriteStatement(sql);
    ASSERT_TRUE(overwrite) << overwrite.error().message;
    EXPECT_EQ(overwrite->kind, WriteKind::kOverwrite);
    EXPECT_EQ(overwrite->table, "t");
    EXPECT_EQ(overwrite->select, "SELECT 1");
  }
}

TEST(WriteStatement, TakesAMergeApart) {
  const auto merge = ParseWriteStatement(
      "MERGE INTO media.t AS t USING (SELECT 1 AS a, ')' AS b) s\n"
      "ON t.a = s.a AND CASE WHEN t.b IS NULL THEN TRUE ELSE s.b <> 'WHEN' END\n"
      "WHEN MATCHED AND s.b = 'x' THEN DELETE\n"
      "WHEN MATCHED THEN UPDATE SET b = CASE WHEN s.b = ',' THEN 'a' ELSE 'b' END, t.a = s.a\n"
      "WHEN NOT MATCHED BY TARGET AND s.a > 0 THEN INSERT (a, \"b\") VALUES (s.a, f(s.b, 1))\n"
      "WHEN NOT MATCHED THEN INSERT *\n"
      "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = 'gone'");
  ASSERT_TRUE(merge) << merge.error().message;
  EXPECT_EQ(merge->kind, WriteKind::kMerge);
  EXPECT_EQ(merge->table, "media.t");
  EXPECT_EQ(merge->alias, "t");
  EXPECT_EQ(merge->source, "(SELECT 1 AS a, ')' AS b\n)");
  EXPECT_EQ(merge->source_alias, "s");
  EXPECT_EQ(merge->on, "t.a = s.a AND CASE WHEN t.b IS NULL THEN TRUE ELSE s.b <> 'WHEN' END");
  using Match = MergeClause::Match;
  using Action = MergeClause::Action;
  ASSERT_EQ(merge->clauses.size(), 5U);
  EXPECT_EQ(merge->clauses[0].action, Action::kDelete);
  EXPECT_EQ(merge->clauses[0].condition, "s.b = 'x'");
  EXPECT_EQ(merge->clauses[1].assignments,
            (std::vector<Assignment>{{"b", "CASE WHEN s.b = ',' THEN 'a' ELSE 'b' END"},
                                     {"a", "s.a"}}));
  EXPECT_EQ(merge->clauses[2].match, Match::kNotMatched);
  EXPECT_EQ(merge->clauses[2].condition, "s.a > 0");
  EXPECT_EQ(merge->clauses[2].assignments,
            (std::vector<Assignment>{{"a", "s.a"}, {"b", "f(s.b, 1)"}}));
  EXPECT_TRUE(merge->clauses[3].is_all);
  EXPECT_EQ(merge->clauses[4].match, Match::kNotMatchedBySource);
  EXPECT_EQ(merge->clauses[4].assignments, (std::vector<Assignment>{{"b", "'gone'"}}));
}

TEST(WriteStatement, TakesAMergeFromATableApart) {
  const auto merge = ParseWriteStatement(
      "MERGE INTO t USING media.u ON t.a = u.a WHEN MATCHED THEN UPDATE SET *");
  ASSERT_TRUE(merge) << merge.error().message;
  EXPECT_EQ(merge->alias, "");
  EXPECT_EQ(merge->source, "media.u");
  EXPECT_EQ(merge->source_alias, "");
  EXPECT_TRUE(merge->clauses.front().is_all);
}

TEST(WriteStatement, TellsWhatAMergeMisses) {
  const std::string head = "MERGE INTO t USING u ON t.a = u.a ";
  const std::pair<std::string, const char*> cases[] = {
      {"MERGE t USING u", "INTO is expected"},
      {"MERGE INTO t USING (SELECT 1) ON TRUE", "a name for the source rows"},
      {"MERGE INTO t USING (SELECT 1", ") is expected"},
      {"MERGE INTO t USING u ON WHEN MATCHED THEN DELETE", "a condition"},
      {head, "WHEN is expected"},
      {head + "WHEN MATCHED AND THEN DELETE", "a condition"},
      {head + "WHEN MATCHED THEN INSERT *", "UPDATE SET or DELETE"},
      {head + "WHEN NOT MATCHED THEN DELETE", "INSERT is expected"},
      {head + "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET *", "a name is expected"},
      {head + "WHEN NOT MATCHED THEN INSERT (a, b) VALUES (1)", ", is expected"},
      {head + "WHEN NOT MATCHED THEN INSERT (a) VALUES (1, 2)", ") is expected"},
      {head + "WHEN NOT MATCHED THEN INSERT (a) VALUES ()", "a value for a"},
      {head + "WHEN MATCHED THEN DELETE x", "WHEN is expected"},
      {head + "WHEN MATCHED THEN UPDATE SET u.a = 1", "found u.a"},
  };
  for (const auto& [sql, words] : cases) {
    const auto statement = ParseWriteStatement(sql);
    ASSERT_FALSE(statement) << sql;
    EXPECT_NE(statement.error().message.find(words), std::string::npos)
        << sql << ": " << statement.error().message;
  }
}

TEST(WriteStatement, TellsWhereSomethingElseWasExpected) {
  const std::pair<const char*, const char*> cases[] = {
      {"DELETE t", "FROM is expected at character 8, found 't'"},
      {"DELETE FROM t WHERE", "a condition"},
      {"UPDATE t SET a 1", "= is expected"},
      {"UPDATE t SET a = WHERE b", "a value for a"},
      {"INSERT INTO t x", "SELECT, WITH, VALUES or FROM"},
      {"INSERT INTO t (a) SELECT 1 AS b;;; SELECT", "one statement"},
      {"UPDATE t SET a = 1, A = 2", "A is set twice"},
      {"UPDATE t SET s.f = 1", "found s.f"},
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
