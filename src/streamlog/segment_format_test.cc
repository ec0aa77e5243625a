// SPDX-License-Identifier: Apache-2.0
//
// The bytes of segments: the example of docs/formats/stream-log.md, and bytes that are none.
#include "streamlog/segment_format.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>

namespace daypart::streamlog {
namespace {

std::string Hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", static_cast<unsigned>(byte));
    text += two;
  }
  return text;
}

std::vector<std::byte> ExampleFrame() {
  FrameHead head;
  head.first_index = RecordIndex(1);
  head.durable_index = RecordIndex(1);
  head.arrival = UtcMicros(1'732'478'000'000'000);
  std::vector<std::byte> bytes;
  FrameWriter frame(bytes, head);
  frame.Add({"hello", "k1"});
  frame.Finish();
  return bytes;
}

TEST(SegmentFormat, TheDocumentShowsTheseBytes) {
  std::ifstream file(DAYPART_SOURCE_DIR "/docs/formats/stream-log.md");
  std::string document{std::istreambuf_iterator<char>(file), {}};
  // The dump's lines are "    <offset>  <bytes in groups>  <what it is>".
  std::string dumped;
  for (size_t at = 0; (at = document.find("\n    ", at)) != std::string::npos; ++at) {
    const std::string line = document.substr(at + 5, document.find('\n', at + 5) - at - 5);
    if (line.size() < 7 || line.substr(4, 2) != "  ") continue;
    const std::string bytes = line.substr(6, line.find("  ", 6) - 6);
    if (line.find_first_not_of("0123456789") < 4) continue;
    for (const char c : bytes) {
      if (c != ' ') dumped += c;
    }
  }
  SegmentHead head;
  for (size_t i = 0; i < head.stream_id.size(); ++i) head.stream_id[i] = static_cast<uint8_t>(i);
  head.shard = ShardNumber(3);
  head.first_index = RecordIndex(1);
  head.created = UtcMicros(1'732'478'000'000'000);
  EXPECT_EQ(dumped, Hex(EncodeSegmentHead(head)) + Hex(ExampleFrame()));
}

TEST(SegmentFormat, EveryChangedByteOfAFrameIsNoticed) {
  auto frame = ExampleFrame();
  ASSERT_TRUE(CheckFrame(frame));
  for (size_t i = 0; i < frame.size(); ++i) {
    frame[i] ^= std::byte{1};
    EXPECT_FALSE(CheckFrame(frame)) << "byte " << i;
    frame[i] ^= std::byte{1};
    EXPECT_FALSE(CheckFrame(std::span(frame).first(i))) << "cut at " << i;
  }
}

TEST(SegmentFormat, ABodyThatDoesNotFitItsHeadIsNoticed) {
  const auto frame = ExampleFrame();
  const auto body = std::span(frame).subspan(kFrameHeadBytes);
  int visited = 0;
  const auto count = [&](const RecordBytes& record) {
    ++visited;
    EXPECT_EQ(record.data, "hello");
    EXPECT_EQ(record.partition_key, "k1");
  };
  EXPECT_TRUE(ForEachRecord(body, 1, count));
  EXPECT_EQ(visited, 1);
  EXPECT_FALSE(ForEachRecord(body, 2, [](const RecordBytes&) {}));
  EXPECT_FALSE(ForEachRecord(body.first(body.size() - 1), 1, [](const RecordBytes&) {}));
}

TEST(SegmentFormat, AnIndexFileComesBackAndDamageIsNoticed) {
  SegmentIndex index;
  index.entries = {{RecordIndex(1), 64, UtcMicros(5)}, {RecordIndex(900), 70'000, UtcMicros(6)}};
  index.end_index = RecordIndex(1000);
  index.last_arrival = UtcMicros(7);
  index.segment_bytes = 90'000;
  std::string bytes = EncodeSegmentIndex(index);
  const auto decoded = DecodeSegmentIndex(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->entries[1].offset, 70'000U);
  EXPECT_EQ(decoded->end_index, RecordIndex(1000));
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    EXPECT_FALSE(DecodeSegmentIndex(bytes)) << "byte " << i;
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    EXPECT_FALSE(DecodeSegmentIndex(std::string_view(bytes).substr(0, i)));
  }
}

TEST(SegmentFormat, OnlySegmentNamesAreSegments) {
  EXPECT_EQ(SegmentFileName(RecordIndex(17)), "00000000000000000017.seg");
  EXPECT_EQ(ParseSegmentFileName("00000000000000000017.seg"), RecordIndex(17));
  for (const char* other : {"00000000000000000017.idx", "17.seg", "0000000000000000001x.seg", ""}) {
    EXPECT_FALSE(ParseSegmentFileName(other)) << other;
  }
}

}  // namespace
}  // namespace daypart::streamlog
