// SPDX-License-Identifier: Apache-2.0
//
// What is special to files: folders, links, other processes, a full disk, names of locations.
#include "store/directory_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "store/temp_folder_for_test.h"

namespace daypart::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Everything in `folder`, dot-files too.
std::vector<std::string> AllNames(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

/// Runs `act` in a child process. returns: its exit status as waitpid tells.
template <typename Act>
pid_t Fork(Act act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  return child;
}

int Wait(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(DirectoryStore, TakesThreeFormsOfTheSamePlace) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  ASSERT_TRUE(store->Put(folder.Path("a"), "x", WriteMode::kReplace));
  EXPECT_EQ(store->Get("file://" + folder.Path("a")).value(), "x");
  EXPECT_EQ(store->Get("file:" + folder.Path("a")).value(), "x");
  EXPECT_EQ(store->Get("file://localhost" + folder.Path("a")).value(), "x");
}

TEST(DirectoryStore, ListAnswersInTheFormItWasAsked) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  folder.WriteFile("d/a b%20c", "x");
  EXPECT_EQ(store->List(folder.path())->at(0).location, folder.Path("d/a b%20c"));
  EXPECT_EQ(store->List("file:" + folder.path() + "/")->at(0).location,
            "file:" + folder.Path("d/a b%20c"));
}

TEST(DirectoryStore, RefusesLocationsThatAreNotItsOwn) {
  const auto store = MakeDirectoryStore();
  EXPECT_EQ(store->Get("relative/path").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->Get("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->Get("s3://bucket/key").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(store->Get("file://otherhost/a").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->Get(std::string_view("/a\0b", 4)).error().code, ErrorCode::kInvalidArgument);
}

TEST(DirectoryStore, ADirectoryIsNoObject) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  folder.WriteFile("d/x", "x");
  EXPECT_EQ(store->Head(folder.Path("d")).error().code, ErrorCode::kNotFound);
  const auto read = store->OpenRead(folder.Path("d"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(read.error().message, HasSubstr("is a directory, expected a file"));
  EXPECT_EQ(store->Put(folder.Path("d"), "y", WriteMode::kReplace).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->Put(folder.Path("d/x/y"), "y", WriteMode::kReplace).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(store->Delete(folder.Path("d")));
  EXPECT_TRUE(std::filesystem::exists(folder.Path("d/x")));
}

TEST(DirectoryStore, APipeIsRefusedWithoutWaitingForIt) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo(folder.Path("pipe").c_str(), 0600), 0);
  const auto store = MakeDirectoryStore();
  EXPECT_EQ(store->OpenRead(folder.Path("pipe")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(*store->List(folder.path()), IsEmpty());
}

TEST(DirectoryStore, AnUnfinishedWriterLeavesNothingBehind) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  {
    auto writer = store->OpenWrite(folder.Path("a"), WriteMode::kReplace);
    ASSERT_TRUE(writer && (*writer)->Append(Bytes(std::string(3 << 20, 'x'))));
  }
  EXPECT_THAT(AllNames(folder.path()), IsEmpty());
}

TEST(DirectoryStore, AKilledWriterLeavesNoObjectAndListsNothing) {
  const TempFolder folder;
  const pid_t child = Fork([&] {
    const auto store = MakeDirectoryStore();
    auto writer = store->OpenWrite(folder.Path("a"), WriteMode::kReplace);
    (void)(*writer)->Append(Bytes(std::string(3 << 20, 'x')));
    ::raise(SIGKILL);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(Wait(child)));
  const auto store = MakeDirectoryStore();
  EXPECT_EQ(store->Head(folder.Path("a")).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(*store->List(folder.path()), IsEmpty());
}

TEST(DirectoryStore, NothingButTheObjectRemainsAfterEveryKindOfWrite) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  ASSERT_TRUE(store->Put(folder.Path("a"), "1", WriteMode::kIfAbsent));
  ASSERT_FALSE(store->Put(folder.Path("a"), "2", WriteMode::kIfAbsent));
  ASSERT_TRUE(store->Put(folder.Path("a"), "3", WriteMode::kReplace));
  auto resumable = store->OpenResumable(folder.Path("a"), "key1");
  ASSERT_TRUE(resumable && (*resumable)->Append(Bytes("4")) && (*resumable)->Finish());
  EXPECT_THAT(AllNames(folder.path()), SizeIs(1));
  EXPECT_EQ(folder.ReadFile("a"), "4");
}

TEST(DirectoryStore, OfManyProcessesExactlyOnePutsIfAbsent) {
  const TempFolder folder;
  constexpr int kProcesses = 8;
  constexpr int kObjects = 40;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    children.push_back(Fork([&folder, process] {
      const auto store = MakeDirectoryStore({.sync = false});
      int won = 0;
      for (int object = 0; object < kObjects; ++object) {
        const auto put = store->Put(folder.Path("o" + std::to_string(object)),
                                    std::string(100'000, static_cast<char>('a' + process)),
                                    WriteMode::kIfAbsent);
        if (put) ++won;
        if (!put && put.error().code != ErrorCode::kAlreadyExists) return 255;
      }
      return won;
    }));
  }
  int won = 0;
  for (const pid_t child : children) {
    const int status = Wait(child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 255);
    won += WEXITSTATUS(status);
  }
  EXPECT_EQ(won, kObjects);
  for (int object = 0; object < kObjects; ++object) {
    const std::string bytes = folder.ReadFile("o" + std::to_string(object));
    ASSERT_EQ(bytes, std::string(100'000, bytes[0]));
  }
  EXPECT_THAT(AllNames(folder.path()), SizeIs(kObjects));
}

TEST(DirectoryStore, ReadersSeeTheOldOrTheNewObjectWhileItIsReplaced) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore({.sync = false});
  ASSERT_TRUE(store->Put(folder.Path("a"), std::string(200'000, '0'), WriteMode::kReplace));
  const pid_t child = Fork([&] {
    for (int i = 0; i < 300; ++i) {
      const std::string bytes(static_cast<size_t>(200'000 + i), static_cast<char>('0' + i % 10));
      if (!store->Put(folder.Path("a"), bytes, WriteMode::kReplace)) return 1;
    }
    return 0;
  });
  for (int i = 0; i < 300; ++i) {
    const auto bytes = store->Get(folder.Path("a"));
    ASSERT_TRUE(bytes) << bytes.error().message;
    ASSERT_EQ(bytes->find_first_not_of(bytes->at(0)), std::string::npos);
  }
  EXPECT_EQ(Wait(child), 0);
}

TEST(DirectoryStore, AFullDiskIsToldAndLeavesTheOldObject) {
  const TempFolder folder;
  folder.WriteFile("a", "old");
  const pid_t child = Fork([&] {
    // A file size limit makes write(2) fail midway as a full disk does (EFBIG instead of ENOSPC).
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2 << 20, 2 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto store = MakeDirectoryStore();
    const auto put = store->Put(folder.Path("a"), std::string(5 << 20, 'x'), WriteMode::kReplace);
    if (put) return 1;
    return put.error().message.find("cannot write " + folder.Path("a")) == 0 ? 0 : 2;
  });
  EXPECT_EQ(Wait(child), 0);
  EXPECT_EQ(folder.ReadFile("a"), "old");
  EXPECT_THAT(AllNames(folder.path()), SizeIs(1));
}

TEST(DirectoryStore, ADeviceWithoutSpaceIsResourceExhausted) {
  // /dev/full answers every write with ENOSPC; a link to it makes it the part file of an upload.
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  { ASSERT_TRUE(store->OpenResumable(folder.Path("a"), "key")); }
  const auto names = AllNames(folder.path());
  ASSERT_THAT(names, SizeIs(1));
  std::filesystem::remove(folder.Path(names[0]));
  std::filesystem::create_symlink("/dev/full", folder.Path(names[0]));
  auto writer = store->OpenResumable(folder.Path("a"), "key");
  ASSERT_TRUE(writer) << writer.error().message;
  const auto append = (*writer)->Append(Bytes(std::string(2 << 20, 'x')));
  ASSERT_FALSE(append);
  EXPECT_EQ(append.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(append.error().message, HasSubstr("No space left on device"));
  EXPECT_EQ((*writer)->Finish().error().code, ErrorCode::kResourceExhausted);
}

TEST(DirectoryStore, ANewFolderIsMadeWhenItsFirstFileIsThere) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  auto writer = store->OpenWrite(folder.Path("a/b/c"), WriteMode::kIfAbsent);
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE((*writer)->Append(Bytes("x")));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("a")));
  ASSERT_TRUE((*writer)->Finish());
  EXPECT_EQ(folder.ReadFile("a/b/c"), "x");
  EXPECT_THAT(AllNames(folder.path()), SizeIs(1));
  EXPECT_EQ(store->OpenWrite(folder.Path("a/b/c/d"), WriteMode::kIfAbsent).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(DirectoryStore, AReadOnlyFolderIsPermissionDenied) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.Path("locked"));
  ::chmod(folder.Path("locked").c_str(), 0555);
  ::chmod(folder.path().c_str(), 0755);
  const pid_t child = Fork([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 0;  // root passes every permission
    const auto put = MakeDirectoryStore()->Put(folder.Path("locked/a"), "x", WriteMode::kReplace);
    return !put && put.error().code == ErrorCode::kPermissionDenied ? 0 : 1;
  });
  EXPECT_EQ(Wait(child), 0);
}

TEST(DirectoryStore, AFileThatShrinksWhileReadIsCorrupt) {
  const TempFolder folder;
  folder.WriteFile("a", std::string(1000, 'x'));
  auto reader = MakeDirectoryStore()->OpenRead(folder.Path("a"));
  ASSERT_TRUE(reader);
  std::filesystem::resize_file(folder.Path("a"), 500);
  char into[1000];
  EXPECT_EQ((*reader)->ReadAt(0, std::as_writable_bytes(std::span(into))).error().code,
            ErrorCode::kCorruptData);
}

TEST(DirectoryStore, FollowsLinksOnceAndPassesOverDeadOnes) {
  const TempFolder folder;
  folder.WriteFile("real/a", "x");
  std::filesystem::create_directory(folder.Path("lake"));
  std::filesystem::create_directory_symlink(folder.Path("real"), folder.Path("lake/linked"));
  std::filesystem::create_directory_symlink(folder.Path("lake"), folder.Path("lake/loop"));
  std::filesystem::create_symlink(folder.Path("gone"), folder.Path("lake/dead"));
  const auto listed = MakeDirectoryStore()->List(folder.Path("lake"));
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_THAT(*listed, SizeIs(1));
  EXPECT_EQ(listed->at(0).location, folder.Path("lake/linked/a"));
}

TEST(DirectoryStore, AResumableWriteGoesOnWhereAKilledOneStopped) {
  const TempFolder folder;
  const pid_t child = Fork([&] {
    const auto store = MakeDirectoryStore();
    auto writer = store->OpenResumable(folder.Path("a"), "key");
    (void)(*writer)->Append(Bytes(std::string(2 << 20, 'x')));
    ::raise(SIGKILL);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(Wait(child)));
  const auto store = MakeDirectoryStore();
  EXPECT_THAT(*store->List(folder.path()), IsEmpty());
  auto writer = store->OpenResumable(folder.Path("a"), "key");
  ASSERT_TRUE(writer);
  EXPECT_EQ((*writer)->written_bytes(), uint64_t{2} << 20);
  ASSERT_TRUE((*writer)->Append(Bytes("end")) && (*writer)->Finish());
  EXPECT_EQ(folder.ReadFile("a"), std::string(2 << 20, 'x') + "end");
}

TEST(DirectoryStore, AResumableWriteOfAnotherKeyStartsAnewAndClearsTheOldParts) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  {
    auto writer = store->OpenResumable(folder.Path("a"), "old");
    ASSERT_TRUE(writer && (*writer)->Append(Bytes("abc")));
  }
  auto writer = store->OpenResumable(folder.Path("a"), "new");
  ASSERT_TRUE(writer);
  EXPECT_EQ((*writer)->written_bytes(), 0u);
  EXPECT_THAT(AllNames(folder.path()), SizeIs(1));
}

TEST(DirectoryStore, ASecondWriterOfTheSameResumableIsRefused) {
  const TempFolder folder;
  const auto store = MakeDirectoryStore();
  auto first = store->OpenResumable(folder.Path("a"), "key");
  ASSERT_TRUE(first);
  EXPECT_EQ(store->OpenResumable(folder.Path("a"), "key").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->OpenResumable(folder.Path("a"), "../x").error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace daypart::store
