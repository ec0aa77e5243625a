// SPDX-License-Identifier: Apache-2.0
//
// The cache in front of a store that counts its calls: what is read twice is asked for once, the
// folder keeps to its limit, and nothing that can change is kept.
#include "store/cached_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "store/fault_store.h"
#include "store/local_copies.h"
#include "store/memory_store.h"
#include "store/temp_folder_for_test.h"

namespace daypart::store {
namespace {

constexpr std::string_view kData =
    "file:///lake/media/t/data/0-1-0b5f2c1e-77aa-4c3d-9e10-1234567890ab.parquet";
constexpr std::string_view kManifest =
    "file:///lake/media/t/metadata/0b5f2c1e-77aa-4c3d-9e10-1234567890ab-m0.avro";

class CachedStoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(uint64_t{64} << 20); }

  void Open(uint64_t bytes_max) {
    auto counted = std::make_unique<FaultStore>(*memory_, FaultPlan{});
    counted_ = counted.get();
    auto made = MakeCachedStore(std::move(counted),
                                {.directory = folder_.Path("cache"), .bytes_max = bytes_max});
    ASSERT_TRUE(made) << made.error().message;
    store_ = std::move(made).value();
  }
  void PutBehind(std::string_view location, const std::string& bytes) {
    ASSERT_TRUE(memory_->Put(location, bytes, WriteMode::kReplace));
  }
  std::string Read(std::string_view location, uint64_t offset, size_t bytes) {
    auto reader = store_->OpenRead(location);
    if (!reader) return reader.error().message;
    std::string text(bytes, '\0');
    const auto got = (*reader)->ReadAt(offset, std::as_writable_bytes(std::span(text)));
    if (!got) return got.error().message;
    text.resize(*got);
    return text;
  }
  uint64_t FolderBytes() const {
    uint64_t total = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.Path("cache"))) {
      total += entry.file_size();
    }
    return total;
  }

  TempFolder folder_;
  std::unique_ptr<ObjectStore> memory_ = MakeMemoryStore();
  FaultStore* counted_ = nullptr;  // of store_
  std::unique_ptr<ObjectStore> store_;
};

std::string Pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i * i + i / 7) % 23);
  return text;
}

TEST_F(CachedStoreTest, AsksOnceForWhatIsReadTwice) {
  const std::string bytes = Pattern(300'000);
  PutBehind(kData, bytes);
  PutBehind(kManifest, "manifest");
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(Read(kData, 1000, 5000), bytes.substr(1000, 5000));
    EXPECT_EQ(Read(kData, 299'000, 5000), bytes.substr(299'000));
    EXPECT_EQ(store_->Get(kManifest).value(), "manifest");
    if (turn == 0) Open(uint64_t{64} << 20);  // another process, the same folder
  }
  EXPECT_EQ(counted_->calls_count(), 0U);
}

TEST_F(CachedStoreTest, KeepsWhatIsPut) {
  ASSERT_TRUE(store_->Put(kManifest, "manifest", WriteMode::kIfAbsent));
  const uint64_t calls = counted_->calls_count();
  EXPECT_EQ(store_->Get(kManifest).value(), "manifest");
  EXPECT_EQ(Read(kManifest, 2, 3), "nif");
  EXPECT_EQ(counted_->calls_count(), calls);
}

TEST_F(CachedStoreTest, ARefusedPutIsNotKept) {
  PutBehind(kManifest, "theirs");
  EXPECT_FALSE(store_->Put(kManifest, "ours", WriteMode::kIfAbsent));
  EXPECT_EQ(store_->Get(kManifest).value(), "theirs");
}

TEST_F(CachedStoreTest, WhatCanChangeIsAskedForEachTime) {
  const std::string raw = "file:///lake/raw/data/part-0.parquet";
  const std::string hadoop = "file:///lake/media/t/metadata/v3.metadata.json";
  for (const std::string& name : {raw, hadoop}) {
    PutBehind(name, "old");
    EXPECT_EQ(store_->Get(name).value(), "old");
    PutBehind(name, "new");
    EXPECT_EQ(store_->Get(name).value(), "new");
    EXPECT_EQ(Read(name, 0, 3), "new");
  }
}

TEST_F(CachedStoreTest, ForgetsWhatIsDeleted) {
  PutBehind(kData, Pattern(200'000));
  (void)Read(kData, 0, 100);
  ASSERT_TRUE(store_->Delete(kData));
  const auto gone = store_->OpenRead(kData);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
}

TEST_F(CachedStoreTest, TheFolderKeepsToItsLimit) {
  Open(1'000'000);
  for (int i = 0; i < 40; ++i) {
    const std::string name = "file:///lake/t/metadata/" + std::to_string(10 + i) +
                             "5f2c1e-77aa-4c3d-9e10-1234567890ab.avro";
    ASSERT_TRUE(store_->Put(name, Pattern(100'000), WriteMode::kReplace));
    EXPECT_LE(FolderBytes(), 1'100'000U);
  }
  EXPECT_GE(FolderBytes(), 500'000U);
}

TEST_F(CachedStoreTest, ACutFileOfTheCacheIsPassedOver) {
  const std::string bytes = Pattern(300'000);
  PutBehind(kData, bytes);
  EXPECT_EQ(Read(kData, 1000, 5000), bytes.substr(1000, 5000));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.Path("cache"))) {
    std::filesystem::resize_file(entry.path(), 3);
  }
  {
    const auto reader = store_->OpenRead(kData);
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ((*reader)->Map(1000, 5000), nullptr);
  }
  EXPECT_EQ(Read(kData, 1000, 5000), bytes.substr(1000, 5000));
  EXPECT_EQ(Read(kData, 299'990, 50), bytes.substr(299'990));
}

TEST_F(CachedStoreTest, WhatWasReadOnceIsMappedFromThen) {
  const std::string bytes = Pattern(300'000);
  PutBehind(kData, bytes);
  const auto text_of = [](const MappedBytes& mapped) {
    return std::string(reinterpret_cast<const char*>(mapped.bytes().data()),
                       mapped.bytes().size());
  };
  {
    const auto reader = store_->OpenRead(kData);
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ((*reader)->Map(1000, 5000), nullptr) << "nobody read it yet";
  }
  (void)Read(kData, 1000, 5000);
  std::shared_ptr<const MappedBytes> mapped;
  {
    const auto reader = store_->OpenRead(kData);
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ((*reader)->Map(1000, 4999), nullptr);
    EXPECT_EQ((*reader)->Map(299'000, 2000), nullptr) << "beyond the end";
    mapped = (*reader)->Map(1000, 5000);
  }
  ASSERT_NE(mapped, nullptr);
  // Eviction takes names away, not bytes that somebody holds.
  std::filesystem::remove_all(folder_.Path("cache"));
  EXPECT_EQ(text_of(*mapped), bytes.substr(1000, 5000));
}

TEST_F(CachedStoreTest, ALocalCopyFollowsItsObject) {
  const std::string raw = "file:///lake/raw/a.parquet";
  PutBehind(raw, "first");
  const auto first = LocalCopyOf(*store_, raw);
  ASSERT_TRUE(first) << first.error().message;
  PutBehind(raw, "second");
  const auto second = LocalCopyOf(*store_, raw);
  ASSERT_TRUE(second) << second.error().message;
  const auto name_of = [](const std::string& path) {
    return "cache/" + std::filesystem::path(path).filename().string();
  };
  EXPECT_EQ(folder_.ReadFile(name_of(*first)), "first");
  EXPECT_EQ(folder_.ReadFile(name_of(*second)), "second");
}

}  // namespace
}  // namespace daypart::store
