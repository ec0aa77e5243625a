// SPDX-License-Identifier: Apache-2.0
//
// Tests of lake/column_projection.h: rows that were made for an older schema of the table.
#include "lake/column_projection.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

iceberg::NestedField Numbered(int32_t id, const std::string& name, iceberg::TypeKind kind) {
  iceberg::NestedField field = iceberg::Field(name, kind);
  field.id = iceberg::FieldId(id);
  return field;
}

TEST(ProjectRows, FollowsFieldsByIdThroughRenameDropAddAndPromotion) {
  using iceberg::TypeKind;
  iceberg::Schema before;
  before.fields = {Numbered(1, "id", TypeKind::kString), Numbered(2, "gone", TypeKind::kString),
                   Numbered(3, "n", TypeKind::kInt)};
  // The dropped column's name comes back for another one, in the other order.
  iceberg::Schema after;
  after.fields = {Numbered(3, "count", TypeKind::kLong), Numbered(4, "gone", TypeKind::kString),
                  Numbered(1, "event_id", TypeKind::kString)};
  const auto written = *ToArrowSchema(before);
  const auto as = *ToArrowSchema(after);
  const auto rows = testing::Rows(written, R"([["a", "x", 1], [null, "y", null]])");
  const auto projected = ProjectRows(*rows, *written, after.fields, *as);
  ASSERT_TRUE(projected) << projected.error().message;
  const auto expected = testing::Rows(as, R"([[1, null, "a"], [null, null, null]])");
  EXPECT_TRUE((*projected)->Equals(*expected)) << (*projected)->ToString();
}

}  // namespace
}  // namespace daypart::lake
