// SPDX-License-Identifier: Apache-2.0
//
// Changes of a schema that keep stored rows readable, and those refused because they
// would not.
#include "iceberg/schema_update.h"

#include <gmock/gmock.h>

#include "iceberg/literal_json.h"
#include "iceberg/type_text.h"

namespace daypart::iceberg {
namespace {

using ::testing::HasSubstr;

Type MustParse(std::string_view text) {
  auto type = ParseType(text);
  EXPECT_TRUE(type) << type.error().message;
  return *type;
}

/// id, user struct<name, address struct<city>>, tags list<struct<key, weight>>, region; partitioned
/// by region, row identifier id.
TableMetadata Table(int32_t format_version = 2) {
  Schema schema;
  const auto add = [&schema](const char* name, std::string_view type, bool is_required = false) {
    schema.fields.push_back({.id = FieldId(static_cast<int32_t>(schema.fields.size()) + 1),
                             .name = name,
                             .is_required = is_required,
                             .type = MustParse(type)});
  };
  add("id", "bigint", true);
  add("user", "struct<name: string, address: struct<city: string>>");
  add("tags", "array<struct<key: string, weight: float>>");
  add("region", "string");
  add("price", "decimal(9, 2)");
  auto spec = ParsePartitionSpec("region", schema);
  auto metadata = MakeTableMetadata({.uuid = "u",
                                     .location = "mem://t",
                                     .schema = schema,
                                     .spec = *spec,
                                     .sort_order = {},
                                     .properties = {},
                                     .format_version = format_version},
                                    UtcMicros(0));
  EXPECT_TRUE(metadata) << metadata.error().message;
  return *metadata;
}

std::string Names(const std::vector<NestedField>& fields) {
  std::string names;
  for (const auto& field : fields) names += (names.empty() ? "" : " ") + field.name;
  return names;
}

TEST(ParseType, ReadsSqlAndIcebergNames) {
  EXPECT_EQ(ToString(MustParse("BIGINT")), "long");
  EXPECT_EQ(ToString(MustParse("timestamp with time zone")), "timestamptz");
  EXPECT_EQ(ToString(MustParse("varchar(20)")), "string");
  EXPECT_EQ(ToString(MustParse(" map< string , array<decimal(9,2)> > ")),
            "map<string, list<decimal(9, 2)>>");
  EXPECT_EQ(ToString(MustParse("struct<a int not null, \"b c\": fixed[4]>")),
            "struct<a: int, b c: fixed[4]>");
}

TEST(ParseType, TellsWhereItStopped) {
  for (const char* text : {"", "bigin", "decimal(40,2)", "struct<a>", "map<int>", "int x", "list<",
                           "fixed[0]", "struct<a: int"}) {
    const auto type = ParseType(text);
    ASSERT_FALSE(type) << text;
    EXPECT_THAT(type.error().message, HasSubstr("is expected at character")) << text;
  }
}

TEST(SchemaUpdate, AddsColumnsWithFreshIdsWhereAsked) {
  const auto table = Table();
  SchemaUpdate update(table);
  ASSERT_TRUE(update.Add({.path = {"first"},
                          .type = MustParse("int"),
                          .place = {.kind = ColumnPlace::Kind::kFirst, .sibling = ""}}));
  ASSERT_TRUE(update.Add({.path = {"user", "age"},
                          .type = MustParse("int"),
                          .place = {.kind = ColumnPlace::Kind::kAfter, .sibling = "name"}}));
  ASSERT_TRUE(update.Add({.path = {"tags", "element", "seen"}, .type = MustParse("array<date>")}));
  EXPECT_EQ(Names(update.schema().fields), "first id user tags region price");
  EXPECT_EQ(Names(update.schema().FindField("user")->type.fields()), "name age address");
  const int32_t last = table.last_column_id.value();
  EXPECT_EQ(update.schema().FindField("first")->id.value(), last + 1);
  EXPECT_EQ(update.schema().FindField("user.age")->id.value(), last + 2);
  EXPECT_EQ(update.schema().FindField("tags.element.seen")->id.value(), last + 3);
  EXPECT_EQ(update.schema().FindField("tags.element.seen.element")->id.value(), last + 4);
}

TEST(SchemaUpdate, KeepsIdsWhenColumnsAreRenamedAndMoved) {
  const auto table = Table();
  const FieldId city = table.current_schema().FindField("user.address.city")->id;
  SchemaUpdate update(table);
  ASSERT_TRUE(update.Rename({"user", "address", "city"}, "town"));
  ASSERT_TRUE(update.Rename({"price"}, "Price"));
  ASSERT_TRUE(update.Move({"region"}, {.kind = ColumnPlace::Kind::kBefore, .sibling = "id"}));
  EXPECT_EQ(update.schema().FindField("user.address.town")->id, city);
  EXPECT_EQ(Names(update.schema().fields), "region id user tags Price");
}

TEST(SchemaUpdate, WidensOnlyWhatEveryValueSurvives) {
  const auto table = Table();
  SchemaUpdate update(table);
  EXPECT_TRUE(update.Widen({"price"}, MustParse("decimal(18, 2)")));
  EXPECT_TRUE(update.Widen({"tags", "element", "weight"}, MustParse("double")));
  EXPECT_FALSE(update.Widen({"price"}, MustParse("decimal(18, 4)")));
  EXPECT_FALSE(update.Widen({"price"}, MustParse("decimal(5, 2)")));
  EXPECT_FALSE(update.Widen({"id"}, MustParse("int")));
  EXPECT_FALSE(update.Widen({"region"}, MustParse("bigint")));
  EXPECT_EQ(ToString(update.schema().FindField("tags.element.weight")->type), "double");
}

TEST(SchemaUpdate, RefusesWhatWouldBreakTheTable) {
  const auto table = Table();
  SchemaUpdate update(table);
  const auto is_refused = [](const Status& status, const char* why) {
    ASSERT_FALSE(status) << why;
    EXPECT_THAT(status.error().message, HasSubstr(why));
  };
  is_refused(update.Drop({"region"}), "partitioned by region");
  is_refused(update.Drop({"nobody"}), "there are: id, user, tags, region, price");
  is_refused(update.Drop({"user", "address", "city"}), "the only one");
  is_refused(update.Add({.path = {"ID"}, .type = MustParse("int")}), "taken by id");
  is_refused(update.Add({.path = {"id", "x"}, .type = MustParse("int")}), "to a struct");
  is_refused(update.Add({.path = {"tags", "x"}, .type = MustParse("int")}), "tags.element");
  is_refused(update.Add({.path = {"must"}, .type = MustParse("int"), .is_required = true}),
             "NOT NULL");
  is_refused(update.Add({.path = {"d"}, .type = MustParse("int"), .default_json = "1"}),
             "format version 3");
  is_refused(update.Rename({"price"}, "region"), "taken by region");
  is_refused(update.SetIdentifier({{"region"}}), "required");
  ASSERT_TRUE(update.SetIdentifier({{"id"}}));
  is_refused(update.Drop({"id"}), "identifier");
  is_refused(update.MakeOptional({"id"}), "identifier");
}

TEST(SchemaUpdate, GivesDefaultsInFormatV3) {
  const auto table = Table(3);
  SchemaUpdate update(table);
  ASSERT_TRUE(update.Add(
      {.path = {"n"}, .type = MustParse("int"), .is_required = true, .default_json = "7"}));
  EXPECT_FALSE(update.Add({.path = {"m"}, .type = MustParse("int"), .default_json = "\"x\""}));
  EXPECT_EQ(update.schema().FindField("n")->initial_default, "7");
  ASSERT_TRUE(update.SetWriteDefault({"n"}, "8"));
  EXPECT_EQ(update.schema().FindField("n")->initial_default, "7");
  EXPECT_EQ(update.schema().FindField("n")->write_default, "8");
}

TEST(LiteralJson, IsTheSpecsForm) {
  const std::pair<const char*, const char*> values[] = {
      {"boolean", "true"},
      {"int", "34"},
      {"bigint", "-34"},
      {"decimal(9, 2)", "\"14.20\""},
      {"date", "\"2017-11-16\""},
      {"timestamptz", "\"2017-11-16T22:31:08.123456+00:00\""},
      {"string", "\"i\\\"ceberg\""},
      {"binary", "\"000102ff\""},
      {"timestamp", "\"2017-11-16T22:31:08.123456\""},
      {"uuid", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""},
  };
  for (const auto& [type_name, json] : values) {
    const Type type = MustParse(type_name);
    const auto literal = LiteralFromJson(json, type);
    ASSERT_TRUE(literal) << type_name << ": " << literal.error().message;
    EXPECT_EQ(LiteralToJson(*literal, type), json) << type_name;
  }
  EXPECT_FALSE(LiteralFromJson("\"0g\"", MustParse("binary")));
  EXPECT_FALSE(LiteralFromJson("{}", MustParse("int")));
}

}  // namespace
}  // namespace daypart::iceberg
