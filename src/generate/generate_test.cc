// SPDX-License-Identifier: Apache-2.0
//
// Files, counts, repeatability, and what happens when something goes wrong.
#include "generate/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <set>

#include "generate/generated_data_for_test.h"
#include "generate/viewership.h"
#include "store/directory_store.h"
#include "store/fault_store.h"
#include "store/memory_store.h"

namespace daypart::generate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A small set of data with all that there is.
GenerateOptions Small() {
  GenerateOptions options;
  options.viewers_count = 500;
  options.channels_count = 12;
  options.days_count = 2;
  options.events_count = 5'000;
  options.seed = 7;
  options.threads_count = 1;
  return options;
}

std::vector<std::string> NamesOf(const std::map<std::string, std::string>& files) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files) names.push_back(name);
  return names;
}

size_t RowsCount(const std::string& csv) {
  return static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')) - 1;
}

TEST(Generate, WritesTheFilesOfTheContract) {
  GenerateOptions options = Small();
  EXPECT_THAT(NamesOf(FilesFor(options)),
              ElementsAre("ad_revenue.csv", "channel_metadata.csv", "demographics.csv",
                          "historical_data/event_date=2026-10-29/viewership_logs.csv",
                          "historical_data/event_date=2026-10-30/viewership_logs.csv",
                          "historical_data/event_date=2026-10-31/viewership_logs.csv",
                          "viewership_logs.csv"));
  options.has_jsonl = options.has_faults = true;
  const auto files = FilesFor(options);
  EXPECT_TRUE(files.contains("viewership_logs.jsonl"));
  EXPECT_TRUE(files.contains("faults_manifest.json"));
}

TEST(Generate, HasTheColumnsOfTheCanonicalTables) {
  const auto files = FilesFor(Small());
  const auto header = [&](const char* name) { return LinesOf(files.at(name)).at(0); };
  EXPECT_EQ(header("channel_metadata.csv"),
            "channel_id,channel_name,network,genre,language,country,launch_date,tier,base_cpm_usd");
  EXPECT_EQ(header("demographics.csv"),
            "viewer_id,household_id,age,age_group,gender,region,income_band,device_type,plan,"
            "signup_date");
  EXPECT_EQ(header("ad_revenue.csv"),
            "ad_id,campaign_id,advertiser,channel_id,region,spot_start,daypart,duration_seconds,"
            "impressions,clicks,revenue_usd,updated_at");
  const std::string events =
      "event_id,session_id,viewer_id,channel_id,content_id,content_type,region,device_type,"
      "event_type,event_time,watch_seconds,bitrate_kbps,buffering_ms";
  EXPECT_EQ(header("viewership_logs.csv"), events);
  EXPECT_EQ(header("historical_data/event_date=2026-10-29/viewership_logs.csv"), events);
}

TEST(Generate, GivesTheSameBytesOnAnyNumberOfThreads) {
  GenerateOptions options = Small();
  options.events_count = 5 * kBlockEvents + 123;
  options.viewers_count = 70'000;
  options.has_jsonl = options.has_faults = true;
  const auto one = FilesFor(options);
  for (const unsigned threads : {2u, 7u}) {
    options.threads_count = threads;
    EXPECT_TRUE(FilesFor(options) == one) << threads << " threads";
  }
}

TEST(Generate, GivesOtherBytesForAnotherSeed) {
  GenerateOptions options = Small();
  const auto one = FilesFor(options);
  options.seed = 8;
  const auto other = FilesFor(options);
  for (const auto& [name, bytes] : one) EXPECT_NE(bytes, other.at(name)) << name;
}

TEST(Generate, WritesExactlyTheEventsAskedFor) {
  for (const uint64_t events :
       {uint64_t{0}, uint64_t{1}, uint64_t{9}, uint64_t{10}, kBlockEvents - 1, kBlockEvents,
        kBlockEvents + 1, uint64_t{100'000}}) {
    GenerateOptions options = Small();
    options.events_count = events;
    const auto files = FilesFor(options);
    EXPECT_EQ(RowsCount(files.at("viewership_logs.csv")), events);
    EXPECT_EQ(RowsCount(files.at("ad_revenue.csv")), events / kEventsPerAd);
    EXPECT_EQ(RowsCount(files.at("demographics.csv")), options.viewers_count);
    EXPECT_EQ(RowsCount(files.at("channel_metadata.csv")), options.channels_count);
    uint64_t history = 0;
    for (const auto& [name, bytes] : files) {
      if (name.starts_with("historical_data/")) history += RowsCount(bytes);
    }
    EXPECT_EQ(history, events / kHistoryShare);
  }
}

TEST(Generate, WorksAtTheSmallestAndAtOddSizes) {
  for (const auto& [viewers, channels, days] : {std::tuple{1, 1, 1}, std::tuple{2, 3, 1},
                                                std::tuple{13, 11, 400}, std::tuple{1, 3000, 1}}) {
    GenerateOptions options = Small();
    options.viewers_count = static_cast<uint64_t>(viewers);
    options.channels_count = static_cast<uint64_t>(channels);
    options.days_count = static_cast<uint64_t>(days);
    options.events_count = 1'000;
    const auto files = FilesFor(options);
    EXPECT_EQ(RowsOf(files.at("viewership_logs.csv")).size(), 1'000u);
    EXPECT_EQ(RowsOf(files.at("ad_revenue.csv")).size(), 100u);
    std::set<std::string> names;
    for (const Row& row : RowsOf(files.at("channel_metadata.csv")))
      names.insert(row.at("channel_name"));
    EXPECT_EQ(names.size(), options.channels_count);
  }
}

TEST(Generate, ReportsWhatItWrote) {
  const auto store = store::MakeMemoryStore();
  const CancelToken cancel;
  GenerateOptions options = Small();
  options.out = "/out";
  options.has_jsonl = options.has_faults = true;
  GenerateProgress last;
  const auto report =
      Generate(*store, options, [&](const GenerateProgress& progress) { last = progress; }, cancel);
  ASSERT_TRUE(report);
  EXPECT_EQ(last.rows_done, last.rows_total);
  const auto files = FilesOf(*store);
  EXPECT_EQ(report->files.size(), files.size());
  for (const GeneratedFile& file : report->files) {
    const std::string& bytes = files.at(file.location.substr(5));
    EXPECT_EQ(file.bytes, bytes.size()) << file.location;
    if (file.location.ends_with(".csv")) {
      EXPECT_EQ(file.rows, RowsCount(bytes)) << file.location;
    }
  }
  EXPECT_EQ(report->history_events_count, 500u);
  EXPECT_GT(report->sessions_count, 300u);
}

// The checksums are of the output as it was when first reviewed. A change of the generator that
// changes them is a change for everybody who keeps numbers from it: put the new ones here, which
// the failure prints, and say why in the commit.
TEST(Generate, KeepsItsBytesFromVersionToVersion) {
  std::map<std::string, std::string> found;
  for (const auto& [name, bytes] : FilesFor(Small())) {
    char hex[20];
    std::snprintf(hex, sizeof(hex), "%016llx",
                  static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
    found[name] = hex;
  }
  const std::map<std::string, std::string> expected = {
      {"ad_revenue.csv", "0940f3f3c69dac71"},
      {"channel_metadata.csv", "7b5bd13ecf95d6f4"},
      {"demographics.csv", "71fbf9ffb37ce848"},
      {"historical_data/event_date=2026-10-29/viewership_logs.csv", "b940259231513195"},
      {"historical_data/event_date=2026-10-30/viewership_logs.csv", "2df433a4f92ac4da"},
      {"historical_data/event_date=2026-10-31/viewership_logs.csv", "1a17770e4456ea8f"},
      {"viewership_logs.csv", "572ee2987292f2c7"}};
  EXPECT_EQ(found, expected);
}

TEST(Generate, ReplacesWhatAnEarlierRunLeftAndNothingElse) {
  const auto store = store::MakeMemoryStore();
  const CancelToken cancel;
  GenerateOptions options = Small();
  options.out = "/out";
  options.has_jsonl = options.has_faults = true;
  ASSERT_TRUE(Generate(*store, options, {}, cancel));
  for (const char* name :
       {"/out/mine.csv", "/out/historical_data/event_date=2020-01-01/mine.csv"}) {
    ASSERT_TRUE(store->Put(name, "keep", store::WriteMode::kReplace));
  }
  GenerateOptions plain = Small();
  plain.out = "/out";
  plain.first_day += 100;
  ASSERT_TRUE(Generate(*store, plain, {}, cancel));
  auto files = FilesOf(*store);
  EXPECT_EQ(files.erase("mine.csv"), 1u);
  EXPECT_EQ(files.erase("historical_data/event_date=2020-01-01/mine.csv"), 1u);
  EXPECT_TRUE(files == FilesFor(plain));
}

TEST(Generate, RefusesOptionsOutOfTheirLimits) {
  const auto store = store::MakeMemoryStore();
  const CancelToken cancel;
  const auto message_of = [&](auto change) {
    GenerateOptions options = Small();
    options.out = "/out";
    change(options);
    const auto report = Generate(*store, options, {}, cancel);
    if (report) return std::string("worked");
    EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
    return report.error().message;
  };
  EXPECT_THAT(message_of([](auto& options) { options.viewers_count = 0; }), HasSubstr("viewers"));
  EXPECT_THAT(message_of([](auto& options) { options.channels_count = kChannelsMax + 1; }),
              HasSubstr("1 to 20000 channels, found 20001"));
  EXPECT_THAT(message_of([](auto& options) { options.days_count = 0; }), HasSubstr("days"));
  EXPECT_THAT(message_of([](auto& options) { options.events_count = kEventsMax + 1; }),
              HasSubstr("events"));
  EXPECT_THAT(message_of([](auto& options) { options.threads_count = 1000; }),
              HasSubstr("threads"));
  EXPECT_THAT(message_of([](auto& options) { options.first_day = 0; }), HasSubstr("first day"));
  EXPECT_THAT(message_of([](auto& options) { options.out = ""; }), HasSubstr("folder"));
  EXPECT_TRUE(FilesOf(*store).empty());
}

TEST(Generate, StopsWhenCancelledAndLeavesNoHalfFile) {
  const auto store = store::MakeMemoryStore();
  CancelToken cancel;
  GenerateOptions options = Small();
  options.out = "/out";
  options.events_count = 10 * kBlockEvents;
  const auto report = Generate(
      *store, options,
      [&](const GenerateProgress& progress) {
        if (progress.file == "viewership_logs.csv") cancel.Cancel();
      },
      cancel);
  EXPECT_EQ(report.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(FilesOf(*store).contains("viewership_logs.csv"));
}

TEST(Generate, AnyFailedStoreCallIsAnErrorAndARepeatIsRight) {
  GenerateOptions options = Small();
  options.events_count = 200;
  options.has_jsonl = options.has_faults = true;
  options.out = "/out";
  const auto expected = FilesFor(options);
  const CancelToken cancel;
  for (const auto kind : {store::FaultKind::kErrorBefore, store::FaultKind::kErrorAfter,
                          store::FaultKind::kTornWrite}) {
    for (uint64_t call = 0;; ++call) {
      const auto inner = store::MakeMemoryStore();
      store::FaultStore faulty(
          *inner, {{.call = call, .kind = kind, .code = ErrorCode::kResourceExhausted}});
      const auto report = Generate(faulty, options, {}, cancel);
      if (faulty.faults_count() == 0) break;
      ASSERT_FALSE(report) << faulty.FaultLog()[0];
      EXPECT_EQ(report.error().code, ErrorCode::kResourceExhausted);
      for (const auto& [name, bytes] : FilesOf(*inner)) {
        EXPECT_EQ(bytes, expected.at(name)) << "whole or absent: " << name;
      }
      ASSERT_TRUE(Generate(*inner, options, {}, cancel));
      EXPECT_TRUE(FilesOf(*inner) == expected);
    }
  }
}

/// A store that forgets what it is given.
class ForgetfulWriter final : public store::ObjectWriter {
 public:
  Status Append(std::span<const std::byte> bytes) override {
    written_bytes_ += bytes.size();
    return Ok();
  }
  Status Finish() override { return Ok(); }
  uint64_t written_bytes() const override { return written_bytes_; }

 private:
  uint64_t written_bytes_ = 0;
};

class ForgetfulStore final : public store::ObjectStore {
 public:
  Result<std::string> Get(std::string_view) override { return NotFound("forgotten"); }
  Status Put(std::string_view, std::string_view, store::WriteMode) override { return Ok(); }
  Result<std::unique_ptr<store::ObjectReader>> OpenRead(std::string_view) override {
    return NotFound("forgotten");
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenWrite(std::string_view,
                                                         store::WriteMode) override {
    return std::unique_ptr<store::ObjectWriter>(std::make_unique<ForgetfulWriter>());
  }
  Result<store::ObjectInfo> Head(std::string_view) override { return NotFound("forgotten"); }
  Result<std::vector<store::ObjectInfo>> List(std::string_view) override {
    return std::vector<store::ObjectInfo>();
  }
  Status Delete(std::string_view) override { return Ok(); }
};

TEST(Generate, TakesNoMoreMemoryForMoreRows) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory grows with what is allocated";
#endif
  const auto peak_kilobytes = [](uint64_t events, uint64_t viewers) {
    int pipe_ends[2];
    EXPECT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();  // a process of its own has a peak of its own
    if (child == 0) {
      ForgetfulStore store;
      const CancelToken cancel;
      rusage usage{};
      ::getrusage(RUSAGE_SELF, &usage);
      const int64_t before = usage.ru_maxrss;  // what the test program itself holds
      GenerateOptions options = Small();
      options.out = "/out";
      options.events_count = events;
      options.viewers_count = viewers;
      options.has_jsonl = options.has_faults = true;
      options.threads_count = 2;
      const bool is_ok = Generate(store, options, {}, cancel).has_value();
      ::getrusage(RUSAGE_SELF, &usage);
      const int64_t peak = is_ok ? usage.ru_maxrss - before : -1;
      ::_exit(::write(pipe_ends[1], &peak, sizeof(peak)) == sizeof(peak) ? 0 : 1);
    }
    int64_t peak = -1;
    EXPECT_EQ(::read(pipe_ends[0], &peak, sizeof(peak)), static_cast<ssize_t>(sizeof(peak)));
    ::waitpid(child, nullptr, 0);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    return peak;
  };
  const int64_t small = peak_kilobytes(20 * kBlockEvents, 200'000);
  const int64_t large = peak_kilobytes(80 * kBlockEvents, 2'000'000);
  ASSERT_GE(small, 0);
  ASSERT_GE(large, 0);
  EXPECT_LT(large, small + 16 * 1024);
  EXPECT_LT(large, 128 * 1024) << "of 1.2 GB written";
}

}  // namespace
}  // namespace daypart::generate
