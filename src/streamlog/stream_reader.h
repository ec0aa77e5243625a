// SPDX-License-Identifier: Apache-2.0
//
// StreamReader: the shards and durable records of one stream, for any process that can read its
// folder. It follows resharding by reading stream.json again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "streamlog/shard_reader.h"
#include "streamlog/stream_state.h"

namespace daypart::streamlog {

/// The folder of one of the stream's shards.
std::string ShardFolder(const std::string& stream_folder, ShardNumber shard);
std::string StateFile(const std::string& stream_folder);

/// stream.json of the folder. errors: kNotFound; kCorruptData.
Result<StreamState> LoadStreamState(const std::string& stream_folder);

/// Thread-safe.
class StreamReader {
 public:
  /// errors: kNotFound.
  static Result<std::unique_ptr<StreamReader>> Open(const std::string& stream_folder);

  /// What the stream is now. errors: kNotFound once it was deleted, or made anew.
  Result<StreamState> State() const;
  /// What it was when it was last looked at: cheap.
  StreamState last_state() const;

  /// A shard's reader; shared, because reads go on in several threads. errors: kNotFound.
  Result<std::shared_ptr<ShardReader>> Shard(ShardNumber number);
  /// The shard as last known, looked up anew if it was open then. errors: kNotFound.
  Result<ShardState> StateOf(ShardNumber number) const;

 private:
  StreamReader(std::string folder, StreamState state)
      : folder_(std::move(folder)), id_(state.id), state_(std::move(state)) {}

  /// Which file stands at a path; inode 0 for none.
  struct Version {
    uint64_t inode = 0;
    int64_t bytes = 0;
    int64_t changed_s = 0;
    int64_t changed_ns = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };
  static Version VersionOf(const std::string& path);

  const std::string folder_;
  const StreamId id_;
  mutable std::mutex mutex_;  // guards the members below; not held over I/O
  mutable StreamState state_;
  mutable Version version_;  // of the file that state_ was read from
  std::map<ShardNumber, std::shared_ptr<ShardReader>> shards_;
};

}  // namespace daypart::streamlog
