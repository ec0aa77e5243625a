// SPDX-License-Identifier: Apache-2.0
//
// SQLite's C interface as values and Results: a connection, a statement, a write transaction, and
// what SQLite's codes mean to a caller of the catalog. The only header that names sqlite3; knows
// nothing of tables. Not thread-safe: whoever owns a connection lets one thread at a time use it.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace daypart::catalog {

class SqliteConnection;

/// A prepared statement. Must not outlive its connection.
class SqliteStatement {
 public:
  /// Binds the next parameter, from ?1 on. The text is copied.
  SqliteStatement& Bind(std::string_view text);
  SqliteStatement& Bind(int64_t number);
  SqliteStatement& BindNull();
  /// returns: whether there is a row; false at the end.
  /// errors: kAlreadyExists where a primary key or unique constraint stands against it; else as
  ///   SqliteConnection::ErrorOf.
  Result<bool> Step();
  /// Runs a statement that yields no rows. returns: rows changed.
  Result<int64_t> Run();

  std::string Text(int column) const;  // "" for NULL
  int64_t Number(int column) const;
  bool is_null(int column) const;

 private:
  friend class SqliteConnection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  SqliteStatement(SqliteConnection& connection, sqlite3_stmt* statement)
      : connection_(&connection), statement_(statement) {}

  SqliteConnection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_count_ = 0;
  int bind_code_ = SQLITE_OK;  // the first Bind that failed; reported by Step
};

class SqliteConnection {
 public:
  struct Options {
    std::string path;
    bool read_only = false;
    int busy_ms = 10'000;
  };
  /// Opens the file and reads its header. A file that is not there is created unless read_only is
  /// set. A read-only file is read even where its folder does not take the files SQLite wants to
  /// make.
  static Result<std::unique_ptr<SqliteConnection>> Open(const Options& options);

  Result<SqliteStatement> Prepare(std::string_view sql);
  /// Statements without parameters or rows.
  Status Execute(const char* sql);
  /// Runs `work` between BEGIN IMMEDIATE and COMMIT; rolls back if it fails.
  ///
  /// errors: those of `work`; kUnavailable if another program holds the file for longer than
  ///   busy_ms (nothing was changed); kCommitUnknown if COMMIT itself failed in a way that leaves
  ///   it open whether the change is in the file.
  Status Write(const std::function<Status()>& work);

  /// What an SQLite result code means for the file, with SQLite's words for the last failure.
  Error ErrorOf(int code) const;
  const std::string& path() const { return path_; }
  /// Whether the file can only be read: asked for so, or by the file's permissions.
  bool is_read_only() const { return sqlite3_db_readonly(database_.get(), "main") == 1; }

 private:
  friend class SqliteStatement;
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  Status OpenUri(const std::string& uri, int flags, int busy_ms);
  /// Undoes what a killed writer left half-way, which a read-only connection must not do. Returns
  /// whether there was something and it is done.
  static bool RollBackLeftOver(const std::string& path, int busy_ms);
  Status Commit();

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace daypart::catalog
