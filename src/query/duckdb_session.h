// SPDX-License-Identifier: Apache-2.0
//
// Session: a DuckDB for one statement, in memory. A statement so sees exactly the views made for
// it, may open exactly the files planned for it, and leaves nothing behind; opening one takes 5 to
// 8 ms, 20 ms of processor time. A server therefore uses them again (SessionPool). Also DuckDB's
// errors as ours. Knows nothing of tables or lakes.
#pragma once

#include <duckdb.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "query/engine_options.h"

namespace daypart::query {

/// DuckDB's message ("Binder Error: …") as an Error with the code that its kind stands for.
Error FromDuckdb(std::string_view message);

/// `name` in double quotes, as an identifier that may hold any character.
std::string QuoteIdentifier(std::string_view name);
/// `text` in single quotes.
std::string QuoteText(std::string_view text);

class SessionPool;
struct SourceFunction;

class Session {
 public:
  /// Opens DuckDB with UTC as time zone, extensions neither loaded nor installed by themselves.
  /// keeps_order: rows come in the order of their files. A scan of our own then has one thread,
  /// since DuckDB cannot know the order of its batches.
  static Result<std::unique_ptr<Session>> Open(const EngineOptions& options,
                                               bool keeps_order = true);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// What is open, and what outlives a statement where sessions are used again.
  struct Core {
    Core() = default;
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    ~Core();
    duckdb_database database = nullptr;
    duckdb_connection connection = nullptr;
    /// Files below these may be opened, no others ever; empty: not decided yet.
    std::vector<std::string> open_below;
    /// What daypart_source(KEY) reads, by key; shared with the plans that read it.
    std::map<int64_t, std::shared_ptr<const SourceFunction>> sources;
    bool has_source_function = false;
  };

  duckdb_connection connection() const { return core_->connection; }
  Core& core() { return *core_; }
  /// CREATE SCHEMA IF NOT EXISTS.
  Status MakeSchema(const std::string& name);
  /// The statement is done and nothing of it is open: the session may serve another one.
  void EndWell() { has_ended_well_ = true; }

  /// Runs a statement of ours and drops its rows.
  Status Execute(const std::string& sql);
  /// Column `column` of the first row as text; empty if it is null or there is no row.
  Result<std::string> QueryText(const std::string& sql, idx_t column = 0);
  /// Likewise with one text parameter.
  Result<std::string> QueryText(const std::string& sql, std::string_view parameter);

  /// From here on no file but these can be opened and no setting can be changed.
  /// errors: kUnsupported if the session is of a pool and a file is not where that one's lie.
  Status Lock(const std::vector<std::string>& paths);

 private:
  friend class SessionPool;
  Session() = default;
  /// Interrupts what runs once is_given_up says so, and from then on whatever is begun.
  void Watch(const std::function<bool()>& is_given_up);
  void StartWatch(std::function<bool()> is_given_up);

  std::unique_ptr<Core> core_;
  SessionPool* pool_ = nullptr;  // that has it back; outlives it
  std::vector<std::string> schemas_;
  bool has_ended_well_ = false;
  std::string spill_directory_;
  std::mutex mutex_;  // guards is_ending_
  std::condition_variable ending_;
  bool is_ending_ = false;
  std::thread watcher_;  // if there is something to ask
};

/// Sessions that are used again: what a statement made is dropped after it. Each may open files
/// below some folders only; that a statement opens just those planned for it then rests on what
/// ParseStatement lets pass. Thread-safe.
class SessionPool {
 public:
  /// open_below: absolute folders. idle_max: of sessions kept for later.
  SessionPool(EngineOptions options, std::vector<std::string> open_below, size_t idle_max);

  Result<std::unique_ptr<Session>> Take(std::function<bool()> is_given_up);

 private:
  friend class Session;
  void GiveBack(std::unique_ptr<Session::Core> core);

  const EngineOptions options_;
  const std::vector<std::string> open_below_;
  const size_t idle_max_;
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<Session::Core>> idle_;
};

}  // namespace daypart::query
