// SPDX-License-Identifier: Apache-2.0
//
// The contract of ObjectStore, asked of every store alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "store/directory_store.h"
#include "store/fault_store.h"
#include "store/memory_store.h"
#include "store/temp_folder_for_test.h"

namespace daypart::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

enum class Kind { kDirectory, kDirectoryUnsynced, kMemory, kFaultless };

class ObjectStoreContract : public testing::TestWithParam<Kind> {
 protected:
  ObjectStoreContract() : inner_(MakeMemoryStore()) {
    switch (GetParam()) {
      case Kind::kDirectory: store_ = MakeDirectoryStore(); break;
      case Kind::kDirectoryUnsynced: store_ = MakeDirectoryStore({.sync = false}); break;
      case Kind::kMemory: store_ = MakeMemoryStore(); break;
      case Kind::kFaultless: store_ = std::make_unique<FaultStore>(*inner_, FaultPlan{}); break;
    }
  }

  std::string At(std::string_view name) const { return folder_.Location(name); }
  void MustPut(std::string_view name, std::string_view bytes) {
    const auto put = store_->Put(At(name), bytes, WriteMode::kReplace);
    ASSERT_TRUE(put) << put.error().message;
  }
  std::vector<std::string> ListedUnder(std::string_view name) {
    const auto listed = store_->List(At(name));
    EXPECT_TRUE(listed.has_value());
    std::vector<std::string> names;
    for (const auto& object : *listed) {
      names.push_back(object.location.substr(folder_.Location("").size()));
    }
    return names;
  }

  TempFolder folder_;
  std::unique_ptr<ObjectStore> inner_;
  std::unique_ptr<ObjectStore> store_;
};

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST_P(ObjectStoreContract, GivesBackWhatWasPut) {
  const std::string bytes("a\0b\nü", 6);
  MustPut("deep/er/object", bytes);
  EXPECT_EQ(store_->Get(At("deep/er/object")).value(), bytes);
  const auto head = store_->Head(At("deep/er/object"));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->bytes, 6u);
  EXPECT_EQ(head->location, At("deep/er/object"));
}

TEST_P(ObjectStoreContract, AcceptsAnEmptyObject) {
  MustPut("empty", "");
  EXPECT_EQ(store_->Get(At("empty")).value(), "");
  EXPECT_EQ(store_->Head(At("empty"))->bytes, 0u);
}

TEST_P(ObjectStoreContract, ReplacingChangesBytesAndEtag) {
  MustPut("a", "one");
  const std::string etag = store_->Head(At("a"))->etag;
  MustPut("a", "two");
  EXPECT_EQ(store_->Get(At("a")).value(), "two");
  EXPECT_NE(store_->Head(At("a"))->etag, etag);
}

TEST_P(ObjectStoreContract, MovingGivesAnotherNameAndReplaces) {
  MustPut("deep/a", "one");
  MustPut("other/b", "two");
  ASSERT_TRUE(store_->Move(At("deep/a"), At("other/b")));
  EXPECT_EQ(store_->Get(At("other/b")).value(), "one");
  EXPECT_THAT(ListedUnder(""), ElementsAre("other/b"));
  ASSERT_TRUE(store_->Move(At("other/b"), At("new/folder/c")));
  const auto again = store_->Move(At("other/b"), At("new/folder/c"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->Get(At("new/folder/c")).value(), "one");
}

TEST_P(ObjectStoreContract, PutIfAbsentLeavesWhatIsThere) {
  ASSERT_TRUE(store_->Put(At("a"), "first", WriteMode::kIfAbsent));
  const auto second = store_->Put(At("a"), "second", WriteMode::kIfAbsent);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(store_->Get(At("a")).value(), "first");
}

TEST_P(ObjectStoreContract, OnlyOneOfTwoOpenWritersIfAbsentFinishes) {
  auto left = store_->OpenWrite(At("a"), WriteMode::kIfAbsent);
  auto right = store_->OpenWrite(At("a"), WriteMode::kIfAbsent);
  ASSERT_TRUE(left && right);
  ASSERT_TRUE((*left)->Append(Bytes("left")));
  ASSERT_TRUE((*right)->Append(Bytes("right")));
  ASSERT_TRUE((*right)->Finish());
  const auto late = (*left)->Finish();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(store_->Get(At("a")).value(), "right");
}

TEST_P(ObjectStoreContract, OfManyThreadsExactlyOnePutsIfAbsent) {
  for (int round = 0; round < 20; ++round) {
    const std::string location = At("race-" + std::to_string(round));
    std::atomic<int> winners{0};
    std::atomic<int> losers{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto put = store_->Put(location, std::to_string(i), WriteMode::kIfAbsent);
        if (put) ++winners;
        if (!put && put.error().code == ErrorCode::kAlreadyExists) ++losers;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(losers, 7);
  }
}

TEST_P(ObjectStoreContract, ReadsRangesAndLessOnlyAtTheEnd) {
  MustPut("a", "0123456789");
  auto reader = store_->OpenRead(At("a"));
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->size_bytes(), 10u);
  char into[4] = {};
  EXPECT_EQ((*reader)->ReadAt(3, std::as_writable_bytes(std::span(into))).value(), 4u);
  EXPECT_EQ(std::string_view(into, 4), "3456");
  EXPECT_EQ((*reader)->ReadAt(8, std::as_writable_bytes(std::span(into))).value(), 2u);
  EXPECT_EQ(std::string_view(into, 2), "89");
  EXPECT_EQ((*reader)->ReadAt(10, std::as_writable_bytes(std::span(into))).value(), 0u);
  EXPECT_EQ((*reader)->ReadAt(99, std::as_writable_bytes(std::span(into))).value(), 0u);
}

TEST_P(ObjectStoreContract, AnOpenReaderKeepsSeeingTheObjectItOpened) {
  MustPut("a", "old bytes");
  auto reader = store_->OpenRead(At("a"));
  ASSERT_TRUE(reader);
  MustPut("a", "new");
  ASSERT_TRUE(store_->Delete(At("a")));
  char into[9] = {};
  EXPECT_EQ((*reader)->ReadAt(0, std::as_writable_bytes(std::span(into))).value(), 9u);
  EXPECT_EQ(std::string_view(into, 9), "old bytes");
}

TEST_P(ObjectStoreContract, AWriterShowsNothingBeforeFinish) {
  auto writer = store_->OpenWrite(At("folder/a"), WriteMode::kReplace);
  ASSERT_TRUE(writer);
  const std::string piece(700'000, 'x');
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*writer)->Append(Bytes(piece)));
  EXPECT_EQ((*writer)->written_bytes(), 3'500'000u);
  EXPECT_EQ(store_->Head(At("folder/a")).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(ListedUnder("folder"), IsEmpty());
  ASSERT_TRUE((*writer)->Finish());
  EXPECT_EQ(store_->Head(At("folder/a"))->bytes, 3'500'000u);
  EXPECT_EQ(store_->Get(At("folder/a"))->find_first_not_of('x'), std::string::npos);
}

TEST_P(ObjectStoreContract, AWriterIsOfNoUseAfterFinish) {
  auto writer = store_->OpenWrite(At("a"), WriteMode::kReplace);
  ASSERT_TRUE(writer && (*writer)->Finish());
  EXPECT_FALSE((*writer)->Append(Bytes("more")));
  EXPECT_FALSE((*writer)->Finish());
}

TEST_P(ObjectStoreContract, ListsBelowAFolderSortedAndNothingElse) {
  for (const char* name :
       {"t/b", "t/a/2", "t/a/1", "t-other/x", "t/.hidden", "t/.dir/x", "t/_log"}) {
    MustPut(name, "x");
  }
  EXPECT_THAT(ListedUnder("t"), ElementsAre("t/_log", "t/a/1", "t/a/2", "t/b"));
  EXPECT_THAT(ListedUnder("t/"), ElementsAre("t/_log", "t/a/1", "t/a/2", "t/b"));
  EXPECT_THAT(ListedUnder("t/b"), IsEmpty());
  EXPECT_THAT(ListedUnder("absent"), IsEmpty());
}

TEST_P(ObjectStoreContract, MissingObjectsAreNotFoundAndDeletingThemIsNoError) {
  EXPECT_EQ(store_->Get(At("no")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->Head(At("no")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->OpenRead(At("no")).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store_->Delete(At("no")));
  MustPut("yes", "x");
  EXPECT_TRUE(store_->Delete(At("yes")));
  EXPECT_EQ(store_->Head(At("yes")).error().code, ErrorCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreContract,
                         testing::Values(Kind::kDirectory, Kind::kDirectoryUnsynced, Kind::kMemory,
                                         Kind::kFaultless),
                         [](const auto& store_kind) {
                           switch (store_kind.param) {
                             case Kind::kDirectory: return "Directory";
                             case Kind::kDirectoryUnsynced: return "DirectoryUnsynced";
                             case Kind::kMemory: return "Memory";
                             case Kind::kFaultless: return "Faultless";
                           }
                           return "Unknown";
                         });

}  // namespace
}  // namespace daypart::store
