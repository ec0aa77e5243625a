// SPDX-License-Identifier: Apache-2.0
//
// daypart stream replay-quarantine: records that did not fit are tried again after a fix.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/stream_session.h"

namespace daypart::app {
namespace {

/// Reasons that are shown; the others are counted.
constexpr size_t kReasonsShownMax = 5;

void Report(const std::string& name, bool is_dry_run, const ingest::ReplayReport& report,
            const OutputOptions& output) {
  if (output.is_json) {
    PrintLine(nlohmann::json{{"stream", name},
                             {"dry_run", is_dry_run},
                             {"replayed", report.replayed},
                             {"repeated", report.repeated},
                             {"failing", report.failing},
                             {"reasons", report.reasons}}
                  .dump());
    return;
  }
  if (output.is_quiet) return;
  PrintLine(FormatCount(report.replayed) + (is_dry_run ? " would be replayed, " : " replayed, ") +
            FormatCount(report.repeated) + " were in the table already, " +
            FormatCount(report.failing) + " still do not fit");
  std::vector<std::pair<int64_t, std::string>> reasons;
  for (const auto& [reason, count] : report.reasons) reasons.emplace_back(-count, reason);
  std::sort(reasons.begin(), reasons.end());
  for (size_t i = 0; i < reasons.size() && i < kReasonsShownMax; ++i) {
    PrintLine("  " + FormatCount(-reasons[i].first) + "  " + reasons[i].second);
  }
  if (reasons.size() > kReasonsShownMax) {
    PrintLine("  and " + std::to_string(reasons.size() - kReasonsShownMax) + " other reasons");
  }
}

}  // namespace

Result<int> RunReplay(LakeSession& session, const ReplayArguments& arguments,
                      const CancelToken& stop, const OutputOptions& output) {
  DAYPART_TRY(StreamConfig config, StreamConfigOf(session.config(), arguments.name));
  if (arguments.from) config.source = *arguments.from;
  if (arguments.table) config.table = *arguments.table;
  DAYPART_TRY(const auto stream,
              StreamSession::Open(session, std::move(config), {.reads_only = true}, stop));
  DAYPART_TRY(const auto report, stream->ReplayQuarantine(session, arguments.is_dry_run));
  Report(arguments.name, arguments.is_dry_run, report, output);
  return report.failing > 0 ? kExitPartly : kExitDone;
}

}  // namespace daypart::app
