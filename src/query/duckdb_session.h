// SPDX-License-Identifier: Apache-2.0
//
// Session: a DuckDB of its own for one statement, in memory. A statement so sees exactly the views
// made for it, may open exactly the files planned for it, and leaves nothing behind; opening one
// takes 5 to 8 ms. Also DuckDB's errors as ours. Knows nothing of tables or lakes.
#pragma once

#include <duckdb.h>

#include <condition_variable>
#include <functional>
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

  duckdb_connection connection() const { return connection_; }

  /// Runs a statement of ours and drops its rows.
  Status Execute(const std::string& sql);
  /// Column `column` of the first row as text; empty if it is null or there is no row.
  Result<std::string> QueryText(const std::string& sql, idx_t column = 0);
  /// Likewise with one text parameter.
  Result<std::string> QueryText(const std::string& sql, std::string_view parameter);

  /// From here on no file but these can be opened and no setting can be changed.
  Status Lock(const std::vector<std::string>& paths);

 private:
  Session() = default;
  /// Interrupts what runs once is_given_up says so, and from then on whatever is begun.
  void Watch(const std::function<bool()>& is_given_up);

  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
  std::string spill_directory_;
  std::mutex mutex_;  // guards is_ending_
  std::condition_variable ending_;
  bool is_ending_ = false;
  std::thread watcher_;  // if there is something to ask
};

}  // namespace daypart::query
