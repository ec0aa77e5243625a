// SPDX-License-Identifier: Apache-2.0
//
// Uploads: complete or not there, repeatable, resumable, honest about bad input.
#include "store/upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "store/directory_store.h"
#include "store/fault_store.h"
#include "store/memory_store.h"
#include "store/temp_folder_for_test.h"

namespace daypart::store {
namespace {

using testing::HasSubstr;

class UploadTest : public testing::Test {
 protected:
  Result<UploadReport> Send(ObjectStore& target, UploadOptions options) {
    options.prefix = Lake("raw");
    return Upload(target, options, progress_, cancel_);
  }
  UploadOptions Of(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const auto& name : names) paths.push_back(folder_.Path(name));
    const auto files = SelectUploads({.paths = paths, .is_recursive = true});
    EXPECT_TRUE(files) << files.error().message;
    return {.files = *files, .prefix = {}};
  }
  std::string Lake(std::string_view name) const { return lake_.Location(name); }

  TempFolder folder_;
  TempFolder lake_;
  CancelToken cancel_;
  UploadProgressSink progress_;
  std::unique_ptr<ObjectStore> store_ = MakeDirectoryStore({.sync = false});
};

/// Bytes of which no two megabytes are the same.
std::string Noise(size_t bytes) {
  std::string out(bytes, '\0');
  uint64_t state = 1;
  for (char& c : out) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(state >> 56);
  }
  return out;
}

TEST_F(UploadTest, CopiesFilesAndTellsProgress) {
  const std::string large = Noise((size_t{9} << 20) + 17);
  folder_.WriteFile("large.csv", large);
  folder_.WriteFile("empty.csv", "");
  UploadProgress last;
  uint64_t calls_count = 0;
  progress_ = [&](const UploadProgress& progress) {
    EXPECT_GE(progress.bytes_done, last.bytes_done);
    last = progress;
    ++calls_count;
  };
  const auto report = Send(*store_, Of({"large.csv", "empty.csv"}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(store_->Get(Lake("raw/large.csv")).value(), large);
  EXPECT_EQ(store_->Get(Lake("raw/empty.csv")).value(), "");
  EXPECT_EQ(report->copied_bytes, large.size());
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_EQ(last.files_done, 2u);
  EXPECT_GE(calls_count, 4u);
}

TEST_F(UploadTest, TheChecksumIsXxh3) {
  folder_.WriteFile("empty", "");
  // The published value of XXH3_64bits for no bytes and seed 0.
  EXPECT_EQ(Send(*store_, Of({"empty"}))->files.at(0).checksum, 0x2D06800538D394C2ULL);
}

TEST_F(UploadTest, PassesOverWhatIsThereAlready) {
  folder_.WriteFile("a.csv", "same");
  folder_.WriteFile("b.csv", "before");
  ASSERT_TRUE(Send(*store_, Of({"a.csv", "b.csv"})));
  folder_.WriteFile("b.csv", "after!");
  const auto report = Send(*store_, Of({"a.csv", "b.csv"}));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->files[0].outcome, UploadOutcome::kUnchanged);
  EXPECT_EQ(report->files[1].outcome, UploadOutcome::kCopied);
  EXPECT_EQ(report->unchanged_bytes, 4u);
  EXPECT_EQ(store_->Get(Lake("raw/b.csv")).value(), "after!");
}

TEST_F(UploadTest, SendsAgainWhatSomebodyElseReplaced) {
  folder_.WriteFile("a.csv", "mine");
  ASSERT_TRUE(Send(*store_, Of({"a.csv"})));
  ASSERT_TRUE(store_->Put(Lake("raw/a.csv"), "evil", WriteMode::kReplace));
  EXPECT_EQ(Send(*store_, Of({"a.csv"}))->files[0].outcome, UploadOutcome::kCopied);
  EXPECT_EQ(store_->Get(Lake("raw/a.csv")).value(), "mine");
}

TEST_F(UploadTest, RecordsAreNotListed) {
  folder_.WriteFile("a.csv", "x");
  ASSERT_TRUE(Send(*store_, Of({"a.csv"})));
  const auto listed = store_->List(Lake("raw"));
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->at(0).location, Lake("raw/a.csv"));
}

TEST_F(UploadTest, FoldersKeepTheirShape) {
  folder_.WriteFile("history/event_date=2026-10-30/e.csv", "1");
  folder_.WriteFile("history/event_date=2026-10-31/e.csv", "2");
  ASSERT_TRUE(Send(*store_, Of({"history"})));
  EXPECT_EQ(store_->Get(Lake("raw/history/event_date=2026-10-31/e.csv")).value(), "2");
}

TEST_F(UploadTest, GoesOnWithALargeFileAfterAKill) {
  const std::string large = Noise(size_t{24} << 20);
  folder_.WriteFile("large", large);
  UploadOptions options = Of({"large"});
  options.resumable_bytes_min = 1;
  const pid_t child = ::fork();
  if (child == 0) {
    progress_ = [](const UploadProgress& progress) {
      if (progress.bytes_done >= (uint64_t{12} << 20)) ::raise(SIGKILL);
    };
    (void)Send(*store_, options);  // never returns
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(store_->Head(Lake("raw/large")));
  const auto report = Send(*store_, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files[0].outcome, UploadOutcome::kResumed);
  EXPECT_EQ(report->copied_bytes, uint64_t{12} << 20);
  EXPECT_EQ(store_->Get(Lake("raw/large")).value(), large);
}

TEST_F(UploadTest, ARottenPartIsFoundOutAndTheNextUploadIsRight) {
  const std::string large = Noise(size_t{12} << 20);
  folder_.WriteFile("large", large);
  UploadOptions options = Of({"large"});
  options.resumable_bytes_min = 1;
  progress_ = [&](const UploadProgress&) { cancel_.Cancel(); };
  EXPECT_EQ(Send(*store_, options).error().code, ErrorCode::kCancelled);
  for (const auto& entry : std::filesystem::directory_iterator(lake_.Path("raw"))) {
    std::fstream part(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    part.seekp(1000);
    part.put('#');
  }
  CancelToken fresh;
  options.prefix = Lake("raw");
  const auto rotten = Upload(*store_, options, {}, fresh);
  ASSERT_FALSE(rotten);
  EXPECT_EQ(rotten.error().code, ErrorCode::kCorruptData);
  EXPECT_FALSE(store_->Head(Lake("raw/large")));
  ASSERT_TRUE(Upload(*store_, options, {}, fresh));
  EXPECT_EQ(store_->Get(Lake("raw/large")).value(), large);
}

TEST_F(UploadTest, VerifyingReadsTheObjectBack) {
  folder_.WriteFile("a", "x");
  const auto calls_of = [&](bool verifies) {
    const auto inner = MakeMemoryStore();
    FaultStore target(*inner, {});
    UploadOptions options = Of({"a"});
    options.verify_content = verifies;
    EXPECT_TRUE(Send(target, options));
    return target.calls_count();
  };
  EXPECT_EQ(calls_of(true), calls_of(false) + 2) << "one open and one read more";
}

TEST_F(UploadTest, AnyFailedCallLeavesTheObjectWholeOrAbsentAndARepeatIsRight) {
  const std::string bytes = Noise(100'000);
  folder_.WriteFile("a", bytes);
  for (const auto kind : {FaultKind::kErrorBefore, FaultKind::kErrorAfter, FaultKind::kTornWrite,
                          FaultKind::kShortRead}) {
    for (uint64_t call = 0;; ++call) {
      const auto inner = MakeMemoryStore();
      FaultStore target(*inner, {{.call = call, .kind = kind}});
      UploadOptions options = Of({"a"});
      options.verify_content = true;
      (void)Send(target, options);  // fails or not: what counts is what it leaves
      const auto left = inner->Get(Lake("raw/a"));
      if (left) {
        EXPECT_EQ(*left, bytes);
      }
      ASSERT_TRUE(Send(*inner, options));
      EXPECT_EQ(inner->Get(Lake("raw/a")).value(), bytes);
      if (target.faults_count() == 0) break;
    }
  }
}

TEST_F(UploadTest, AFileThatChangesWhileItIsReadIsRefused) {
  folder_.WriteFile("a", Noise(size_t{9} << 20));
  progress_ = [&](const UploadProgress& progress) {
    if (progress.files_done == 0) folder_.WriteFile("a", "short now");
  };
  EXPECT_FALSE(Send(*store_, Of({"a"})));
  EXPECT_FALSE(store_->Head(Lake("raw/a")));
}

TEST_F(UploadTest, BadInputIsNamed) {
  folder_.WriteFile("d/a", "x");
  folder_.WriteFile("e/a", "y");
  const auto missing = SelectUploads({.paths = {folder_.Path("missing.csv")}});
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("missing.csv"));
  const auto directory = SelectUploads({.paths = {folder_.Path("d")}});
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(directory.error().message, HasSubstr("found a directory"));
  const auto twice = SelectUploads({.paths = {folder_.Path("d/a"), folder_.Path("e/a")}});
  EXPECT_EQ(twice.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(SelectUploads({.paths = {}}));
  EXPECT_FALSE(SelectUploads({.paths = {""}}));
}

TEST_F(UploadTest, NothingIsSentWhenOneOfTheFilesIsMissing) {
  folder_.WriteFile("a", "x");
  UploadOptions options = Of({"a"});
  options.files.push_back({folder_.Path("gone"), "gone"});
  EXPECT_EQ(Send(*store_, options).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(store_->Head(Lake("raw/a")));
}

}  // namespace
}  // namespace daypart::store
