// SPDX-License-Identifier: Apache-2.0
//
// Statistics as the spec wants them, value by value: what is in the entry of a file is read back
// and compared with what was put into the file.
#include "lake/file_metrics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using iceberg::DataFile;
using iceberg::FieldId;
using iceberg::Literal;
using iceberg::Type;
using iceberg::TypeKind;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

class FileMetricsTest : public LakeTest {
 protected:
  /// The entry of the one file that the rows become.
  DataFile EntryOf(const std::shared_ptr<arrow::Schema>& schema,
                   const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                   const std::map<std::string, std::string>& properties = {}) {
    CreateOptions create;
    create.schema = iceberg::AssignFreshIds(*FromArrowSchema(*schema));
    create.properties = properties;
    const catalog::TableName name{"media", "t" + std::to_string(tables_++)};
    auto created = CreateTable(*context_, name, create);
    EXPECT_TRUE(created) << created.error().message;
    MemorySource source(batches);
    const auto result = Append(*context_, name, source, {.threads_count = 1});
    EXPECT_TRUE(result) << result.error().message;
    table_ = *LoadTable(*context_, name);
    const auto plan = PlanScan(*context_, table_, iceberg::Expression::True());
    EXPECT_EQ(plan->files.size(), 1U);
    return plan->files.front().file;
  }
  DataFile EntryOf(const std::shared_ptr<arrow::Schema>& schema, const std::string& json,
                   const std::map<std::string, std::string>& properties = {}) {
    return EntryOf(schema, {Rows(schema, json)}, properties);
  }
  FieldId IdOf(const char* name) const {
    return table_.metadata.current_schema().FindField(std::string_view(name))->id;
  }
  Literal Lower(const DataFile& file, const char* name) const {
    const auto* field = table_.metadata.current_schema().FindField(std::string_view(name));
    return *iceberg::DeserializeLiteral(file.lower_bounds.at(field->id), field->type);
  }
  Literal Upper(const DataFile& file, const char* name) const {
    const auto* field = table_.metadata.current_schema().FindField(std::string_view(name));
    return *iceberg::DeserializeLiteral(file.upper_bounds.at(field->id), field->type);
  }

  LoadedTable table_;
  int tables_ = 0;
};

std::shared_ptr<arrow::RecordBatch> Doubles(const std::vector<double>& values) {
  arrow::DoubleBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("x", arrow::float64())}),
                                  static_cast<int64_t>(values.size()), {*builder.Finish()});
}

TEST_F(FileMetricsTest, NanIsCountedAndNeverABound) {
  const double nan = std::nan("");
  const auto batch = Doubles({nan, 2.5, -1.5, nan});
  const DataFile file = EntryOf(batch->schema(), {batch});
  EXPECT_EQ(file.nan_value_counts.at(FieldId(1)), 2);
  EXPECT_EQ(file.value_counts.at(FieldId(1)), 4);
  EXPECT_EQ(file.null_value_counts.at(FieldId(1)), 0);
  EXPECT_EQ(Lower(file, "x"), Literal(-1.5));
  EXPECT_EQ(Upper(file, "x"), Literal(2.5));
  const auto only_nan = Doubles({nan});
  const DataFile none = EntryOf(only_nan->schema(), {only_nan});
  EXPECT_FALSE(none.lower_bounds.contains(FieldId(1)));
  EXPECT_FALSE(none.upper_bounds.contains(FieldId(1)));
}

TEST_F(FileMetricsTest, NegativeZeroLiesBelowPositiveZero) {
  const auto batch = Doubles({0.0, -0.0});
  const DataFile file = EntryOf(batch->schema(), {batch});
  EXPECT_TRUE(std::signbit(std::get<double>(Lower(file, "x"))));
  EXPECT_FALSE(std::signbit(std::get<double>(Upper(file, "x"))));
}

TEST_F(FileMetricsTest, ATruncatedUpperBoundIsRaisedAndALowerOneCut) {
  const auto schema = arrow::schema({arrow::field("s", arrow::utf8())});
  const DataFile file = EntryOf(schema, R"([["abcdefghijklmnopqrst"]])");
  EXPECT_EQ(Lower(file, "s"), Literal(std::string("abcdefghijklmnop")));
  EXPECT_EQ(Upper(file, "s"), Literal(std::string("abcdefghijklmnoq")));
}

TEST_F(FileMetricsTest, StringsAreCutBetweenCodePoints) {
  const auto schema = arrow::schema({arrow::field("s", arrow::utf8())});
  const DataFile file = EntryOf(schema, R"([["éééééééééééééééééééé"]])");
  EXPECT_EQ(Lower(file, "s"), Literal(std::string("éééééééééééééééé")));
  EXPECT_EQ(Upper(file, "s"), Literal(std::string("éééééééééééééééê")));
}

TEST_F(FileMetricsTest, AnUpperBoundThatCannotBeRaisedIsLeftOut) {
  const Type text = Type::Of(TypeKind::kString);
  const std::string highest = "\U0010FFFF\U0010FFFF\U0010FFFF";
  EXPECT_EQ(TruncateUpperBound(highest, text, 2), std::nullopt);
  EXPECT_EQ(TruncateUpperBound("a" + highest, text, 2), "b");
  const Type bytes = Type::Of(TypeKind::kBinary);
  EXPECT_EQ(TruncateUpperBound("\xFF\xFF\xFF", bytes, 2), std::nullopt);
  EXPECT_EQ(TruncateUpperBound("a\xFF\xFF", bytes, 2), "b");
  EXPECT_EQ(TruncateUpperBound("\uD7FFxx", text, 1), "\uE000") << "surrogates are stepped over";
  EXPECT_EQ(TruncateUpperBound("ba\x80\x80\x80\x80\x80\x80z", text, 2), "c") << "no UTF-8";
}

TEST_F(FileMetricsTest, OneColumnWithoutBoundsTakesNoneFromTheOthers) {
  const auto schema = arrow::schema(
      {arrow::field("a", arrow::int64()), arrow::field("s", arrow::utf8()),
       arrow::field("l", arrow::list(arrow::int64())), arrow::field("z", arrow::int64())});
  std::string highest;
  for (int i = 0; i < 20; ++i) highest += "\U0010FFFF";
  const DataFile file = EntryOf(schema, "[[1, \"" + highest + "\", [1, 2], 9]]");
  EXPECT_FALSE(file.upper_bounds.contains(IdOf("s")));
  EXPECT_EQ(Upper(file, "a"), Literal(int64_t{1}));
  EXPECT_EQ(Lower(file, "z"), Literal(int64_t{9}));
}

TEST_F(FileMetricsTest, LeavesOfStructsHaveBoundsAndAreNullWhereTheStructIs) {
  const auto inner = arrow::struct_(
      {arrow::field("city", arrow::utf8()), arrow::field("x", arrow::float64())});
  const auto schema = arrow::schema({arrow::field("user", inner)});
  const DataFile file =
      EntryOf(schema, R"([[{"city": "rome", "x": 1.0}], [null], [{"city": null, "x": 3.0}]])");
  EXPECT_EQ(Lower(file, "user.city"), Literal(std::string("rome")));
  EXPECT_EQ(Upper(file, "user.x"), Literal(3.0));
  EXPECT_EQ(file.value_counts.at(IdOf("user.city")), 3);
  EXPECT_EQ(file.null_value_counts.at(IdOf("user.city")), 2);
  EXPECT_EQ(file.null_value_counts.at(IdOf("user.x")), 1);
  EXPECT_FALSE(file.value_counts.contains(IdOf("user"))) << "only leaves have statistics";
}

TEST_F(FileMetricsTest, LeavesOfListsHaveCountsAndNoBounds) {
  const auto schema = arrow::schema({arrow::field("tags", arrow::list(arrow::float64()))});
  const DataFile file = EntryOf(schema, R"([[[1.0, null, 2.0]], [[]], [null]])");
  const FieldId element = IdOf("tags.element");
  EXPECT_EQ(file.value_counts.at(element), 5) << "three slots, one of the empty list, one null";
  EXPECT_EQ(file.null_value_counts.at(element), 3);
  EXPECT_EQ(file.nan_value_counts.at(element), 0);
  EXPECT_FALSE(file.lower_bounds.contains(element));
  EXPECT_GT(file.column_bytes.at(element), 0);
}

TEST_F(FileMetricsTest, PropertiesChooseTheStatisticsOfEachColumn) {
  const auto schema =
      arrow::schema({arrow::field("a", arrow::utf8()), arrow::field("b", arrow::utf8()),
                     arrow::field("c", arrow::utf8()), arrow::field("d", arrow::utf8())});
  const DataFile file = EntryOf(schema, R"([["abcdef", "abcdef", "abcdef", "abcdef"]])",
                                {{"write.metadata.metrics.default", "counts"},
                                 {"write.metadata.metrics.column.b", "truncate(2)"},
                                 {"write.metadata.metrics.column.c", "full"},
                                 {"write.metadata.metrics.column.d", "none"}});
  EXPECT_TRUE(file.value_counts.contains(IdOf("a")));
  EXPECT_FALSE(file.lower_bounds.contains(IdOf("a")));
  EXPECT_EQ(Upper(file, "b"), Literal(std::string("ac")));
  EXPECT_EQ(Upper(file, "c"), Literal(std::string("abcdef")));
  EXPECT_FALSE(file.value_counts.contains(IdOf("d")));
  EXPECT_TRUE(file.column_bytes.contains(IdOf("d"))) << "sizes are told in any mode";
}

TEST_F(FileMetricsTest, AWideTableHasStatisticsOfItsFirstHundredColumns) {
  arrow::FieldVector fields;
  std::string row;
  for (int i = 0; i < 110; ++i) {
    fields.push_back(arrow::field("c" + std::to_string(i), arrow::int64()));
    row += (i == 0 ? "" : ",") + std::to_string(i);
  }
  const auto schema = arrow::schema(fields);
  const DataFile file = EntryOf(schema, "[[" + row + "]]");
  EXPECT_EQ(file.lower_bounds.size(), 100U);
  EXPECT_TRUE(file.lower_bounds.contains(IdOf("c99")));
  EXPECT_FALSE(file.value_counts.contains(IdOf("c100")));
  const DataFile all =
      EntryOf(schema, "[[" + row + "]]", {{"write.metadata.metrics.default", "full"}});
  EXPECT_EQ(all.lower_bounds.size(), 110U) << "who asks for all gets all";
}

TEST(MetricsMode, RefusesWhatItDoesNotUnderstand) {
  EXPECT_TRUE(ParseMetricsMode("Truncate(16)"));
  for (const char* text : {"", "truncate", "truncate(0)", "truncate(-1)", "truncate(x)", "all"}) {
    EXPECT_FALSE(ParseMetricsMode(text)) << text;
  }
}

}  // namespace
}  // namespace daypart::lake
