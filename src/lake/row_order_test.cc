// SPDX-License-Identifier: Apache-2.0
//
// Sorting by keys against the order that the spec gives to literals, and files sorted as written.
#include "lake/row_order.h"

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using iceberg::Literal;
using iceberg::SortField;

TEST(SortKey, OrdersAsTheSpecOrdersLiterals) {
  const std::vector<std::vector<Literal>> kinds = {
      {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0}, int64_t{1},
       std::numeric_limits<int64_t>::max()},
      {-std::numeric_limits<double>::infinity(), -1.5, -0.0, 0.0, 1e-300, 2.0,
       std::numeric_limits<double>::infinity(), std::nan("")},
      {iceberg::Decimal{-5}, iceberg::Decimal{0}, iceberg::Decimal{__int128{1} << 100}},
      {std::string(), std::string("\0", 1), std::string("\0\0", 2), std::string("a"),
       std::string("a\0", 2), std::string("ab"), std::string("\xC3\xA9")},
  };
  for (const auto& values : kinds) {
    for (const Literal& left : values) {
      for (const Literal& right : values) {
        std::string left_key;
        std::string right_key;
        AppendSortKey(left, {}, left_key);
        AppendSortKey(right, {}, right_key);
        const auto expected = iceberg::Compare(left, right);
        EXPECT_EQ(left_key < right_key, expected < 0);
        EXPECT_EQ(left_key == right_key, expected == 0);
        std::string left_down;
        std::string right_down;
        AppendSortKey(left, {.is_descending = true}, left_down);
        AppendSortKey(right, {.is_descending = true}, right_down);
        EXPECT_EQ(left_down < right_down, expected > 0);
      }
    }
  }
}

TEST(SortKey, PutsNullsWhereTheFieldSays) {
  const auto key = [](const Literal& value, bool is_descending, bool is_nulls_last) {
    std::string bytes;
    AppendSortKey(value, {.is_descending = is_descending, .is_nulls_last = is_nulls_last}, bytes);
    return bytes;
  };
  for (const bool is_descending : {false, true}) {
    EXPECT_LT(key({}, is_descending, false), key(int32_t{-9}, is_descending, false));
    EXPECT_GT(key({}, is_descending, true), key(int32_t{9}, is_descending, true));
  }
}

class SortedTable : public testing::LakeTest {};

TEST_F(SortedTable, FilesHoldRowsInTheTablesOrder) {
  const auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())});
  CreateOptions options;
  options.schema = iceberg::AssignFreshIds(*FromArrowSchema(*schema));
  auto order = iceberg::ParseSortOrder("name DESC, bucket(4, id), id", options.schema);
  ASSERT_TRUE(order) << order.error().message;
  order->fields.erase(order->fields.begin() + 1);
  options.sort_order = *order;
  ASSERT_TRUE(CreateTable(*context_, {"media", "t"}, options));
  testing::MemorySource source({testing::Rows(schema, R"([[3, "a"], [1, "b"], [2, null]])"),
                                testing::Rows(schema, R"([[0, "b"], [9, "a"]])")});
  WriteOptions write;
  write.threads_count = 1;
  ASSERT_TRUE(Append(*context_, {"media", "t"}, source, write));
  const auto table = LoadTable(*context_, {"media", "t"});
  const auto plan = PlanScan(*context_, *table, iceberg::Expression::True());
  ASSERT_EQ(plan->files.size(), 1U);
  EXPECT_EQ(plan->files[0].file.sort_order_id, order->id);
  const auto scan = OpenScan(*context_, *table, *plan);
  const auto cursor = (*scan)->NewCursor();
  const auto batch = (*cursor)->Next();
  std::vector<std::string> rows;
  for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
    rows.push_back(testing::ValueText(*(*batch)->column(0), row));
  }
  EXPECT_EQ(rows, (std::vector<std::string>{"0", "1", "3", "9", "2"}));
}

TEST(ParseSortOrder, TellsWhatItDoesNotUnderstand) {
  iceberg::Schema schema;
  schema.fields.push_back({.name = "id", .type = iceberg::Type::Of(iceberg::TypeKind::kLong)});
  schema = iceberg::AssignFreshIds(schema);
  EXPECT_FALSE(iceberg::ParseSortOrder("none", schema));
  EXPECT_FALSE(iceberg::ParseSortOrder("id sideways", schema));
  EXPECT_TRUE(iceberg::ParseSortOrder("", schema)->fields.empty());
  const auto order = iceberg::ParseSortOrder("bucket(8, id) desc nulls first", schema);
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_TRUE(order->fields[0].is_descending);
  EXPECT_FALSE(order->fields[0].is_nulls_last);
}

}  // namespace
}  // namespace daypart::lake
