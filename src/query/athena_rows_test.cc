// SPDX-License-Identifier: Apache-2.0
//
// Athena's CSV in pieces of every size, statements that only read, cells that are not of their
// type.
#include "query/athena_rows.h"

#include <gtest/gtest.h>

#include <arrow/record_batch.h>

#include "query/athena_query.h"

namespace daypart::query {
namespace {

using Row = std::vector<AthenaCell>;

TEST(AthenaCsv, GivesTheSameRowsWhereverThePiecesEnd) {
  const std::string text = "\"a\",\"b\"\n\"x\"\"y\",\n,\"\"\n\"l\n1\",\"p,q\"\n";
  const std::vector<Row> expected = {
      {"a", "b"}, {"x\"y", std::nullopt}, {std::nullopt, ""}, {"l\n1", "p,q"}};
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      AthenaCsv csv;
      std::vector<Row> rows;
      ASSERT_TRUE(csv.Feed(text.substr(0, first), rows));
      ASSERT_TRUE(csv.Feed(text.substr(first, second - first), rows));
      ASSERT_TRUE(csv.Feed(text.substr(second), rows));
      ASSERT_TRUE(csv.Finish());
      ASSERT_EQ(rows, expected) << first << ' ' << second;
    }
  }
}

TEST(AthenaCsv, RefusesWhatIsCutOffOrMalformed) {
  for (const std::string text : {"\"a\",\"b", "\"a\",", "\"a\"", "a"}) {
    AthenaCsv csv;
    std::vector<Row> rows;
    ASSERT_TRUE(csv.Feed(text, rows)) << text;
    EXPECT_FALSE(csv.Finish()) << text;
  }
  for (const std::string text : {"\"a\"b\n", "a\"b\"\n"}) {
    AthenaCsv csv;
    std::vector<Row> rows;
    EXPECT_FALSE(csv.Feed(text, rows)) << text;
  }
}

TEST(BatchOfAthena, TellsColumnAndTextOfACellThatDoesNotFit) {
  const std::pair<aws::AthenaColumn, std::string> cases[] = {
      {{"c", "tinyint"}, "128"},           {{"c", "boolean"}, "yes"},
      {{"c", "decimal", 4, 2}, "123.45"},  {{"c", "decimal", 4, 1}, "1.25"},
      {{"c", "date"}, "2026-02-30"},       {{"c", "timestamp"}, "noon"},
      {{"c", "varbinary"}, "d"},           {{"c", "double"}, "1,5"}};
  for (const auto& [column, text] : cases) {
    const auto batch = BatchOfAthena({column}, {{text}});
    ASSERT_FALSE(batch) << column.type;
    EXPECT_NE(batch.error().message.find(text), std::string::npos) << batch.error().message;
  }
  const auto zone = BatchOfAthena({{"c", "timestamp with time zone"}},
                                  {{"2026-11-24 20:00:00.000 America/New_York"}});
  ASSERT_FALSE(zone);
  EXPECT_EQ(zone.error().code, ErrorCode::kUnsupported);
}

TEST(BatchOfAthena, RefusesARowOfAnotherWidth) {
  EXPECT_FALSE(BatchOfAthena({{"a", "varchar"}, {"b", "varchar"}}, {{"x"}}));
}

TEST(IsReadingStatement, KnowsWhatIsCarriedOut) {
  for (const std::string sql :
       {"select 1", "/* c */ (SELECT 1) UNION SELECT 2", "with a as (select 1) select * from a",
        "-- x\nSHOW TABLES", "EXPLAIN DELETE FROM t", "explain analyze select 1",
        "EXPLAIN ANALYZE VERBOSE (FORMAT JSON) SELECT 1"}) {
    const auto is_reading = IsReadingStatement(sql);
    ASSERT_TRUE(is_reading) << sql;
    EXPECT_TRUE(*is_reading) << sql;
  }
  for (const std::string sql :
       {"insert into t select 1", "EXPLAIN ANALYZE INSERT INTO t SELECT 1", "MSCK REPAIR TABLE t",
        "UNLOAD (SELECT 1) TO 's3://b/'", "CREATE TABLE t AS SELECT 1", "explain analyze"}) {
    const auto is_reading = IsReadingStatement(sql);
    ASSERT_TRUE(is_reading) << sql;
    EXPECT_FALSE(*is_reading) << sql;
  }
  EXPECT_FALSE(IsReadingStatement(" -- nothing"));
}

}  // namespace
}  // namespace daypart::query
