// SPDX-License-Identifier: Apache-2.0
//
// Streams, routing of records to shards, and the committers.
#include "streamlog/stream_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <future>

#include "base/log.h"
#include "streamlog/limits.h"

namespace daypart::streamlog {
namespace {

constexpr std::string_view kDeletedPrefix = ".deleted-";

Result<store::FileDescriptor> TakeLock(const std::string& folder) {
  const std::string path = folder + "/.lock";
  store::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) return SystemError("opening " + path, errno);
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    return Unavailable("another process writes the streams of " + folder +
                       " (it holds .lock); stop that daypart serve first");
  }
  return file;
}

}  // namespace

/// One Append that waits for its shards.
struct StreamLog::AppendCall {
  std::vector<AppendOutcome> outcomes;
  std::atomic<size_t> waiting{1};  // shards, and Append itself until it has filled in the outcomes
  AppendCallback done;
  StreamLogCounters* counters = nullptr;

  void FinishOne() {
    if (waiting.fetch_sub(1) == 1) done(std::move(outcomes));
  }
  void Refuse(const std::vector<uint32_t>& places, const Error& error) {
    const auto shared = std::make_shared<const Error>(error);
    for (const uint32_t place : places) outcomes[place].error = shared;
    counters->records_refused += static_cast<int64_t>(places.size());
  }
};

Result<std::unique_ptr<StreamLog>> StreamLog::Open(StreamLogOptions options) {
  std::unique_ptr<StreamLog> log(new StreamLog(std::move(options)));
  DAYPART_RETURN_IF_ERROR(log->options_.disk->MakeFolders(log->options_.folder));
  DAYPART_TRY(log->lock_file_, TakeLock(log->options_.folder));
  DAYPART_RETURN_IF_ERROR(log->Recover());
  for (int i = 0; i < std::max(log->options_.committers_count, 1); ++i) {
    log->committers_.emplace_back([raw = log.get()] { raw->RunCommitter(); });
  }
  return log;
}

StreamLog::~StreamLog() { Stop(); }

void StreamLog::Stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    is_stopping_ = true;
  }
  queue_filled_.notify_all();
  for (std::thread& committer : committers_) committer.join();
  committers_.clear();
}

void StreamLog::Enqueue(std::shared_ptr<ShardWriter> shard) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (!is_stopping_) queue_.push_back(std::move(shard));
  }
  queue_filled_.notify_one();
  // Nobody serves the queue any more: the caller does it.
  while (shard && shard->Commit()) {
  }
}

void StreamLog::RunCommitter() {
  for (;;) {
    std::shared_ptr<ShardWriter> shard;
    {
      std::unique_lock lock(queue_mutex_);
      queue_filled_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      shard = std::move(queue_.front());
      queue_.pop_front();
    }
    ++counters_.commits;
    if (shard->Commit()) Enqueue(std::move(shard));
  }
}

Status StreamLog::Recover() {
  std::error_code error;
  std::filesystem::directory_iterator folders(options_.folder, error);
  for (; !error && folders != std::filesystem::directory_iterator(); folders.increment(error)) {
    const std::string name = folders->path().filename().string();
    std::error_code ignored;
    if (name.starts_with(kDeletedPrefix)) {
      std::filesystem::remove_all(folders->path(), ignored);
      continue;
    }
    if (!CheckStreamName(name) || !std::filesystem::is_directory(folders->path(), ignored)) {
      continue;
    }
    DAYPART_RETURN_IF_ERROR(RecoverStream(name).WithContext("stream " + name));
  }
  if (error) return SystemError("listing " + options_.folder, error.value());
  return Ok();
}

Status StreamLog::RecoverStream(const std::string& name) {
  auto stream = std::make_shared<Stream>();
  stream->name = name;
  stream->folder = options_.folder + '/' + name;
  auto state = LoadStreamState(stream->folder);
  std::error_code ignored;
  if (!state && state.error().code == ErrorCode::kNotFound) {
    // It was being made when the process died; nobody was told that it exists.
    std::filesystem::remove_all(stream->folder, ignored);
    return Ok();
  }
  if (!state) return std::move(state).error();
  stream->state = std::move(*state);
  for (const ShardState& shard : stream->state.shards) {
    auto options = WriterOptions(*stream, shard.number);
    auto writer = shard.is_open()
                      ? ShardWriter::Recover(std::move(options))
                      : ShardWriter::OpenClosed(std::move(options), *shard.closed_end);
    if (!writer) {
      Log(LogLevel::kError, "stream " + name + ", " + ShardId(shard.number) + ": " +
                                writer.error().message + "; the shard takes no records");
      continue;
    }
    stream->writers[shard.number] = std::move(*writer);
  }
  for (const auto& entry : std::filesystem::directory_iterator(stream->folder, ignored)) {
    const auto shard = ParseShardId(entry.path().filename().string());
    // Children of a reshard that did not come to pass.
    if (shard && stream->state.Find(*shard) == nullptr) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
  BuildRoutes(*stream);
  DAYPART_TRY(stream->reader, StreamReader::Open(stream->folder));
  streams_[name] = std::move(stream);
  return Ok();
}

ShardWriterOptions StreamLog::WriterOptions(const Stream& stream, ShardNumber shard) const {
  ShardWriterOptions options;
  options.disk = options_.disk;
  options.clock = options_.clock;
  options.folder = ShardFolder(stream.folder, shard);
  options.stream_id = stream.state.id;
  options.shard = shard;
  options.segment_bytes_max = options_.segment_bytes_max;
  options.pending_bytes_max = options_.pending_bytes_max;
  options.is_synced = options_.is_synced;
  return options;
}

void StreamLog::BuildRoutes(Stream& stream) {
  stream.routes.clear();
  for (const ShardState* shard : stream.state.OpenShards()) {
    const auto writer = stream.writers.find(shard->number);
    stream.routes.push_back({shard->range.last, shard->epoch_s, shard->number,
                             writer == stream.writers.end() ? nullptr : writer->second});
  }
}

Status StreamLog::SaveState(const Stream& stream, const StreamState& state) {
  return WriteFileAtomically(*options_.disk, StateFile(stream.folder), ToJson(state));
}

Result<StreamLog::StreamRef> StreamLog::Find(std::string_view name) const {
  const std::shared_lock lock(streams_mutex_);
  const auto found = streams_.find(name);
  if (found == streams_.end()) {
    return NotFound("stream '" + std::string(name.substr(0, 128)) + "' does not exist");
  }
  return found->second;
}

Status StreamLog::CreateStream(const std::string& name, size_t shards_count, bool is_on_demand) {
  DAYPART_RETURN_IF_ERROR(CheckStreamName(name));
  if (shards_count == 0 || shards_count > kShardsMax) {
    return ResourceExhausted("1 to " + std::to_string(kShardsMax) + " shards are expected, found " +
                             std::to_string(shards_count));
  }
  const std::lock_guard naming(naming_mutex_);
  if (Find(name)) return AlreadyExists("stream '" + name + "' exists already");
  if (ListStreams().size() >= kStreamsMax) {
    return ResourceExhausted("at most " + std::to_string(kStreamsMax) + " streams can be kept");
  }
  auto stream = std::make_shared<Stream>();
  stream->name = name;
  stream->folder = options_.folder + '/' + name;
  std::error_code ignored;
  std::filesystem::remove_all(stream->folder, ignored);
  for (size_t i = 0; i < 2; ++i) {
    const uint64_t half = options_.random->Next();
    std::memcpy(stream->state.id.data() + 8 * i, &half, sizeof(half));
  }
  stream->state.created = options_.clock->Now();
  stream->state.is_on_demand = is_on_demand;
  AddEvenShards(stream->state, shards_count, stream->state.created);
  for (const ShardState& shard : stream->state.shards) {
    DAYPART_TRY(auto writer, ShardWriter::Create(WriterOptions(*stream, shard.number)));
    stream->writers[shard.number] = std::move(writer);
  }
  // The stream exists from here on.
  DAYPART_RETURN_IF_ERROR(SaveState(*stream, stream->state));
  BuildRoutes(*stream);
  DAYPART_TRY(stream->reader, StreamReader::Open(stream->folder));
  const std::unique_lock lock(streams_mutex_);
  streams_[name] = std::move(stream);
  return Ok();
}

Status StreamLog::DeleteStream(const std::string& name) {
  const std::lock_guard naming(naming_mutex_);
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::unique_lock lock(stream->mutex);
  const std::string aside = options_.folder + '/' + std::string(kDeletedPrefix) + name + '-' +
                            std::to_string(options_.random->Next());
  for (const auto& [number, writer] : stream->writers) {
    // A shard that failed before cannot be closed, and need not be.
    (void)writer->Close();
  }
  DAYPART_RETURN_IF_ERROR(options_.disk->Rename(stream->folder, aside));
  stream->is_deleted = true;
  {
    const std::unique_lock streams(streams_mutex_);
    streams_.erase(name);
  }
  DAYPART_RETURN_IF_ERROR(options_.disk->SyncFolder(options_.folder));
  std::error_code ignored;
  std::filesystem::remove_all(aside, ignored);
  return Ok();
}

std::vector<std::string> StreamLog::ListStreams() const {
  const std::shared_lock lock(streams_mutex_);
  std::vector<std::string> names;
  for (const auto& [name, stream] : streams_) names.push_back(name);
  return names;
}

Result<StreamState> StreamLog::Describe(const std::string& name) const {
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::shared_lock lock(stream->mutex);
  return stream->state;
}

Result<std::shared_ptr<StreamReader>> StreamLog::Reader(std::string_view name) const {
  DAYPART_TRY(const StreamRef stream, Find(name));
  return stream->reader;
}

Result<uint64_t> StreamLog::StreamBytes(const std::string& name) const {
  DAYPART_TRY(const StreamRef stream, Find(name));
  const std::shared_lock lock(stream->mutex);
  uint64_t bytes = 0;
  for (const auto& [number, writer] : stream->writers) bytes += writer->bytes();
  return bytes;
}

Status StreamLog::Append(std::string_view name, std::span<const ProducerRecord> records,
                         AppendCallback done) {
  DAYPART_TRY(const StreamRef stream, Find(name));
  const auto call = std::make_shared<AppendCall>();
  call->outcomes.resize(records.size());
  call->done = std::move(done);
  call->counters = &counters_;
  {
    const std::shared_lock lock(stream->mutex);
    struct Share {
      std::vector<RecordBytes> records;
      std::vector<uint32_t> places;
    };
    std::vector<Share> shares(stream->routes.size());
    for (size_t i = 0; i < records.size(); ++i) {
      const ProducerRecord& record = records[i];
      size_t route = 0;
      if (shares.size() > 1) {
        const HashKey key = record.explicit_hash_key ? *record.explicit_hash_key
                                                     : HashKeyOf(record.partition_key);
        route = static_cast<size_t>(
            std::lower_bound(stream->routes.begin(), stream->routes.end(), key,
                             [](const Route& one, HashKey wanted) { return one.last < wanted; }) -
            stream->routes.begin());
      }
      shares[route].records.push_back({record.data, record.partition_key});
      shares[route].places.push_back(static_cast<uint32_t>(i));
    }
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i].records.empty()) continue;
      const Route& route = stream->routes[i];
      const auto places =
          std::make_shared<const std::vector<uint32_t>>(std::move(shares[i].places));
      call->waiting.fetch_add(1);
      auto appended =
          route.writer == nullptr
              ? ResourceExhausted("the shard's records are damaged; see the server's log")
              : route.writer->Append(shares[i].records, [call, places](const Status& status) {
                  if (!status) call->Refuse(*places, status.error());
                  call->FinishOne();
                });
      if (!appended) {
        call->Refuse(*places, appended.error());
        call->FinishOne();
        continue;
      }
      uint64_t index = appended->first_index.value();
      for (const uint32_t place : *places) {
        call->outcomes[place].sequence = {route.epoch_s, RecordIndex(index++), route.shard};
        counters_.bytes += static_cast<int64_t>(records[place].data.size());
      }
      counters_.records += static_cast<int64_t>(places->size());
      if (appended->must_schedule) Enqueue(route.writer);
    }
  }
  call->FinishOne();
  return Ok();
}

Result<std::vector<AppendOutcome>> StreamLog::AppendAndWait(
    std::string_view name, std::span<const ProducerRecord> records) {
  auto promise = std::make_shared<std::promise<std::vector<AppendOutcome>>>();
  auto future = promise->get_future();
  DAYPART_RETURN_IF_ERROR(Append(name, records, [promise](std::vector<AppendOutcome> outcomes) {
    promise->set_value(std::move(outcomes));
  }));
  return future.get();
}

}  // namespace daypart::streamlog
