// SPDX-License-Identifier: Apache-2.0
//
// Each operation is one statement, or one write transaction. Table layout: PyIceberg 0.12
// (pyiceberg/catalog/sql.py) and Iceberg's JdbcCatalog, schema versions V0 (without iceberg_type)
// and V1; a V0 file is used as it is and not upgraded, because older clients may still be using it.
#include "catalog/sqlite_catalog.h"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <utility>

#include "catalog/nearest_name.h"
#include "catalog/raw_table_json.h"
#include "catalog/sqlite_connection.h"

namespace daypart::catalog {
namespace {

constexpr const char* kCreateIcebergTables = R"(
CREATE TABLE IF NOT EXISTS iceberg_tables (
	catalog_name VARCHAR(255) NOT NULL,
	table_namespace VARCHAR(255) NOT NULL,
	table_name VARCHAR(255) NOT NULL,
	metadata_location VARCHAR(1000),
	previous_metadata_location VARCHAR(1000),
	iceberg_type VARCHAR(5),
	PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
	catalog_name VARCHAR(255) NOT NULL,
	namespace VARCHAR(255) NOT NULL,
	property_key VARCHAR(255) NOT NULL,
	property_value VARCHAR(1000) NOT NULL,
	PRIMARY KEY (catalog_name, namespace, property_key)
))";

constexpr const char* kCreateRawTables = R"(
CREATE TABLE IF NOT EXISTS daypart_raw_tables (
	catalog_name VARCHAR(255) NOT NULL,
	database_name VARCHAR(255) NOT NULL,
	table_name VARCHAR(255) NOT NULL,
	version INTEGER NOT NULL,
	updated_micros INTEGER NOT NULL,
	definition TEXT NOT NULL,
	PRIMARY KEY (catalog_name, database_name, table_name)
))";

/// Which of the catalog's tables and columns the file has.
struct Layout {
  bool has_iceberg_tables = false;
  bool has_iceberg_type = false;
  bool has_raw_tables = false;
};

Result<bool> HasRow(SqliteConnection& connection, std::string_view sql) {
  DAYPART_TRY(SqliteStatement statement, connection.Prepare(sql));
  return statement.Step();
}

Result<bool> HasTable(SqliteConnection& connection, std::string_view table) {
  DAYPART_TRY(SqliteStatement statement,
              connection.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1"));
  return statement.Bind(table).Step();
}

Result<Layout> ReadLayout(SqliteConnection& connection) {
  Layout layout;
  DAYPART_TRY(const bool has_tables, HasTable(connection, "iceberg_tables"));
  DAYPART_TRY(const bool has_properties, HasTable(connection, "iceberg_namespace_properties"));
  layout.has_iceberg_tables = has_tables && has_properties;
  DAYPART_TRY(
      layout.has_iceberg_type,
      HasRow(connection,
             "SELECT 1 FROM pragma_table_info('iceberg_tables') WHERE name = 'iceberg_type'"));
  DAYPART_TRY(layout.has_raw_tables, HasTable(connection, "daypart_raw_tables"));
  return layout;
}

Status CreateMissingTables(SqliteConnection& connection) {
  return connection.Write([&connection]() -> Status {
    DAYPART_RETURN_IF_ERROR(connection.Execute(kCreateIcebergTables));
    return connection.Execute(kCreateRawTables);
  });
}

Result<std::vector<std::string>> TextColumn(SqliteStatement& statement) {
  std::vector<std::string> texts;
  while (true) {
    DAYPART_TRY(const bool has_row, statement.Step());
    if (!has_row) return texts;
    texts.push_back(statement.Text(0));
  }
}

/// "there is no table media.ad_revenu; did you mean ad_revenue?"
Error NoSuch(std::string_view what, const std::string& full_name, std::string_view name,
             const std::vector<std::string>& candidates) {
  std::string message = fmt::format("there is no {} {}", what, full_name);
  if (name.size() < kSuggestedFromLetters) return NotFound(std::move(message));
  if (const auto nearest = NearestName(name, candidates)) {
    message += fmt::format("; did you mean {}?", *nearest);
  }
  return NotFound(std::move(message));
}

}  // namespace

struct SqliteCatalog::State {
  std::string catalog_name;
  /// Guards connection, held for one operation: SQLite runs one statement of a connection at a time
  /// anyway, and an operation reads or writes a few pages.
  std::mutex mutex;
  std::unique_ptr<SqliteConnection> connection;
  Layout layout;

  /// Rows that are tables: JdbcCatalog keeps views in the same table from V1 on.
  std::string_view table_filter() const {
    return layout.has_iceberg_type ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "";
  }

  /// A statement whose ?1 is the catalog's name.
  Result<SqliteStatement> Prepare(std::string_view sql) {
    DAYPART_TRY(SqliteStatement statement, connection->Prepare(sql));
    statement.Bind(catalog_name);
    return statement;
  }

  Result<SqliteStatement> PrepareForTable(std::string_view sql, const TableName& name) {
    DAYPART_TRY(SqliteStatement statement, Prepare(sql));
    statement.Bind(name.database).Bind(name.table);
    return statement;
  }

  Result<std::vector<std::string>> Namespaces() {
    DAYPART_TRY(
        SqliteStatement statement,
        Prepare("SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?1 UNION "
                "SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1 "
                "ORDER BY 1"));
    return TextColumn(statement);
  }

  /// Top-level namespaces, in order.
  Result<std::vector<std::string>> Databases() {
    DAYPART_TRY(const std::vector<std::string> namespaces, Namespaces());
    std::set<std::string> databases;
    for (const std::string& name : namespaces) databases.insert(name.substr(0, name.find('.')));
    return std::vector<std::string>(databases.begin(), databases.end());
  }

  Status CheckDatabase(std::string_view database) {
    DAYPART_TRY(const std::vector<std::string> databases, Databases());
    for (const std::string& known : databases) {
      if (known == database) return Ok();
    }
    return NoSuch("database", std::string(database), database, databases);
  }

  Result<std::vector<std::string>> TableNames(std::string_view database) {
    DAYPART_TRY(SqliteStatement statement,
                Prepare(fmt::format("SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 "
                                    "AND table_namespace = ?2{} ORDER BY 1",
                                    table_filter())));
    statement.Bind(database);
    return TextColumn(statement);
  }

  Error NoSuchTable(const TableName& name) {
    if (Status database = CheckDatabase(name.database); !database) {
      return std::move(database).error().WithContext("table " + ToString(name));
    }
    Result<std::vector<std::string>> names = TableNames(name.database);
    if (!names) return std::move(names).error();
    return NoSuch("table", ToString(name), name.table, *names);
  }

  Result<std::vector<std::string>> RawTableNames(std::string_view database) {
    DAYPART_TRY(SqliteStatement statement,
                Prepare("SELECT table_name FROM daypart_raw_tables WHERE catalog_name = ?1 AND "
                        "database_name = ?2 ORDER BY 1"));
    statement.Bind(database);
    return TextColumn(statement);
  }

  /// A file that PyIceberg made has no raw tables until our first writing open; asked again because
  /// that may be another process's.
  Result<bool> HasRawTables() {
    if (!layout.has_raw_tables) {
      DAYPART_TRY(layout.has_raw_tables, HasTable(*connection, "daypart_raw_tables"));
    }
    return layout.has_raw_tables;
  }

  Result<RawTable> RawTableOf(const SqliteStatement& row, std::string_view database) {
    Result<RawTable> table =
        RawTableFromJson(row.Text(3)).WithContext("catalog file " + connection->path());
    if (!table) return table;
    table->name = {.database = std::string(database), .table = row.Text(0)};
    table->version = row.Number(1);
    table->updated = UtcMicros(row.Number(2));
    return table;
  }
};

SqliteCatalog::SqliteCatalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
SqliteCatalog::~SqliteCatalog() = default;

Result<std::unique_ptr<SqliteCatalog>> OpenSqliteCatalog(SqliteCatalogOptions options) {
  auto state = std::make_unique<SqliteCatalog::State>();
  state->catalog_name = std::move(options.catalog_name);
  DAYPART_TRY(state->connection, SqliteConnection::Open({.path = std::move(options.path),
                                                         .read_only = options.read_only,
                                                         .busy_ms = options.busy_ms}));
  SqliteConnection& connection = *state->connection;
  DAYPART_TRY(state->layout, ReadLayout(connection));
  const bool is_complete = state->layout.has_iceberg_tables && state->layout.has_raw_tables;
  if (!is_complete && !connection.is_read_only()) {
    DAYPART_RETURN_IF_ERROR(CreateMissingTables(connection));
    DAYPART_TRY(state->layout, ReadLayout(connection));
  }
  if (!state->layout.has_iceberg_tables) {
    return NotFound("expected the tables of an Iceberg SQL catalog, found none in " +
                    connection.path());
  }
  return std::unique_ptr<SqliteCatalog>(new SqliteCatalog(std::move(state)));
}

Status SqliteCatalog::CreateDatabase(std::string_view database,
                                     const std::map<std::string, std::string>& properties) {
  // A namespace exists by having a property or a table, hence one that says only that.
  const std::map<std::string, std::string> minimal = {{"exists", "true"}};
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    DAYPART_TRY(const std::vector<std::string> databases, state_->Databases());
    for (const std::string& known : databases) {
      if (known == database) {
        return AlreadyExists(fmt::format("database {} is there already", database));
      }
    }
    for (const auto& [key, value] : properties.empty() ? minimal : properties) {
      DAYPART_TRY(
          SqliteStatement insert,
          state_->Prepare("INSERT INTO iceberg_namespace_properties (catalog_name, namespace, "
                          "property_key, property_value) VALUES (?1, ?2, ?3, ?4)"));
      insert.Bind(database).Bind(key).Bind(value);
      DAYPART_RETURN_IF_ERROR(insert.Run());
    }
    return Ok();
  });
}

Result<std::vector<std::string>> SqliteCatalog::ListDatabases() {
  const std::lock_guard lock(state_->mutex);
  return state_->Databases();
}

Result<std::vector<TableName>> SqliteCatalog::ListTables(std::string_view database) {
  const std::lock_guard lock(state_->mutex);
  DAYPART_TRY(std::vector<std::string> names, state_->TableNames(database));
  std::vector<TableName> tables;
  tables.reserve(names.size());
  for (std::string& name : names) {
    tables.push_back({.database = std::string(database), .table = std::move(name)});
  }
  return tables;
}

Result<std::string> SqliteCatalog::MetadataLocation(const TableName& name) {
  const std::lock_guard lock(state_->mutex);
  DAYPART_TRY(
      SqliteStatement select,
      state_->PrepareForTable(
          fmt::format("SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ?1 "
                      "AND table_namespace = ?2 AND table_name = ?3{}",
                      state_->table_filter()),
          name));
  DAYPART_TRY(const bool is_there, select.Step());
  if (!is_there) return state_->NoSuchTable(name);
  if (select.is_null(0)) {
    return CorruptData(fmt::format("catalog file {}: table {} has no metadata location",
                                   state_->connection->path(), ToString(name)));
  }
  return select.Text(0);
}

Status SqliteCatalog::CreateTable(const TableName& name, std::string_view metadata_location) {
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    DAYPART_RETURN_IF_ERROR(state_->CheckDatabase(name.database));
    const std::string_view sql =
        state_->layout.has_iceberg_type
            ? "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
              "metadata_location, iceberg_type) VALUES (?1, ?2, ?3, ?4, 'TABLE')"
            : "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
              "metadata_location) VALUES (?1, ?2, ?3, ?4)";
    DAYPART_TRY(SqliteStatement insert, state_->PrepareForTable(sql, name));
    const Result<int64_t> inserted = insert.Bind(metadata_location).Run();
    if (inserted) return Ok();
    if (inserted.error().code != ErrorCode::kAlreadyExists) return inserted.error();
    return AlreadyExists("table " + ToString(name) + " is there already");
  });
}

Status SqliteCatalog::CompareAndSwap(const TableName& name, std::string_view expected,
                                     std::string_view next) {
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    DAYPART_TRY(SqliteStatement update,
                state_->PrepareForTable(
                    fmt::format("UPDATE iceberg_tables SET metadata_location = ?4, "
                                "previous_metadata_location = ?5 WHERE catalog_name = ?1 AND "
                                "table_namespace = ?2 AND table_name = ?3 AND "
                                "metadata_location = ?5{}",
                                state_->table_filter()),
                    name));
    DAYPART_TRY(const int64_t changed, update.Bind(next).Bind(expected).Run());
    if (changed == 1) return Ok();
    DAYPART_TRY(SqliteStatement select,
                state_->PrepareForTable("SELECT metadata_location FROM iceberg_tables WHERE "
                                        "catalog_name = ?1 AND table_namespace = ?2 AND "
                                        "table_name = ?3",
                                        name));
    DAYPART_TRY(const bool is_there, select.Step());
    if (!is_there) return state_->NoSuchTable(name);
    return Conflict(fmt::format("table {} was changed by another commit: expected {}, found {}",
                                ToString(name), expected, select.Text(0)));
  });
}

Status SqliteCatalog::DropTable(const TableName& name) {
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    DAYPART_TRY(SqliteStatement remove,
                state_->PrepareForTable(
                    fmt::format("DELETE FROM iceberg_tables WHERE catalog_name = ?1 AND "
                                "table_namespace = ?2 AND table_name = ?3{}",
                                state_->table_filter()),
                    name));
    DAYPART_TRY(const int64_t removed, remove.Run());
    if (removed == 0) return state_->NoSuchTable(name);
    return Ok();
  });
}

Status SqliteCatalog::RenameTable(const TableName& from, const TableName& to) {
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    DAYPART_RETURN_IF_ERROR(state_->CheckDatabase(to.database));
    DAYPART_TRY(SqliteStatement update,
                state_->PrepareForTable(
                    fmt::format("UPDATE iceberg_tables SET table_namespace = ?4, table_name = ?5 "
                                "WHERE catalog_name = ?1 AND table_namespace = ?2 AND "
                                "table_name = ?3{}",
                                state_->table_filter()),
                    from));
    const Result<int64_t> renamed = update.Bind(to.database).Bind(to.table).Run();
    if (renamed && *renamed == 0) return state_->NoSuchTable(from);
    if (renamed) return Ok();
    if (renamed.error().code != ErrorCode::kAlreadyExists) return renamed.error();
    return AlreadyExists("table " + ToString(to) + " is there already");
  });
}

Result<std::vector<RawTable>> SqliteCatalog::ListRawTables(std::string_view database) {
  const std::lock_guard lock(state_->mutex);
  std::vector<RawTable> tables;
  DAYPART_TRY(const bool has_raw_tables, state_->HasRawTables());
  if (!has_raw_tables) return tables;
  DAYPART_TRY(SqliteStatement select,
              state_->Prepare("SELECT table_name, version, updated_micros, definition FROM "
                              "daypart_raw_tables WHERE catalog_name = ?1 AND database_name = ?2 "
                              "ORDER BY table_name"));
  select.Bind(database);
  while (true) {
    DAYPART_TRY(const bool has_row, select.Step());
    if (!has_row) return tables;
    DAYPART_TRY(RawTable table, state_->RawTableOf(select, database));
    tables.push_back(std::move(table));
  }
}

Result<RawTable> SqliteCatalog::GetRawTable(const TableName& name) {
  const std::lock_guard lock(state_->mutex);
  DAYPART_TRY(const bool has_raw_tables, state_->HasRawTables());
  if (!has_raw_tables) return NotFound("there is no raw table " + ToString(name));
  DAYPART_TRY(SqliteStatement select,
              state_->PrepareForTable("SELECT table_name, version, updated_micros, definition FROM "
                                      "daypart_raw_tables WHERE catalog_name = ?1 AND "
                                      "database_name = ?2 AND table_name = ?3",
                                      name));
  DAYPART_TRY(const bool is_there, select.Step());
  if (is_there) return state_->RawTableOf(select, name.database);
  DAYPART_TRY(const std::vector<std::string> names, state_->RawTableNames(name.database));
  return NoSuch("raw table", ToString(name), name.table, names);
}

Status SqliteCatalog::PutRawTable(const RawTable& table) {
  const std::string definition = RawTableToJson(table);
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    const std::string_view sql =
        table.version == 0
            ? "INSERT INTO daypart_raw_tables (catalog_name, database_name, table_name, version, "
              "updated_micros, definition) VALUES (?1, ?2, ?3, ?4 + 1, ?5, ?6) "
              "ON CONFLICT DO NOTHING"
            : "UPDATE daypart_raw_tables SET version = ?4 + 1, updated_micros = ?5, "
              "definition = ?6 WHERE catalog_name = ?1 AND database_name = ?2 AND table_name = ?3 "
              "AND version = ?4";
    DAYPART_TRY(SqliteStatement put, state_->PrepareForTable(sql, table.name));
    put.Bind(table.version).Bind(table.updated.value()).Bind(definition);
    DAYPART_TRY(const int64_t changed, put.Run());
    if (changed == 1) return Ok();
    return Conflict(
        fmt::format("raw table {} was changed or dropped by another program: expected "
                    "version {}",
                    ToString(table.name), table.version));
  });
}

Status SqliteCatalog::DropRawTable(const TableName& name) {
  const std::lock_guard lock(state_->mutex);
  return state_->connection->Write([&]() -> Status {
    DAYPART_TRY(
        SqliteStatement remove,
        state_->PrepareForTable("DELETE FROM daypart_raw_tables WHERE catalog_name = ?1 AND "
                                "database_name = ?2 AND table_name = ?3",
                                name));
    DAYPART_TRY(const int64_t removed, remove.Run());
    if (removed == 1) return Ok();
    DAYPART_TRY(const std::vector<std::string> names, state_->RawTableNames(name.database));
    return NoSuch("raw table", ToString(name), name.table, names);
  });
}

}  // namespace daypart::catalog
