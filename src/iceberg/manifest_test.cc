// SPDX-License-Identifier: Apache-2.0
//
// Manifests: round trips, inheritance, summaries, and files cut short or changed.
#include "iceberg/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "iceberg/expression.h"

namespace daypart::iceberg {
namespace {

ManifestHeader Header(std::string_view partition, int32_t format_version = 2) {
  ManifestHeader header;
  header.schema = AssignFreshIds(
      {.id = SchemaId(3),
       .fields = {{.name = "id", .is_required = true, .type = Type::Of(TypeKind::kLong)},
                  {.name = "region", .type = Type::Of(TypeKind::kString)},
                  {.name = "score", .type = Type::Of(TypeKind::kDouble)},
                  {.name = "price", .type = Type::DecimalOf(18, 4)}}});
  header.spec = *ParsePartitionSpec(partition, header.schema);
  header.format_version = format_version;
  return header;
}

ManifestEntry Entry(PartitionTuple partition, EntryStatus status = EntryStatus::kAdded) {
  ManifestEntry entry;
  entry.status = status;
  entry.file.location = "file:///lake/data/1.parquet";
  entry.file.partition = std::move(partition);
  entry.file.record_count = 7;
  entry.file.file_bytes = 1234;
  entry.file.value_counts[FieldId(1)] = 7;
  entry.file.null_value_counts[FieldId(1)] = 0;
  entry.file.lower_bounds[FieldId(1)] =
      *SerializeLiteral(Literal(int64_t{-5}), Type::Of(TypeKind::kLong));
  entry.file.upper_bounds[FieldId(1)] =
      *SerializeLiteral(Literal(int64_t{9}), Type::Of(TypeKind::kLong));
  entry.file.split_offsets = {4, 900};
  if (status != EntryStatus::kAdded) {
    entry.snapshot_id = SnapshotId(11);
    entry.sequence_number = SequenceNumber(2);
    entry.file_sequence_number = SequenceNumber(1);
  }
  return entry;
}

ManifestFile Listed(const std::string& bytes) {
  ManifestFile listed;
  listed.bytes = static_cast<int64_t>(bytes.size());
  listed.sequence_number = SequenceNumber(5);
  listed.added_snapshot_id = SnapshotId(77);
  return listed;
}

TEST(Manifest, ComesBackAsItWasWritten) {
  const ManifestHeader header = Header("region, price");
  const std::vector<ManifestEntry> entries = {
      Entry({Literal(std::string("north")), Literal(Decimal{-123456})}),
      Entry({Literal(), Literal()}, EntryStatus::kExisting)};
  const auto bytes = EncodeManifest(header, entries);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto decoded = DecodeManifest(*bytes, Listed(*bytes));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->header.schema, header.schema);
  ASSERT_EQ(decoded->entries.size(), 2U);
  const DataFile& file = decoded->entries[0].file;
  EXPECT_EQ(file.partition, entries[0].file.partition);
  EXPECT_EQ(file.lower_bounds, entries[0].file.lower_bounds);
  EXPECT_EQ(file.split_offsets, entries[0].file.split_offsets);
  EXPECT_EQ(decoded->entries[1].file.partition, entries[1].file.partition);
}

TEST(Manifest, ASieveKeepsWhatAFullReadWouldKeep) {
  const ManifestHeader header = Header("region", 3);
  std::vector<ManifestEntry> entries;
  for (int i = 0; i < 9; ++i) {
    const EntryStatus status = i % 4 == 3 ? EntryStatus::kDeleted : EntryStatus::kExisting;
    entries.push_back(Entry({Literal(std::string(i % 2 == 0 ? "north" : "south"))}, status));
    entries.back().file.location += std::to_string(i);
    entries.back().file.record_count = i + 1;
    if (i == 2) entries.back().file.first_row_id = 500;
  }
  const auto bytes = EncodeManifest(header, entries);
  ASSERT_TRUE(bytes) << bytes.error().message;
  ManifestFile listed = Listed(*bytes);
  listed.first_row_id = 100;
  const auto whole = DecodeManifest(*bytes, listed);
  ASSERT_TRUE(whole) << whole.error().message;
  EntryFilter filter;
  filter.fields = {FieldId(1)};
  filter.keeps_partition = [](const PartitionTuple& tuple) {
    return tuple[0] == Literal(std::string("north"));
  };
  filter.keeps_file = [](const DataFile& file) {
    return file.record_count > 1 && file.lower_bounds.contains(FieldId(1));
  };
  int64_t live_count = 0;
  const auto sieved = DecodeLiveEntries(*bytes, listed, filter, &live_count);
  ASSERT_TRUE(sieved) << sieved.error().message;
  EXPECT_EQ(live_count, 7);
  std::vector<const ManifestEntry*> expected;
  for (const auto& entry : whole->entries) {
    const bool is_live = entry.status != EntryStatus::kDeleted;
    if (is_live && filter.keeps_partition(entry.file.partition) && entry.file.record_count > 1) {
      expected.push_back(&entry);
    }
  }
  ASSERT_EQ(sieved->entries.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(sieved->entries[i].file.location, expected[i]->file.location);
    EXPECT_EQ(sieved->entries[i].file.first_row_id, expected[i]->file.first_row_id);
    EXPECT_EQ(sieved->entries[i].file.lower_bounds, expected[i]->file.lower_bounds);
    EXPECT_EQ(sieved->entries[i].sequence_number, expected[i]->sequence_number);
  }
  EXPECT_FALSE(DecodeLiveEntries(std::string_view(*bytes).substr(0, 90), listed, filter));
}

TEST(Manifest, AddedEntriesInheritAndExistingOnesKeepTheirNumbers) {
  const ManifestHeader header = Header("");
  const std::vector<ManifestEntry> entries = {Entry({}), Entry({}, EntryStatus::kExisting)};
  const std::string bytes = *EncodeManifest(header, entries);
  const auto decoded = DecodeManifest(bytes, Listed(bytes));
  EXPECT_EQ(decoded->entries[0].snapshot_id, SnapshotId(77));
  EXPECT_EQ(decoded->entries[0].sequence_number, SequenceNumber(5));
  EXPECT_EQ(decoded->entries[1].snapshot_id, SnapshotId(11));
  EXPECT_EQ(decoded->entries[1].sequence_number, SequenceNumber(2));
  EXPECT_EQ(decoded->entries[1].file_sequence_number, SequenceNumber(1));
}

TEST(Manifest, RefusesEntriesThatBreakTheSpec) {
  const ManifestHeader header = Header("region");
  ManifestEntry unnumbered = Entry({Literal()}, EntryStatus::kExisting);
  unnumbered.sequence_number.reset();
  EXPECT_FALSE(EncodeManifest(header, std::vector{unnumbered}));
  EXPECT_FALSE(EncodeManifest(header, std::vector{Entry({})}));
  EXPECT_FALSE(EncodeManifest(header, std::vector{Entry({Literal(5)})}));
  EXPECT_FALSE(EncodeManifest(Header("region", 1), std::vector{Entry({Literal()})}));
}

TEST(Manifest, CutShortOrChangedAnywhereIsCorruptAndNeverRead) {
  const std::string bytes = *EncodeManifest(Header("region"), std::vector{Entry({Literal()})});
  for (size_t kept = 0; kept < bytes.size(); ++kept) {
    const std::string cut = bytes.substr(0, kept);
    EXPECT_FALSE(DecodeManifest(cut, Listed(bytes)));
    const auto decoded = DecodeManifest(cut, Listed(cut));
    // Cut between header and block it is a manifest without entries; no other cut passes.
    if (decoded) {
      EXPECT_TRUE(decoded->entries.empty()) << kept;
    }
  }
  std::mt19937_64 random(1);
  for (int change = 0; change < 2000; ++change) {
    std::string changed = bytes;
    changed[random() % changed.size()] = static_cast<char>(random());
    (void)DecodeManifest(changed, Listed(changed));  // whatever it says, it does not crash
  }
}

TEST(ManifestSummary, HoldsBoundsWithoutNullsAndNaNs) {
  const ManifestHeader header = Header("score");
  const std::vector<ManifestEntry> entries = {Entry({Literal(2.5)}), Entry({Literal()}),
                                              Entry({Literal(std::nan(""))}),
                                              Entry({Literal(-0.0)})};
  const auto summary = SummarizeManifest(header, entries, SnapshotId(1), SequenceNumber(9));
  ASSERT_TRUE(summary);
  const FieldSummary& field = summary->partitions->at(0);
  EXPECT_TRUE(field.contains_null);
  EXPECT_EQ(field.contains_nan, true);
  EXPECT_EQ(*field.lower_bound, *SerializeLiteral(Literal(-0.0), Type::Of(TypeKind::kDouble)));
  EXPECT_EQ(*field.upper_bound, *SerializeLiteral(Literal(2.5), Type::Of(TypeKind::kDouble)));
  EXPECT_EQ(summary->added_files_count, 4);
  EXPECT_EQ(summary->added_rows_count, 28);
  EXPECT_EQ(summary->min_sequence_number, SequenceNumber(9));
}

TEST(ManifestList, ComesBackAsItWasWritten) {
  for (const int32_t version : {2, 3}) {
    ManifestFile manifest = *SummarizeManifest(Header("region"), std::vector{Entry({Literal()})},
                                               SnapshotId(8), SequenceNumber(4));
    manifest.location = "file:///lake/m.avro";
    manifest.bytes = 99;
    if (version == 3) manifest.first_row_id = 1000;
    const auto bytes = EncodeManifestList({.snapshot_id = SnapshotId(8),
                                           .sequence_number = SequenceNumber(4),
                                           .format_version = version},
                                          std::vector{manifest});
    const auto decoded = DecodeManifestList(*bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->size(), 1U);
    EXPECT_EQ(decoded->at(0).location, manifest.location);
    EXPECT_EQ(decoded->at(0).sequence_number, SequenceNumber(4));
    EXPECT_EQ(decoded->at(0).first_row_id, manifest.first_row_id);
    EXPECT_TRUE(decoded->at(0).partitions->at(0).contains_null);
    EXPECT_FALSE(decoded->at(0).partitions->at(0).lower_bound.has_value());
  }
}

Expression On(ExpressionKind kind, int32_t field, Literal value) {
  return Expression::Compare(kind, FieldId(field), std::move(value));
}

TEST(MayMatch, PrunesByBoundsOnlyWhatTheyProve) {
  const Schema schema = Header("").schema;
  const DataFile file = Entry({}).file;  // id in [-5, 9], no nulls
  EXPECT_TRUE(MayMatch(On(ExpressionKind::kEqual, 1, int64_t{9}), schema, file));
  EXPECT_FALSE(MayMatch(On(ExpressionKind::kEqual, 1, int64_t{10}), schema, file));
  EXPECT_FALSE(MayMatch(On(ExpressionKind::kLess, 1, int64_t{-5}), schema, file));
  EXPECT_TRUE(MayMatch(On(ExpressionKind::kLessOrEqual, 1, int64_t{-5}), schema, file));
  EXPECT_FALSE(MayMatch({.kind = ExpressionKind::kIsNull, .field = FieldId(1)}, schema, file));
  EXPECT_TRUE(MayMatch(On(ExpressionKind::kEqual, 2, std::string("x")), schema, file));
  const auto outside = On(ExpressionKind::kGreater, 1, int64_t{9});
  EXPECT_FALSE(MayMatch(Expression::And({outside, Expression::True()}), schema, file));
  EXPECT_TRUE(MayMatch(Expression::Or({outside, Expression::True()}), schema, file));
  EXPECT_TRUE(MayMatch(Expression::Not(outside), schema, file));
}

TEST(MayMatch, ASummaryWithoutBoundsAndNullsHidesNothing) {
  const ManifestHeader header = Header("region");
  ManifestFile manifest;
  manifest.partitions = std::vector<FieldSummary>(1);
  EXPECT_TRUE(MayMatch(On(ExpressionKind::kEqual, 2, std::string("north")), header.schema,
                       header.spec, manifest));
}

TEST(MayMatch, ProjectsOntoTransformedPartitions) {
  const ManifestHeader header = Header("truncate(10, id), bucket(4, region)");
  const PartitionTuple tuple = {Literal(int64_t{10}), Literal(2)};
  const auto may = [&](const Expression& expression) {
    return MayMatch(expression, header.schema, header.spec, tuple);
  };
  EXPECT_TRUE(may(On(ExpressionKind::kLess, 1, int64_t{11})));
  EXPECT_FALSE(may(On(ExpressionKind::kLess, 1, int64_t{9})));
  EXPECT_FALSE(may(On(ExpressionKind::kEqual, 1, int64_t{25})));
  EXPECT_TRUE(may(On(ExpressionKind::kNotEqual, 1, int64_t{10})));
  EXPECT_TRUE(may(On(ExpressionKind::kGreater, 2, std::string("zzz"))));
}

}  // namespace
}  // namespace daypart::iceberg
