// SPDX-License-Identifier: Apache-2.0
//
// Waiting happens without the lock: streams come and go meanwhile.
#include "app/hot_streams.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "ingest/limits.h"

namespace daypart::app {

HotStreams::HotStreams(LakeSession& session) : session_(session) {
  for (const auto& [name, stream] : session.config().streams) {
    // A name that is none is told when the stream starts.
    if (auto table = catalog::ParseTableName(stream.table, "media")) {
      tables_.emplace(name, std::move(table).value());
    }
  }
}

std::unique_ptr<HotStreams::Running> HotStreams::Add(std::shared_ptr<StreamSession> stream) {
  const std::string name = stream->config().name;
  {
    const std::lock_guard lock(mutex_);
    running_[name] = std::move(stream);
  }
  started_.notify_all();
  return std::make_unique<Running>(*this, name);
}

void HotStreams::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  running_.erase(name);
}

std::map<std::string, std::shared_ptr<StreamSession>> HotStreams::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

bool HotStreams::has(const catalog::TableName& table) const {
  return std::ranges::any_of(tables_, [&](const auto& entry) { return entry.second == table; });
}

std::vector<std::shared_ptr<StreamSession>> HotStreams::StreamsOf(
    const catalog::TableName& table) const {
  std::vector<std::shared_ptr<StreamSession>> streams;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, of] : tables_) {
    const auto found = running_.find(name);
    if (of == table && found != running_.end()) streams.push_back(found->second);
  }
  return streams;
}

bool HotStreams::is_starting(const std::string& name) const {
  const StreamConfig& config = session_.config().streams.at(name);
  if (!config.source.empty()) return true;
  std::error_code error;
  return std::filesystem::exists(session_.config().lake_directory / "streams" / name, error);
}

bool HotStreams::Await(const catalog::TableName& table) {
  bool has_all = true;
  for (const auto& [name, of] : tables_) {
    if (of != table || !is_starting(name)) continue;
    // At the start of a server its streams may be a moment behind its first query.
    std::unique_lock lock(mutex_);
    has_all &= started_.wait_for(lock, std::chrono::milliseconds(ingest::kStartedMsMax),
                                 [&] { return running_.contains(name); });
  }
  for (const auto& stream : StreamsOf(table)) {
    const auto awaited =
        stream->AwaitReadable(std::chrono::milliseconds(ingest::kReadableMsMax));
    if (!awaited) Log(LogLevel::kDebug, stream->config().name + ": " + awaited.error().message);
    has_all &= awaited && *awaited;
  }
  return has_all;
}

Result<lake::HotRuns> HotStreams::RunsBeyond(
    const catalog::TableName& table,
    const std::map<std::string, ingest::StreamState>& states) const {
  lake::HotRuns runs;
  for (const auto& stream : StreamsOf(table)) {
    const auto state = states.find(stream->source_name());
    DAYPART_TRY(auto own, stream->tail().RowsBeyond(
                              state == states.end() ? ingest::StreamState{} : state->second));
    std::move(own.begin(), own.end(), std::back_inserter(runs));
  }
  return runs;
}

Result<std::unique_ptr<lake::HotRows>> HotStreams::Pin(const lake::LoadedTable& table) {
  std::map<std::string, ingest::StreamState> states;
  for (const auto& stream : StreamsOf(table.name)) {
    const std::string source = stream->source_name();
    DAYPART_TRY(states[source],
                ingest::ReadStreamState(session_.context(), table.metadata, source));
  }
  DAYPART_TRY(auto runs, RunsBeyond(table.name, states));
  return std::unique_ptr<lake::HotRows>(std::make_unique<lake::PinnedRuns>(std::move(runs)));
}

}  // namespace daypart::app
