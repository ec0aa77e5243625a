// SPDX-License-Identifier: Apache-2.0
//
// The growing lists of a metadata file: what is written reads back, is what any JSON reader sees,
// and wrong input is told by its path.
#include "iceberg/metadata_lists.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace daypart::iceberg {
namespace {

using ::testing::HasSubstr;

TableMetadata WithSnapshots(int count) {
  NewTable table;
  table.uuid = "7a0c8f0e-1b2d-4c3e-9f4a-5b6c7d8e9f00";
  table.location = "file:///lake/t";
  table.schema.fields = {{.id = FieldId(1), .name = "id", .type = Type::Of(TypeKind::kLong)}};
  TableMetadata metadata = *MakeTableMetadata(table, UtcMicros(1'000'000));
  for (int i = 1; i <= count; ++i) {
    Snapshot snapshot;
    snapshot.id = SnapshotId(INT64_MAX - i);
    if (i > 1) snapshot.parent_id = SnapshotId(INT64_MAX - i + 1);
    snapshot.sequence_number = SequenceNumber(i);
    snapshot.timestamp = UtcMicros(i * 1000);
    snapshot.manifest_list = "file:///lake/t/snap-\"quoted\"-\xC3\xA9-" + std::to_string(i);
    snapshot.summary = {{"operation", "append"}, {"note", "a\\b\n\"c\""}, {"added", "1"}};
    snapshot.schema_id = SchemaId(0);
    metadata.snapshots.push_back(snapshot);
    metadata.snapshot_log.push_back({snapshot.timestamp, snapshot.id});
    metadata.metadata_log.push_back({snapshot.timestamp, "file:///lake/t/metadata/0.json"});
    metadata.current_snapshot_id = snapshot.id;
    metadata.refs[std::string(kMainBranch)].snapshot_id = snapshot.id;
  }
  return metadata;
}

TEST(MetadataLists, ReadBackWhatWasWritten) {
  const TableMetadata metadata = WithSnapshots(300);
  const std::string text = SerializeTableMetadata(metadata);
  const auto read = ParseTableMetadata(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(SerializeTableMetadata(*read), text);
  const auto json = nlohmann::json::parse(text);
  ASSERT_EQ(json["snapshots"].size(), 300U);
  const auto& last = json["snapshots"].back();
  EXPECT_EQ(last["snapshot-id"].get<int64_t>(), INT64_MAX - 300);
  EXPECT_EQ(last["parent-snapshot-id"].get<int64_t>(), INT64_MAX - 299);
  EXPECT_EQ(last["summary"]["note"], "a\\b\n\"c\"");
  EXPECT_EQ(last["manifest-list"], metadata.snapshots.back().manifest_list);
  EXPECT_EQ(json["snapshot-log"].size(), 300U);
  EXPECT_EQ(json["metadata-log"][7]["metadata-file"], "file:///lake/t/metadata/0.json");
}

TEST(MetadataLists, TellWhereInputIsWrong) {
  const std::string good = SerializeTableMetadata(WithSnapshots(2));
  const auto refusal = [&](const char* list, const char* member, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(good);
    json[list][1][member] = value;
    const auto read = ParseTableMetadata(json.dump());
    return read ? std::string("taken") : read.error().message;
  };
  EXPECT_THAT(refusal("snapshots", "snapshot-id", "x"),
              HasSubstr("metadata.snapshots[1].snapshot-id is to be an integer, found \"x\""));
  EXPECT_THAT(refusal("snapshots", "summary", 3), HasSubstr("an object of strings, found 3"));
  EXPECT_THAT(refusal("snapshots", "manifest-list", nullptr), HasSubstr("early form"));
  EXPECT_THAT(refusal("metadata-log", "metadata-file", 1), HasSubstr("metadata-log[1]"));
  EXPECT_FALSE(ParseTableMetadata(good.substr(0, good.size() / 2)));
  auto json = nlohmann::json::parse(good);
  json["snapshots"] = "none";
  EXPECT_FALSE(ParseTableMetadata(json.dump()));
}

TEST(SnapshotList, ACopySharesAndDoesNotFollow) {
  TableMetadata first = WithSnapshots(3);
  TableMetadata second = first;
  EXPECT_EQ(&first.snapshots[1], &second.snapshots[1]);
  const auto is_old = [](const Snapshot& s) { return s.sequence_number.value() < 3; };
  erase_if(second.snapshots, is_old);
  EXPECT_EQ(first.snapshots.size(), 3U);
  EXPECT_EQ(second.snapshots.size(), 1U);
  EXPECT_EQ(second.snapshots.front().sequence_number, SequenceNumber(3));
}

}  // namespace
}  // namespace daypart::iceberg
