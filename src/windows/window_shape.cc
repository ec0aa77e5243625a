// SPDX-License-Identifier: Apache-2.0
//
// Columns by the words of the statement; the target by the columns of its rows.
#include "windows/window_shape.h"

#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "lake/arrow_schema.h"
#include "lake/evolve.h"
#include "query/sql_reader.h"
#include "query/sql_tokens.h"
#include "query/view_sql.h"

namespace daypart::windows {
namespace {

/// Names that a window's own columns and those of its late rows have.
constexpr std::array<std::string_view, 5> kOwnNames{"window_start", "window_end", "late_windows",
                                                    "source_snapshot_id", "watermark"};

/// Words of the clauses in capitals; has_whole_rows: the alias stands for a row somewhere.
struct UsedWords {
  std::set<std::string> words;
  bool has_whole_rows = false;
};

Status AddWords(const std::string& clause, const std::string& alias, UsedWords& used) {
  DAYPART_TRY(const auto tokens, query::Tokenize(clause));
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool is_name = tokens[i].text.front() == '"' || query::is_word_char(tokens[i].text[0]);
    if (!is_name) continue;
    const std::string word = query::Upper(query::NameParts(tokens[i].text).front());
    const bool is_qualifier = i + 1 < tokens.size() && tokens[i + 1].text == ".";
    used.has_whole_rows |= word == alias && !is_qualifier;
    used.words.insert(word);
  }
  return Ok();
}

const iceberg::NestedField* FindAnyCase(const iceberg::Schema& schema, const std::string& name) {
  for (const auto& field : schema.fields) {
    if (query::Upper(field.name) == query::Upper(name)) return &field;
  }
  return nullptr;
}

/// Adds and drops columns until they are those of the SELECT.
Status TakeOver(const WindowDeclaration& window, const iceberg::Schema& selected,
                iceberg::SchemaUpdate& update, const iceberg::Schema& now) {
  for (const auto& field : selected.fields) {
    const auto* known = FindAnyCase(now, field.name);
    if (known == nullptr) {
      DAYPART_RETURN_IF_ERROR(
          update.Add({.path = {field.name}, .type = field.type, .doc = "", .default_json = ""}));
    } else if (known->type != field.type) {
      return InvalidArgument("column " + field.name + " of " + ToString(window.target) + " is " +
                             iceberg::ToString(known->type) + ", the SELECT of the window gives " +
                             iceberg::ToString(field.type) +
                             "; cast it, or drop the table to have it made anew");
    }
  }
  for (const auto& field : now.fields) {
    if (FindAnyCase(selected, field.name) != nullptr) continue;
    DAYPART_RETURN_IF_ERROR(update.Drop({field.name}));
  }
  return Ok();
}

}  // namespace

Result<SourceShape> ShapeOf(const WindowDeclaration& window, const iceberg::Schema& source,
                            std::string& waits_for) {
  SourceShape shape;
  const auto* time = FindAnyCase(source, window.time_column);
  if (time == nullptr) {
    waits_for = "column " + window.time_column + " of " + ToString(window.source);
    return shape;
  }
  if (time->type.kind == iceberg::TypeKind::kTimestamptz) {
    shape.time_type = kZonedType;
  } else if (time->type.kind == iceberg::TypeKind::kTimestamp) {
    shape.time_type = "TIMESTAMP";
  } else {
    return InvalidArgument("a timestamp in microseconds is expected as a window's time, found " +
                           window.time_column + " of type " + iceberg::ToString(time->type));
  }
  shape.time_field = time->id;
  shape.time_column = time->name;
  for (const std::string_view name : kOwnNames) {
    if (FindAnyCase(source, std::string(name)) == nullptr) continue;
    return InvalidArgument("source " + ToString(window.source) + " has a column " +
                           std::string(name) + ", which is a window's own; rename it");
  }
  UsedWords used;
  const std::string alias = query::Upper(query::NameParts(window.alias).front());
  for (const std::string& clause : {window.select_list, window.where, window.having}) {
    DAYPART_RETURN_IF_ERROR(AddWords(clause, alias, used));
  }
  used.words.insert(query::Upper(window.time_column));
  for (const std::string& key : window.keys) {
    used.words.insert(query::Upper(key));
    const bool is_source_key = FindAnyCase(source, key) != nullptr;
    shape.has_source_keys &= is_source_key;
    if (is_source_key || window.kind != WindowKind::kSession) continue;
    // Sessions are told apart before rows are grouped, when no expression has a name yet.
    waits_for = "column " + key + " of " + ToString(window.source) +
                ", which sessions are of (an expression cannot be)";
    return shape;
  }
  for (const auto& field : source.fields) {
    if (used.has_whole_rows || used.words.contains(query::Upper(field.name))) {
      shape.columns.push_back(field.name);
    }
  }
  return shape;
}

Result<lake::LoadedTable> EnsureTarget(const lake::LakeContext& context,
                                       const WindowDeclaration& window,
                                       const arrow::Schema& selected) {
  std::vector<std::string> needed{"window_start", "window_end"};
  needed.insert(needed.end(), window.keys.begin(), window.keys.end());
  DAYPART_TRY(iceberg::Schema schema, lake::FromArrowSchema(selected));
  for (auto& field : schema.fields) field.is_required = false;
  for (const std::string& name : needed) {
    if (FindAnyCase(schema, name) != nullptr) continue;
    return InvalidArgument("column " + name + " is expected in the SELECT of window " +
                           window.name + ", since it tells which window a row is of");
  }
  auto table = lake::LoadTable(context, window.target);
  if (!table && table.error().code == ErrorCode::kNotFound) {
    lake::CreateOptions options;
    options.schema = iceberg::AssignFreshIds(std::move(schema));
    DAYPART_TRY(options.spec, iceberg::ParsePartitionSpec(window.partition, options.schema));
    return lake::CreateTable(context, window.target, options);
  }
  if (!table) return table;
  const auto edit = [&](iceberg::SchemaUpdate& update, const iceberg::TableMetadata& now) {
    return TakeOver(window, schema, update, now.current_schema());
  };
  DAYPART_RETURN_IF_ERROR(lake::EvolveSchema(context, window.target, edit));
  return lake::LoadTable(context, window.target);
}

Result<WindowTypes> TypesOf(const WindowDeclaration& window, const SourceShape& source,
                            const iceberg::Schema& target) {
  WindowTypes types{.time = source.time_type,
                    .target = {},
                    .has_source_keys = source.has_source_keys};
  std::vector<std::string> needed{"window_start", "window_end"};
  needed.insert(needed.end(), window.keys.begin(), window.keys.end());
  for (const std::string& name : needed) {
    if (FindAnyCase(target, name) != nullptr) continue;
    return InvalidArgument("table " + ToString(window.target) + " has lost its column " + name +
                           "; daypart windows " + window.name + " --full-refresh brings it back");
  }
  for (const auto& field : target.fields) {
    DAYPART_TRY(const std::string type, query::SqlType(field.type));
    types.target.emplace_back(field.name, type);
  }
  return types;
}

}  // namespace daypart::windows
