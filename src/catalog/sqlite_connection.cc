// SPDX-License-Identifier: Apache-2.0
//
// Opening, running, committing; and the one place where SQLite's result codes become Errors.
#include "catalog/sqlite_connection.h"

#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace daypart::catalog {
namespace {

namespace fs = std::filesystem;

/// The file: URI of an absolute path. What would end or alter the path in a URI is encoded.
std::string FileUri(const std::string& absolute_path, std::string_view query) {
  std::string uri = "file:";
  for (const char c : absolute_path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '_' || c == '-') {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", byte);
    }
  }
  return uri.append("?").append(query);
}

/// Whether a crashed or running writer left changes beside the file, which a reader must not miss.
bool has_unfinished_changes(const std::string& path) {
  for (const char* suffix : {"-journal", "-wal"}) {
    std::error_code error;
    const auto bytes = fs::file_size(path + suffix, error);
    if (!error && bytes > 0) return true;
  }
  return false;
}

bool is_refused_for_folder(int extended_code) {
  const int code = extended_code & 0xff;
  return code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

}  // namespace

SqliteStatement& SqliteStatement::Bind(std::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), ++bound_count_, text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int64_t number) {
  const int code = sqlite3_bind_int64(statement_.get(), ++bound_count_, number);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::BindNull() {
  const int code = sqlite3_bind_null(statement_.get(), ++bound_count_);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Result<bool> SqliteStatement::Step() {
  if (bind_code_ != SQLITE_OK) return connection_->ErrorOf(bind_code_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->ErrorOf(sqlite3_extended_errcode(connection_->database_.get()));
}

Result<int64_t> SqliteStatement::Run() {
  DAYPART_TRY(const bool has_row, Step());
  while (has_row) {
    DAYPART_TRY(const bool has_more, Step());
    if (!has_more) break;
  }
  return static_cast<int64_t>(sqlite3_changes64(connection_->database_.get()));
}

std::string SqliteStatement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return {};
  const auto bytes = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return std::string(reinterpret_cast<const char*>(text), bytes);
}

int64_t SqliteStatement::Number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

bool SqliteStatement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const Options& options) {
  if (options.path.empty())
    return InvalidArgument("expected the path of a catalog file, found none");
  std::error_code error;
  const std::string absolute = fs::absolute(options.path, error).lexically_normal().string();
  if (error) return SystemError("resolve path " + options.path, error.value());
  if (fs::is_directory(absolute, error)) {
    return InvalidArgument("expected a catalog file, found a directory: " + absolute);
  }
  if (options.read_only && !fs::exists(absolute, error)) {
    return NotFound("there is no catalog file " + absolute);
  }
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(absolute));
  if (!options.read_only) {
    DAYPART_RETURN_IF_ERROR(connection->OpenUri(FileUri(absolute, "mode=rwc"),
                                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                                options.busy_ms));
    return connection;
  }
  Status opened =
      connection->OpenUri(FileUri(absolute, "mode=ro"), SQLITE_OPEN_READONLY, options.busy_ms);
  const int code = sqlite3_extended_errcode(connection->database_.get());
  if (!opened && is_refused_for_folder(code) && RollBackLeftOver(absolute, options.busy_ms)) {
    opened =
        connection->OpenUri(FileUri(absolute, "mode=ro"), SQLITE_OPEN_READONLY, options.busy_ms);
  } else if (!opened && is_refused_for_folder(code)) {
    // A file in WAL mode needs a -shm file beside it, which a read-only folder does not take.
    // Nobody can be writing there either, so reading it as unchangeable is safe if nothing is left
    // over.
    if (has_unfinished_changes(absolute)) {
      return PermissionDenied(
          fmt::format("catalog file {} has changes of a writer that stopped half-way beside it "
                      "(-journal or -wal) "
                      "and its folder is read-only: open it once with write permission",
                      absolute));
    }
    opened = connection->OpenUri(FileUri(absolute, "mode=ro&immutable=1"), SQLITE_OPEN_READONLY,
                                 options.busy_ms);
  }
  DAYPART_RETURN_IF_ERROR(std::move(opened));
  return connection;
}

bool SqliteConnection::RollBackLeftOver(const std::string& path, int busy_ms) {
  if (!has_unfinished_changes(path)) return false;
  SqliteConnection writer(path);
  return writer.OpenUri(FileUri(path, "mode=rw"), SQLITE_OPEN_READWRITE, busy_ms).has_value();
}

Status SqliteConnection::OpenUri(const std::string& uri, int flags, int busy_ms) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(
      uri.c_str(), &database, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  database_.reset(database);  // SQLite returns a handle even where it failed, for its error text.
  if (code != SQLITE_OK) return ErrorOf(code);
  sqlite3_busy_timeout(database, busy_ms);
  // The journal mode stays as the file has it: a rollback journal in new files, because it works
  // with every program and network disk, and needs no second file to read. EXTRA is FULL plus an
  // fsync of the folder after the journal is removed, without which a power cut may undo a reported
  // commit.
  DAYPART_RETURN_IF_ERROR(Execute("PRAGMA synchronous=EXTRA"));
  return Execute(
      "SELECT count(*) FROM sqlite_master");  // Reads the header: is it a database at all?
}

Result<SqliteStatement> SqliteConnection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(code);
  return SqliteStatement(*this, statement);
}

Status SqliteConnection::Execute(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return ErrorOf(code);
  return Ok();
}

Status SqliteConnection::Write(const std::function<Status()>& work) {
  if (is_read_only()) {
    return PermissionDenied("catalog file " + path_ + " is open for reading only");
  }
  // IMMEDIATE takes the write lock before anything is read: two writers then wait for each other
  // instead of both reading and one of them failing on its way to the lock.
  DAYPART_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  Status done = work();
  if (done) done = Commit();
  if (!done && sqlite3_get_autocommit(database_.get()) == 0) {
    (void)Execute(
        "ROLLBACK");  // The error to report is the one before; SQLite rolls back on close too.
  }
  return done;
}

Status SqliteConnection::Commit() {
  const int code = sqlite3_exec(database_.get(), "COMMIT", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return Ok();
  Error error = ErrorOf(code);
  // Removing the journal is the instant of the commit, and what failed may be that or a step after
  // it. Only a lock not had and a full disk are known to come before.
  if (error.code == ErrorCode::kUnavailable && (code & 0xff) == SQLITE_BUSY) return error;
  if (error.code == ErrorCode::kResourceExhausted) return error;
  return CommitUnknown(std::move(error.message) +
                       "; whether the change was made must be looked up");
}

Error SqliteConnection::ErrorOf(int code) const {
  const char* text = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  const std::string what = fmt::format("catalog file {}: {}", path_, text);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return Unavailable(what + "; another program holds it, try again");
    case SQLITE_CORRUPT:
      return CorruptData(what +
                         "; restore it from a copy or rescue it with `sqlite3 FILE .recover`: "
                         "the tables' own files are not touched by this");
    case SQLITE_NOTADB:
      return CorruptData(what +
                         "; expected an SQLite database, found other bytes: check the path, or "
                         "restore the file from a copy");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return PermissionDenied(what + "; the file and its folder must be writable");
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return ResourceExhausted(what + "; nothing was changed");
    case SQLITE_CANTOPEN: {
      const int error_number = database_ ? sqlite3_system_errno(database_.get()) : 0;
      return SystemError("open catalog file " + path_, error_number != 0 ? error_number : EACCES);
    }
    case SQLITE_IOERR: return Unavailable(what);
    case SQLITE_CONSTRAINT: return AlreadyExists(what);
    default:  // SQLite's codes are an open set; what is left means tables other than ours.
      return CorruptData(what + "; expected the tables of an Iceberg SQL catalog");
  }
}

}  // namespace daypart::catalog
