// SPDX-License-Identifier: Apache-2.0
//
// Runs that were decoded under an older schema, read under the one that a snapshot has.
#include "lake/hot_rows.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "lake/arrow_schema.h"

namespace daypart::lake {
namespace {

using iceberg::Expression;
using iceberg::ExpressionKind;
using iceberg::FieldId;
using iceberg::NestedField;
using iceberg::Type;
using iceberg::TypeKind;

NestedField Field(int id, const std::string& name, TypeKind kind) {
  NestedField field;
  field.id = FieldId(id);
  field.name = name;
  field.type = Type::Of(kind);
  return field;
}

/// Columns 1 "number" int, 2 "word" string; rows (from, "a"), (from + 1, "b").
std::shared_ptr<const HotRun> RunFrom(int from) {
  iceberg::Schema schema;
  schema.fields = {Field(1, "number", TypeKind::kInt), Field(2, "word", TypeKind::kString)};
  const auto arrow_schema = *ToArrowSchema(schema);
  arrow::Int32Builder numbers;
  arrow::StringBuilder words;
  EXPECT_TRUE(numbers.AppendValues({from, from + 1}).ok());
  EXPECT_TRUE(words.AppendValues(std::vector<std::string>{"a", "b"}).ok());
  return std::make_shared<HotRun>(
      arrow::RecordBatch::Make(arrow_schema, 2, {*numbers.Finish(), *words.Finish()}),
      arrow_schema);
}

Expression Above(int64_t value, TypeKind kind) {
  auto literal = kind == TypeKind::kInt ? iceberg::Literal(static_cast<int32_t>(value))
                                        : iceberg::Literal(value);
  return Expression::Compare(ExpressionKind::kGreater, FieldId(1), std::move(literal));
}

TEST(HotRows, ColumnsAreThoseOfTheSnapshotByTheirIds) {
  iceberg::Schema now;  // renamed, widened, dropped, added with a default
  now.fields = {Field(3, "place", TypeKind::kString), Field(1, "count", TypeKind::kLong)};
  now.fields[0].initial_default = "\"here\"";
  const auto source = OpenHotRuns({RunFrom(5)}, now, {});
  ASSERT_TRUE(source) << source.error().message;
  const auto cursor = (*source)->NewCursor();
  ASSERT_TRUE(cursor);
  const auto batch = (*cursor)->Next();
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ((*batch)->schema()->field_names(), (std::vector<std::string>{"place", "count"}));
  EXPECT_EQ((*batch)->column(1)->type_id(), arrow::Type::INT64);
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*(*batch)->column(1)).Value(1), 6);
  const auto place = (*batch)->column(0)->GetScalar(0);
  ASSERT_TRUE(place.ok());
  EXPECT_EQ((*place)->ToString(), "here");
  const auto end = (*cursor)->Next();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, nullptr);
}

TEST(HotRows, ARunThatCannotMatchIsLeftOut) {
  iceberg::Schema schema;
  schema.fields = {Field(1, "number", TypeKind::kInt), Field(2, "word", TypeKind::kString)};
  const PinnedRuns pinned({RunFrom(0), RunFrom(10), RunFrom(20)});
  EXPECT_EQ(pinned.rows_count(), 6);
  EXPECT_EQ(pinned.Runs(schema, {}, Above(11, TypeKind::kInt))->size(), 1);
  EXPECT_EQ(pinned.Runs(schema, {}, Above(10, TypeKind::kInt))->size(), 2);
  EXPECT_EQ(pinned.Runs(schema, {}, Expression::True())->size(), 3);
}

TEST(HotRows, AWidenedColumnHidesNoRun) {
  iceberg::Schema schema;
  schema.fields = {Field(1, "number", TypeKind::kLong)};
  const PinnedRuns pinned({RunFrom(0), RunFrom(10)});
  EXPECT_EQ(pinned.Runs(schema, {}, Above(10, TypeKind::kLong))->size(), 2);
}

}  // namespace
}  // namespace daypart::lake
