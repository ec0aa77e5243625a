// SPDX-License-Identifier: Apache-2.0
//
// Names of a stream's files, read back by a parser of its own that knows the grammar of
// docs/formats/stream-files.md only.
#include "ingest/stream_file_name.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "ingest/limits.h"
#include "streamlog/sequence_number.h"
#include "streamlog/stream_state.h"

namespace daypart::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

struct ReadPart {
  std::string shard;
  std::string from;
  std::string to;
  friend bool operator==(const ReadPart&, const ReadPart&) = default;
};

struct ReadName {
  std::string stream;
  int64_t commit = -1;
  std::vector<ReadPart> parts;
  int64_t more_count = 0;
  std::string hash;
  std::string replay;
  int64_t number = -1;
};

std::vector<std::string> SplitAt(char separator, const std::string& text) {
  std::vector<std::string> fields(1);
  for (const char c : text) {
    if (c == separator) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::string Unescaped(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      bytes += text[i];
    } else if (text[i + 1] == '_') {
      bytes += '-';
      ++i;
    } else if (text[i + 1] == 'x') {
      i += 17;
    } else {
      bytes += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  return bytes;
}

std::string ShardOf(const std::string& text) {
  const bool is_number = text.size() > 1 && text[0] == 's' &&
                         text.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!is_number) return Unescaped(text);
  return "shardId-" + std::string(12 - (text.size() - 1), '0') + text.substr(1);
}

ReadPart PartOf(const std::vector<std::string>& members) {
  ReadPart part{ShardOf(members[0]), Unescaped(members[1]), Unescaped(members[2])};
  if (members.size() == 4) {
    const std::string& from = members[1];
    part.to = Unescaped(from.substr(0, from.size() - members[3].size()) + members[3]);
  }
  return part;
}

/// From the right: a number, fields with a dot, and the first one without is the commit's.
ReadName Read(const std::string& name) {
  ReadName read;
  EXPECT_TRUE(name.ends_with(".parquet")) << name;
  auto fields = SplitAt('-', name.substr(0, name.size() - 8));
  read.number = std::stoll(fields.back());
  fields.pop_back();
  for (; fields.back().find('.') != std::string::npos; fields.pop_back()) {
    const auto members = SplitAt('.', fields.back());
    if (members.size() > 2) {
      read.parts.insert(read.parts.begin(), PartOf(members));
    } else if (members[0] == "replay") {
      read.replay = members[1];
    } else {
      EXPECT_TRUE(members[0].starts_with("and")) << name;
      read.more_count = std::stoll(members[0].substr(3));
      read.hash = members[1];
    }
  }
  EXPECT_EQ(fields.back().size(), 12U) << name;
  read.commit = std::stoll(fields.back());
  fields.pop_back();
  for (const std::string& field : fields) {
    read.stream += (read.stream.empty() ? "" : "-") + field;
  }
  return read;
}

StreamState StateOf(const std::map<std::string, std::string>& positions) {
  StreamState state;
  for (const auto& [shard, position] : positions) state.shards[shard].position = position;
  return state;
}

std::string Sequence(uint64_t index, uint32_t shard) {
  return streamlog::ToDecimal({.shard_epoch_s = 1'732'478'000,
                               .index = streamlog::RecordIndex(index),
                               .shard = streamlog::ShardNumber(shard)});
}

std::string NameOf(const StreamState& from, const StreamState& to,
                   const std::string& stream = "clicks") {
  return StreamFileNames::OfRange(stream, 7, from, to).Name(0);
}

TEST(StreamFileNames, TellShardAndPositions) {
  const std::string from = Sequence(1, 0);
  const std::string to = Sequence(1001, 0);
  const std::string name = NameOf(StateOf({{"shardId-000000000000", from}}),
                                  StateOf({{"shardId-000000000000", to}}));
  EXPECT_THAT(name, MatchesRegex("clicks-000000000007-s0\\.49[0-9]{54}\\.\\.[0-9]+-0\\.parquet"));
  const ReadName read = Read(name);
  EXPECT_EQ(read.stream, "clicks");
  EXPECT_EQ(read.commit, 7);
  EXPECT_EQ(read.number, 0);
  EXPECT_THAT(read.parts, ElementsAre(ReadPart{"shardId-000000000000", from, to}));
}

TEST(StreamFileNames, AreTheExamplesOfTheDocument) {
  EXPECT_EQ(NameOf(StateOf({{"shardId-000000000000", Sequence(1, 0)}}),
                   StateOf({{"shardId-000000000000", Sequence(9'001, 0)}})),
            "clicks-000000000007-s0.49658026114749402458171129158774217297636013003084136450.."
            "332859535322142614160773480450-0.parquet");
  EXPECT_EQ(NameOf(StateOf({{"day1/part-0.jsonl", "1024-9f0c:0"}}),
                   StateOf({{"day1/part-0.jsonl", "1024-9f0c:8192"}, {"s4", "12-77aa:12"}})),
            "clicks-000000000007-day1_2Fpart__0_2Ejsonl.1024__9f0c_3A0.1024__9f0c_3A8192-"
            "_734..12__77aa_3A12-0.parquet");
}

TEST(StreamFileNames, ShowTwoShardsOfALogAndCountTheOthers) {
  std::map<std::string, std::string> from;
  std::map<std::string, std::string> to;
  for (uint32_t shard = 0; shard < 5; ++shard) {
    from[streamlog::ShardId(streamlog::ShardNumber(shard))] = Sequence(9, shard);
    to[streamlog::ShardId(streamlog::ShardNumber(shard))] = Sequence(99'999, shard);
    const ReadName read = Read(NameOf(StateOf(from), StateOf(to)));
    const size_t shown = shard < 2 ? shard + 1 : 1;
    EXPECT_EQ(read.parts.size(), shown);
    EXPECT_EQ(read.more_count, static_cast<int64_t>(shard + 1 - shown));
    EXPECT_EQ(read.hash.size(), shard < 2 ? 0U : 16U);
  }
  // What is not shown is told apart all the same.
  const std::string name = NameOf(StateOf(from), StateOf(to));
  to["shardId-000000000004"] = Sequence(100'000, 4);
  EXPECT_NE(NameOf(StateOf(from), StateOf(to)), name);
}

TEST(StreamFileNames, ShortenLongPathsByAHashBeforeTheirEnd) {
  const std::string folder(3000, 'd');
  const auto named = [&](const std::string& path) {
    return NameOf(StateOf({}), StateOf({{path, "5-aa:5"}}));
  };
  const std::string name = named(folder + "/one/part-00000-c000.jsonl");
  EXPECT_THAT(name, MatchesRegex("clicks-000000000007-_x[0-9a-f]{16}.*part__00000__c000_2Ejsonl"
                                 "\\.\\.5__aa_3A5-0\\.parquet"));
  EXPECT_NE(named(folder + "d/one/part-00000-c000.jsonl"), name);
}

TEST(StreamFileNames, OfReplaysTellTheReplay) {
  const std::string name = StreamFileNames::OfReplay("clicks", 8, "some-uuid").Name(3);
  const ReadName read = Read(name);
  EXPECT_EQ(read.commit, 8);
  EXPECT_EQ(read.number, 3);
  EXPECT_EQ(read.replay.size(), 16U);
  EXPECT_NE(StreamFileNames::OfReplay("clicks", 8, "other").Name(3), name);
}

TEST(StreamFileNames, AreNotHiddenAndGoByCommit) {
  EXPECT_THAT(NameOf(StateOf({}), StateOf({{"a", "1"}}), "_clicks"),
              HasSubstr("stream_clicks-000000000007-a..1-0.parquet"));
  EXPECT_EQ(Read(NameOf(StateOf({}), StateOf({{"a", "1"}}), ".a-000000000001.b")).stream,
            "stream.a-000000000001.b");
  // Of before, and those of now.
  EXPECT_LT("clicks-000000000006-5f0c61d8e2a94b37-0.parquet",
            NameOf(StateOf({}), StateOf({{"a", "1"}})));
  EXPECT_LT(NameOf(StateOf({}), StateOf({{"z", "1"}})),
            StreamFileNames::OfReplay("clicks", 8, "b").Name(0));
}

TEST(StreamFileNames, OfAnyStatesAreReadBackAndDifferent) {
  const uint64_t seed = 20261201;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto text = [&](size_t bytes_max) {
    static constexpr std::string_view kBytes{"a9Z_-./: %+~=é\n\0s", 18};
    std::string bytes;
    for (size_t left = 1 + random.Next() % bytes_max; left > 0; --left) {
      bytes += kBytes[random.Next() % kBytes.size()];
    }
    return bytes;
  };
  std::map<std::string, std::pair<StreamState, StreamState>> known;
  int whole_count = 0;
  for (int round = 0; round < 5'000; ++round) {
    StreamState from;
    StreamState to;
    for (uint64_t shards = random.Next() % 4; shards > 0; --shards) {
      const std::string shard = text(random.Next() % 8 == 0 ? 200 : 6);
      to.shards[shard].position = text(12);
      if (random.Next() % 2 == 0) from.shards[shard].position = text(12);
    }
    const std::string stream = "s" + std::string(random.Next() % 128, 'x');
    const std::string name = NameOf(from, to, stream);
    ASSERT_LE(name.size(), kStreamFileNameBytesMax) << name;
    ASSERT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789_-."),
              std::string::npos)
        << name;
    const ReadName read = Read(name);
    ASSERT_EQ(read.stream, stream);
    std::vector<ReadPart> parts;
    for (const auto& [shard, state] : to.shards) {
      const auto before = from.shards.find(shard);
      const std::string position = before == from.shards.end() ? "" : before->second.position;
      if (position != state.position) parts.push_back({shard, position, state.position});
    }
    ASSERT_EQ(read.parts.size() + static_cast<size_t>(read.more_count), parts.size()) << name;
    if (name.find("_x") == std::string::npos) {
      parts.resize(read.parts.size());
      ASSERT_EQ(read.parts, parts) << name;
      whole_count += parts.empty() ? 0 : 1;
    }
    // A shard that has not moved is in no name.
    std::erase_if(to.shards, [&](const auto& shard) {
      const auto before = from.shards.find(shard.first);
      return before != from.shards.end() && before->second.position == shard.second.position;
    });
    std::erase_if(from.shards, [&](const auto& shard) { return !to.shards.contains(shard.first); });
    const auto [same, is_new] = known.try_emplace(name, from, to);
    ASSERT_TRUE(is_new || same->second == std::pair(from, to)) << name;
  }
  EXPECT_GT(whole_count, 1'000);
}

}  // namespace
}  // namespace daypart::ingest
