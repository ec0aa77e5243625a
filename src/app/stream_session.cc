// SPDX-License-Identifier: Apache-2.0
//
// Which source and which sinks a stream has.
#include "app/stream_session.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <thread>

#include "app/kinesis_place.h"
#include "app/work_options.h"
#include "base/log.h"
#include "base/thread_priority.h"
#include "ingest/files_sink.h"
#include "ingest/table_sink.h"
#include "source/directory_record_source.h"
#include "source/stream_log_source.h"

namespace daypart::app {
namespace {

/// As Kinesis has it.
constexpr size_t kStreamNameBytesMax = 128;

/// Rows that wait for their row group, of all partitions: the rows of an epoch's few hours, and no
/// more fresh memory than pays (10 M rows over 240 hours: 6.5 cpu seconds with 384 MiB, else 5.8).
constexpr int64_t kWaitingBytesMax = int64_t{128} << 20;

lake::WriteOptions SinkOptionsOf(const Config& config) {
  lake::WriteOptions write = WriteOptionsOf(config);
  write.buffer_bytes_max = kWaitingBytesMax;
  write.quiet_bytes_max = kWaitingBytesMax / 2;
  return write;
}

ingest::ConsumerOptions ConsumerOptionsOf(const StreamConfig& config,
                                          const StreamRunOptions& options) {
  ingest::ConsumerOptions consumer;
  consumer.id_column = config.dedupe_rows > 0 ? config.id_column : "";
  consumer.time_column = config.time_column;
  consumer.ahead_micros_max = config.ahead_hours * 3'600'000'000;
  consumer.window_ids_max = config.dedupe_rows;
  // Who only reads adds no columns, and is not held up by keys that have none.
  consumer.evolves = config.evolves && !options.reads_only;
  consumer.coerce_strings = config.coerce_strings;
  consumer.commit_bytes = config.commit_bytes;
  consumer.commit_ms = config.commit_seconds * 1000;
  consumer.keeps_rows = options.serves_rows;
  consumer.kept_bytes_max = config.memory_bytes;
  // A server's table has a thread that decodes ahead all the time.
  consumer.decodes_ahead = !options.serves_rows;
  consumer.ends_when_idle = options.until_idle;
  consumer.runs_forever = options.runs_forever;
  return consumer;
}

/// Kinesis or the folder that is named, else the lake's own stream of that name.
Result<std::unique_ptr<source::RecordSource>> OpenSource(LakeSession& session,
                                                         const StreamConfig& config,
                                                         const CancelToken& stop,
                                                         const StreamRunOptions& options) {
  if (const auto stream = KinesisStreamOf(config.source)) {
    return OpenKinesis(session, config, *stream, !options.reads_only, stop);
  }
  if (!config.fan_out.empty()) {
    return InvalidArgument("stream " + config.name + ": fan_out = \"" + config.fan_out +
                           "\" is of Amazon Kinesis, a source of kinesis:STREAM is expected, "
                           "found '" + config.source + "'");
  }
  if (!config.source.empty()) {
    std::string folder = session.LocationOf(config.source);
    while (folder.ends_with('/')) folder.pop_back();
    constexpr std::string_view kLocal = "file://";
    std::error_code error;
    if (folder.starts_with(kLocal) &&
        !std::filesystem::is_directory(folder.substr(kLocal.size()), error)) {
      if (options.until_idle) {
        return NotFound("stream " + config.name + ": a folder with files is expected at " + folder +
                        ", there is none");
      }
      Log(LogLevel::kWarning,
          "stream " + config.name + " waits for the folder " + folder + ", which is not there yet");
    }
    return std::unique_ptr<source::RecordSource>(std::make_unique<source::DirectoryRecordSource>(
        session.store(), session.clock(),
        source::DirectoryOptions{.folder = folder, .name = "files:" + config.name}));
  }
  auto log = source::OpenStreamLogSource((session.config().lake_directory / "streams").string(),
                                         config.name);
  if (log || log.error().code != ErrorCode::kNotFound) return log;
  return InvalidArgument("stream " + config.name +
                         " has no source: the lake has no stream of that name (daypart "
                         "stream create " + config.name + " makes one); for files say --from "
                         "FOLDER, for Amazon Kinesis --from kinesis:STREAM, or source = \"…\" "
                         "under [stream." +
                         config.name + "] in daypart.toml");
}

}  // namespace

Result<StreamConfig> StreamConfigOf(const Config& config, const std::string& name) {
  const bool is_name =
      !name.empty() && name.size() <= kStreamNameBytesMax &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
      });
  if (!is_name) {
    return InvalidArgument("a stream's name of letters, digits, '_', '-' and '.' is expected, "
                           "found '" + name.substr(0, kStreamNameBytesMax) + "'");
  }
  const auto known = config.streams.find(name);
  if (known != config.streams.end()) return known->second;
  StreamConfig stream;
  stream.name = name;
  return stream;
}

Status StreamSession::AddSinks(LakeSession& session) {
  DAYPART_TRY(const auto table, catalog::ParseTableName(config_.table, "media"));
  table_options_ = {.table = table,
                    .source_name = source_->name(),
                    .id_column = config_.id_column,
                    .time_column = config_.time_column,
                    .window_ids_max = config_.dedupe_rows,
                    .partition = config_.partition,
                    .write = SinkOptionsOf(session.config())};
  sinks_.push_back(std::make_unique<ingest::TableSink>(context_, table_options_));
  if (config_.files.empty()) return Ok();
  std::string folder = config_.files.starts_with('/') ? "file://" + config_.files
                                                      : session.LakeLocation(config_.files);
  while (folder.ends_with('/')) folder.pop_back();
  files_options_ = {
      .folder = std::move(folder), .stream = config_.name, .table = table_options_};
  sinks_.push_back(std::make_unique<ingest::FilesSink>(context_, *files_options_));
  return Ok();
}

Result<ingest::ReplayReport> StreamSession::ReplayQuarantine(LakeSession& session,
                                                             bool is_dry_run) const {
  ingest::QuarantineReplay replay(session.context(), session.clock(),
                                  {.table = table_options_,
                                   .files = files_options_,
                                   .ahead_micros_max = config_.ahead_hours * 3'600'000'000,
                                   .coerce_strings = config_.coerce_strings,
                                   .is_dry_run = is_dry_run});
  return replay.Run();
}

Result<std::unique_ptr<StreamSession>> StreamSession::Open(LakeSession& session,
                                                           StreamConfig config,
                                                           const StreamRunOptions& options,
                                                           const CancelToken& stop) {
  std::unique_ptr<StreamSession> stream(new StreamSession(session, std::move(config)));
  const StreamConfig& own = stream->config_;
  DAYPART_TRY(stream->source_, OpenSource(session, own, stop, options));
  DAYPART_RETURN_IF_ERROR(stream->AddSinks(session));
  stream->serves_rows_ = options.serves_rows;
  for (const auto& sink : stream->sinks_) {
    ingest::ConsumerOptions consumer = ConsumerOptionsOf(own, options);
    if (sink != stream->sinks_.front()) {
      // Queries see the rows of the table's tail; a second copy would serve nobody.
      consumer.keeps_rows = false;
      consumer.decodes_ahead = true;
      if (own.files_commit_seconds > 0) consumer.commit_ms = own.files_commit_seconds * 1000;
    }
    stream->consumers_.push_back(std::make_unique<ingest::StreamConsumer>(
        *stream->source_, *sink, session.clock(), session.context().random, stop,
        std::move(consumer)));
  }
  return stream;
}

Result<bool> StreamSession::ReadUncommitted() {
  DAYPART_TRY(const bool is_there, consumers_.front()->OpenToRead());
  if (!is_there) return true;
  while (true) {
    DAYPART_TRY(const bool pumped, tail().Pump());
    if (!pumped) return tail().AwaitReadable(std::chrono::milliseconds(0));
  }
}

Result<StreamSession::Uncommitted> StreamSession::CountUncommitted() const {
  DAYPART_TRY(const auto state, sinks_.front()->State());
  DAYPART_TRY(const int64_t count, RecordsBeyond(state.value_or(ingest::StreamState{})));
  return Uncommitted{.has_table = state.has_value(), .records_count = count};
}

Result<int64_t> StreamSession::CountUnread() const {
  ingest::StreamState read;
  for (const auto& [id, position] : tail().readable()) read.shards[id].position = position;
  return RecordsBeyond(read);
}

Result<std::vector<StreamSession::Backlog>> StreamSession::Backlogs() const {
  std::vector<Backlog> backlogs;
  for (const auto& sink : sinks_) {
    DAYPART_TRY(const auto state, sink->State());
    DAYPART_TRY(const int64_t records_count, RecordsBeyond(state.value_or(ingest::StreamState{})));
    if (records_count > 0) backlogs.push_back({sink->name(), records_count});
  }
  return backlogs;
}

Result<int64_t> StreamSession::RecordsBeyond(const ingest::StreamState& state) const {
  int64_t records_count = 0;
  DAYPART_TRY(const auto shards, source_->ListShards());
  for (const source::Shard& shard : shards) {
    DAYPART_TRY(std::string from,
                source_->PositionOf(shard.id, source::StartPosition::kOldest));
    const auto known = state.shards.find(shard.id);
    // What retention dropped is not there to be taken.
    if (known != state.shards.end() &&
        source_->ComparePositions(known->second.position, from) > 0) {
      from = known->second.position;
    }
    DAYPART_TRY(const auto run, source_->Read(shard.id, from, {.records_max = 1}));
    records_count += static_cast<int64_t>(run.records.size()) + run.behind_count.value_or(0);
  }
  return records_count;
}

Result<std::vector<FileLock>> StreamSession::Lock(const LakeSession& session) const {
  // By what a checkpoint is kept under: in the table the source, beside the files the stream.
  std::vector<std::string> names = {ToString(table_options_.table) + '-' + source_->name()};
  if (files_options_) names.push_back(files_options_->folder + '-' + config_.name);
  std::vector<FileLock> locks;
  for (std::string& name : names) {
    for (char& c : name) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) == 0 && c != '.' && c != '-' && c != '_') c = '_';
    }
    auto lock = FileLock::Take(session.config().lake_directory / ".daypart" /
                               ("stream-" + name + ".lock"));
    if (!lock && lock.error().code == ErrorCode::kUnavailable) {
      return Unavailable("stream " + config_.name +
                         " is being taken in already, by daypart serve or another daypart stream; "
                         "stop that one first: " + lock.error().message);
    }
    if (!lock) return std::move(lock).error();
    locks.push_back(*std::move(lock));
  }
  return locks;
}

Status StreamSession::Run() {
  std::vector<Status> ended(consumers_.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < consumers_.size(); ++i) {
    threads.emplace_back([this, &ended, i] {
      // A commit uses all processors for a moment; rows that queries wait for are decoded by Pump.
      if (serves_rows_) GiveWayToOtherThreads();
      ended[i] = lake::RunInParallel(1, [this, i](int) { return consumers_[i]->Run(); });
      // Told now: the others may run for ever.
      if (!ended[i] && consumers_.size() > 1) {
        Log(LogLevel::kError, "stream " + config_.name + " goes on without " + sinks_[i]->name() +
                                  ": " + ended[i].error().message);
      }
    });
  }
  if (serves_rows_) {
    // Ends with the consumers: those of a server run until they are told to stop.
    threads.emplace_back([this] {
      (void)lake::RunInParallel(1, [this](int) {
        consumers_.front()->PumpUntilStopped();
        return Ok();
      });  // What fails is told by Run, which takes from the same tail.
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Status& status : ended) {
    if (!status) return std::move(status);
  }
  return Ok();
}

Result<bool> StreamSession::AwaitReadable(std::chrono::milliseconds wait_max) const {
  if (!source_->knows_end()) return true;
  return tail().AwaitReadable(wait_max);
}

}  // namespace daypart::app
