// SPDX-License-Identifier: Apache-2.0
//
// How a session is opened, spoken to and locked.
#include "query/duckdb_session.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace daypart::query {
namespace {

/// As soon as somebody who gave up notices that it had an effect.
constexpr std::chrono::milliseconds kWatchInterval{50};

struct ErrorKind {
  std::string_view prefix;
  ErrorCode code;
};

// What is not listed (Parser, Binder, Catalog, Conversion, Invalid Input, …) is the statement's
// fault.
constexpr ErrorKind kErrorKinds[] = {
    {"Out of Memory Error", ErrorCode::kResourceExhausted},
    {"INTERRUPT Error", ErrorCode::kCancelled},
    {"Permission Error", ErrorCode::kPermissionDenied},
    {"Not implemented Error", ErrorCode::kUnsupported},
    {"IO Error", ErrorCode::kUnavailable},
    {"INTERNAL Error", ErrorCode::kUnsupported},
    {"FATAL Error", ErrorCode::kUnsupported},
    {"TransactionContext Error", ErrorCode::kUnavailable},
};

std::string Quote(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    quoted += c;
    if (c == quote) quoted += c;
  }
  quoted += quote;
  return quoted;
}

/// Owns a duckdb_config.
struct Config {
  duckdb_config config = nullptr;
  ~Config() { duckdb_destroy_config(&config); }
};

/// Owns a duckdb_result.
struct OwnedResult {
  duckdb_result result{};
  ~OwnedResult() { duckdb_destroy_result(&result); }
};

/// Text of a value of the first chunk's first row.
std::string FirstText(duckdb_result& result, idx_t column) {
  duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
  if (chunk == nullptr) return "";
  std::string text;
  if (duckdb_data_chunk_get_size(chunk) > 0 &&
      duckdb_column_type(&result, column) == DUCKDB_TYPE_VARCHAR) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
    uint64_t* validity = duckdb_vector_get_validity(vector);
    if (validity == nullptr || duckdb_validity_row_is_valid(validity, 0)) {
      auto* value = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
      text.assign(duckdb_string_t_data(value), duckdb_string_t_length(*value));
    }
  }
  duckdb_destroy_data_chunk(&chunk);
  return text;
}

}  // namespace

Error FromDuckdb(std::string_view message) {
  for (const ErrorKind& kind : kErrorKinds) {
    if (message.starts_with(kind.prefix)) return Error{kind.code, std::string(message)};
  }
  return InvalidArgument(std::string(message));
}

std::string QuoteIdentifier(std::string_view name) { return Quote(name, '"'); }
std::string QuoteText(std::string_view text) { return Quote(text, '\''); }

Result<std::unique_ptr<Session>> Session::Open(const EngineOptions& options, bool keeps_order) {
  Config config;
  if (duckdb_create_config(&config.config) != DuckDBSuccess) {
    return ResourceExhausted("DuckDB could not make a configuration");
  }
  const std::pair<const char*, std::string> settings[] = {
      {"memory_limit", std::to_string(options.memory_bytes_max) + "B"},
      {"threads", std::to_string(options.threads_count)},
      {"temp_directory", options.spill_directory},
      {"preserve_insertion_order", keeps_order ? "true" : "false"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
  };
  for (const auto& [name, value] : settings) {
    if (duckdb_set_config(config.config, name, value.c_str()) != DuckDBSuccess) {
      return InvalidArgument(std::string("DuckDB refuses the setting ") + name + " = " + value);
    }
  }
  std::unique_ptr<Session> session(new Session);
  session->core_ = std::make_unique<Core>();
  session->spill_directory_ = options.spill_directory;
  char* error = nullptr;
  if (duckdb_open_ext(nullptr, &session->core_->database, config.config, &error) != DuckDBSuccess) {
    const std::string text = error == nullptr ? "DuckDB did not open" : error;
    duckdb_free(error);
    return FromDuckdb(text);
  }
  if (duckdb_connect(session->core_->database, &session->core_->connection) != DuckDBSuccess) {
    return ResourceExhausted("DuckDB gave no connection");
  }
  DAYPART_RETURN_IF_ERROR(session->Execute("SET TimeZone = 'UTC'"));
  session->StartWatch(options.is_given_up);
  return session;
}

void Session::StartWatch(std::function<bool()> is_given_up) {
  if (!is_given_up) return;
  watcher_ = std::thread([this, asked = std::move(is_given_up)] { Watch(asked); });
}

void Session::Watch(const std::function<bool()>& is_given_up) {
  std::unique_lock lock(mutex_);
  while (!ending_.wait_for(lock, kWatchInterval, [this] { return is_ending_; })) {
    if (is_given_up()) duckdb_interrupt(core_->connection);
  }
}

Session::Core::~Core() {
  if (connection != nullptr) duckdb_disconnect(&connection);
  if (database != nullptr) duckdb_close(&database);
}

Session::~Session() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  ending_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  if (pool_ != nullptr && has_ended_well_) {
    core_->sources.clear();
    std::string clean_up;
    for (const std::string& schema : schemas_) {
      clean_up += "DROP SCHEMA " + QuoteIdentifier(schema) + " CASCADE;";
    }
    if (clean_up.empty() || Execute(clean_up)) pool_->GiveBack(std::move(core_));
  }
  core_.reset();
  if (!spill_directory_.empty()) {
    std::error_code ignored;  // What cannot be removed is found by the next clean-up of the folder.
    std::filesystem::remove_all(spill_directory_, ignored);
  }
}

Status Session::Execute(const std::string& sql) {
  OwnedResult owned;
  if (duckdb_query(core_->connection, sql.c_str(), &owned.result) != DuckDBSuccess) {
    return FromDuckdb(duckdb_result_error(&owned.result));
  }
  return Ok();
}

Result<std::string> Session::QueryText(const std::string& sql, idx_t column) {
  OwnedResult owned;
  if (duckdb_query(core_->connection, sql.c_str(), &owned.result) != DuckDBSuccess) {
    return FromDuckdb(duckdb_result_error(&owned.result));
  }
  return FirstText(owned.result, column);
}

Result<std::string> Session::QueryText(const std::string& sql, std::string_view parameter) {
  duckdb_prepared_statement prepared = nullptr;
  OwnedResult owned;
  std::string failure;
  if (duckdb_prepare(core_->connection, sql.c_str(), &prepared) != DuckDBSuccess) {
    failure = duckdb_prepare_error(prepared);
  } else if (duckdb_bind_varchar_length(prepared, 1, parameter.data(), parameter.size()) !=
             DuckDBSuccess) {
    failure = "Invalid Input Error: the text is not valid UTF-8";
  } else if (duckdb_execute_prepared(prepared, &owned.result) != DuckDBSuccess) {
    failure = duckdb_result_error(&owned.result);
  }
  duckdb_destroy_prepare(&prepared);
  if (!failure.empty()) return FromDuckdb(failure);
  return FirstText(owned.result, 0);
}

Status Session::MakeSchema(const std::string& name) {
  DAYPART_RETURN_IF_ERROR(Execute("CREATE SCHEMA IF NOT EXISTS " + QuoteIdentifier(name)));
  schemas_.push_back(name);
  return Ok();
}

Status Session::Lock(const std::vector<std::string>& paths) {
  if (pool_ != nullptr) {
    const auto is_below = [this](const std::string& path) {
      return std::ranges::any_of(core_->open_below, [&](const std::string& folder) {
        return path.starts_with(folder) && path.find("/../") == std::string::npos;
      });
    };
    if (std::ranges::all_of(paths, is_below)) return Ok();
    return Unsupported("a file is outside of the lake's folder");
  }
  std::string list = "SET allowed_paths = [";
  for (const std::string& path : paths) {
    if (list.back() != '[') list += ", ";
    list += QuoteText(path);
  }
  DAYPART_RETURN_IF_ERROR(Execute(list + "]"));
  DAYPART_RETURN_IF_ERROR(Execute("SET enable_external_access = false"));
  return Execute("SET lock_configuration = true");
}

SessionPool::SessionPool(EngineOptions options, std::vector<std::string> open_below,
                         size_t idle_max)
    : options_([&options] {
        options.is_given_up = nullptr;
        options.sessions = nullptr;
        return std::move(options);
      }()),
      open_below_([&open_below] {
        for (std::string& folder : open_below) {
          if (!folder.ends_with('/')) folder += '/';
        }
        return std::move(open_below);
      }()),
      idle_max_(idle_max) {}

Result<std::unique_ptr<Session>> SessionPool::Take(std::function<bool()> is_given_up) {
  std::unique_ptr<Session> session;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      session.reset(new Session);
      session->core_ = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (session == nullptr) {
    DAYPART_TRY(session, Session::Open(options_));
    std::string list;
    for (const std::string& folder : open_below_) {
      list += (list.empty() ? "" : ", ") + QuoteText(folder);
    }
    // What files held is not kept in memory from one statement to the next.
    for (const std::string& setting :
         {std::string("enable_external_file_cache = false"),
          "allowed_directories = [" + list + "]", std::string("enable_external_access = false")}) {
      DAYPART_RETURN_IF_ERROR(session->Execute("SET " + setting));
    }
    session->core_->open_below = open_below_;
  }
  session->pool_ = this;
  session->StartWatch(std::move(is_given_up));
  return session;
}

void SessionPool::GiveBack(std::unique_ptr<Session::Core> core) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_max_) idle_.push_back(std::move(core));
}

}  // namespace daypart::query
