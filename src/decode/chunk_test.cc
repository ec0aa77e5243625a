// SPDX-License-Identifier: Apache-2.0
//
// The chunker: where it cuts, what it counts, and that one bad quote or one endless record neither
// swallows a file nor fills the memory.
#include "decode/chunk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "decode/csv_compare.h"

namespace daypart::decode {
namespace {

using reference::MemorySource;
using testing::ElementsAre;

std::vector<Chunk> Chunks(std::string_view text, ChunkOptions options, size_t step = 1 << 20) {
  Chunker chunker(std::make_unique<MemorySource>(text, step), options);
  std::vector<Chunk> chunks;
  while (true) {
    auto chunk = chunker.Next();
    EXPECT_TRUE(chunk.has_value());
    if (!chunk || !*chunk) return chunks;
    chunks.push_back(std::move(**chunk));
  }
}

std::vector<std::string> Texts(const std::vector<Chunk>& chunks) {
  std::vector<std::string> texts;
  for (const Chunk& chunk : chunks) texts.push_back(chunk.bytes);
  return texts;
}

class FailingSource final : public ByteSource {
 public:
  Result<size_t> Read(std::span<char> into) override {
    if (reads_++ > 0) return Unavailable("disk is on strike");
    into[0] = 'a';
    return size_t{1};
  }

 private:
  int reads_ = 0;
};

TEST(Chunker, YieldsNothingForAnEmptyFile) { EXPECT_TRUE(Chunks("", {}).empty()); }

TEST(Chunker, CutsBehindTheLastWholeRecord) {
  const auto chunks = Chunks("aaa\nbbb\nccc\nddd", {.chunk_bytes = 9});
  EXPECT_THAT(Texts(chunks), ElementsAre("aaa\nbbb\n", "ccc\nddd"));
  EXPECT_EQ(chunks[1].byte_offset, 8U);
  EXPECT_EQ(chunks[1].first_line, 3U);
  EXPECT_EQ(chunks[1].index, 1U);
}

TEST(Chunker, KeepsQuotedNewlinesInOneRecord) {
  const auto chunks = Chunks("a,\"1\n2\n3\"\nb,4\n", {.chunk_bytes = 5});
  EXPECT_THAT(Texts(chunks), ElementsAre("a,\"1\n2\n3\"\n", "b,4\n"));
  EXPECT_EQ(chunks[1].first_line, 4U);
}

TEST(Chunker, IgnoresQuotesWhereThereAreNone) {
  EXPECT_THAT(Texts(Chunks("{\"a\n\"}\nb\n", {.chunk_bytes = 4, .quote = '\0'})),
              ElementsAre("{\"a\n", "\"}\n", "b\n"));
}

TEST(Chunker, KeepsARecordLongerThanAChunkWhole) {
  const std::string text = "a\n" + std::string(1000, 'x') + "\nb\n";
  const auto chunks = Chunks(text, {.chunk_bytes = 16}, 7);
  EXPECT_THAT(Texts(chunks), ElementsAre("a\n", std::string(1000, 'x') + "\nb\n"));
}

TEST(Chunker, CutsARecordOverTheLimitAndGoesOnBehindIt) {
  const std::string text = "a\n" + std::string(1000, 'x') + "\nb\n";
  const auto chunks = Chunks(text, {.chunk_bytes = 16, .record_bytes_max = 100}, 7);
  ASSERT_THAT(Texts(chunks), ElementsAre("a\n", std::string(100, 'x'), "b\n"));
  EXPECT_TRUE(chunks[1].is_cut);
  EXPECT_FALSE(chunks[2].is_cut);
  EXPECT_EQ(chunks[2].byte_offset, 1003U);
  EXPECT_EQ(chunks[2].first_line, 3U);
}

TEST(Chunker, EndsAnOpenQuoteAtItsLineOnceTheLimitIsReached) {
  std::string text = "a,\"open\n";
  for (int i = 0; i < 100; ++i) text += "b,c\n";
  const auto chunks = Chunks(text, {.chunk_bytes = 16, .record_bytes_max = 64}, 1000);
  EXPECT_EQ(chunks[0].bytes, "a,\"open\n");
  EXPECT_FALSE(chunks[0].is_cut);
  std::string all;
  uint64_t line = 1;
  for (const Chunk& chunk : chunks) {
    EXPECT_EQ(chunk.byte_offset, all.size());
    EXPECT_EQ(chunk.first_line, line);
    EXPECT_LE(chunk.bytes.size(), 64U);
    all += chunk.bytes;
    for (const char c : chunk.bytes) line += c == '\n' ? 1 : 0;
  }
  EXPECT_EQ(all, text);
}

TEST(Chunker, HandsLoneCrsOnAsLineEndsOnlyWhereThereIsNoLf) {
  EXPECT_THAT(Texts(Chunks("a,b\rc,d\r", {})), ElementsAre("a,b\nc,d\n"));
  EXPECT_THAT(Texts(Chunks("a,b\rc,d\n", {})), ElementsAre("a,b\rc,d\n"));
  EXPECT_THAT(Texts(Chunks("a,b\r", {})), ElementsAre("a,b\n"));
}

TEST(Chunker, TellsTheSourcesErrorOnceAndThenEnds) {
  Chunker chunker(std::make_unique<FailingSource>(), {});
  const auto failed = chunker.Next();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  const auto after = chunker.Next();
  ASSERT_TRUE(after.has_value());
  EXPECT_FALSE(after->has_value());
}

TEST(Chunker, LosesNoByteAndCountsEveryLineOfRandomText) {
  const std::string alphabet = "\"\"\",\n\n\r ab";
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    std::mt19937_64 random(seed);
    std::string text = "\n";
    for (size_t i = random() % 400; i > 0; --i) text += alphabet[random() % alphabet.size()];
    const ChunkOptions options{.chunk_bytes = 1 + random() % 100, .record_bytes_max = 1000};
    std::string all;
    uint64_t line = 1;
    uint64_t index = 0;
    for (const Chunk& chunk : Chunks(text, options, 1 + random() % 50)) {
      ASSERT_EQ(chunk.byte_offset, all.size()) << "seed " << seed;
      ASSERT_EQ(chunk.first_line, line) << "seed " << seed;
      ASSERT_EQ(chunk.index, index++);
      ASSERT_FALSE(chunk.bytes.empty());
      all += chunk.bytes;
      for (const char c : chunk.bytes) line += c == '\n' ? 1 : 0;
    }
    ASSERT_EQ(all, text) << "seed " << seed;
  }
}

}  // namespace
}  // namespace daypart::decode
