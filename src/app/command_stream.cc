// SPDX-License-Identifier: Apache-2.0
//
// daypart stream: a stream's events into its sinks, until idle or until told to stop.
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/progress.h"
#include "app/quarantine_notice.h"
#include "app/stream_session.h"
#include "app/window_job.h"
#include "ingest/left_out_keys.h"
#include "serve/background_jobs.h"

namespace daypart::app {
namespace {

nlohmann::json ToJson(const StreamSession& stream, size_t index) {
  const auto& progress = stream.consumers()[index]->progress();
  return {{"sink", stream.sink(index).name()},
          {"rows", progress.rows.load()},
          {"repeated", progress.repeated.load()},
          {"quarantined", progress.quarantined.load()},
          {"bytes_read", progress.record_bytes.load()},
          {"bytes_written", progress.bytes_written.load()},
          {"files", progress.files.load()},
          {"commits", progress.commits.load()},
          {"behind_ms", stream.consumers()[index]->tail().behind_ms()},
          {"failures", progress.failures.load()},
          {"left_out_keys", stream.consumers()[index]->left_out_keys()}};
}

/// How far the reading is behind the producers, if that is worth telling.
std::string Lag(ingest::StreamConsumer& consumer) {
  const int64_t behind_ms = consumer.tail().behind_ms();
  if (behind_ms < 1'000) return "";
  return ", " + FormatSeconds(static_cast<double>(behind_ms) / 1e3) + " behind";
}

void Report(const StreamSession& stream, double seconds, const OutputOptions& output) {
  if (output.is_json) {
    nlohmann::json sinks = nlohmann::json::array();
    for (size_t i = 0; i < stream.consumers().size(); ++i) sinks.push_back(ToJson(stream, i));
    PrintLine(nlohmann::json{{"stream", stream.config().name},
                             {"seconds", seconds},
                             {"sinks", std::move(sinks)}}
                  .dump());
    return;
  }
  for (size_t i = 0; i < stream.consumers().size() && !output.is_quiet; ++i) {
    const auto& progress = stream.consumers()[i]->progress();
    const auto rate = static_cast<int64_t>(static_cast<double>(progress.rows) / seconds);
    std::string line = stream.sink(i).name() + ": " + Counted(progress.rows, "row") + " in " +
                       FormatSeconds(seconds) + " (" + FormatCount(rate) + " rows/s), " +
                       Counted(progress.commits, "commit") + ", " +
                       Counted(progress.files, "file") + " of " +
                       FormatBytes(progress.bytes_written);
    if (progress.repeated > 0) line += ", " + FormatCount(progress.repeated) + " repeated";
    const auto& left_out = stream.consumers()[i]->left_out_keys();
    if (!left_out.empty()) {
      line += ", values of " + ingest::ListedKeys({left_out.begin(), left_out.end()}) + " left out";
    }
    PrintLine(line);
  }
}

/// What the stream committed is safe whatever becomes of this, so failures are told alone.
Status CatchWindowsUp(LakeSession& session, const catalog::TableName& table) {
  const auto listener = [](const windows::WindowDeclaration&,
                           const Result<windows::KeepReport>& report) {
    if (!report) PrintNotice("daypart: " + report.error().message);
  };
  auto kept = KeepAllWindows(session, session.context(), {.source = table}, listener);
  if (!kept) return std::move(kept).error();
  return Ok();
}

}  // namespace

Result<int> RunStream(LakeSession& session, const StreamArguments& arguments,
                      const CancelToken& stop, const OutputOptions& output) {
  DAYPART_TRY(StreamConfig config, StreamConfigOf(session.config(), arguments.name));
  if (arguments.from) config.source = *arguments.from;
  if (arguments.table) config.table = *arguments.table;
  const UtcMicros start = session.clock().Now();
  DAYPART_TRY(const auto stream,
              StreamSession::Open(session, std::move(config),
                                  {.until_idle = arguments.until_idle}, stop));
  DAYPART_TRY(const auto table, catalog::ParseTableName(stream->config().table, "media"));
  DAYPART_TRY(const auto locks, stream->Lock(session));
  serve::Metrics metrics;
  serve::BackgroundJobs jobs(session.clock(), metrics);
  // A run that ends by itself has the windows follow at its end, in fewer and larger steps.
  if (!arguments.keeps_no_windows && !arguments.until_idle) {
    jobs.Start(WindowJob(session, {.source = table}, metrics));
  }
  Status ended;
  {
    ProgressLine line(output);
    const ProgressWatch watch(line, [&](ProgressLine& shown) {
      const auto& progress = stream->consumers().front()->progress();
      const double seconds = std::max(
          1e-3, static_cast<double>(session.clock().Now().value() - start.value()) / 1e6);
      const auto rate = static_cast<int64_t>(static_cast<double>(progress.rows) / seconds);
      shown.Show(stream->config().name, 0, kEndless,
                 Counted(progress.rows, "row") + " in " + Counted(progress.commits, "commit") +
                     ", " + FormatCount(rate) + "/s" + Lag(*stream->consumers().front()));
    });
    ended = stream->Run();
  }
  if (!ended) return std::move(ended).error();
  const double seconds =
      std::max(1e-6, static_cast<double>(session.clock().Now().value() - start.value()) / 1e6);
  Report(*stream, seconds, output);
  jobs.Stop();
  if (!arguments.keeps_no_windows && !stop.is_cancelled()) {
    DAYPART_RETURN_IF_ERROR(CatchWindowsUp(session, table));
  }
  const int64_t quarantined = stream->consumers().front()->progress().quarantined;
  if (quarantined == 0) return kExitDone;
  PrintNotice(QuarantineNotice(quarantined, "event", ToString(table)));
  PrintNotice("after a fix: daypart stream replay-quarantine " + stream->config().name);
  return kExitPartly;
}

}  // namespace daypart::app
