// SPDX-License-Identifier: Apache-2.0
//
// Delimiter and header detection on the files that people have.
#include "decode/csv_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "decode/decoder.h"

namespace daypart::decode {
namespace {

using testing::ElementsAre;

CsvDialect Detect(std::string_view text) { return DetectDialect(text, {.is_whole_file = true}); }

TEST(CsvDialect, KeepsTheHeaderOfAFileOfStrings) {
  const auto dialect = Detect("channel,genre\nNews One,news\nKids TV,kids\n");
  EXPECT_TRUE(dialect.has_header);
  EXPECT_THAT(dialect.columns, ElementsAre("channel", "genre"));
}

TEST(CsvDialect, FindsNoHeaderWhereAFirstCellIsAValue) {
  EXPECT_FALSE(Detect("1,a\n2,b\n").has_header);
  EXPECT_FALSE(Detect("a,2026-01-01\nb,2026-01-02\n").has_header);
  EXPECT_FALSE(Detect("true,a\nfalse,b\n").has_header);
  EXPECT_THAT(Detect("1,a\n2,b\n").columns, ElementsAre("column_1", "column_2"));
}

TEST(CsvDialect, FindsNoHeaderWhereAFirstCellRecursInItsColumn) {
  EXPECT_FALSE(Detect("north,tv\nsouth,web\nnorth,tv\n").has_header);
}

TEST(CsvDialect, FindsNoHeaderWhereTheFirstCellsLookLikeTheData) {
  EXPECT_FALSE(Detect("ch001,News\nch002,Kids\nch003,Sport\n").has_header);
  EXPECT_TRUE(Detect("col1,col2\nx,y\nz,w\n").has_header);
}

TEST(CsvDialect, TakesARepeatedHeaderForAHeader) {
  EXPECT_TRUE(Detect("id,name\n1,a\nid,name\n2,b\n").has_header);
}

TEST(CsvDialect, RefusesEqualNamesAndHoles) {
  EXPECT_FALSE(Detect("a,a\nx,y\n").has_header);
  EXPECT_FALSE(Detect("a,\nx,y\n").has_header);
  EXPECT_TRUE(Detect(",a\n0,y\n1,z\n").has_header) << "an index without a name";
}

TEST(CsvDialect, FindsEachDelimiter) {
  for (const char delimiter : {',', '|', '\t', ';', '\x01'}) {
    std::string text = "id,name,price\n1,a,2.5\n2,b,3.5\n";
    std::replace(text.begin(), text.end(), ',', delimiter);
    const auto dialect = Detect(text);
    EXPECT_EQ(dialect.delimiter, delimiter);
    EXPECT_EQ(dialect.columns.size(), 3U);
    EXPECT_EQ(dialect.regular_share, 1.0);
  }
}

TEST(CsvDialect, PrefersTheDelimiterThatSplitsEvenly) {
  EXPECT_EQ(Detect("name;note\na;x, y\nb;z\nc;u, v, w\n").delimiter, ';');
  EXPECT_EQ(Detect("id,\"a;b;c\"\n1,\"x;y;z\"\n").delimiter, ',');
}

TEST(CsvDialect, TakesOneColumnForOneColumn) {
  const auto dialect = Detect("name\nAda\nGrace\n");
  EXPECT_TRUE(dialect.has_header);
  EXPECT_THAT(dialect.columns, ElementsAre("name"));
}

TEST(CsvDialect, LeavesACutLastLineOut) {
  const auto dialect = DetectDialect("a,b,c\n1,2,3\n4,5", {});
  EXPECT_EQ(dialect.regular_share, 1.0);
}

TEST(CsvDialect, FollowsWhatItIsTold) {
  const auto dialect =
      DetectDialect("a,b\nc,d\n", {.delimiter = '|', .has_header = false, .is_whole_file = true});
  EXPECT_EQ(dialect.delimiter, '|');
  EXPECT_THAT(dialect.columns, ElementsAre("column_1"));
}

TEST(CsvDialect, SaysNothingOfAnEmptyText) {
  EXPECT_TRUE(Detect("").columns.empty());
  EXPECT_TRUE(Detect("\n\r\n").columns.empty());
}

TEST(SplitCsvRecord, GivesTheCellsUnquoted) {
  EXPECT_THAT(SplitCsvRecord("a,\"b,\"\"c\",,\"\"\r\n", ',', '"'),
              ElementsAre("a", "b,\"c", "", ""));
  EXPECT_THAT(SplitCsvRecord("", ',', '"'), ElementsAre(""));
  EXPECT_THAT(SplitCsvRecord("a,\"b", ',', '"'), ElementsAre("a", "\"b"));
}

TEST(UniqueColumnNames, NamesHolesAndNumbersRepeats) {
  EXPECT_THAT(UniqueColumnNames({"a", "", "a", "a"}), ElementsAre("a", "column_2", "a_2", "a_3"));
  EXPECT_THAT(UniqueColumnNames({"a", "a", "a_2"}), ElementsAre("a", "a_3", "a_2"));
  EXPECT_THAT(UniqueColumnNames({"", "column_1"}), ElementsAre("column_1_2", "column_1"));
}

}  // namespace
}  // namespace daypart::decode
