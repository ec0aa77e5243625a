// SPDX-License-Identifier: Apache-2.0
//
// Looks every second: a look at tables that did not change costs two reads of the catalog a window.
#include "app/window_job.h"

#include <map>
#include <memory>
#include <utility>

#include "base/log.h"

namespace daypart::app {
namespace {

constexpr std::chrono::milliseconds kLookInterval{1'000};
constexpr char kLateRows[] = "daypart_window_late_rows_total";
constexpr char kRows[] = "daypart_window_rows_total";
constexpr char kCommits[] = "daypart_window_commits_total";
constexpr char kWatermark[] = "daypart_window_watermark_seconds";
constexpr char kFailures[] = "daypart_window_failures_total";

void Describe(serve::Metrics& metrics) {
  using serve::MetricKind;
  metrics.Describe(kLateRows, MetricKind::kCounter,
                   "Rows that came when a window of theirs was final; they are in TARGET_late");
  metrics.Describe(kRows, MetricKind::kCounter, "Windows computed");
  metrics.Describe(kCommits, MetricKind::kCounter, "Commits to the tables of windows");
  metrics.Describe(kWatermark, MetricKind::kGauge,
                   "Event time, in seconds since 1970, up to which all rows are taken to be there");
  metrics.Describe(kFailures, MetricKind::kCounter, "Times that a window could not be kept");
}

void Observe(serve::Metrics& metrics, const std::string& window,
             const windows::KeepReport& report) {
  const serve::Labels labels{{"window", window}};
  metrics.Add(kRows, labels, static_cast<double>(report.rows_written));
  metrics.Add(kCommits, labels, static_cast<double>(report.steps));
  if (!report.state) return;
  metrics.Set(kLateRows, labels, static_cast<double>(report.state->late_rows));
  if (report.state->watermark) {
    metrics.Set(kWatermark, labels, static_cast<double>(report.state->watermark->value()) / 1e6);
  }
}

}  // namespace

serve::BackgroundJob WindowJob(LakeSession& session, KeepAllOptions options,
                               serve::Metrics& metrics) {
  Describe(metrics);
  options.threads_count = 1;  // those who ask, or the stream itself, come first
  // Shared, because a std::function has to be copyable; there is one job.
  const auto told = std::make_shared<std::map<std::string, std::string>>();
  const auto run = [&session, options, told, &metrics]() -> Status {
    const auto listener = [&](const windows::WindowDeclaration& window,
                              const Result<windows::KeepReport>& report) {
      if (report) {
        told->erase(window.name);
        return Observe(metrics, window.name, *report);
      }
      if (report.error().code == ErrorCode::kCancelled) return;
      metrics.Add(kFailures, {{"window", window.name}});
      std::string& last = (*told)[window.name];
      // A column or table that somebody renamed is for them to settle, not for who runs the server.
      const bool is_theirs = report.error().code == ErrorCode::kInvalidArgument ||
                             report.error().code == ErrorCode::kNotFound;
      const LogLevel level = is_theirs ? LogLevel::kWarning : LogLevel::kError;
      if (std::exchange(last, report.error().message) != last) Log(level, last);
    };
    DAYPART_TRY(const bool is_done, KeepAllWindows(session, session.context(), options, listener));
    (void)is_done;  // another process keeps them, which serves as well
    return Ok();
  };
  return {.name = "windows", .interval = kLookInterval, .run = run, .gives_way = true};
}

}  // namespace daypart::app
