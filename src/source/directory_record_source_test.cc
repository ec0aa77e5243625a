// SPDX-License-Identifier: Apache-2.0
//
// A folder that keeps receiving files: what is taken when, as files grow, settle, are renamed,
// replaced, compressed, or are none of ours. Times of change are set, not waited for.
#include "source/directory_record_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <fstream>
#include <map>

#include "store/directory_store.h"
#include "store/temp_folder_for_test.h"

namespace daypart::source {
namespace {

using testing::ElementsAre;

struct Folder {
  store::TempFolder temp;
  FakeClock clock{UtcMicros(int64_t{1'764'000'000} * 1'000'000)};
  std::unique_ptr<store::ObjectStore> store = store::MakeDirectoryStore();
  std::unique_ptr<DirectoryRecordSource> source;
  std::map<std::string, std::string> positions;

  Folder() { Restart(); }
  void Restart() {
    source = std::make_unique<DirectoryRecordSource>(
        *store, clock, DirectoryOptions{.folder = temp.Location("in"), .name = "files:in"});
  }
  /// The file is this now, changed now.
  void Write(const std::string& name, const std::string& text) {
    temp.WriteFile("in/" + name, text);
    Touch(name);
  }
  void Append(const std::string& name, const std::string& text) {
    std::ofstream(temp.Path("in/" + name), std::ios::app | std::ios::binary) << text;
    Touch(name);
  }
  void Touch(const std::string& name) {
    const int64_t now = clock.Now().value();
    const timespec time{now / 1'000'000, now % 1'000'000 * 1'000};
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, temp.Path("in/" + name).c_str(), times, 0), 0);
  }
  void Wait(int seconds) { clock.Advance(std::chrono::seconds(seconds)); }

  /// All that can be taken, by file, as text; a CSV file's columns go before it in brackets.
  std::map<std::string, std::string> Take() {
    std::map<std::string, std::string> taken;
    const auto shards = source->ListShards().value();
    for (const Shard& shard : shards) {
      auto& position = positions[shard.id];
      if (position.empty()) {
        position = source->PositionOf(shard.id, StartPosition::kOldest).value();
      }
      while (true) {
        auto run = source->ReadLines(shard.id, position, {});
        EXPECT_TRUE(run) << run.error().message;
        if (!run || !*run) break;
        const LineRun& lines = **run;
        if (lines.csv_columns) {
          std::string columns;
          for (const auto& column : *lines.csv_columns) columns += column + ' ';
          taken[shard.id] += '[' + columns + (lines.has_header ? "h]" : "]");
        }
        taken[shard.id] += lines.text;
        position = lines.next_position;
      }
    }
    return taken;
  }
  std::string Take(const std::string& name) { return Take()[name]; }
};

TEST(DirectoryRecordSource, AGrowingFileIsReadOnByWholeLines) {
  Folder folder;
  folder.Write("a.jsonl", "{\"n\":1}\n{\"n\":");
  EXPECT_EQ(folder.Take("a.jsonl"), "{\"n\":1}\n");
  EXPECT_TRUE(folder.source->has_unsettled());
  folder.Append("a.jsonl", "2}\n{\"n\":3}");
  folder.Restart();
  EXPECT_EQ(folder.Take("a.jsonl"), "{\"n\":2}\n");
  // The last line has no end, but nothing was written to it for two seconds.
  folder.Wait(3);
  EXPECT_EQ(folder.Take("a.jsonl"), "{\"n\":3}");
  EXPECT_FALSE(folder.source->has_unsettled());
  EXPECT_TRUE(folder.Take().empty());
  folder.Append("a.jsonl", "\n{\"n\":4}\n");
  EXPECT_EQ(folder.Take("a.jsonl"), "\n{\"n\":4}\n");
}

TEST(DirectoryRecordSource, FilesUnderANameForTheWritersUseAreTakenWhenTheyAreRenamed) {
  Folder folder;
  for (const char* name : {"b.jsonl.tmp", ".b.jsonl.Xy3", "_b.jsonl", "b.part", "sub/.x/c.jsonl",
                           "_temporary/0/d.jsonl", "b.jsonl._COPYING_", "b.jsonl~", "e.parquet"}) {
    folder.Write(name, "{\"half\":");
  }
  folder.Wait(60);
  EXPECT_TRUE(folder.Take().empty());
  EXPECT_FALSE(folder.source->has_unsettled());
  folder.Write("b.jsonl.tmp", "{\"n\":1}\n");
  std::filesystem::rename(folder.temp.Path("in/b.jsonl.tmp"), folder.temp.Path("in/sub/b.jsonl"));
  EXPECT_EQ(folder.Take("sub/b.jsonl"), "{\"n\":1}\n");
}

TEST(DirectoryRecordSource, FilesOfOtherKindsAreLeftOutByTheirEnding) {
  Folder folder;
  for (const char* name : {"README.md", "a.xml", "a.jsonl.bak", "sub/script.py", "x.xml.gz"}) {
    folder.Write(name, "{\"n\":0}\n");
  }
  folder.Wait(60);
  EXPECT_TRUE(folder.Take().empty());
  EXPECT_FALSE(folder.source->has_unsettled());
  for (const char* name : {"part-0000", "a.jsonl", "b.ndjson", "c.log", "d.jsonl.1",
                           "e.jsonl-20261124", "f.2026-11-24", "clicks-1-2026-11-25-09-30-a1b2"}) {
    folder.Write(name, "{\"n\":1}\n");
    EXPECT_EQ(folder.Take(name), "{\"n\":1}\n") << name;
  }
}

TEST(DirectoryRecordSource, CsvIsTakenWhenItHasSettledEachFileWithItsOwnHeader) {
  Folder folder;
  folder.Write("a.csv", "id,region\n1,north\n");
  folder.Write("b.csv", "region;id;extra\nsouth;2;x\nwest;3;y\n");
  EXPECT_TRUE(folder.Take().empty());
  EXPECT_TRUE(folder.source->has_unsettled());
  folder.Wait(3);
  const auto taken = folder.Take();
  EXPECT_EQ(taken.at("a.csv"), "[id region h]id,region\n1,north\n");
  EXPECT_EQ(taken.at("b.csv"), "[region id extra h]region;id;extra\nsouth;2;x\nwest;3;y\n");
  folder.Append("a.csv", "4,\"ea\nst\"\n");
  folder.Restart();
  folder.Wait(3);
  EXPECT_EQ(folder.Take("a.csv"), "[id region ]4,\"ea\nst\"\n");
}

TEST(DirectoryRecordSource, CsvThatNeverStopsGrowingIsTakenByWholeRecords) {
  Folder folder;
  folder.Write("a.csv", "id,region\n");
  std::string expected = "id,region\n";
  std::string seen;
  for (int i = 0; i < 40; ++i) {
    const std::string row = std::to_string(i) + ",\"no\nrth " + std::to_string(i) + "\"\n";
    // Half of a record, ending in a line end within quotes, stays until the rest has come.
    const size_t half = row.find('\n') + 1;
    folder.Append("a.csv", row.substr(0, half));
    const std::string early = folder.Take("a.csv");
    folder.Append("a.csv", row.substr(half));
    expected += row;
    for (std::string text : {early, folder.Take("a.csv")}) {
      if (text.starts_with('[')) text.erase(0, text.find(']') + 1);
      seen += text;
      EXPECT_TRUE(seen.empty() || seen.ends_with("\"\n")) << seen;
    }
    folder.Wait(1);
  }
  EXPECT_GT(seen.size(), expected.size() / 2);
  EXPECT_EQ(seen, expected);
}

TEST(DirectoryRecordSource, CompressedFilesAreTakenWholeAndByOffsetInTheirText) {
  Folder folder;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "{\"n\":" + std::to_string(i) + "}\n";
  folder.Write("a.jsonl.gz", "");
  gzFile file = gzopen(folder.temp.Path("in/a.jsonl.gz").c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
            static_cast<int>(text.size()));
  gzclose(file);
  folder.Touch("a.jsonl.gz");
  EXPECT_TRUE(folder.Take().empty());
  folder.Wait(3);
  EXPECT_EQ(folder.Take("a.jsonl.gz"), text);
  EXPECT_TRUE(folder.Take().empty());
  // Half of a compressed file is told of and left alone until it changes.
  const std::string whole = folder.temp.ReadFile("in/a.jsonl.gz");
  folder.Write("b.jsonl.gz", whole.substr(0, whole.size() / 2));
  folder.Write("c.jsonl", "{\"n\":1}\n");
  folder.Wait(3);
  EXPECT_EQ(folder.Take("c.jsonl"), "{\"n\":1}\n");
  folder.Write("b.jsonl.gz", whole);
  folder.Wait(3);
  EXPECT_TRUE(folder.Take("b.jsonl.gz").ends_with("{\"n\":999}\n"));
}

TEST(DirectoryRecordSource, AnotherContentUnderTheNameIsReadFromItsStart) {
  Folder folder;
  folder.Write("a.jsonl", "{\"n\":1}\n{\"n\":2}\n");
  EXPECT_EQ(folder.Take("a.jsonl"), "{\"n\":1}\n{\"n\":2}\n");
  folder.Write("a.jsonl", "{\"m\":1}\n{\"m\":2}\n{\"m\":3}\n");
  EXPECT_EQ(folder.Take("a.jsonl"), "{\"m\":1}\n{\"m\":2}\n{\"m\":3}\n");
  std::filesystem::remove(folder.temp.Path("in/a.jsonl"));
  EXPECT_TRUE(folder.Take().empty());
  folder.Write("photo.jsonl", std::string("\x89PNG\r\n\x1a\n\0\0\0", 11));
  EXPECT_TRUE(folder.Take().empty());
  EXPECT_FALSE(folder.source->has_unsettled());
}

/// Does something behind each opening of an object to be read.
class WatchedStore final : public store::ObjectStore {
 public:
  WatchedStore(store::ObjectStore& inner, std::function<void()> opened)
      : inner_(inner), opened_(std::move(opened)) {}
  Result<std::unique_ptr<store::ObjectReader>> OpenRead(std::string_view location) override {
    auto reader = inner_.OpenRead(location);
    opened_();
    return reader;
  }
  Result<std::string> Get(std::string_view location) override { return inner_.Get(location); }
  Status Put(std::string_view location, std::string_view bytes, store::WriteMode mode) override {
    return inner_.Put(location, bytes, mode);
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenWrite(std::string_view location,
                                                         store::WriteMode mode) override {
    return inner_.OpenWrite(location, mode);
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenResumable(std::string_view location,
                                                             std::string_view key) override {
    return inner_.OpenResumable(location, key);
  }
  Result<store::ObjectInfo> Head(std::string_view location) override {
    return inner_.Head(location);
  }
  Result<std::vector<store::ObjectInfo>> List(std::string_view prefix) override {
    return inner_.List(prefix);
  }
  Status Move(std::string_view from, std::string_view to) override {
    return inner_.Move(from, to);
  }
  Status Delete(std::string_view location) override { return inner_.Delete(location); }

 private:
  store::ObjectStore& inner_;
  const std::function<void()> opened_;
};

TEST(DirectoryRecordSource, AFileThatIsReplacedWhileItIsReadIsTakenWhole) {
  const auto lines_of = [](const std::string& key) {
    std::string lines;
    for (int i = 0; i < 8'000; ++i) lines += "{\"" + key + "\":" + std::to_string(i) + "}\n";
    return lines;
  };
  const std::string before = lines_of("a");
  const std::string after = lines_of("b");
  // Whichever opening the other content comes behind.
  for (int moment = 1; moment <= 3; ++moment) {
    Folder folder;
    folder.Write("x.jsonl", before);
    folder.Wait(5);
    folder.Write("y.tmp", after);
    int opened = 0;
    WatchedStore watched(*folder.store, [&] {
      // As a rename does: who reads already goes on with the old content.
      if (++opened == moment) {
        std::filesystem::rename(folder.temp.Path("in/y.tmp"), folder.temp.Path("in/x.jsonl"));
      }
    });
    DirectoryRecordSource source(watched, folder.clock,
                                 {.folder = folder.temp.Location("in"), .name = "files:in"});
    ASSERT_EQ(source.ListShards().value().size(), 1U);
    std::string position = source.PositionOf("x.jsonl", StartPosition::kOldest).value();
    std::string taken;
    for (int look = 0; look < 20; ++look) {
      const auto run = source.ReadLines("x.jsonl", position, {.bytes_max = 1});
      ASSERT_TRUE(run) << run.error().message;
      if (*run) {
        taken += (*run)->text;
        position = (*run)->next_position;
      }
      ASSERT_EQ(source.ListShards().value().size(), 1U);
      folder.Wait(5);
    }
    if (opened < moment) continue;  // it was never opened so often
    // What was read of the old content stays; the new one is there from its first line on.
    const size_t start = std::min(taken.find("{\"b\""), taken.size());
    EXPECT_TRUE(before.starts_with(taken.substr(0, start))) << moment;
    EXPECT_EQ(taken.substr(start).size(), after.size()) << moment;
    EXPECT_TRUE(taken.substr(start) == after) << moment;
  }
}

}  // namespace
}  // namespace daypart::source
