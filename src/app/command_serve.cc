// SPDX-License-Identifier: Apache-2.0
//
// daypart serve: the lake over HTTP on this machine, and the work that goes on by itself, until
// told to stop.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "app/commands.h"
#include "app/hot_streams.h"
#include "app/quarantine_watch.h"
#include "app/server_notice.h"
#include "app/stream_key.h"
#include "app/stream_session.h"
#include "app/window_job.h"
#include "app/work_options.h"
#include "base/log.h"
#include "http/server.h"
#include "serve/background_jobs.h"
#include "serve/kinesis.h"
#include "serve/maintenance_job.h"
#include "serve/metrics.h"
#include "serve/query_endpoint.h"
#include "serve/router.h"
#include "streamlog/disk.h"
#include "streamlog/stream_log.h"

namespace daypart::app {
namespace {

/// How soon a signal is seen.
constexpr std::chrono::milliseconds kStopLook{50};
/// Retention is told in hours.
constexpr std::chrono::milliseconds kRetentionInterval{60'000};
/// Until a stream that could not be opened, or that nobody made yet, is tried again.
constexpr std::chrono::milliseconds kStreamInterval{1'000};
constexpr std::chrono::milliseconds kWatchInterval{5'000};

/// The metric tells what is committed of every shard, of one that is silent too.
constexpr int64_t kNeverIdleMs = INT64_MAX / 1'000;

struct Place {
  std::string address;
  uint16_t port = 0;
};

Result<Place> PlaceOf(const std::string& listen, std::optional<uint16_t> port) {
  const size_t colon = listen.rfind(':');
  Place place{.address = listen.substr(0, colon), .port = 0};
  if (place.address == "localhost") place.address = "127.0.0.1";
  const std::string digits = colon == std::string::npos ? "" : listen.substr(colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), place.port);
  const bool is_number = !digits.empty() && parsed.ec == std::errc() &&
                         parsed.ptr == digits.data() + digits.size();
  if (!is_number && !(digits.empty() && port)) {
    return InvalidArgument("an address and a port such as 127.0.0.1:8480 are expected, found '" +
                           listen + "'");
  }
  if (!serve::is_loopback_host(place.address)) {
    return InvalidArgument("an address of this machine alone is expected (127.0.0.1), found '" +
                           place.address + "': whoever reaches the server reads the lake; to let "
                           "others in put a proxy that signs them in before it");
  }
  if (port) place.port = *port;
  return place;
}

/// Numbers about the process itself.
void ObserveProcess(serve::Metrics& metrics, Clock& clock) {
  metrics.Describe("process_resident_memory_bytes", serve::MetricKind::kGauge,
                   "Memory of the process");
  metrics.Describe("process_start_time_seconds", serve::MetricKind::kGauge,
                   "When the process started, in seconds since 1970");
  metrics.Set("process_start_time_seconds", {},
              static_cast<double>(clock.Now().value()) / 1e6);
  metrics.OnRead([&metrics] {
    long pages = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return;
    if (std::fscanf(file, "%*s %ld", &pages) == 1) {
      metrics.Set("process_resident_memory_bytes", {},
                  static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    }
    std::fclose(file);
  });
}

void ObserveStreams(serve::Metrics& metrics, const streamlog::StreamLog& log) {
  struct Counter {
    const char* name;
    const char* meaning;
    const std::atomic<int64_t>& value;
  };
  const streamlog::StreamLogCounters& counters = log.counters();
  const Counter all[] = {
      {"daypart_stream_records_total", "Records acknowledged", counters.records},
      {"daypart_stream_bytes_total", "Bytes of acknowledged records", counters.bytes},
      {"daypart_stream_commits_total", "Times a shard was made durable", counters.commits},
      {"daypart_stream_records_refused_total", "Records refused", counters.records_refused}};
  for (const Counter& counter : all) {
    metrics.Describe(counter.name, serve::MetricKind::kCounter, counter.meaning);
    metrics.OnRead([&metrics, name = std::string(counter.name), &value = counter.value] {
      metrics.Set(name, {}, static_cast<double>(value.load()));
    });
  }
}

/// How far each stream is behind its producers: what is committed, by sink and at worst, and what
/// is read.
void ObserveLag(serve::Metrics& metrics, const HotStreams& hot) {
  constexpr const char* kBehind = "daypart_stream_behind_seconds";
  constexpr const char* kSinkBehind = "daypart_stream_sink_behind_seconds";
  constexpr const char* kReadBehind = "daypart_stream_read_behind_seconds";
  metrics.Describe(kBehind, serve::MetricKind::kGauge,
                   "Age of the oldest acknowledged record that some sink does not have committed");
  metrics.Describe(kSinkBehind, serve::MetricKind::kGauge,
                   "Age of the oldest acknowledged record that is not committed to the sink");
  metrics.Describe(kReadBehind, serve::MetricKind::kGauge,
                   "From what a stream has read to the newest record of its source");
  metrics.OnRead([&metrics, &hot, kBehind, kSinkBehind, kReadBehind] {
    const auto seconds = [](int64_t ms) { return static_cast<double>(ms) / 1e3; };
    for (const auto& [name, stream] : hot.running()) {
      int64_t worst_ms = 0;
      for (size_t i = 0; i < stream->consumers().size(); ++i) {
        const int64_t behind_ms = stream->consumers()[i]->uncommitted_ms();
        worst_ms = std::max(worst_ms, behind_ms);
        metrics.Set(kSinkBehind, {{"stream", name}, {"sink", stream->sink(i).name()}},
                    seconds(behind_ms));
      }
      metrics.Set(kBehind, {{"stream", name}}, seconds(worst_ms));
      metrics.Set(kReadBehind, {{"stream", name}}, seconds(stream->tail().behind_ms()));
    }
  });
}

/// What each stream did into each of its sinks, and what waits in memory.
void ObserveSinks(serve::Metrics& metrics, const HotStreams& hot, Clock& clock) {
  using Value = const std::atomic<int64_t> ingest::ConsumerProgress::*;
  struct Counter {
    const char* name;
    const char* meaning;
    Value value;
  };
  using Progress = ingest::ConsumerProgress;
  static constexpr Counter kCounters[] = {
      {"daypart_stream_sink_rows_total", "Rows committed to a sink", &Progress::rows},
      {"daypart_stream_sink_repeated_total", "Events left out by their id", &Progress::repeated},
      {"daypart_stream_sink_quarantined_total", "Records that did not fit",
       &Progress::quarantined},
      {"daypart_stream_sink_record_bytes_total", "Bytes of records taken in",
       &Progress::record_bytes},
      {"daypart_stream_sink_bytes_total", "Bytes written to a sink", &Progress::bytes_written},
      {"daypart_stream_sink_files_total", "Files written to a sink", &Progress::files},
      {"daypart_stream_sink_commits_total", "Commits to a sink", &Progress::commits},
      {"daypart_stream_sink_failures_total", "Times a sink began anew", &Progress::failures}};
  for (const Counter& counter : kCounters) {
    metrics.Describe(counter.name, serve::MetricKind::kCounter, counter.meaning);
  }
  metrics.Describe("daypart_stream_tail_rows", serve::MetricKind::kGauge,
                   "Rows that queries see and no commit holds yet");
  metrics.Describe("daypart_stream_tail_bytes", serve::MetricKind::kGauge,
                   "Memory of decoded rows that wait");
  metrics.Describe("daypart_stream_watermark_timestamp_seconds", serve::MetricKind::kGauge,
                   "Event time up to which all shards are committed");
  metrics.OnRead([&metrics, &hot, &clock] {
    for (const auto& [name, stream] : hot.running()) {
      for (size_t i = 0; i < stream->consumers().size(); ++i) {
        const serve::Labels labels = {{"stream", name}, {"sink", stream->sink(i).name()}};
        for (const Counter& counter : kCounters) {
          metrics.Set(counter.name, labels,
                      static_cast<double>((stream->consumers()[i]->progress().*counter.value)));
        }
      }
      const auto size = stream->tail().size();
      metrics.Set("daypart_stream_tail_rows", {{"stream", name}},
                  static_cast<double>(size.rows_count));
      metrics.Set("daypart_stream_tail_bytes", {{"stream", name}},
                  static_cast<double>(size.rows_bytes));
      const auto watermark = ingest::Watermark(stream->tail().committed(),
                                               clock.Now(), kNeverIdleMs);
      if (watermark) {
        metrics.Set("daypart_stream_watermark_timestamp_seconds", {{"stream", name}},
                    static_cast<double>(watermark->value()) / 1e6);
      }
    }
  });
}

/// All endpoints and jobs of a lake.
class LakeServer {
 public:
  /// Both must outlive the server.
  LakeServer(LakeSession& session, streamlog::StreamLog& log)
      : session_(session),
        log_(log),
        router_(session.clock(), metrics_),
        hot_(session),
        quarantine_watch_(hot_, session.clock()),
        queries_(session.context(), session.raw_catalog(),
                 QueryOptionsOf(session.config(), hot_), metrics_),
        kinesis_(log, session.clock(), {.key = StreamKeyOf(session.config())}),
        jobs_(session.clock(), metrics_) {
    ObserveProcess(metrics_, session.clock());
    ObserveStreams(metrics_, log);
    ObserveLag(metrics_, hot_);
    ObserveSinks(metrics_, hot_, session.clock());
    router_.Add("POST", "/", [this](const auto& request, http::ResponseWriter& writer) {
      kinesis_.Handle(request, writer);
    });
    const UtcMicros start = session.clock().Now();
    const auto send_ok = [this, start](http::ResponseWriter& writer) {
      const double seconds =
          static_cast<double>(session_.clock().Now().value() - start.value()) / 1e6;
      writer.Send({.content_type = "application/json"},
                  nlohmann::json{{"status", "ok"}, {"uptime_seconds", seconds}}.dump() + '\n');
    };
    // Of the process alone: a start anew would not mend a catalog that is away.
    router_.Add("GET", "/live", [send_ok](const auto&, auto& writer) { send_ok(writer); });
    router_.Add("GET", "/health", [this, send_ok](const auto&, http::ResponseWriter& writer) {
      // The catalog is asked, so that a server that cannot answer queries does not look well.
      const auto databases = session_.catalog().ListDatabases();
      if (!databases) return serve::SendError(writer, databases.error());
      send_ok(writer);
    });
    router_.Add("GET", "/metrics", [this](const auto&, http::ResponseWriter& writer) {
      writer.Send({.content_type = "text/plain; version=0.0.4; charset=utf-8"}, metrics_.Text());
    });
    router_.Add("POST", "/query", [this](const auto& request, http::ResponseWriter& writer) {
      queries_.Handle(request, writer);
    });
  }

  /// The server is to end before this.
  Result<std::unique_ptr<http::Server>> Listen(const Place& place) {
    DAYPART_TRY(auto server,
                http::Server::Listen(place.address, place.port, {},
                                     [this](const auto& request, http::ResponseWriter& writer) {
                                       router_.Handle(request, writer);
                                     }));
    metrics_.Describe("daypart_http_connections", serve::MetricKind::kGauge, "Connections now");
    metrics_.Describe("daypart_http2_connections_total", serve::MetricKind::kCounter,
                      "Connections that spoke HTTP/2");
    metrics_.OnRead([this, raw = server.get()] {
      metrics_.Set("daypart_http_connections", {}, static_cast<double>(raw->connections_count()));
      metrics_.Set("daypart_http2_connections_total", {},
                   static_cast<double>(raw->http2_connections_total()));
    });
    return server;
  }

  void StartJobs() {
    const Config& config = session_.config();
    lake::WriteOptions write = WriteOptionsOf(config);
    // Half of the processors: maintenance is not to stall those who ask.
    write.threads_count = std::max(1, config.threads_count / 2);
    jobs_.Start(serve::MaintenanceJob(session_.context(), write, metrics_));
    jobs_.Start(WindowJob(session_, {}, metrics_));
    jobs_.Start({.name = "stream retention",
                 .interval = kRetentionInterval,
                 .run = [this] { return log_.ApplyRetention(); }});
    for (const auto& [name, stream] : config.streams) {
      jobs_.Start({.name = "stream " + name,
                   .interval = kStreamInterval,
                   .run = [this, stream = stream, is_told = false]() mutable {
                     if (!is_awaited(stream)) return RunStream(stream);
                     if (!std::exchange(is_told, true)) {
                       Log(LogLevel::kInfo, "stream " + stream.name + " begins when it is made: " +
                                                "by CreateStream, or by daypart stream create " +
                                                stream.name);
                     }
                     return Ok();
                   }});
    }
    jobs_.Start({.name = "quarantine watch", .interval = kWatchInterval, .run = [this] {
                   for (const auto& line : quarantine_watch_.Look()) {
                     Log(LogLevel::kWarning, line);
                   }
                   return Ok();
                 }});
  }
  void StopJobs() { jobs_.Stop(); }

 private:
  /// Takes a stream in until the session's token is cancelled. What was read and not committed then
  /// is read again at the next start.
  Status RunStream(const StreamConfig& config) {
    DAYPART_TRY(auto stream,
                StreamSession::Open(session_, config, {.serves_rows = true, .runs_forever = true},
                                    session_.context().cancel));
    // Shared with the queries that read its rows.
    const std::shared_ptr<StreamSession> shared = std::move(stream);
    // Tried again every second: the server takes over once a daypart stream that has it ends.
    DAYPART_TRY(const auto locks, shared->Lock(session_));
    const auto running = hot_.Add(shared);
    return shared->Run();
  }

  /// Whether it is one of the lake's own log that nobody has made yet.
  bool is_awaited(const StreamConfig& config) const {
    const auto names = log_.ListStreams();
    return config.source.empty() && std::ranges::find(names, config.name) == names.end();
  }

  static query::EngineOptions QueryOptionsOf(const Config& config, lake::HotTables& hot) {
    query::EngineOptions options = EngineOptionsOf(config);
    options.views_directory = (config.sql_directory / "views").string();
    options.hot_tables = &hot;
    return options;
  }

  LakeSession& session_;
  streamlog::StreamLog& log_;
  serve::Metrics metrics_;
  serve::Router router_;
  HotStreams hot_;
  QuarantineWatch quarantine_watch_;
  serve::QueryEndpoint queries_;
  serve::Kinesis kinesis_;
  serve::BackgroundJobs jobs_;
};

}  // namespace

Result<int> RunServe(LakeSession& session, const ServeArguments& arguments,
                     const CancelToken& stop, const OutputOptions& output) {
  DAYPART_TRY(const Place place,
              PlaceOf(arguments.listen.value_or(session.config().listen), arguments.port));
  const auto disk = streamlog::OpenPosixDisk(/*sync=*/true);
  Random random;
  DAYPART_TRY(const auto log,
              streamlog::StreamLog::Open(
                  {.folder = (session.config().lake_directory / "streams").string(),
                   .disk = disk.get(),
                   .clock = &session.clock(),
                   .random = &random}));
  LakeServer lake(session, *log);
  auto server = lake.Listen(place);
  if (!server) {
    if (server.error().code != ErrorCode::kAlreadyExists) return std::move(server).error();
    return AlreadyExists(server.error().message +
                         "; choose another one with --listen 127.0.0.1:PORT, or --port 0 for any "
                         "that is free");
  }
  lake.StartJobs();
  const std::string url = "http://" + place.address + ':' + std::to_string((*server)->port());
  // For `daypart query` beside the server. Without it that one reads what is committed.
  auto notice = ServerNotice::Put(session.config().lake_directory.string(), url);
  if (!notice) Log(LogLevel::kWarning, notice.error().message);
  PrintLine(output.is_json ? nlohmann::json{{"url", url}, {"pid", ::getpid()}}.dump()
                           : "listening on " + url);
  std::fflush(stdout);
  while (!stop.is_cancelled()) session.clock().Sleep(kStopLook);
  if (notice) notice->reset();
  // No new work first, then the end of what runs; the session's token has told it by now.
  (*server)->Stop();
  lake.StopJobs();
  log->Stop();
  return kExitDone;
}

}  // namespace daypart::app
