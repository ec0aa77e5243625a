// SPDX-License-Identifier: Apache-2.0
//
// Partition specs one after the other: ids are reused, never recycled; format v1 keeps places.
#include "iceberg/spec_update.h"

#include <gmock/gmock.h>

#include <functional>
#include <vector>

namespace daypart::iceberg {
namespace {

using ::testing::HasSubstr;

TableMetadata Table(int32_t format_version) {
  Schema schema;
  schema.fields = {{.id = FieldId(1), .name = "id", .type = Type::Of(TypeKind::kInt)},
                   {.id = FieldId(2), .name = "region", .type = Type::Of(TypeKind::kString)}};
  auto spec = ParsePartitionSpec("region, bucket(4, id)", schema);
  EXPECT_TRUE(spec) << spec.error().message;
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

/// The table after the edit, its new spec the default one.
TableMetadata After(const TableMetadata& table, const std::function<Status(SpecUpdate&)>& edit) {
  SpecUpdate update(table);
  const Status edited = edit(update);
  EXPECT_TRUE(edited) << edited.error().message;
  const std::vector<TableUpdate> updates = {AddPartitionSpec{update.spec()},
                                            SetDefaultSpec{SpecId(-1)}};
  auto next = ApplyUpdates(table, updates, UtcMicros(1), "");
  EXPECT_TRUE(next) << next.error().message;
  return *next;
}

/// "1000 region identity, 1001 id_bucket bucket[4]"
std::string SpecText(const TableMetadata& table) {
  std::string text;
  for (const PartitionField& field : table.default_spec().fields) {
    text += (text.empty() ? "" : ", ") + std::to_string(field.field_id.value()) + ' ' + field.name +
            ' ' + ToString(field.transform);
  }
  return text;
}

TEST(SpecUpdate, DropsAFieldFromFormatV2AndReusesItsIdLater) {
  const TableMetadata first = Table(2);
  const TableMetadata second = After(first, [](SpecUpdate& u) { return u.Drop("region"); });
  EXPECT_EQ(SpecText(second), "1001 id_bucket bucket[4]");
  const TableMetadata third = After(second, [](SpecUpdate& u) { return u.Add("region", "r"); });
  EXPECT_EQ(SpecText(third), "1001 id_bucket bucket[4], 1000 r identity");
  EXPECT_EQ(third.last_partition_id, FieldId(1001));
}

TEST(SpecUpdate, KeepsADroppedFieldOfFormatV1AsVoid) {
  const TableMetadata first = Table(1);
  const TableMetadata second = After(first, [](SpecUpdate& u) { return u.Drop("region"); });
  EXPECT_EQ(SpecText(second), "1000 region void, 1001 id_bucket bucket[4]");
  const TableMetadata third = After(second, [](SpecUpdate& u) { return u.Add("region", ""); });
  EXPECT_EQ(SpecText(third),
            "1000 region_1000 void, 1001 id_bucket bucket[4], 1002 region identity");
}

TEST(SpecUpdate, DoesNotStoreAnEqualSpecTwice) {
  const TableMetadata first = Table(2);
  const TableMetadata second =
      After(first, [](SpecUpdate& u) { return u.Replace("region", "truncate(region, 2)", ""); });
  EXPECT_EQ(SpecText(second), "1001 id_bucket bucket[4], 1002 region_trunc_2 truncate[2]");
  const TableMetadata third = After(second, [](SpecUpdate& u) {
    const Status dropped = u.Drop("region_trunc_2");
    return dropped ? u.Drop("bucket(4, id)") : dropped;
  });
  const TableMetadata fourth = After(third, [](SpecUpdate& u) {
    const Status added = u.Add("region", "");
    return added ? u.Add("bucket(4, id)", "id_bucket") : added;
  });
  EXPECT_EQ(fourth.default_spec_id, first.default_spec_id);
  EXPECT_EQ(fourth.partition_specs.size(), 3u);
}

TEST(SpecUpdate, RefusesWhatTheTableHasOrLacks) {
  const TableMetadata table = Table(2);
  SpecUpdate update(table);
  EXPECT_THAT(update.Add("region", "other").error().message, HasSubstr("already"));
  EXPECT_THAT(update.Add("bucket(8, id)", "region").error().message, HasSubstr("of a column"));
  EXPECT_THAT(update.Add("bucket(8, id)", "id_bucket").error().message, HasSubstr("is taken"));
  EXPECT_THAT(update.Drop("id").error().message, HasSubstr("there are: region, id_bucket"));
  EXPECT_THAT(update.Add("region, id", "").error().message, HasSubstr("one partition field"));
  EXPECT_EQ(update.spec(), table.default_spec());
}

TEST(Promote, WidensWhatAColumnWasStoredAs) {
  EXPECT_EQ(Promote(Literal(int32_t{5}), Type::Of(TypeKind::kLong)), Literal(int64_t{5}));
  EXPECT_EQ(Promote(Literal(0.5F), Type::Of(TypeKind::kDouble)), Literal(0.5));
  EXPECT_EQ(Promote(Literal(int32_t{5}), Type::Of(TypeKind::kDate)), Literal(int32_t{5}));
  EXPECT_EQ(Promote(Literal(), Type::Of(TypeKind::kLong)), Literal());
}

}  // namespace
}  // namespace daypart::iceberg
