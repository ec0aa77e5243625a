// SPDX-License-Identifier: Apache-2.0
//
// CREATE, ALTER, DROP and CALL taken apart, with types that have commas and words of their own.
#include "query/table_statement.h"

#include <gmock/gmock.h>

namespace daypart::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

template <typename Action>
Action MustParse(std::string_view sql) {
  auto statement = ParseTableStatement(sql);
  EXPECT_TRUE(statement) << statement.error().message;
  if (!statement) return {};
  EXPECT_EQ(statement->table, "media.t");
  const auto* action = std::get_if<Action>(&statement->action);
  EXPECT_NE(action, nullptr) << sql;
  return action == nullptr ? Action{} : *action;
}

std::string Message(std::string_view sql) {
  auto statement = ParseTableStatement(sql);
  return statement ? "" : statement.error().message;
}

TEST(TableStatement, TakesATableWithAllClausesApart) {
  const auto create = MustParse<CreateTableStatement>(
      "CREATE TABLE IF NOT EXISTS media.t (id bigint NOT NULL COMMENT 'it''s, the id', "
      "s struct<a: decimal(9, 2), b: map<string, int> NOT NULL> NOT NULL, \"x y\" string DEFAULT "
      "'a,b') USING iceberg PARTITIONED BY (day(seen), bucket(4, id)) TBLPROPERTIES "
      "('a.b' = 'c, d', e.f = 5)");
  EXPECT_TRUE(create.if_not_exists);
  ASSERT_EQ(create.columns.size(), 3u);
  EXPECT_EQ(create.columns[0].comment, "it's, the id");
  EXPECT_TRUE(create.columns[0].is_required);
  EXPECT_EQ(create.columns[1].type.fields().size(), 2u);
  EXPECT_TRUE(create.columns[1].is_required);
  EXPECT_EQ(create.columns[2].path.front(), "x y");
  EXPECT_EQ(create.columns[2].default_text, "'a,b'");
  EXPECT_EQ(create.partition, "day(seen), bucket(4, id)");
  EXPECT_THAT(create.properties, ElementsAre(Pair("a.b", "c, d"), Pair("e.f", "5")));
}

TEST(TableStatement, TakesColumnsApart) {
  const auto add = MustParse<AddColumnsStatement>(
      "alter table media.t add columns (a.b map<string, int> comment 'x' after c, d date first)");
  ASSERT_EQ(add.columns.size(), 2u);
  EXPECT_THAT(add.columns[0].path, ElementsAre("a", "b"));
  EXPECT_EQ(add.columns[0].place.sibling, "c");
  EXPECT_EQ(add.columns[1].place.kind, iceberg::ColumnPlace::Kind::kFirst);
  const auto alter = MustParse<AlterColumnStatement>(
      "ALTER TABLE media.t ALTER COLUMN a.b TYPE bigint COMMENT 'y' DROP NOT NULL");
  EXPECT_EQ(alter.type->kind, iceberg::TypeKind::kLong);
  EXPECT_EQ(*alter.comment, "y");
  EXPECT_TRUE(alter.drops_not_null);
  EXPECT_FALSE(alter.place || alter.default_text);
}

TEST(TableStatement, TakesPartitionFieldsAndRefsApart) {
  const auto replace = MustParse<PartitionFieldStatement>(
      "ALTER TABLE media.t REPLACE PARTITION FIELD bucket(4, id) WITH bucket(8, id) AS shard");
  EXPECT_EQ(replace.dropped, "bucket(4, id)");
  EXPECT_EQ(replace.added, "bucket(8, id)");
  EXPECT_EQ(replace.name, "shard");
  const auto branch = MustParse<ChangeRefStatement>(
      "ALTER TABLE media.t CREATE OR REPLACE BRANCH b AS OF VERSION 7 RETAIN 2 HOURS WITH SNAPSHOT "
      "RETENTION 3 SNAPSHOTS 1 DAYS");
  EXPECT_EQ(branch.change.mode, lake::RefChange::Mode::kCreateOrReplace);
  EXPECT_EQ(branch.change.snapshot_id, iceberg::SnapshotId(7));
  EXPECT_EQ(branch.change.max_ref_age_ms, 7'200'000);
  EXPECT_EQ(branch.change.min_snapshots_to_keep, 3);
  EXPECT_EQ(branch.change.max_snapshot_age_ms, 86'400'000);
}

TEST(TableStatement, TakesACallApart) {
  const auto call = MustParse<CallStatement>(
      "CALL lake.system.rollback_to_timestamp(table => 'media.t', timestamp => TIMESTAMP "
      "'2026-01-01 00:00:00')");
  EXPECT_EQ(call.procedure, "ROLLBACK_TO_TIMESTAMP");
  EXPECT_EQ(call.arguments.at("timestamp"), "2026-01-01 00:00:00");
  const auto positional = MustParse<CallStatement>("CALL system.cherrypick_snapshot('media.t', 5)");
  EXPECT_EQ(positional.arguments.at("1"), "5");
}

TEST(TableStatement, TellsWhatIsExpected) {
  EXPECT_THAT(Message("CREATE TABLE media.t"), HasSubstr("either a list of columns or AS SELECT"));
  EXPECT_THAT(Message("CREATE TABLE media.t (id blurb)"), HasSubstr("a type such as"));
  EXPECT_THAT(Message("ALTER TABLE media.t ADD"), HasSubstr("COLUMN"));
  EXPECT_THAT(Message("ALTER TABLE media.t ALTER COLUMN a"), HasSubstr("TYPE, COMMENT"));
  EXPECT_THAT(Message("ALTER TABLE media.t CREATE TAG a RETAIN 5 WEEKS"), HasSubstr("DAYS"));
  EXPECT_THAT(Message("DROP TABLE media.t; DROP TABLE u"), HasSubstr("one statement"));
  EXPECT_THAT(Message("CALL rollback('t')"), HasSubstr("system."));
  EXPECT_TRUE(is_table_statement("-- why\n alter table t add column a int"));
  EXPECT_FALSE(is_table_statement("INSERT INTO create SELECT 1"));
}

}  // namespace
}  // namespace daypart::query
