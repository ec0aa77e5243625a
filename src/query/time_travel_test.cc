// SPDX-License-Identifier: Apache-2.0
//
// Travelling tables get names of their own; everything else in a statement stays as it was.
#include "query/time_travel.h"

#include <gtest/gtest.h>

namespace daypart::query {
namespace {

TEST(NameTravels, LeavesOtherStatementsAlone) {
  for (const char* sql : {"SELECT substring('x' FOR 2)", "SELECT 'FOR VERSION AS OF 1' FROM t",
                          "SELECT * FROM t -- FOR VERSION AS OF 1", "SELECT 1", ""}) {
    EXPECT_EQ(*NameTravels(sql), sql);
  }
}

TEST(NameTravels, NamesTheTableAndKeepsItsAlias) {
  EXPECT_EQ(*NameTravels("SELECT t.a FROM t FOR VERSION AS OF 12 WHERE a > 1"),
            "SELECT t.a FROM \"t@version=12\" AS \"t\" WHERE a > 1");
  EXPECT_EQ(
      *NameTravels("SELECT * FROM media.\"T x\" for version as of 'v1' AS o JOIN b USING (a)"),
      "SELECT * FROM \"media\".\"T x@version=v1\" AS o JOIN b USING (a)");
  EXPECT_EQ(*NameTravels("(SELECT * FROM t FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01 00:00:00')"),
            "(SELECT * FROM \"t@timestamp=2026-01-01 00:00:00\" AS \"t\")");
}

TEST(NameTravels, TellsAClauseThatIsNotWhole) {
  for (const char* sql :
       {"SELECT * FROM t FOR VERSION OF 1", "SELECT * FROM t FOR VERSION AS OF",
        "SELECT * FROM t FOR TIMESTAMP AS OF 5", "SELECT * FROM t FOR VERSION AS OF x"}) {
    EXPECT_FALSE(NameTravels(sql)) << sql;
  }
}

TEST(ParseTravel, TakesItsNamesApart) {
  const Travel travel = ParseTravel("a@b@version=12");
  EXPECT_EQ(travel.table, "a@b");
  EXPECT_EQ(travel.version, "12");
  EXPECT_TRUE(ParseTravel("plain").is_now());
  EXPECT_EQ(ParseTravel("plain").table, "plain");
}

}  // namespace
}  // namespace daypart::query
