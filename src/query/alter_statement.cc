// SPDX-License-Identifier: Apache-2.0
//
// One function a family of clauses.
#include "query/alter_statement.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "query/column_clauses.h"

namespace daypart::query {
namespace {

using iceberg::RefKind;
using Action = decltype(TableStatement::action);

Result<Action> ReadAdd(SqlReader& in) {
  if (in.TakeAll({"PARTITION", "FIELD"})) {
    PartitionFieldStatement statement;
    statement.added = in.Until({"AS"});
    if (statement.added.empty()) return in.Expected("a partition field such as day(event_time)");
    if (in.Take("AS")) {
      DAYPART_TRY(statement.name, in.Identifier());
    }
    return Action(statement);
  }
  AddColumnsStatement statement;
  if (!in.Take("COLUMNS")) DAYPART_RETURN_IF_ERROR(in.Expect("COLUMN"));
  if (in.is_next("(")) {
    DAYPART_TRY(const std::string columns, in.Bracketed());
    DAYPART_TRY(statement.columns, ReadColumns(columns));
    return Action(std::move(statement));
  }
  do {
    DAYPART_TRY(ColumnDefinition column, ReadColumn(in));
    statement.columns.push_back(std::move(column));
  } while (in.Take(","));
  return Action(std::move(statement));
}

Result<std::vector<ColumnPath>> ReadPaths(SqlReader& in) {
  std::vector<ColumnPath> paths;
  do {
    DAYPART_TRY(ColumnPath path, ReadColumnPath(in));
    paths.push_back(std::move(path));
  } while (in.Take(","));
  return paths;
}

Result<Action> ReadDrop(SqlReader& in) {
  if (in.TakeAll({"PARTITION", "FIELD"})) {
    PartitionFieldStatement statement;
    statement.dropped = in.is_at_end() ? "" : in.Rest();
    if (statement.dropped.empty()) return in.Expected("a partition field");
    return Action(statement);
  }
  if (in.TakeAll({"IDENTIFIER", "FIELDS"})) {
    DAYPART_TRY(auto columns, ReadPaths(in));
    return Action(IdentifierStatement{.columns = std::move(columns), .drops = true});
  }
  for (const RefKind kind : {RefKind::kBranch, RefKind::kTag}) {
    if (!in.Take(kind == RefKind::kTag ? "TAG" : "BRANCH")) continue;
    DropRefStatement statement{.kind = kind};
    statement.if_exists = in.TakeAll({"IF", "EXISTS"});
    DAYPART_TRY(statement.name, in.Identifier());
    return Action(statement);
  }
  if (!in.Take("COLUMNS")) DAYPART_RETURN_IF_ERROR(in.Expect("COLUMN"));
  DropColumnsStatement statement;
  if (in.is_next("(")) {
    DAYPART_TRY(const std::string columns, in.Bracketed());
    DAYPART_TRY(SqlReader inner, SqlReader::Open(columns));
    DAYPART_TRY(statement.columns, ReadPaths(inner));
    DAYPART_RETURN_IF_ERROR(inner.ExpectEnd());
  } else {
    DAYPART_TRY(statement.columns, ReadPaths(in));
  }
  return Action(std::move(statement));
}

Result<Action> ReadAlterColumn(SqlReader& in) {
  (void)in.Take("COLUMN");  // may be left out
  AlterColumnStatement statement;
  DAYPART_TRY(statement.column, ReadColumnPath(in));
  const size_t nothing = 0;
  size_t clauses = nothing;
  for (; !in.is_at_end(); ++clauses) {
    if (in.Take("TYPE") || in.TakeAll({"SET", "DATA", "TYPE"})) {
      DAYPART_TRY(statement.type, ReadType(in));
    } else if (in.Take("COMMENT")) {
      DAYPART_TRY(statement.comment, in.Text());
    } else if (in.TakeAll({"DROP", "NOT", "NULL"})) {
      statement.drops_not_null = true;
    } else if (in.TakeAll({"SET", "NOT", "NULL"})) {
      return Unsupported("a column cannot become NOT NULL: rows that are there may be null in it");
    } else if (in.TakeAll({"SET", "DEFAULT"})) {
      DAYPART_TRY(statement.default_text, ReadLiteralText(in));
    } else if (in.TakeAll({"DROP", "DEFAULT"})) {
      statement.default_text = "";
    } else if (is_place(in)) {
      DAYPART_TRY(statement.place, ReadPlace(in));
    } else {
      break;
    }
  }
  if (clauses == nothing) {
    return in.Expected("TYPE, COMMENT, FIRST, AFTER, DROP NOT NULL, SET DEFAULT or DROP DEFAULT");
  }
  return Action(std::move(statement));
}

Result<Action> ReadRename(SqlReader& in) {
  if (in.Take("TO")) {
    RenameTableStatement statement;
    DAYPART_TRY(statement.name, in.Name());
    return Action(statement);
  }
  DAYPART_RETURN_IF_ERROR(in.Expect("COLUMN"));
  RenameColumnStatement statement;
  DAYPART_TRY(statement.column, ReadColumnPath(in));
  DAYPART_RETURN_IF_ERROR(in.Expect("TO"));
  DAYPART_TRY(statement.name, in.Identifier());
  return Action(std::move(statement));
}

Result<Action> ReadSet(SqlReader& in) {
  if (in.TakeAll({"IDENTIFIER", "FIELDS"})) {
    DAYPART_TRY(auto columns, ReadPaths(in));
    return Action(IdentifierStatement{.columns = std::move(columns), .drops = false});
  }
  if (!in.Take("TBLPROPERTIES")) return in.Expected("TBLPROPERTIES or IDENTIFIER FIELDS");
  PropertiesStatement statement;
  DAYPART_TRY(statement.set, ReadProperties(in));
  return Action(std::move(statement));
}

Result<Action> ReadUnset(SqlReader& in) {
  DAYPART_RETURN_IF_ERROR(in.Expect("TBLPROPERTIES"));
  (void)in.TakeAll({"IF", "EXISTS"});  // a property that is not there is no error anyway
  PropertiesStatement statement;
  DAYPART_TRY(statement.unset, ReadPropertyKeys(in));
  return Action(std::move(statement));
}

/// n DAYS, HOURS or MINUTES, in milliseconds; the reader stands behind n.
Result<int64_t> ReadAge(SqlReader& in, int64_t count) {
  constexpr int64_t kMinuteMs = 60'000;
  int64_t unit = 0;
  if (in.Take("DAYS") || in.Take("DAY")) unit = 24 * 60 * kMinuteMs;
  if (unit == 0 && (in.Take("HOURS") || in.Take("HOUR"))) unit = 60 * kMinuteMs;
  if (unit == 0 && (in.Take("MINUTES") || in.Take("MINUTE"))) unit = kMinuteMs;
  if (unit == 0) return in.Expected("DAYS, HOURS or MINUTES");
  if (count <= 0 || count > std::numeric_limits<int64_t>::max() / unit) {
    return InvalidArgument("an age above 0 is expected, found " + std::to_string(count));
  }
  return count * unit;
}

Result<Action> ReadRef(SqlReader& in, RefKind kind, lake::RefChange::Mode mode) {
  ChangeRefStatement statement;
  lake::RefChange& change = statement.change;
  change.kind = kind;
  change.mode = mode;
  if (in.TakeAll({"IF", "NOT", "EXISTS"})) {
    if (mode != lake::RefChange::Mode::kCreate) return in.Expected("a name");
    change.mode = lake::RefChange::Mode::kCreateIfAbsent;
  }
  DAYPART_TRY(change.name, in.Identifier());
  if (in.TakeAll({"AS", "OF", "VERSION"})) {
    DAYPART_TRY(const int64_t id, in.Number());
    change.snapshot_id = iceberg::SnapshotId(id);
  }
  if (in.Take("RETAIN")) {
    DAYPART_TRY(const int64_t count, in.Number());
    DAYPART_TRY(change.max_ref_age_ms, ReadAge(in, count));
  }
  if (kind == RefKind::kTag || !in.TakeAll({"WITH", "SNAPSHOT", "RETENTION"})) {
    return Action(std::move(statement));
  }
  DAYPART_TRY(int64_t count, in.Number());
  if (in.Take("SNAPSHOTS") || in.Take("SNAPSHOT")) {
    if (count <= 0 || count > std::numeric_limits<int32_t>::max()) {
      return InvalidArgument("a number of snapshots above 0 is expected, found " +
                             std::to_string(count));
    }
    change.min_snapshots_to_keep = static_cast<int32_t>(count);
    if (in.is_at_end()) return Action(std::move(statement));
    DAYPART_TRY(count, in.Number());
  }
  DAYPART_TRY(change.max_snapshot_age_ms, ReadAge(in, count));
  return Action(std::move(statement));
}

Result<Action> ReadCreateOrReplace(SqlReader& in, bool creates) {
  using Mode = lake::RefChange::Mode;
  Mode mode = creates ? Mode::kCreate : Mode::kReplace;
  if (creates && in.TakeAll({"OR", "REPLACE"})) mode = Mode::kCreateOrReplace;
  if (in.Take("BRANCH")) return ReadRef(in, RefKind::kBranch, mode);
  if (in.Take("TAG")) return ReadRef(in, RefKind::kTag, mode);
  if (!creates && in.TakeAll({"PARTITION", "FIELD"})) {
    PartitionFieldStatement statement;
    statement.dropped = in.Until({"WITH"});
    DAYPART_RETURN_IF_ERROR(in.Expect("WITH"));
    statement.added = in.Until({"AS"});
    if (statement.dropped.empty() || statement.added.empty()) {
      return in.Expected("a partition field such as day(event_time)");
    }
    if (in.Take("AS")) {
      DAYPART_TRY(statement.name, in.Identifier());
    }
    return Action(statement);
  }
  return in.Expected(creates ? "BRANCH or TAG" : "BRANCH, TAG or PARTITION FIELD");
}

Result<Action> ReadWrite(SqlReader& in) {
  if (in.Take("UNORDERED")) return Action(WriteOrderStatement{});
  (void)in.Take("LOCALLY");  // files are sorted one by one either way
  DAYPART_RETURN_IF_ERROR(in.ExpectAll({"ORDERED", "BY"}));
  WriteOrderStatement statement{.order = in.Rest()};
  if (statement.order.empty()) return in.Expected("columns to order by");
  return Action(std::move(statement));
}

Result<Action> ReadAction(SqlReader& in) {
  if (in.Take("ADD")) return ReadAdd(in);
  if (in.Take("DROP")) return ReadDrop(in);
  if (in.Take("RENAME")) return ReadRename(in);
  if (in.Take("ALTER")) return ReadAlterColumn(in);
  if (in.Take("SET")) return ReadSet(in);
  if (in.Take("UNSET")) return ReadUnset(in);
  if (in.Take("WRITE")) return ReadWrite(in);
  if (in.Take("CREATE")) return ReadCreateOrReplace(in, true);
  if (in.Take("REPLACE")) return ReadCreateOrReplace(in, false);
  return in.Expected(
      "ADD, DROP, RENAME, ALTER COLUMN, SET, UNSET, WRITE, CREATE or REPLACE after ALTER TABLE t");
}

}  // namespace

Result<TableStatement> ReadAlter(SqlReader& in) {
  TableStatement statement;
  DAYPART_TRY(statement.table, in.Name());
  DAYPART_TRY(statement.action, ReadAction(in));
  return statement;
}

}  // namespace daypart::query
