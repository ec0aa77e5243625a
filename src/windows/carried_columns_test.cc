// SPDX-License-Identifier: Apache-2.0
//
// Which SELECT lists are carried on, and which are not. What comes of it is shown by
// tests/interop/test_window_cases.py and test_windows.py.
#include "windows/carried_columns.h"

#include <gtest/gtest.h>

namespace daypart::windows {
namespace {

using iceberg::Type;
using iceberg::TypeKind;

iceberg::Schema SchemaOf(const std::vector<std::pair<std::string, Type>>& columns) {
  iceberg::Schema schema;
  for (const auto& [name, type] : columns) {
    schema.fields.push_back({.name = name, .type = type, .doc = ""});
  }
  return iceberg::AssignFreshIds(std::move(schema));
}

/// Whether a window with this column beside its key, begin and end is carried on. type: the
/// column's in the target.
bool is_carried(const std::string& item, const Type& type = Type::Of(TypeKind::kLong),
                const std::string& window = "tumble(at, INTERVAL '1 minute')",
                const std::string& having = "") {
  const auto declared = ParseWindowDeclaration(
      "views", "SELECT e.region, window_start, window_end, " + item +
                   " FROM media.events AS e GROUP BY region, " + window + having);
  EXPECT_TRUE(declared) << declared.error().message;
  const Type time = Type::Of(TypeKind::kTimestamptz);
  const Type text = Type::Of(TypeKind::kString);
  const auto source = SchemaOf({{"region", text},
                                {"at", time},
                                {"n", Type::Of(TypeKind::kLong)},
                                {"price", Type::DecimalOf(10, 2)},
                                {"share", Type::Of(TypeKind::kDouble)}});
  const auto target =
      SchemaOf({{"region", text}, {"window_start", time}, {"window_end", time}, {"x", type}});
  const auto columns = CarriedColumns(*declared, source, target);
  EXPECT_EQ(columns ? columns->size() : 4, 4);
  return columns.has_value();
}

TEST(CarriedColumns, TakesWhatAddsUp) {
  for (const char* item :
       {"COUNT(*) AS x", "count(n) x", "COUNT(*) FILTER (WHERE n > 3) AS \"x\"",
        "CAST(SUM(n) AS BIGINT) AS x", "sum(e.n)::BIGINT AS x", "MIN(n) AS x", "max(\"n\") AS x",
        "COUNT(DISTINCT n) AS x", "COUNT(DISTINCT region) FILTER (WHERE share > 0.5) AS x",
        "COUNT(n / 2 + least(1, 2) -- a remark\n) AS x"}) {
    EXPECT_TRUE(is_carried(item)) << item;
  }
  EXPECT_TRUE(is_carried("SUM(price) AS x", Type::DecimalOf(38, 2)));
  EXPECT_TRUE(is_carried("CAST(SUM(price) AS DECIMAL(20, 4)) AS x", Type::DecimalOf(20, 4)));
  EXPECT_TRUE(is_carried("MAX(at) AS x", Type::Of(TypeKind::kTimestamptz)));
}

TEST(CarriedColumns, RefusesWhatDoesNot) {
  for (const char* item :
       {"AVG(n) AS x", "SUM(n) + 1 AS x", "1 + SUM(n) AS x", "SUM(DISTINCT n) AS x",
        "SUM(share) AS x", "SUM(n * 2) AS x", "MIN(share) AS x", "CAST(MAX(n) AS BIGINT) AS x",
        "SUM(n)::BIGINT + 1 AS x", "CAST(SUM(n) / 2 AS BIGINT) AS x", "COUNT(DISTINCT share) AS x",
        "COUNT(DISTINCT n + 1) AS x", "SUM(n) OVER () AS x", "lower(region) AS x", "region AS x",
        "COUNT(*) FILTER (WHERE at > window_start) AS x", "COUNT(\"window_end\") AS x",
        "COUNT(*) AS y", "CASE WHEN SUM(n) > 1 THEN 1 END AS x", "ANY_VALUE(n) AS x",
        "COUNT(*) AS x, COUNT(*) AS y", "round(SUM(n)) AS x", "-SUM(n) AS x"}) {
    EXPECT_FALSE(is_carried(item)) << item;
  }
  // Rounded or of another order than the rows': parts would come to something else.
  EXPECT_FALSE(is_carried("CAST(SUM(price) AS DECIMAL(20, 1)) AS x", Type::DecimalOf(20, 1)));
  EXPECT_FALSE(is_carried("CAST(SUM(price) AS BIGINT) AS x"));
  EXPECT_FALSE(is_carried("CAST(SUM(n) AS DOUBLE) AS x", Type::Of(TypeKind::kDouble)));
  EXPECT_FALSE(is_carried("COUNT(DISTINCT n) AS x", Type::Of(TypeKind::kLong),
                          "session(at, INTERVAL '1 minute')"));
  EXPECT_FALSE(is_carried("COUNT(*) AS x", Type::Of(TypeKind::kLong),
                          "tumble(at, INTERVAL '1 minute')", " HAVING COUNT(*) > 1"));
}

}  // namespace
}  // namespace daypart::windows
