// SPDX-License-Identifier: Apache-2.0
//
// Positions, deletion vectors and Puffin files: there and back, and every kind of damage refused.
#include "iceberg/deletion_vector.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "iceberg/puffin.h"

namespace daypart::iceberg {
namespace {

TEST(PositionSet, HoldsWhatAPlainSetHolds) {
  std::mt19937_64 random(5);
  PositionSet set;
  std::set<uint64_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t position =
        random() % 3 == 0 ? (random() % 4) << 32 | random() % 1000 : random() % 200'000;
    set.Add(position);
    model.insert(position);
  }
  EXPECT_EQ(set.count(), model.size());
  std::vector<uint64_t> visited;
  set.ForEach([&](uint64_t position) { visited.push_back(position); });
  EXPECT_EQ(visited, std::vector<uint64_t>(model.begin(), model.end()));
  const auto again = PositionSet::Deserialize(set.Serialize());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(*again == set);
  EXPECT_TRUE(again->Contains(*model.rbegin()));
}

TEST(PositionSet, JoinsAnother) {
  PositionSet left;
  left.Add(1);
  PositionSet right;
  right.Add(1);
  right.Add(uint64_t{7} << 40);
  left.Add(right);
  EXPECT_EQ(left.count(), 2U);
}

TEST(DeletionVector, HasTheBytesOfTheSpec) {
  PositionSet positions;
  positions.Add(1);
  positions.Add(3);
  const std::string blob = EncodeDeletionVector(positions);
  // Length of magic and vector, then the magic, then one bitmap for the high bits 0.
  EXPECT_EQ(blob.substr(4, 4), "\xD1\xD3\x39\x64");
  EXPECT_EQ(blob.substr(0, 4), std::string("\0\0\0", 3) + static_cast<char>(blob.size() - 8));
  EXPECT_EQ(blob.substr(8, 12), std::string("\1\0\0\0\0\0\0\0\0\0\0\0", 12));
  const auto decoded = DecodeDeletionVector(blob);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(*decoded == positions);
}

TEST(DeletionVector, RefusesEachDamagedByte) {
  PositionSet positions;
  for (uint64_t i = 0; i < 100; i += 3) positions.Add(i);
  const std::string blob = EncodeDeletionVector(positions);
  for (size_t at = 0; at < blob.size(); ++at) {
    std::string damaged = blob;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto decoded = DecodeDeletionVector(damaged);
    ASSERT_FALSE(decoded) << "byte " << at;
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorruptData);
    EXPECT_FALSE(DecodeDeletionVector(blob.substr(0, at)));
  }
}

TEST(Puffin, GoesThereAndBack) {
  PuffinFile file;
  file.blobs = {{.type = kDeletionVectorBlob,
                 .fields = {FieldId(2147483545)},
                 .properties = {{kReferencedDataFile, "a.parquet"}, {kCardinality, "2"}}},
                {.type = "other", .fields = {FieldId(1)}, .snapshot_id = 5, .sequence_number = 6}};
  file.properties["created-by"] = "test";
  const std::string bytes = EncodePuffin(file, {"first", "second blob"});
  EXPECT_EQ(bytes.substr(static_cast<size_t>(file.blobs[1].offset), 11), "second blob");
  const auto decoded = DecodePuffinFooter(bytes, static_cast<int64_t>(bytes.size()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->blobs.size(), 2U);
  EXPECT_EQ(decoded->blobs[0].properties.at(kReferencedDataFile), "a.parquet");
  EXPECT_EQ(decoded->blobs[0].snapshot_id, -1);
  EXPECT_EQ(decoded->blobs[1].sequence_number, 6);
  EXPECT_EQ(*DecodePuffinBlob(decoded->blobs[0], "first"), "first");
  EXPECT_FALSE(DecodePuffinBlob(decoded->blobs[0], "firs"));
  const auto footer =
      PuffinFooterBytes(bytes.substr(bytes.size() - 12), static_cast<int64_t>(bytes.size()));
  ASSERT_TRUE(footer) << footer.error().message;
  EXPECT_TRUE(DecodePuffinFooter(bytes.substr(bytes.size() - static_cast<size_t>(*footer)),
                                 static_cast<int64_t>(bytes.size())));
}

TEST(Puffin, RefusesFilesCutShortOrChanged) {
  PuffinFile file;
  file.blobs = {{.type = "t", .fields = {FieldId(1)}}};
  const std::string bytes = EncodePuffin(file, {"content"});
  const auto size = static_cast<int64_t>(bytes.size());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodePuffinFooter(bytes.substr(0, length), static_cast<int64_t>(length)));
  }
  std::string flagged = bytes;
  flagged[bytes.size() - 8] = 2;
  EXPECT_EQ(DecodePuffinFooter(flagged, size).error().code, ErrorCode::kUnsupported);
  std::string outside = bytes;
  const size_t at = outside.find("\"length\":7");
  outside.replace(at, 10, "\"length\":9");
  outside.replace(outside.find("\"offset\":4"), 10, "\"offset\":9");
  EXPECT_EQ(DecodePuffinFooter(outside, size).error().code, ErrorCode::kCorruptData);
}

}  // namespace
}  // namespace daypart::iceberg
