// SPDX-License-Identifier: Apache-2.0
//
// A day of a stream on a clock that runs as fast as the machine: the real consumer, table sink,
// commits and maintenance policies, at the pace of commits that 1,000 events a second have.
//
//     stream_day [--hours 24] [--rate 1000] [--thinned 20] [--commit-seconds 30] [--folder …]
//
// Only one event in `thinned` is made, so that a day takes minutes; commits, files, snapshots and
// compactions are as many as without. Prints a line an hour and ends with 1 if the files of the
// table or the memory of the process grew beyond what the policy allows, or an event is missing.
#include <unistd.h>

#include <array>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/calendar.h"
#include "catalog/sqlite_catalog.h"
#include "ingest/stream_consumer.h"
#include "ingest/table_sink.h"
#include "lake/maintenance_scheduler.h"
#include "lake/table_cache.h"
#include "source/record_source.h"
#include "store/directory_store.h"

namespace daypart {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3'600 * kSecond;
/// 2026-11-24T00:00:00Z
constexpr int64_t kStart = int64_t{1'795'478'400} * kSecond;

struct Options {
  int64_t hours = 24;
  int64_t rate = 1'000;
  int64_t thinned = 20;
  int64_t commit_seconds = 30;
  std::string folder;
};

/// One shard: event n happens at n / rate. Waiting at its end moves the clock on, and what is due
/// by then is done.
class DaySource final : public source::RecordSource {
 public:
  DaySource(FakeClock& clock, const Options& options, std::function<void()> on_second)
      : clock_(clock), options_(options), on_second_(std::move(on_second)) {}

  std::string name() const override { return "log:day"; }
  Result<std::vector<source::Shard>> ListShards() override {
    return std::vector<source::Shard>{{.id = "0"}};
  }
  Result<std::string> PositionOf(const std::string&, source::StartPosition) override {
    return std::string("0");
  }
  Result<source::RecordRun> Read(const std::string&, const std::string& position,
                                 const source::ReadLimits& limits) override {
    if (limits.wait_ms > 0) {
      clock_.Advance(std::chrono::seconds(1));
      on_second_();
    }
    source::RecordRun run;
    const int64_t from = std::atoll(position.c_str());
    const int64_t end = events_until(clock_.Now());
    auto texts = std::make_shared<std::vector<std::array<std::string, 2>>>();
    texts->reserve(static_cast<size_t>(end - from));
    for (int64_t n = from; n < end; ++n) {
      texts->push_back({TextOf(n), std::to_string(n)});
      run.records.push_back({.data = texts->back()[0],
                             .partition_key = {},
                             .position = texts->back()[1],
                             .arrival = clock_.Now()});
    }
    run.next_position = std::to_string(end);
    run.bytes = texts;
    return run;
  }
  int ComparePositions(std::string_view left, std::string_view right) const override {
    const int64_t difference = std::atoll(std::string(left).c_str()) -
                               std::atoll(std::string(right).c_str());
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
  }
  int64_t events_until(UtcMicros now) const {
    return (now.value() - kStart) / kSecond * options_.rate / options_.thinned;
  }

 private:
  std::string TextOf(int64_t n) const {
    const UtcMicros time(kStart + n * kSecond * options_.thinned / options_.rate);
    return fmt::format(
        R"({{"event_id":"{:032x}","viewer_id":{},"channel_id":{},"region":"region {}",)"
        R"("event_time":"{}","n":{}}})",
        n, n * 7919 % 200'003, n % 97, n % 12, FormatTimestampMicros(time.value(), true), n);
  }

  FakeClock& clock_;
  const Options& options_;
  std::function<void()> on_second_;
};

int64_t ResidentBytes() {
  long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * ::sysconf(_SC_PAGESIZE);
}

struct Figures {
  int64_t rows = 0;
  int64_t files = 0;
  int64_t manifests = 0;
  int64_t snapshots = 0;
  int64_t objects = 0;  // in the table's folder, whatever they are
  int64_t resident_bytes = 0;
};

Result<Figures> Look(const lake::LakeContext& context, const catalog::TableName& name,
                     const std::string& folder) {
  DAYPART_TRY(const auto table, lake::LoadTable(context, name));
  DAYPART_TRY(const auto plan, lake::PlanScan(context, table, iceberg::Expression::True()));
  Figures figures{.rows = plan.rows,
                  .files = plan.files_total,
                  .manifests = plan.manifests_total,
                  .snapshots = static_cast<int64_t>(table.metadata.snapshots.size())};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    figures.objects += entry.is_regular_file() ? 1 : 0;
  }
  figures.resident_bytes = ResidentBytes();
  return figures;
}

class Day {
 public:
  explicit Day(Options options)
      : options_(std::move(options)),
        store_(store::MakeDirectoryStore({.sync = false})),
        source_(clock_, options_, [this] { OnSecond(); }) {}

  Result<int> Run() {
    DAYPART_TRY(catalog_, catalog::OpenSqliteCatalog({.path = options_.folder + "/catalog.db",
                                                      .catalog_name = "daypart",
                                                      .read_only = false}));
    context_.emplace(lake::LakeContext{*store_, *catalog_, clock_, random_, never_,
                                       "file://" + options_.folder, &cache_, 1});
    scheduler_.emplace(*context_, lake::WriteOptions{.threads_count = 1});
    ingest::TableSink sink(*context_, {.table = name_,
                                       .source_name = source_.name(),
                                       .id_column = "event_id",
                                       .time_column = "event_time",
                                       .window_ids_max = 1 << 18,
                                       .write = {.threads_count = 1}});
    ingest::StreamConsumer consumer(source_, sink, clock_, random_, stop_,
                                    {.window_ids_max = 1 << 18,
                                     .commit_ms = options_.commit_seconds * 1'000,
                                     .keeps_rows = true});
    consumer_ = &consumer;
    DAYPART_RETURN_IF_ERROR(consumer.Run());
    DAYPART_RETURN_IF_ERROR(failure_);
    return Judge();
  }

 private:
  void OnSecond() {
    const int64_t passed = clock_.Now().value() - kStart;
    if (passed >= options_.hours * kHour) return stop_.Cancel();
    if (passed % (10 * kSecond) == 0) Maintain();
    if (passed % kHour == 0) TellHour(passed / kHour);
  }

  void Maintain() {
    const auto events = scheduler_->Tick();
    if (!events) {
      failure_ = events.error();
      return stop_.Cancel();
    }
    for (const auto& event : *events) {
      ++actions_[std::string(lake::NameOf(event.action.kind)) +
                 (event.status ? "" : " that failed: " + event.status.error().message)];
    }
  }

  void TellHour(int64_t hour) {
    auto figures = Look(*context_, name_, options_.folder);
    if (!figures) {
      failure_ = figures.error();
      return stop_.Cancel();
    }
    std::fputs(fmt::format("hour {:2}: {} rows, {} data files, {} manifests, {} snapshots, {} "
                           "objects, {:.0f} MiB resident\n",
                           hour, figures->rows, figures->files, figures->manifests,
                           figures->snapshots, figures->objects,
                           static_cast<double>(figures->resident_bytes) / (1 << 20))
                   .c_str(),
               stdout);
    std::fflush(stdout);
    most_files_ = std::max(most_files_, figures->files - hour);
    most_objects_ = std::max(most_objects_, figures->objects - hour);
    resident_[hour] = figures->resident_bytes;
  }

  /// What the policy promises: a file for each hour that is over, fewer than two rounds of small
  /// ones in the hours at work; 500 snapshots, a quarter more until they are dropped, and for an
  /// hour the files of dropped ones.
  Result<int> Judge() const {
    constexpr int64_t kSmallFilesMax = 2 * 20 + 10;
    DAYPART_TRY(const Figures last, Look(*context_, name_, options_.folder));
    const auto& progress = consumer_->progress();
    const int64_t events = options_.hours * 3'600 * options_.rate / options_.thinned;
    std::fputs(fmt::format("{} hours: {} of {} events in {} commits, {} failures; at most {} data "
                           "files beyond one an hour\n",
                           options_.hours, last.rows, events, progress.commits.load(),
                           progress.failures.load(), most_files_)
                   .c_str(),
               stdout);
    for (const auto& [what, count] : actions_) {
      std::fputs(fmt::format("{}: {}\n", what, count).c_str(), stdout);
    }
    const auto complain = [](const std::string& what) {
      std::fputs((what + "\n").c_str(), stderr);
      return 1;
    };
    if (last.rows != events) return complain("events are missing or twice");
    if (most_files_ > kSmallFilesMax) return complain("data files grow beyond the policy");
    if (last.snapshots > 625) return complain("snapshots grow beyond their limit");
    // A third of the day fills caches and lists up to their limits.
    const int64_t settled = std::max<int64_t>(options_.hours / 3, 1);
    if (resident_.contains(settled) && resident_.rbegin()->first > settled) {
      const auto before = static_cast<double>(resident_.at(settled));
      const auto after = static_cast<double>(resident_.rbegin()->second);
      std::fputs(fmt::format("memory from hour {} to {}: {:+.0f} %\n", settled,
                             resident_.rbegin()->first, (after / before - 1) * 100)
                     .c_str(),
                 stdout);
      if (after > before * 1.5 + (64 << 20)) return complain("memory grows");
    }
    return 0;
  }

  const Options options_;
  const catalog::TableName name_{"media", "events"};
  FakeClock clock_{UtcMicros(kStart)};
  Random random_{1};
  CancelToken never_;
  CancelToken stop_;
  lake::TableCache cache_{int64_t{8} << 20};
  std::unique_ptr<store::ObjectStore> store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::optional<lake::LakeContext> context_;
  std::optional<lake::MaintenanceScheduler> scheduler_;
  DaySource source_;
  const ingest::StreamConsumer* consumer_ = nullptr;
  Status failure_;
  std::map<std::string, int64_t> actions_;
  std::map<int64_t, int64_t> resident_;  // bytes by hour
  int64_t most_files_ = 0;
  int64_t most_objects_ = 0;
};

int Main(int count, char** arguments) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    const std::string value = arguments[i + 1];
    if (name == "--hours") options.hours = std::stoll(value);
    if (name == "--rate") options.rate = std::stoll(value);
    if (name == "--thinned") options.thinned = std::stoll(value);
    if (name == "--commit-seconds") options.commit_seconds = std::stoll(value);
    if (name == "--folder") options.folder = value;
  }
  const bool is_temporary = options.folder.empty();
  if (is_temporary) {
    std::string pattern = (std::filesystem::temp_directory_path() / "stream_day_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return 2;
    options.folder = pattern;
  }
  const std::string folder = options.folder;
  const auto ended = Day(std::move(options)).Run();
  if (!ended) std::fputs((ended.error().message + "\n").c_str(), stderr);
  if (is_temporary) std::filesystem::remove_all(folder);
  return ended ? *ended : 2;
}

}  // namespace
}  // namespace daypart

int main(int count, char** arguments) { return daypart::Main(count, arguments); }
