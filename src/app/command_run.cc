// SPDX-License-Identifier: Apache-2.0
//
// daypart run: the tasks of a pipeline, one after the other. One run of a lake's pipelines at a
// time: not for correctness, which the commits see to, but because a second one would do all the
// work for nothing.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "app/commands.h"
#include "app/keyless_notice.h"
#include "app/file_lock.h"
#include "app/quarantine_notice.h"
#include "app/work_options.h"
#include "pipeline/pipeline_file.h"
#include "pipeline/run.h"

namespace daypart::app {
namespace {

/// Whether the task is asked for: by name, or because its target is made anew by one that is.
bool IsWanted(const pipeline::Task& task, const pipeline::Pipeline& pipeline,
              const RunArguments& arguments) {
  if (arguments.task.empty() || task.name == arguments.task) return true;
  if (!arguments.is_full_refresh) return false;
  return std::any_of(pipeline.tasks.begin(), pipeline.tasks.end(), [&](const auto& named) {
    return named.name == arguments.task && named.target == task.target;
  });
}

/// In a lake that nothing was brought into yet.
constexpr char kFirstSteps[] =
    "; bring files in first: daypart upload -r FOLDER raw/ (daypart generate --out data makes some "
    "up), then daypart crawl raw/";

std::string Outcome(const pipeline::TaskReport& report) {
  if (report.is_skipped) return "no raw table";
  return report.files_new == 0 ? "up to date" : "done";
}

}  // namespace

Result<int> RunPipeline(LakeSession& session, const RunArguments& arguments,
                        const OutputOptions& output) {
  const Config& config = session.config();
  const auto lock = FileLock::Take(config.lake_directory / ".daypart" / "run.lock");
  if (!lock && lock.error().code == ErrorCode::kUnavailable) {
    return Unavailable("another daypart run is at work on this lake; wait for it to end");
  }
  if (!lock) return lock.error();
  DAYPART_TRY(const auto pipeline,
              pipeline::ReadPipeline(config.sql_directory / "pipelines" / arguments.pipeline));
  pipeline::RunOptions options;
  options.write = WriteOptionsOf(config);
  options.engine = EngineOptionsOf(config);
  nlohmann::json json = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  std::map<catalog::TableName, int64_t> quarantined;
  std::vector<std::string> keyless;
  std::set<catalog::TableName> refreshed;
  bool has_task = arguments.task.empty();
  for (const auto& task : pipeline.tasks) {
    if (!IsWanted(task, pipeline, arguments)) continue;
    has_task = true;
    // The first task of a target empties it; the others add to what that one has made.
    options.is_full_refresh = arguments.is_full_refresh && !refreshed.contains(task.target);
    const UtcMicros start = session.clock().Now();
    auto outcome = pipeline::RunTask(session.context(), session.raw_catalog(), task, options);
    if (!outcome && outcome.error().code == ErrorCode::kNotFound) {
      DAYPART_TRY(const auto raw_tables, session.raw_catalog().ListRawTables("media_raw"));
      if (raw_tables.empty()) {
        return NotFound(outcome.error().message + kFirstSteps);
      }
    }
    DAYPART_TRY(const auto report, std::move(outcome));
    if (!report.is_skipped) refreshed.insert(task.target);
    const double seconds = static_cast<double>(session.clock().Now().value() - start.value()) / 1e6;
    if (report.rows_quarantined > 0) quarantined[task.target] += report.rows_quarantined;
    const auto& commit = report.commit;
    const std::string about_keys = KeylessNotice(commit, ToString(task.target));
    if (!about_keys.empty()) keyless.push_back(about_keys);
    rows.push_back({task.name, ToString(task.target), Outcome(report),
                    FormatCount(report.files_new),
                    FormatCount(commit.rows_added - commit.rows_updated),
                    FormatCount(commit.rows_updated), FormatCount(commit.rows_skipped),
                    FormatCount(report.rows_quarantined), FormatSeconds(seconds)});
    json.push_back({{"task", task.name},
                    {"target", ToString(task.target)},
                    {"outcome", Outcome(report)},
                    {"files_new", report.files_new},
                    {"rows_inserted", commit.rows_added - commit.rows_updated},
                    {"rows_updated", commit.rows_updated},
                    {"rows_deleted", commit.rows_deleted - commit.rows_updated},
                    {"rows_skipped", commit.rows_skipped},
                    {"rows_quarantined", report.rows_quarantined},
                    {"rows_without_key", commit.rows_without_key},
                    {"seconds", seconds}});
  }
  if (!has_task) {
    return InvalidArgument("pipeline " + pipeline.name + " has no task " + arguments.task);
  }
  if (output.is_json) {
    PrintLine(json.dump(2));
  } else if (!output.is_quiet) {
    PrintLine(FormatTable({"task", "table", "outcome", "new files", "inserted", "updated",
                           "repeated", "quarantined", "time"},
                          rows, {false, false, false, true, true, true, true, true, true}));
  }
  if (!output.is_quiet && !output.is_json) {
    for (const std::string& notice : keyless) PrintNotice(notice);
    for (const auto& [table, count] : quarantined) {
      PrintNotice(QuarantineNotice(count, "row", ToString(table)));
    }
  }
  return quarantined.empty() ? kExitDone : kExitPartly;
}

}  // namespace daypart::app
