// SPDX-License-Identifier: Apache-2.0
//
// Transforms and hashes against the values printed in the Iceberg spec, and what lies before 1970.
#include "iceberg/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/calendar.h"

namespace daypart::iceberg {
namespace {

Type Of(TypeKind kind) { return Type::Of(kind); }

Literal Parse(std::string_view text, const Type& type) {
  auto literal = ParseLiteral(text, type);
  EXPECT_TRUE(literal) << literal.error().message;
  return *literal;
}

std::string Applied(std::string_view transform, const Type& type, std::string_view value) {
  const auto parsed = ParseTransform(transform);
  const auto applied = Apply(*parsed, type, Parse(value, type));
  EXPECT_TRUE(applied) << applied.error().message;
  return ToString(*applied, *ResultType(*parsed, type));
}

TEST(BucketHash, IsThatOfTheSpecsAppendixB) {
  const auto hash = [](std::string_view text, const Type& type) {
    return BucketHash(Parse(text, type), type);
  };
  EXPECT_EQ(hash("34", Of(TypeKind::kInt)), 2017239379);
  EXPECT_EQ(hash("34", Of(TypeKind::kLong)), 2017239379);
  EXPECT_EQ(hash("14.20", Type::DecimalOf(9, 2)), -500754589);
  EXPECT_EQ(hash("2017-11-16", Of(TypeKind::kDate)), -653330422);
  EXPECT_EQ(hash("22:31:08", Of(TypeKind::kTime)), -662762989);
  EXPECT_EQ(hash("2017-11-16T22:31:08", Of(TypeKind::kTimestamp)), -2047944441);
  EXPECT_EQ(hash("2017-11-16T14:31:08-08:00", Of(TypeKind::kTimestamptz)), -2047944441);
  EXPECT_EQ(hash("iceberg", Of(TypeKind::kString)), 1210000089);
  EXPECT_EQ(hash("f79c3e09-677c-4bbd-a479-3f349cb785e7", Of(TypeKind::kUuid)), 1488055340);
  EXPECT_EQ(hash("00010203", Type::FixedOf(4)), -188683207);
  EXPECT_EQ(hash("00010203", Of(TypeKind::kBinary)), -188683207);
}

TEST(Transform, TruncatesTowardsMinusInfinityAndByCodePoints) {
  EXPECT_EQ(Applied("truncate[10]", Of(TypeKind::kInt), "1"), "0");
  EXPECT_EQ(Applied("truncate[10]", Of(TypeKind::kInt), "-1"), "-10");
  EXPECT_EQ(Applied("truncate[10]", Of(TypeKind::kLong), "-11"), "-20");
  EXPECT_EQ(Applied("truncate[50]", Type::DecimalOf(9, 2), "10.65"), "10.50");
  EXPECT_EQ(Applied("truncate[3]", Of(TypeKind::kString), "iceberg"), "ice");
  EXPECT_EQ(Applied("truncate[2]", Of(TypeKind::kString), "öäü"), "öä");
}

TEST(Transform, FloorsTimesBefore1970) {
  const Type timestamp = Of(TypeKind::kTimestamptz);
  EXPECT_EQ(Applied("day", timestamp, "1969-12-31T23:59:59Z"), "1969-12-31");
  EXPECT_EQ(Applied("hour", timestamp, "1969-12-31T23:59:59Z"), "-1");
  EXPECT_EQ(Applied("month", timestamp, "1969-12-31T23:59:59Z"), "-1");
  EXPECT_EQ(Applied("year", timestamp, "1969-12-31T23:59:59Z"), "-1");
  EXPECT_EQ(Applied("month", Of(TypeKind::kDate), "2017-12-01"), "575");
  EXPECT_EQ(Applied("hour", Of(TypeKind::kTimestamp), "2017-12-01T10:12:55"), "420034");
}

TEST(Transform, GivesNullForNull) {
  for (const char* name : {"identity", "bucket[4]", "truncate[4]", "void"}) {
    const auto applied = Apply(*ParseTransform(name), Of(TypeKind::kInt), Literal());
    ASSERT_TRUE(applied);
    EXPECT_TRUE(is_null(*applied)) << name;
  }
}

TEST(Transform, RefusesTypesItDoesNotTakeAndBadParameters) {
  EXPECT_FALSE(ResultType(*ParseTransform("hour"), Of(TypeKind::kDate)));
  EXPECT_FALSE(ResultType(*ParseTransform("bucket[4]"), Of(TypeKind::kDouble)));
  EXPECT_FALSE(ParseTransform("bucket[0]"));
  EXPECT_FALSE(ParseTransform("truncate[x]"));
  EXPECT_EQ(ParseTransform("zorder[3]")->kind, TransformKind::kUnknown);
  EXPECT_FALSE(Apply(*ParseTransform("zorder[3]"), Of(TypeKind::kInt), Literal(1)));
}

Schema EventSchema() {
  return AssignFreshIds({.id = SchemaId(0),
                         .fields = {{.name = "event_time", .type = Of(TypeKind::kTimestamptz)},
                                    {.name = "viewer_id", .type = Of(TypeKind::kLong)},
                                    {.name = "region", .type = Of(TypeKind::kString)}}});
}

TEST(PartitionSpec, ParsesWhatTheCommandLineTakes) {
  const auto spec =
      ParsePartitionSpec("day(event_time), bucket(16, viewer_id), region", EventSchema());
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->fields.size(), 3U);
  EXPECT_EQ(spec->fields[0].name, "event_time_day");
  EXPECT_EQ(spec->fields[1].name, "viewer_id_bucket");
  EXPECT_EQ(ToString(spec->fields[1].transform), "bucket[16]");
  EXPECT_EQ(spec->fields[2].field_id, FieldId(1002));
  EXPECT_EQ(PartitionSpecFromJson(ToJson(*spec)).value(), *spec);
}

TEST(PartitionSpec, RefusesUnknownColumnsAndTransforms) {
  EXPECT_FALSE(ParsePartitionSpec("day(nope)", EventSchema()));
  EXPECT_FALSE(ParsePartitionSpec("hour(viewer_id)", EventSchema()));
  EXPECT_FALSE(ParsePartitionSpec("weekly(event_time)", EventSchema()));
  EXPECT_FALSE(ParsePartitionSpec("region, region", EventSchema()));
}

TEST(PartitionPath, EncodesValuesAsTheReferenceDoes) {
  const auto spec = ParsePartitionSpec("hour(event_time), region", EventSchema());
  const auto path =
      PartitionPath(*spec, EventSchema(), {Literal(-1), Literal(std::string("a/b ö"))});
  ASSERT_TRUE(path);
  EXPECT_EQ(*path, "event_time_hour=1969-12-31-23/region=a%2Fb+%C3%B6");
}

}  // namespace
}  // namespace daypart::iceberg
