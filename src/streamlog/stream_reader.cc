// SPDX-License-Identifier: Apache-2.0
//
// Looking at a stream's folder.
#include "streamlog/stream_reader.h"

#include <sys/stat.h>

#include "streamlog/disk.h"

namespace daypart::streamlog {
namespace {

/// 1,024 shards take about 300 KB.
constexpr size_t kStateBytesMax = size_t{16} << 20;

}  // namespace

StreamReader::Version StreamReader::VersionOf(const std::string& path) {
  struct ::stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {.inode = static_cast<uint64_t>(found.st_ino),
          .bytes = static_cast<int64_t>(found.st_size),
          .changed_s = static_cast<int64_t>(found.st_mtim.tv_sec),
          .changed_ns = static_cast<int64_t>(found.st_mtim.tv_nsec)};
}

std::string ShardFolder(const std::string& stream_folder, ShardNumber shard) {
  return stream_folder + '/' + ShardId(shard);
}

std::string StateFile(const std::string& stream_folder) { return stream_folder + "/stream.json"; }

Result<StreamState> LoadStreamState(const std::string& stream_folder) {
  DAYPART_TRY(const std::string text, ReadWholeFile(StateFile(stream_folder), kStateBytesMax));
  return ParseStreamState(text).WithContext(stream_folder);
}

Result<std::unique_ptr<StreamReader>> StreamReader::Open(const std::string& stream_folder) {
  auto state = LoadStreamState(stream_folder);
  if (!state && state.error().code == ErrorCode::kNotFound) {
    return NotFound("there is no stream in " + stream_folder);
  }
  if (!state) return std::move(state).error();
  return std::unique_ptr<StreamReader>(new StreamReader(stream_folder, std::move(*state)));
}

Result<StreamState> StreamReader::State() const {
  // The file is only ever replaced by a rename, so one that looks the same is the same. Readers
  // that poll would otherwise spend most of their time on its JSON.
  const Version version = VersionOf(StateFile(folder_));
  {
    const std::lock_guard lock(mutex_);
    if (version.inode != 0 && version == version_) return state_;
  }
  DAYPART_TRY(auto state, LoadStreamState(folder_));
  if (state.id != id_) return NotFound("the stream in " + folder_ + " was deleted and made anew");
  const std::lock_guard lock(mutex_);
  state_ = state;
  version_ = version;
  return state;
}

StreamState StreamReader::last_state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Result<ShardState> StreamReader::StateOf(ShardNumber number) const {
  {
    const std::lock_guard lock(mutex_);
    const ShardState* known = state_.Find(number);
    if (known != nullptr && !known->is_open()) return *known;
  }
  DAYPART_TRY(const auto state, State());
  const ShardState* found = state.Find(number);
  if (found == nullptr) return NotFound("shard " + ShardId(number) + " does not exist");
  return *found;
}

Result<std::shared_ptr<ShardReader>> StreamReader::Shard(ShardNumber number) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = shards_.find(number);
    if (found != shards_.end()) return found->second;
  }
  if (auto known = StateOf(number); !known) return std::move(known).error();
  DAYPART_TRY(auto opened, ShardReader::Open(ShardFolder(folder_, number)));
  std::shared_ptr<ShardReader> reader = std::move(opened);
  const std::lock_guard lock(mutex_);
  return shards_.emplace(number, std::move(reader)).first->second;
}

}  // namespace daypart::streamlog
