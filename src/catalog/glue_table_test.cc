// SPDX-License-Identifier: Apache-2.0
//
// Tables as Glue describes them: names of Hive types, our raw tables there and back, tables that a
// Glue crawler registered, Iceberg tables that another program keeps parameters in.
#include "catalog/glue_table.h"

#include <gtest/gtest.h>

namespace daypart::catalog {
namespace {

using iceberg::Type;
using iceberg::TypeKind;
using nlohmann::json;

RawTable Clicks() {
  RawTable raw;
  raw.name = {"media_raw", "clicks"};
  raw.location = "s3://lake/raw/clicks/";
  raw.delimiter = ';';
  raw.columns = {{"id", "ID", Type::Of(TypeKind::kLong)},
                 {"at", "At", Type::Of(TypeKind::kTimestamptz)}};
  raw.partition_columns = {{"day", "day", Type::Of(TypeKind::kDate)}};
  raw.parameters = {{"encoding", "utf-8"}};
  raw.updated = UtcMicros(1'790'000'000'000'000);
  return raw;
}

TEST(HiveType, NamesPlainAndNestedTypes) {
  EXPECT_EQ(HiveType(Type::Of(TypeKind::kLong)), "bigint");
  EXPECT_EQ(HiveType(Type::DecimalOf(12, 4)), "decimal(12,4)");
  EXPECT_EQ(HiveType(Type::Of(TypeKind::kTimestamptz)), "timestamp");
  EXPECT_EQ(HiveType(Type::Of(TypeKind::kUuid)), "string");
}

TEST(TypeOfHive, KnowsWhatCrawlersWrite) {
  EXPECT_EQ(TypeOfHive("decimal(12,4)"), Type::DecimalOf(12, 4));
  EXPECT_EQ(TypeOfHive("smallint"), Type::Of(TypeKind::kInt));
  EXPECT_EQ(TypeOfHive("varchar(20)"), Type::Of(TypeKind::kString));
  EXPECT_EQ(TypeOfHive("array<int>"), Type::Of(TypeKind::kString));
}

TEST(RawTableInput, ComesBackWholeAndIsReadableForOthers) {
  const RawTable raw = Clicks();
  json stored = RawTableInput(raw);
  EXPECT_EQ(stored["Parameters"]["classification"], "csv");
  EXPECT_EQ(stored["Parameters"]["skip.header.line.count"], "1");
  const json& storage = stored["StorageDescriptor"];
  EXPECT_EQ(storage["SerdeInfo"]["SerializationLibrary"],
            "org.apache.hadoop.hive.serde2.OpenCSVSerde");
  EXPECT_EQ(storage["SerdeInfo"]["Parameters"]["separatorChar"], ";");
  EXPECT_EQ(storage["Columns"][0]["Type"], "bigint");
  EXPECT_EQ(storage["Columns"][1]["Type"], "string");  // OpenCSVSerde has no timestamp of text
  EXPECT_EQ(stored["PartitionKeys"][0]["Name"], "day");
  stored["VersionId"] = "6";
  const auto back = RawTableOfGlue(stored, "media_raw");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToString(back->name), "media_raw.clicks");
  EXPECT_EQ(back->location, raw.location);
  EXPECT_EQ(back->columns, raw.columns);
  EXPECT_EQ(back->partition_columns, raw.partition_columns);
  EXPECT_EQ(back->parameters, raw.parameters);
  EXPECT_EQ(back->delimiter, ';');
  EXPECT_EQ(back->updated, raw.updated);
  EXPECT_EQ(back->version, 7);
}

// source: Amazon Athena User Guide, "Open CSV SerDe for processing CSV": BOOLEAN, BIGINT, INT and
// DOUBLE are known; an empty cell of such a column fails the query unless this is set.
TEST(RawTableInput, LetsAthenaReadEmptyCellsOfNumbers) {
  RawTable raw = Clicks();
  raw.columns.push_back({"ratio", "ratio", Type::Of(TypeKind::kFloat)});
  json stored = RawTableInput(raw);
  EXPECT_EQ(stored["Parameters"]["use.null.for.invalid.data"], "TRUE");
  EXPECT_EQ(stored["StorageDescriptor"]["Columns"][2]["Type"], "double");
  raw.columns = {{"name", "name", Type::Of(TypeKind::kString)}};
  EXPECT_FALSE(RawTableInput(raw)["Parameters"].contains("use.null.for.invalid.data"));
}

// source: Amazon Athena User Guide, "OpenX JSON SerDe", case.insensitive: keys become lower case
// before they are looked for, so that a mapping to a key with capitals finds nothing.
TEST(RawTableInput, LetsAthenaFindKeysWithCapitals) {
  RawTable raw = Clicks();
  raw.format = RawFormat::kJsonLines;
  const auto settings = [&] {
    return RawTableInput(raw)["StorageDescriptor"]["SerdeInfo"]["Parameters"];
  };
  EXPECT_EQ(settings(), json({{"case.insensitive", "FALSE"},
                              {"mapping.id", "ID"},
                              {"mapping.at", "At"}}));
  raw.columns = {{"a_b", "a.b", Type::Of(TypeKind::kLong)}};
  EXPECT_EQ(settings(), json({{"mapping.a_b", "a.b"}}));
}

// source: AWS Knowledge Center, "query-table-athena-timestamp-empty": times of text are
// "2026-11-24 20:00:00" for Athena; ISO 8601 wants a column of text and from_iso8601_timestamp.
TEST(RawTableInput, TimesOfJsonAreTextForAthena) {
  RawTable raw = Clicks();
  raw.format = RawFormat::kJsonLines;
  raw.columns.push_back({"born", "born", Type::Of(TypeKind::kDate)});
  const json columns = RawTableInput(raw)["StorageDescriptor"]["Columns"];
  EXPECT_EQ(columns[1]["Type"], "string");
  EXPECT_EQ(columns[2]["Type"], "date");
}

TEST(RawTableOfGlue, ReadsATableOfAGlueCrawler) {
  const json stored = json::parse(R"json({
    "Name": "ads", "VersionId": "0",
    "Parameters": {"classification": "csv", "skip.header.line.count": "1", "delimiter": "|"},
    "PartitionKeys": [{"Name": "year", "Type": "int"}],
    "StorageDescriptor": {
      "Location": "s3://lake/raw/ads",
      "Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "cost", "Type": "decimal(10,2)"}],
      "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                    "Parameters": {"field.delim": "|"}}}})json");
  const auto raw = RawTableOfGlue(stored, "media_raw");
  ASSERT_TRUE(raw) << raw.error().message;
  EXPECT_EQ(raw->format, RawFormat::kCsv);
  EXPECT_EQ(raw->location, "s3://lake/raw/ads/");
  EXPECT_EQ(raw->delimiter, '|');
  EXPECT_TRUE(raw->has_header);
  EXPECT_EQ(raw->columns[1].type, Type::DecimalOf(10, 2));
  EXPECT_EQ(raw->partition_columns[0].name, "year");
}

TEST(RawTableOfGlue, RefusesAFormatThatIsNotRead) {
  const json stored = json::parse(R"({"Name": "logs", "StorageDescriptor": {
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.orc.OrcSerde"}}})");
  const auto raw = RawTableOfGlue(stored, "media_raw");
  ASSERT_FALSE(raw);
  EXPECT_EQ(raw.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(raw.error().message.find("OrcSerde"), std::string::npos);
}

TEST(IcebergTableInput, KeepsWhatOthersWrote) {
  iceberg::Schema schema;
  schema.fields.push_back({.name = "id", .type = Type::Of(TypeKind::kLong), .doc = ""});
  iceberg::NewTable made;
  made.location = "s3://lake/media/t";
  made.schema = iceberg::AssignFreshIds(schema);
  const auto fresh = iceberg::MakeTableMetadata(made, UtcMicros(0));
  ASSERT_TRUE(fresh) << fresh.error().message;
  const json known = json::parse(R"({"Description": "views", "Owner": "etl", "VersionId": "3",
    "Parameters": {"table_type": "iceberg", "comment": "theirs", "metadata_location": "old"}})");
  EXPECT_TRUE(is_iceberg_table(known));
  const json input = IcebergTableInput(known, "t", "new", "old", *fresh);
  EXPECT_EQ(input["Description"], "views");
  EXPECT_EQ(input["Parameters"]["comment"], "theirs");
  EXPECT_EQ(input["Parameters"]["metadata_location"], "new");
  EXPECT_EQ(input["Parameters"]["previous_metadata_location"], "old");
  EXPECT_EQ(input["Parameters"]["table_type"], "ICEBERG");
  EXPECT_EQ(input["StorageDescriptor"]["Columns"][0]["Name"], "id");
  EXPECT_FALSE(input.contains("VersionId"));  // UpdateTable refuses what is only in answers
}

}  // namespace
}  // namespace daypart::catalog
