// SPDX-License-Identifier: Apache-2.0
//
// HotStreams: the streams that a server takes in, as queries read them: their rows beyond the
// snapshot of the table that they fill.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/lake_session.h"
#include "app/stream_session.h"
#include "lake/hot_rows.h"

namespace daypart::app {

/// Thread-safe.
class HotStreams final : public lake::HotTables {
 public:
  /// session must outlive it. Knows the streams of the configuration.
  explicit HotStreams(LakeSession& session);

  /// The stream's rows are there while the returned handle is.
  class Running {
   public:
    Running(HotStreams& streams, std::string name) : streams_(streams), name_(std::move(name)) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { streams_.Remove(name_); }

   private:
    HotStreams& streams_;
    std::string name_;
  };
  // Shared, because a query may read a stream's rows while the stream ends.
  std::unique_ptr<Running> Add(std::shared_ptr<StreamSession> stream);
  /// Those that run, by name.
  std::map<std::string, std::shared_ptr<StreamSession>> running() const;

  bool has(const catalog::TableName& table) const override;
  bool Await(const catalog::TableName& table) override;
  Result<std::unique_ptr<lake::HotRows>> Pin(const lake::LoadedTable& table) override;
  /// Likewise for somebody who knows the states of the table's streams in its snapshot: by
  /// RecordSource::name().
  Result<lake::HotRuns> RunsBeyond(const catalog::TableName& table,
                                   const std::map<std::string, ingest::StreamState>& states) const;

 private:
  void Remove(const std::string& name);
  std::vector<std::shared_ptr<StreamSession>> StreamsOf(const catalog::TableName& table) const;
  bool is_starting(const std::string& name) const;

  LakeSession& session_;
  std::map<std::string, catalog::TableName> tables_;  // of the configured streams, by their name
  mutable std::mutex mutex_;                          // guards running_
  std::condition_variable started_;
  std::map<std::string, std::shared_ptr<StreamSession>> running_;
};

}  // namespace daypart::app
