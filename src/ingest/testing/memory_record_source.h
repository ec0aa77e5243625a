// SPDX-License-Identifier: Apache-2.0
//
// A stream in memory for tests: shards of records whose positions are their numbers, so that a test
// can put in what it likes and fail a read when it likes.
#pragma once

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "source/record_source.h"

namespace daypart::ingest::testing {

class MemoryRecordSource final : public source::RecordSource {
 public:
  void Put(const std::string& shard_id, std::string data) {
    const std::lock_guard lock(mutex_);
    shards_[shard_id].records.push_back(std::move(data));
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    shards_.clear();
  }
  void Close(const std::string& shard_id) {
    const std::lock_guard lock(mutex_);
    shards_[shard_id].is_closed = true;
  }
  /// The service lists the shard no more.
  void Expire(const std::string& shard_id) {
    const std::lock_guard lock(mutex_);
    shards_.erase(shard_id);
  }
  /// Its place is renewed though there is no record.
  void SetNews(const std::string& shard_id) {
    const std::lock_guard lock(mutex_);
    shards_[shard_id].has_news = true;
  }
  void SetParents(const std::string& shard_id, std::vector<std::string> parents) {
    const std::lock_guard lock(mutex_);
    shards_[shard_id].parents = std::move(parents);
  }
  /// Records that one Read gives at most.
  void set_run_max(size_t records) { run_max_ = records; }
  /// Of all records.
  void set_arrival(UtcMicros arrival) { arrival_ = arrival; }

  std::string name() const override { return "memory:test"; }
  Result<std::vector<source::Shard>> ListShards() override {
    const std::lock_guard lock(mutex_);
    std::vector<source::Shard> shards;
    for (const auto& [id, shard] : shards_) {
      shards.push_back({.id = id, .parent_ids = shard.parents, .is_closed = shard.is_closed});
    }
    return shards;
  }
  Result<std::string> PositionOf(const std::string&, source::StartPosition) override {
    return std::string("0");
  }
  Result<source::RecordRun> Read(const std::string& shard_id, const std::string& position,
                                 const source::ReadLimits&) override {
    const std::lock_guard lock(mutex_);
    Shard& shard = shards_.at(shard_id);
    struct Pages {
      std::deque<std::string> texts;
    };
    const auto pages = std::make_shared<Pages>();
    source::RecordRun run;
    size_t next = Number(position);
    while (next < shard.records.size() && run.records.size() < run_max_) {
      const std::string& data = pages->texts.emplace_back(shard.records[next]);
      const std::string& at = pages->texts.emplace_back(std::to_string(next));
      run.records.push_back(
          {.data = data, .partition_key = {}, .position = at, .arrival = arrival_});
      ++next;
    }
    run.next_position = std::to_string(next);
    run.is_news = run.records.empty() && std::exchange(shard.has_news, false);
    if (run.is_news) run.next_position += '@';  // The same place, told otherwise.
    run.is_at_end = shard.is_closed && next == shard.records.size();
    run.bytes = pages;
    return run;
  }
  Status CheckGone(const std::string& shard_id, const std::string& position) override {
    return ResourceExhausted("records of " + shard_id + " behind " + position + " are gone");
  }
  int ComparePositions(std::string_view left, std::string_view right) const override {
    const size_t first = Number(left);
    const size_t second = Number(right);
    return first < second ? -1 : first > second ? 1 : 0;
  }

 private:
  struct Shard {
    std::vector<std::string> records;
    std::vector<std::string> parents;
    bool is_closed = false;
    bool has_news = false;
  };
  static size_t Number(std::string_view text) {
    size_t number = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  UtcMicros arrival_{0};
  std::mutex mutex_;  // guards shards_
  std::map<std::string, Shard> shards_;
  size_t run_max_ = 100;
};

}  // namespace daypart::ingest::testing
