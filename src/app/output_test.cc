// SPDX-License-Identifier: Apache-2.0
//
// Tables as a terminal shows them, and counts in words.
#include "app/output.h"

#include <gtest/gtest.h>

namespace daypart::app {
namespace {

TEST(FormatTable, AlignsByCharactersAndEndsNoLineWithSpaces) {
  EXPECT_EQ(FormatTable({"name", "rows", "note"}, {{"Zürich", "7", ""}, {"Bern", "1,234", "new"}},
                        {false, true, false}),
            "name     rows  note\n"
            "------  -----  ----\n"
            "Zürich      7\n"
            "Bern    1,234  new\n");
}

TEST(FormatTable, LeavesOutColumnsWithoutText) {
  EXPECT_EQ(FormatTable({"id", "", "type"}, {{"1", "", "int"}}, {true, false, false}),
            "id  type\n"
            "--  ----\n"
            " 1  int\n");
  EXPECT_EQ(FormatTable({"id", ""}, {{"1", "required"}}, {true, false}),
            "id\n"
            "--  --------\n"
            " 1  required\n");
}

TEST(Counted, SaysOneAndMany) {
  EXPECT_EQ(Counted(0, "file"), "0 files");
  EXPECT_EQ(Counted(1, "file"), "1 file");
  EXPECT_EQ(Counted(1'234'567, "row"), "1,234,567 rows");
  EXPECT_EQ(Counted(2, "query", "queries"), "2 queries");
}

}  // namespace
}  // namespace daypart::app
