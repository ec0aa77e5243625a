// SPDX-License-Identifier: Apache-2.0
//
// daypart windows: how far the continuous aggregates are; --until-idle brings them up to date.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/window_keeping.h"
#include "base/calendar.h"
#include "windows/late_rows.h"

namespace daypart::app {
namespace {

using windows::WindowDeclaration;
using windows::WindowStanding;

/// To the millisecond where that is all there is.
std::string TimeText(int64_t micros) {
  std::string text = FormatTimestampMicros(micros, /*with_zone=*/true);
  if (text.find('.') != std::string::npos && text.ends_with("000Z")) {
    text.erase(text.size() - 4, 3);
  }
  return text;
}

std::string StandingText(const WindowStanding& standing) {
  if (!standing.waits_for.empty()) return "waits for " + standing.waits_for;
  if (!standing.snapshots_behind) return "to be made anew";
  if (*standing.snapshots_behind == 0) return "up to date";
  return Counted(*standing.snapshots_behind, "snapshot") + " behind";
}

/// The two greatest units: "3.20 s", "5 min 20 s", "21 d 15 h".
std::string LagText(int64_t micros) {
  const int64_t seconds = micros / 1'000'000;
  if (seconds < 60) return FormatSeconds(static_cast<double>(micros) / 1e6);
  const auto two = [](int64_t greater, const char* unit, int64_t lesser, const char* lesser_unit) {
    return FormatCount(greater) + unit + std::to_string(lesser) + lesser_unit;
  };
  if (seconds < 3'600) return two(seconds / 60, " min ", seconds % 60, " s");
  if (seconds < 86'400) return two(seconds / 3'600, " h ", seconds / 60 % 60, " min");
  return two(seconds / 86'400, " d ", seconds / 3'600 % 24, " h");
}

nlohmann::json ToJson(const WindowDeclaration& window, const WindowStanding& standing) {
  nlohmann::json json{{"window", window.name},
                      {"kind", windows::NameOf(window.kind)},
                      {"source", ToString(window.source)},
                      {"target", ToString(window.target)},
                      {"late_table", ToString(windows::LateTable(window))},
                      {"standing", StandingText(standing)},
                      {"snapshots_behind", nullptr},
                      {"watermark", nullptr},
                      {"final_until", nullptr},
                      {"lag_seconds", nullptr},
                      {"late_rows", standing.state ? standing.state->late_rows : 0}};
  if (standing.snapshots_behind) json["snapshots_behind"] = *standing.snapshots_behind;
  if (standing.state && standing.state->watermark) {
    json["watermark"] = TimeText(standing.state->watermark->value());
    json["final_until"] = TimeText(windows::FloorOf(*standing.state, window.lateness_micros));
    json["lag_seconds"] = static_cast<double>(*standing.lag_micros) / 1e6;
  }
  return json;
}

/// The window's line; the keeping's outcome first, if it was kept.
std::vector<std::string> RowOf(const WindowDeclaration& window, const WindowStanding& standing) {
  const bool has_watermark = standing.state && standing.state->watermark;
  return {window.name,
          std::string(windows::NameOf(window.kind)),
          ToString(window.source),
          ToString(window.target),
          StandingText(standing),
          has_watermark ? TimeText(standing.state->watermark->value()) : "",
          has_watermark ? TimeText(windows::FloorOf(*standing.state, window.lateness_micros)) : "",
          has_watermark ? LagText(*standing.lag_micros) : "",
          FormatCount(standing.state ? standing.state->late_rows : 0)};
}

/// Keeps the windows; what was done is told. returns: the first failure, if any.
Status Keep(LakeSession& session, const WindowsArguments& arguments, const OutputOptions& output) {
  Status failed = Ok();
  const auto listener = [&](const WindowDeclaration& window,
                            const Result<windows::KeepReport>& report) {
    if (!report) {
      if (failed) failed = report.error();
      else PrintNotice("daypart: " + report.error().message);
      return;
    }
    if (output.is_json || output.is_quiet || report->steps == 0) return;
    PrintLine(ToString(window.target) + ": " + Counted(report->rows_written, "window") +
              " in " + Counted(report->steps, "commit") +
              (report->late_rows > 0 ? ", " + Counted(report->late_rows, "late row") : "") +
              (report->rebuilt_because.empty()
                   ? ""
                   : ", made from all rows because " + report->rebuilt_because));
  };
  DAYPART_TRY(const bool is_done,
              KeepAllWindows(session, session.context(),
                             {.name = arguments.name, .is_full_refresh = arguments.is_full_refresh},
                             listener));
  if (!is_done) {
    return Unavailable("another process (daypart serve or daypart stream) keeps the windows of "
                       "this lake; wait for it, or look at how far they are without --until-idle");
  }
  return failed;
}

}  // namespace

CLI::App* AddWindowsOptions(CLI::App& app, WindowsArguments& arguments) {
  auto* windows = app.add_subcommand("windows", "How far the windows of sql/windows are");
  windows->footer("Example: daypart windows --until-idle");
  windows->add_option("NAME", arguments.name, "One of them; all by default");
  auto* keep = windows->add_flag("--until-idle", arguments.until_idle,
                                 "Bring them up to date first");
  windows->add_flag("--full-refresh", arguments.is_full_refresh,
                    "Compute them anew from all rows, late ones too")
      ->excludes(keep);
  return windows;
}

Result<int> RunWindows(LakeSession& session, const WindowsArguments& arguments,
                       const OutputOptions& output) {
  DAYPART_TRY(const auto declared, WindowsOf(session.config()));
  Status kept = Ok();
  if (arguments.until_idle || arguments.is_full_refresh) kept = Keep(session, arguments, output);
  if (!kept) return std::move(kept).error();
  nlohmann::json json = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  for (const WindowDeclaration& window : declared) {
    if (!arguments.name.empty() && window.name != arguments.name) continue;
    DAYPART_TRY(const auto standing, windows::StandingOf(session.context(), window));
    json.push_back(ToJson(window, standing));
    rows.push_back(RowOf(window, standing));
  }
  if (rows.empty() && !arguments.name.empty()) {
    return InvalidArgument("no window is named " + arguments.name + " in " +
                           (session.config().sql_directory / "windows").string());
  }
  if (output.is_json) {
    PrintLine(json.dump(2));
  } else if (!output.is_quiet) {
    PrintLine(FormatTable({"window", "kind", "source", "target", "standing", "watermark",
                           "final until", "lag", "late rows"},
                          rows, {false, false, false, false, false, false, false, true, true}));
  }
  return kExitDone;
}

}  // namespace daypart::app
