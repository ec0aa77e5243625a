// SPDX-License-Identifier: Apache-2.0
//
// One overload an action of TableStatement.
#include "query/execute_table_statement.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include "iceberg/literal_json.h"
#include "lake/arrow_schema.h"
#include "lake/evolve.h"
#include "query/sql_reader.h"
#include "query/table_statement.h"

namespace daypart::query {
namespace {

using catalog::TableName;
using iceberg::SchemaUpdate;
using iceberg::Type;
using iceberg::TypeKind;

Result<TableName> NameOf(const std::string& written, const std::string& database) {
  const auto parts = NameParts(written);
  if (parts.size() > 2) {
    return InvalidArgument("a table is named DATABASE.TABLE, found " + written);
  }
  TableName name{parts.size() == 2 ? parts[0] : database, parts.back()};
  DAYPART_TRY(name, catalog::ParseTableName(ToString(name), database));
  if (name.table.find('$') != std::string::npos) {
    return InvalidArgument("a table's name has no '$', which metadata tables are told by: " +
                           ToString(name));
  }
  return name;
}

/// A literal of SQL as the JSON that schemas hold defaults in; empty for NULL.
Result<std::string> DefaultJson(const std::string& text, const Type& type) {
  if (Upper(text) == "NULL" || text.empty()) return std::string();
  if (!type.is_primitive()) return Unsupported("a default of type " + ToString(type));
  DAYPART_TRY(SqlReader in, SqlReader::Open(text));
  (void)(in.Take("DATE") || in.Take("TIMESTAMP") || in.Take("TIME"));
  std::string value = text;
  auto quoted = in.Text();
  const bool is_quoted = quoted && in.is_at_end();
  if (is_quoted) value = std::move(quoted).value();
  if (type.kind == TypeKind::kString && !is_quoted) {
    return InvalidArgument("a text in quotes is expected as default, found " + text);
  }
  if (type.kind == TypeKind::kBoolean) {
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  DAYPART_TRY(const auto literal, iceberg::ParseLiteral(value, type));
  return iceberg::LiteralToJson(literal, type);
}

Result<iceberg::NewColumn> NewColumnOf(const ColumnDefinition& definition) {
  iceberg::NewColumn column;
  column.path = definition.path;
  column.type = definition.type;
  column.doc = definition.comment;
  column.is_required = definition.is_required;
  column.place = definition.place;
  DAYPART_TRY(column.default_json, DefaultJson(definition.default_text, definition.type));
  return column;
}

Result<iceberg::Schema> SchemaOf(const std::vector<ColumnDefinition>& columns, int32_t version) {
  iceberg::Schema schema;
  std::set<std::string> names;
  for (const ColumnDefinition& definition : columns) {
    const std::string& name = definition.path.front();
    if (definition.path.size() > 1) {
      return InvalidArgument("a column's name has no dot in CREATE TABLE, found " + name + '.' +
                             definition.path[1]);
    }
    if (!names.insert(Upper(name)).second) return InvalidArgument("two columns are named " + name);
    DAYPART_TRY(iceberg::NewColumn column, NewColumnOf(definition));
    if (!column.default_json.empty() && version < 3) {
      return Unsupported("column " + name + ": a DEFAULT needs TBLPROPERTIES ('format-version' = " +
                         "'3')");
    }
    iceberg::NestedField field;
    field.name = name;
    field.type = std::move(column.type);
    field.doc = std::move(column.doc);
    field.is_required = column.is_required;
    field.initial_default = column.default_json;
    field.write_default = std::move(column.default_json);
    schema.fields.push_back(std::move(field));
  }
  return iceberg::AssignFreshIds(std::move(schema));
}

Result<int32_t> TakeFormatVersion(std::map<std::string, std::string>& properties) {
  int32_t version = 2;
  const auto found = properties.find("format-version");
  if (found == properties.end()) return version;
  const std::string& text = found->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), version);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return InvalidArgument("property format-version: 1, 2 or 3 is expected, found '" + text + "'");
  }
  properties.erase(found);
  return version;
}

class Execution {
 public:
  Execution(const lake::LakeContext& context, catalog::RawCatalog& raw,
            const EngineOptions& options, const lake::WriteOptions& write, TableName table)
      : context_(context), raw_(raw), options_(options), write_(write), table_(std::move(table)) {}

  Result<TableStatementResult> operator()(const CreateTableStatement& statement) {
    if (statement.if_not_exists && context_.catalog.MetadataLocation(table_)) {
      return Done("table " + ToString(table_) + " is there already");
    }
    lake::CreateOptions create;
    create.properties = statement.properties;
    DAYPART_TRY(create.format_version, TakeFormatVersion(create.properties));
    if (!statement.select.empty()) return CreateAs(statement, std::move(create));
    DAYPART_TRY(create.schema, SchemaOf(statement.columns, create.format_version));
    DAYPART_TRY(create.spec, iceberg::ParsePartitionSpec(statement.partition, create.schema));
    DAYPART_TRY(const auto table, lake::CreateTable(context_, table_, create));
    return Done("table " + ToString(table.name) + " created");
  }

  Result<TableStatementResult> operator()(const DropTableStatement& statement) {
    Status dropped = lake::DropTable(context_, table_, statement.purges);
    const bool is_missing = !dropped && dropped.error().code == ErrorCode::kNotFound;
    if (is_missing && statement.if_exists) {
      return Done("table " + ToString(table_) + " is not there");
    }
    if (!dropped) return std::move(dropped).error();
    return Done("table " + ToString(table_) + " dropped" +
                (statement.purges ? ", its files deleted" : ""));
  }

  Result<TableStatementResult> operator()(const RenameTableStatement& statement) {
    DAYPART_TRY(const TableName to, NameOf(statement.name, table_.database));
    DAYPART_RETURN_IF_ERROR(context_.catalog.RenameTable(table_, to));
    return Done("table " + ToString(table_) + " is now " + ToString(to));
  }

  Result<TableStatementResult> operator()(const AddColumnsStatement& statement) {
    return Evolve([&](SchemaUpdate& update, const iceberg::TableMetadata&) -> Status {
      for (const ColumnDefinition& definition : statement.columns) {
        DAYPART_TRY(const auto column, NewColumnOf(definition));
        DAYPART_RETURN_IF_ERROR(update.Add(column));
      }
      return Ok();
    });
  }

  Result<TableStatementResult> operator()(const DropColumnsStatement& statement) {
    return Evolve([&](SchemaUpdate& update, const iceberg::TableMetadata&) -> Status {
      for (const ColumnPath& path : statement.columns) {
        DAYPART_RETURN_IF_ERROR(update.Drop(path));
      }
      return Ok();
    });
  }

  Result<TableStatementResult> operator()(const RenameColumnStatement& statement) {
    return Evolve([&](SchemaUpdate& update, const iceberg::TableMetadata&) {
      return update.Rename(statement.column, statement.name);
    });
  }

  Result<TableStatementResult> operator()(const AlterColumnStatement& statement) {
    return Evolve([&](SchemaUpdate& update, const iceberg::TableMetadata&) -> Status {
      const ColumnPath& path = statement.column;
      if (statement.type) DAYPART_RETURN_IF_ERROR(update.Widen(path, *statement.type));
      if (statement.comment) DAYPART_RETURN_IF_ERROR(update.SetDoc(path, *statement.comment));
      if (statement.drops_not_null) DAYPART_RETURN_IF_ERROR(update.MakeOptional(path));
      if (statement.default_text) {
        DAYPART_TRY(const Type type, TypeOf(update.schema(), path));
        DAYPART_TRY(const std::string json, DefaultJson(*statement.default_text, type));
        DAYPART_RETURN_IF_ERROR(update.SetWriteDefault(path, json));
      }
      if (statement.place) DAYPART_RETURN_IF_ERROR(update.Move(path, *statement.place));
      return Ok();
    });
  }

  Result<TableStatementResult> operator()(const PropertiesStatement& statement) {
    DAYPART_RETURN_IF_ERROR(
        lake::ChangeProperties(context_, table_, statement.set, statement.unset));
    return Altered();
  }

  Result<TableStatementResult> operator()(const PartitionFieldStatement& statement) {
    DAYPART_RETURN_IF_ERROR(
        lake::EvolveSpec(context_, table_, [&](iceberg::SpecUpdate& update) -> Status {
          if (statement.dropped.empty()) return update.Add(statement.added, statement.name);
          if (statement.added.empty()) return update.Drop(statement.dropped);
          return update.Replace(statement.dropped, statement.added, statement.name);
        }));
    return Altered();
  }

  Result<TableStatementResult> operator()(const WriteOrderStatement& statement) {
    DAYPART_RETURN_IF_ERROR(lake::SetWriteOrder(context_, table_, statement.order));
    return Altered();
  }

  Result<TableStatementResult> operator()(const IdentifierStatement& statement) {
    return Evolve([&](SchemaUpdate& update, const iceberg::TableMetadata& metadata) -> Status {
      if (!statement.drops) return update.SetIdentifier(statement.columns);
      return DropIdentifier(update, metadata.current_schema(), statement.columns);
    });
  }

  Result<TableStatementResult> operator()(const ChangeRefStatement& statement) {
    DAYPART_RETURN_IF_ERROR(lake::ChangeRef(context_, table_, statement.change));
    return Altered();
  }

  Result<TableStatementResult> operator()(const DropRefStatement& statement) {
    DAYPART_RETURN_IF_ERROR(lake::DropRef(context_, table_, statement.name, statement.kind,
                                          statement.if_exists));
    return Altered();
  }

  Result<TableStatementResult> operator()(const CallStatement& statement) {
    DAYPART_TRY(const lake::MovedRef moved, Call(statement));
    TableStatementResult result = Done(
        "table " + ToString(table_) + " shows snapshot " + std::to_string(moved.current.value()) +
        (moved.previous ? ", before " + std::to_string(moved.previous->value()) : std::string()));
    result.previous_snapshot_id = moved.previous;
    result.current_snapshot_id = moved.current;
    return result;
  }

 private:
  static TableStatementResult Done(std::string text) { return {.done = std::move(text)}; }
  TableStatementResult Altered() const { return Done("table " + ToString(table_) + " altered"); }

  Result<TableStatementResult> Evolve(
      const std::function<Status(SchemaUpdate&, const iceberg::TableMetadata&)>& edit) {
    DAYPART_RETURN_IF_ERROR(lake::EvolveSchema(context_, table_, edit));
    return Altered();
  }

  Result<TableStatementResult> CreateAs(const CreateTableStatement& statement,
                                        lake::CreateOptions create) {
    DAYPART_TRY(const auto engine, OpenEngine(context_, raw_, options_));
    DAYPART_TRY(const auto rows, engine->Query(statement.select));
    DAYPART_TRY(auto schema, lake::FromArrowSchema(*rows->schema()));
    create.schema = iceberg::AssignFreshIds(std::move(schema));
    DAYPART_TRY(create.spec, iceberg::ParsePartitionSpec(statement.partition, create.schema));
    DAYPART_TRY(const auto created,
                lake::CreateTableWithRows(context_, table_, create, *rows, write_));
    TableStatementResult result = Done("table " + ToString(table_) + " created with " +
                                       std::to_string(created.rows_added) + " rows");
    result.current_snapshot_id = created.snapshot_id;
    result.rows_added = created.rows_added;
    return result;
  }

  static Result<Type> TypeOf(const iceberg::Schema& schema, const ColumnPath& path) {
    std::string name;
    for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
    const auto* field = schema.FindField(name);
    if (field == nullptr) return InvalidArgument("column " + name + " is not in the table");
    return field->type;
  }

  static Status DropIdentifier(SchemaUpdate& update, const iceberg::Schema& schema,
                               const std::vector<ColumnPath>& columns) {
    std::vector<ColumnPath> kept;
    std::set<ColumnPath> dropped(columns.begin(), columns.end());
    for (const iceberg::FieldId id : schema.identifier_field_ids) {
      for (const auto& field : schema.fields) {
        if (field.id == id && dropped.erase({field.name}) == 0) kept.push_back({field.name});
      }
    }
    if (!dropped.empty()) {
      return InvalidArgument("column " + dropped.begin()->front() +
                             " is not part of the rows' identifier");
    }
    return update.SetIdentifier(kept);
  }

  Result<lake::MovedRef> Call(const CallStatement& call) {
    const auto argument = [&](const char* name, const char* place) -> Result<std::string> {
      for (const char* key : {name, place}) {
        const auto found = call.arguments.find(key);
        if (found != call.arguments.end()) return found->second;
      }
      return InvalidArgument("CALL system." + call.procedure + " wants " + name + " => …");
    };
    const auto id = [&]() -> Result<iceberg::SnapshotId> {
      DAYPART_TRY(const std::string text, argument("snapshot_id", "1"));
      int64_t number = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
      if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) {
        return iceberg::SnapshotId(number);
      }
      return InvalidArgument("snapshot_id: a number is expected, found " + text);
    };
    if (call.procedure == "ROLLBACK_TO_SNAPSHOT") {
      DAYPART_TRY(const auto snapshot_id, id());
      return lake::RollBackToSnapshot(context_, table_, snapshot_id);
    }
    if (call.procedure == "ROLLBACK_TO_TIMESTAMP") {
      DAYPART_TRY(std::string text, argument("timestamp", "1"));
      if (!text.ends_with('Z')) text += 'Z';
      DAYPART_TRY(const auto time,
                  iceberg::ParseLiteral(text, Type::Of(TypeKind::kTimestamptz)));
      return lake::RollBackToTime(context_, table_, UtcMicros(std::get<int64_t>(time)));
    }
    if (call.procedure == "SET_CURRENT_SNAPSHOT") {
      const bool has_ref = call.arguments.contains("ref");
      DAYPART_TRY(const std::string target,
                  has_ref ? argument("ref", "1") : argument("snapshot_id", "1"));
      return lake::SetCurrentSnapshot(context_, table_, target);
    }
    if (call.procedure == "CHERRYPICK_SNAPSHOT") {
      DAYPART_TRY(const auto snapshot_id, id());
      return lake::CherryPick(context_, table_, snapshot_id);
    }
    if (call.procedure == "FAST_FORWARD") {
      DAYPART_TRY(const std::string branch, argument("branch", "1"));
      DAYPART_TRY(const std::string to, argument("to", "2"));
      return lake::FastForward(context_, table_, branch, to);
    }
    return Unsupported(
        "one of these procedures is expected: rollback_to_snapshot, rollback_to_timestamp, "
        "set_current_snapshot, cherrypick_snapshot, fast_forward; found " +
        call.procedure);
  }

  const lake::LakeContext& context_;
  catalog::RawCatalog& raw_;
  const EngineOptions& options_;
  const lake::WriteOptions& write_;
  TableName table_;
};

}  // namespace

Result<TableStatementResult> ExecuteTableStatement(const lake::LakeContext& context,
                                                   catalog::RawCatalog& raw,
                                                   const EngineOptions& options,
                                                   std::string_view sql,
                                                   const lake::WriteOptions& write) {
  DAYPART_TRY(const TableStatement statement, ParseTableStatement(sql));
  DAYPART_TRY(TableName name, NameOf(statement.table, options.search_path.front()));
  Execution execution(context, raw, options, write, std::move(name));
  return std::visit(execution, statement.action);
}

}  // namespace daypart::query
