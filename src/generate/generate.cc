// SPDX-License-Identifier: Apache-2.0
//
// Which files there are and how each is put together from its blocks.
#include "generate/generate.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "generate/ad_table.h"
#include "generate/fault_manifest.h"
#include "generate/formatted_block.h"
#include "generate/lineup.h"
#include "generate/viewer.h"
#include "generate/viewership.h"
#include "store/location.h"

namespace daypart::generate {
namespace {

constexpr std::string_view kHistoryFolder = "historical_data";
constexpr std::string_view kEventsName = "viewership_logs.csv";
constexpr std::string_view kManifestName = "faults_manifest.json";
constexpr uint64_t kBlockViewers = 32'768;
// 1972 to 9000: all that is written has a four-digit year, and all days count from 1970 on.
constexpr int32_t kFirstDayMin = DaysFromCivil({1972, 1, 1});
constexpr int32_t kFirstDayMax = DaysFromCivil({9000, 1, 1});

struct Limit {
  std::string_view name;
  uint64_t value;
  uint64_t min;
  uint64_t max;
};

Status CheckOptions(const GenerateOptions& options) {
  const Limit limits[] = {{"viewers", options.viewers_count, 1, kViewersMax},
                          {"channels", options.channels_count, 1, kChannelsMax},
                          {"days", options.days_count, 1, kDaysMax},
                          {"events", options.events_count, 0, kEventsMax},
                          {"threads", options.threads_count, 0, kThreadsMax}};
  for (const Limit& limit : limits) {
    if (limit.value >= limit.min && limit.value <= limit.max) continue;
    return InvalidArgument("expected " + std::to_string(limit.min) + " to " +
                           std::to_string(limit.max) + " " + std::string(limit.name) + ", found " +
                           std::to_string(limit.value));
  }
  if (options.first_day < kFirstDayMin || options.first_day > kFirstDayMax) {
    return InvalidArgument("expected a first day from 1972-01-01 to 9000-01-01, found " +
                           FormatDate(options.first_day));
  }
  if (options.out.empty()) return InvalidArgument("expected a folder to write to, found none");
  return Ok();
}

Status Append(store::ObjectWriter& writer, std::string_view text) {
  return writer.Append(std::as_bytes(std::span(text)));
}

/// How one file's blocks are made.
struct FilePlan {
  std::string name;  // under OUT
  std::string_view header;
  uint64_t rows_total = 0;
  uint64_t blocks_count = 0;
  std::function<void(uint64_t block, FormattedBlock& out)> format;
};

class Generator {
 public:
  Generator(store::ObjectStore& store, const GenerateOptions& options,
            const GenerateProgressSink& progress, const CancelToken& cancel)
      : store_(store),
        options_(options),
        sink_(progress),
        cancel_(cancel),
        days_{options.first_day, static_cast<int32_t>(options.days_count)},
        history_events_(options.events_count / kHistoryShare),
        threads_count_(options.threads_count != 0
                           ? options.threads_count
                           : std::clamp(std::thread::hardware_concurrency(), 1U, kThreadsMax)),
        lineup_({options.seed, options.channels_count, options.first_day - kHistoryDays}),
        population_{options.seed, options.viewers_count, options.first_day - kHistoryDays} {}

  Result<GenerateReport> Run() {
    progress_.rows_total = options_.channels_count + options_.viewers_count + AdsCount() +
                           history_events_ + EventRowsCount();
    DAYPART_RETURN_IF_ERROR(RemoveStale());
    DAYPART_RETURN_IF_ERROR(WriteFile(ChannelPlan()));
    DAYPART_RETURN_IF_ERROR(WriteFile(DemographicsPlan()));
    DAYPART_RETURN_IF_ERROR(WriteAds());
    for (int32_t day = 0; day < kHistoryDays; ++day) DAYPART_RETURN_IF_ERROR(WriteHistory(day));
    DAYPART_RETURN_IF_ERROR(WriteEvents());
    report_.history_events_count = history_events_;
    return std::move(report_);
  }

 private:
  uint64_t AdsCount() const { return options_.events_count / kEventsPerAd; }
  uint64_t EventRowsCount() const {
    return options_.events_count +
           (options_.has_faults ? ExtraRowsCount(options_.events_count) : 0);
  }
  std::string Location(std::string_view name) const {
    return store::JoinLocation(options_.out, name);
  }
  std::string HistoryName(int32_t day) const {
    const std::string date = FormatDate(options_.first_day - kHistoryDays + day);
    return std::string(kHistoryFolder) + "/event_date=" + date + "/" + std::string(kEventsName);
  }
  uint64_t HistoryEventsBefore(int32_t day) const {
    return history_events_ * static_cast<uint64_t>(day) / kHistoryDays;
  }

  /// Takes away what this run will not write but an earlier one may have.
  Status RemoveStale() {
    if (!options_.has_jsonl) DAYPART_RETURN_IF_ERROR(store_.Delete(Location(kJsonlName)));
    if (!options_.has_faults) DAYPART_RETURN_IF_ERROR(store_.Delete(Location(kManifestName)));
    DAYPART_TRY(const auto history, store_.List(Location(kHistoryFolder)));
    for (const store::ObjectInfo& object : history) {
      const auto name = store::RelativeTo(Location(kHistoryFolder), object.location);
      const bool is_ours = name && name->starts_with("event_date=") &&
                           name->ends_with("/" + std::string(kEventsName)) &&
                           std::count(name->begin(), name->end(), '/') == 1;
      if (is_ours) DAYPART_RETURN_IF_ERROR(store_.Delete(object.location));
    }
    return Ok();
  }

  FilePlan ChannelPlan() {
    return {"channel_metadata.csv", kChannelHeader, options_.channels_count, 1,
            [this](uint64_t, FormattedBlock& out) {
              lineup_.FormatChannels(out.csv);
              out.rows = options_.channels_count;
            }};
  }

  FilePlan DemographicsPlan() {
    const uint64_t count = options_.viewers_count;
    return {"demographics.csv", kDemographicsHeader, count,
            (count + kBlockViewers - 1) / kBlockViewers,
            [this, count](uint64_t block, FormattedBlock& out) {
              const uint64_t first = block * kBlockViewers + 1;
              const uint64_t last = std::min(first + kBlockViewers - 1, count);
              FormatDemographics(population_, {first, last}, out.csv);
              out.rows = last - first + 1;
            }};
  }

  Status WriteAds() {
    const AdTable table({options_.seed, days_, AdsCount(), options_.viewers_count}, lineup_);
    return WriteFile(
        {"ad_revenue.csv", kAdHeader, AdsCount(), table.blocks_count(),
         [&table](uint64_t block, FormattedBlock& out) { table.FormatBlock(block, out); }});
  }

  Status WriteHistory(int32_t day) {
    ViewershipOptions events;
    events.seed = MixBits(options_.seed + static_cast<uint64_t>(day));
    events.purpose = Purpose::kHistory;
    events.days = {options_.first_day - kHistoryDays + day, 1};
    events.events_count = HistoryEventsBefore(day + 1) - HistoryEventsBefore(day);
    events.first_event_id = HistoryEventsBefore(day) + 1;
    if (events.events_count == 0) return Ok();
    const ViewershipTable table(events, lineup_, population_);
    return WriteFile(
        {HistoryName(day), kViewershipHeader, events.events_count, table.blocks_count(),
         [&table](uint64_t block, FormattedBlock& out) { table.FormatBlock(block, out); }});
  }

  Status WriteEvents() {
    ViewershipOptions events;
    events.seed = options_.seed;
    events.days = days_;
    events.events_count = options_.events_count;
    events.first_event_id = history_events_ + 1;
    events.first_broken_id = history_events_ + options_.events_count + 1;
    events.has_jsonl = options_.has_jsonl;
    events.has_faults = options_.has_faults;
    const ViewershipTable table(events, lineup_, population_);
    if (options_.has_jsonl) {
      DAYPART_TRY(jsonl_, store_.OpenWrite(Location(kJsonlName), store::WriteMode::kReplace));
    }
    if (options_.has_faults) {
      DAYPART_TRY(auto writer,
                  store_.OpenWrite(Location(kManifestName), store::WriteMode::kReplace));
      manifest_.emplace(std::move(writer), options_.seed, options_.has_jsonl);
    }
    DAYPART_RETURN_IF_ERROR(WriteFile(
        {std::string(kEventsName), kViewershipHeader, EventRowsCount(), table.blocks_count(),
         [&table](uint64_t block, FormattedBlock& out) { table.FormatBlock(block, out); }}));
    return FinishCompanions();
  }

  /// The files that go with viewership_logs.csv.
  Status FinishCompanions() {
    if (jsonl_) {
      DAYPART_RETURN_IF_ERROR(jsonl_->Finish());
      report_.files.push_back({Location(kJsonlName), EventRowsCount(), jsonl_->written_bytes()});
    }
    if (manifest_) {
      DAYPART_RETURN_IF_ERROR(manifest_->Finish(options_.events_count));
      report_.files.push_back(
          {Location(kManifestName), manifest_->rows(), manifest_->written_bytes()});
      for (size_t kind = 0; kind < kFaultKindsCount; ++kind) {
        report_.fault_counts[kind] = manifest_->count(static_cast<FaultKind>(kind));
      }
    }
    return Ok();
  }

  Status WriteFile(const FilePlan& plan) {
    progress_.file = plan.name;
    DAYPART_TRY(const auto writer,
                store_.OpenWrite(Location(plan.name), store::WriteMode::kReplace));
    DAYPART_RETURN_IF_ERROR(Append(*writer, plan.header));
    const auto write = [&](const FormattedBlock& block) -> Status {
      DAYPART_RETURN_IF_ERROR(Append(*writer, block.csv.view()));
      if (block.jsonl.size() > 0) DAYPART_RETURN_IF_ERROR(Append(*jsonl_, block.jsonl.view()));
      if (manifest_) DAYPART_RETURN_IF_ERROR(manifest_->Add(block.faults));
      report_.sessions_count += block.sessions;
      progress_.rows_done += block.rows;
      if (sink_) sink_(progress_);
      return Ok();
    };
    DAYPART_RETURN_IF_ERROR(
        RunBlocks({plan.blocks_count, threads_count_}, plan.format, write, cancel_));
    DAYPART_RETURN_IF_ERROR(writer->Finish());
    report_.files.push_back({Location(plan.name), plan.rows_total, writer->written_bytes()});
    return Ok();
  }

  store::ObjectStore& store_;
  const GenerateOptions& options_;
  const GenerateProgressSink& sink_;
  const CancelToken& cancel_;
  const DaySpan days_;
  const uint64_t history_events_;
  const unsigned threads_count_;
  const Lineup lineup_;
  const ViewerPopulation population_;
  std::unique_ptr<store::ObjectWriter> jsonl_;
  std::optional<FaultManifest> manifest_;
  GenerateProgress progress_;
  GenerateReport report_;
};

}  // namespace

Result<GenerateReport> Generate(store::ObjectStore& store, const GenerateOptions& options,
                                const GenerateProgressSink& progress, const CancelToken& cancel) {
  DAYPART_RETURN_IF_ERROR(CheckOptions(options));
  return Generator(store, options, progress, cancel).Run();
}

}  // namespace daypart::generate
