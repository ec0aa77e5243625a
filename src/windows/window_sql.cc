// SPDX-License-Identifier: Apache-2.0
//
// Names with "daypart_" before them are ours; a source's columns keep theirs. Clauses of the
// declaration end with a line end, so that a remark in them ends as well.
#include "windows/window_sql.h"

#include <algorithm>
#include <numeric>

#include "query/duckdb_session.h"

namespace daypart::windows {
namespace {

std::string Table(const char* name) { return std::string(kWindowDatabase) + '.' + name; }

std::string Number(int64_t number) { return "CAST(" + std::to_string(number) + " AS BIGINT)"; }

constexpr char kIsAdded[] = "_change IN ('added', 'changed to')";

/// Of a session that goes on: where the rows are that it takes the place of.
constexpr char kReplaced[] = "daypart_replaced";

std::string Part(size_t column) { return "daypart_part_" + std::to_string(column); }

bool is_part(const CarriedColumn& column) {
  return column.kind == CarryKind::kCount || column.kind == CarryKind::kSum ||
         column.kind == CarryKind::kLeast || column.kind == CarryKind::kGreatest;
}

}  // namespace

using query::QuoteIdentifier;

/// Not by a cast: DuckDB asks its calendar for each time that gets a zone, which takes 90 times as
/// long and was a quarter of a step.
std::string WindowSql::Time(const std::string& micros) const {
  const bool has_zone = types_.time == kZonedType;
  return (has_zone ? "make_timestamptz(" : "make_timestamp(") + micros + ')';
}

/// ", a, b" for a list that has something before it.
std::string WindowSql::KeyList() const {
  std::string list;
  for (const std::string& key : window_.keys) list += ", " + QuoteIdentifier(key);
  return list;
}

std::string WindowSql::KeysMatch(const std::string& left, const std::string& right) const {
  std::string condition = "TRUE";
  for (const std::string& key : window_.keys) {
    const std::string name = QuoteIdentifier(key);
    condition += " AND " + left + '.' + name + " IS NOT DISTINCT FROM " + right + '.' + name;
  }
  return condition;
}

/// The rows that count, with their time as a number.
std::string WindowSql::Base(const std::string& rows) const {
  const std::string time = QuoteIdentifier(window_.time_column);
  return "SELECT *, epoch_us(" + time + ") AS daypart_us FROM " + rows + " AS " + window_.alias +
         " WHERE " + time + " IS NOT NULL" +
         (window_.where.empty() ? "" : " AND (" + window_.where + "\n)");
}

/// The begin of the first window that a row's time is within: the least begin + n * slide that is
/// beyond time - size. Written so that times before 1970 are right as well.
std::string WindowSql::FirstWindow() const {
  const std::string slide = Number(window_.slide_micros);
  const std::string before =
      "(daypart_us - " + Number(window_.size_micros) + " - " + Number(window_.offset_micros) + ")";
  return before + " - ((" + before + " % " + slide + ") + " + slide + ") % " + slide + " + " +
         slide + " + " + Number(window_.offset_micros);
}

std::string WindowSql::Timed(const std::string& relation, const std::string& end) const {
  return "SELECT *, " + Time("daypart_begin") + " AS window_start, " + Time(end) +
         " AS window_end FROM (" + relation + ")";
}

std::string WindowSql::FixedWindows(const std::string& base) const {
  const std::string end = "daypart_begin + " + Number(window_.size_micros);
  if (window_.kind == WindowKind::kTumbling) {
    return Timed("SELECT *, " + FirstWindow() + " AS daypart_begin FROM (" + base + ")", end);
  }
  const int64_t count =
      (window_.size_micros + window_.slide_micros - 1) / window_.slide_micros;
  return Timed("SELECT * FROM (SELECT *, daypart_first + unnest(range(" + std::to_string(count) +
                   ")) * " + Number(window_.slide_micros) + " AS daypart_begin FROM (SELECT *, " +
                   FirstWindow() + " AS daypart_first FROM (" + base +
                   "))) WHERE daypart_begin <= daypart_us",
               end);
}

/// Rows of a key that follow each other within less than the gap are one session; it ends a gap
/// after its last row.
std::string WindowSql::Sessions(const std::string& base) const {
  const std::string keys = KeyList();
  const std::string by_key = keys.empty() ? "" : "PARTITION BY " + keys.substr(2) + ' ';
  const std::string gap = Number(window_.size_micros);
  const std::string first =
      "SELECT *, CASE WHEN daypart_us - lag(daypart_us) OVER (" + by_key +
      "ORDER BY daypart_us) < " + gap + " THEN 0 ELSE 1 END AS daypart_is_first FROM (" + base +
      ")";
  const std::string run = "SELECT *, sum(daypart_is_first) OVER (" + by_key +
                          "ORDER BY daypart_us ROWS UNBOUNDED PRECEDING) AS daypart_run FROM (" +
                          first + ")";
  const std::string of_run = "OVER (PARTITION BY daypart_run" + keys + ")";
  return Timed("SELECT *, min(daypart_us) " + of_run + " AS daypart_begin, max(daypart_us) " +
                   of_run + " + " + gap + " AS daypart_end FROM (" + run + ")",
               "daypart_end");
}

std::string WindowSql::Grouped(const std::string& relation, bool has_having) const {
  return "SELECT " + window_.select_list + "\nFROM (" + relation + ") AS " + window_.alias +
         " GROUP BY window_start, window_end" + KeyList() +
         (has_having && !window_.having.empty() ? " HAVING (" + window_.having + "\n)" : "");
}

std::string WindowSql::All() const {
  const std::string base = Base(Table(kSourceRows));
  return Grouped(reads_sessions() ? Sessions(base) : FixedWindows(base), true);
}

std::string WindowSql::Touched(bool has_changes, int64_t floor) const {
  if (reads_sessions()) return TouchedSessions(has_changes, floor);
  if (is_carried()) return CarriedTouched(floor);
  return "SELECT DISTINCT window_start, window_end" + KeyList() + ", epoch_us(window_end) <= " +
         Number(floor) + " AS " + kIsLateColumn + " FROM (" +
         Grouped(FixedWindows(Base(Table(kDeltaRows))), false) + ")";
}

/// Common table expressions up to daypart_judged: the delta's rows, each with whether it falls into
/// a session that may still change, and whether it is taken. A row too old for a session of its own
/// is taken into one that is open, but never makes one begin earlier: so what is within a session's
/// span has always been taken, and the session can be found anew from the source alone.
std::string WindowSql::JudgedRows(bool has_changes, int64_t floor) const {
  const std::string is_added = has_changes ? kIsAdded : "TRUE";
  const std::string is_young =
      "daypart_us + " + Number(window_.size_micros) + " > " + Number(floor);
  return "WITH daypart_delta AS (" + Base(Table(kDeltaRows)) +
         "), daypart_open AS MATERIALIZED (SELECT epoch_us(window_start) AS daypart_begin, "
         "epoch_us(window_end) AS daypart_end" + KeyList() +
         (is_carried() ? OldParts() + ", struct_pack(file := CAST(_file AS VARCHAR), pos := _pos) "
                                      "AS " + kReplaced
                       : "") +
         " FROM " + Table(kTargetRows) +
         " WHERE epoch_us(window_end) > " + Number(floor) +
         "), daypart_judged AS MATERIALIZED (SELECT d.*, o.daypart_begin IS NOT NULL OR (" +
         is_added + " AND " + is_young + ") AS daypart_is_taken, " + is_added +
         " AS daypart_is_added FROM daypart_delta AS d LEFT JOIN daypart_open AS o ON " +
         KeysMatch("o", "d") + " AND o.daypart_begin <= d.daypart_us AND d.daypart_us < "
         "o.daypart_end)";
}

/// Taken rows, each for a gap, and the open sessions of their keys that may be near; what overlaps
/// is one span.
std::string WindowSql::TouchedSessions(bool has_changes, int64_t floor) const {
  const std::string keys = KeyList();
  const std::string by_key = keys.empty() ? "" : "PARTITION BY " + keys.substr(2) + ' ';
  const std::string in_order = by_key + "ORDER BY daypart_begin, daypart_end ";
  const std::string gap = Number(window_.size_micros);
  const std::string parts = EachPart([](const auto&, const std::string& part) { return part; });
  const std::string nothing = EachPart([](const auto&, const auto&) { return "NULL"; });
  const std::string position = is_carried() ? std::string(", ") + kReplaced : "";
  return JudgedRows(has_changes, floor) +
         ", daypart_taken AS (SELECT * FROM daypart_judged WHERE daypart_is_taken), daypart_near "
         "AS (SELECT min(daypart_us) AS daypart_low, max(daypart_us) + " + gap +
         " AS daypart_high" + keys + " FROM daypart_taken" +
         (keys.empty() ? " HAVING count(*) > 0" : " GROUP BY " + keys.substr(2)) +
         "), daypart_spans AS (SELECT daypart_us AS daypart_begin, daypart_us + " + gap +
         " AS daypart_end, TRUE AS daypart_is_new" + keys + NewParts() +
         (is_carried() ? std::string(", NULL AS ") + kReplaced : "") + " FROM daypart_taken AS " +
         window_.alias + " GROUP BY daypart_us" + keys + " UNION ALL "
         "SELECT daypart_begin, daypart_end, FALSE" + keys + parts + position +
         " FROM daypart_open AS o SEMI JOIN daypart_near AS n ON " + KeysMatch("o", "n") +
         " AND o.daypart_begin < n.daypart_high AND o.daypart_end > n.daypart_low"
         "), daypart_starts AS (SELECT *, CASE WHEN daypart_begin < max(daypart_end) OVER (" +
         in_order + "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS "
         "daypart_is_first FROM daypart_spans), daypart_runs AS (SELECT *, sum(daypart_is_first) "
         "OVER (" + in_order + "ROWS UNBOUNDED PRECEDING) AS daypart_run FROM daypart_starts) "
         "SELECT " + Time("min(daypart_begin)") + " AS window_start, " +
         Time("max(daypart_end)") + " AS window_end" + keys + ", FALSE AS " + kIsLateColumn +
         JoinedParts() +
         (is_carried() ? std::string(", list(") + kReplaced + ") FILTER (WHERE " + kReplaced +
                             " IS NOT NULL) AS " + kReplaced
                       : "") +
         " FROM daypart_runs GROUP BY daypart_run" + keys +
         " HAVING bool_or(daypart_is_new) UNION ALL SELECT * FROM (SELECT " + Time("daypart_us") +
         ", " + Time("daypart_us + " + gap) + keys + ", TRUE" + nothing +
         (is_carried() ? ", NULL" : "") +
         " FROM daypart_judged WHERE daypart_is_added AND NOT daypart_is_taken LIMIT 1)";
}

/// ", a, b": what `text` makes of each column that is kept in a part, and of the part's name.
std::string WindowSql::EachPart(
    const std::function<std::string(const CarriedColumn&, const std::string&)>& text) const {
  std::string parts;
  for (size_t i = 0; i < carried_.size(); ++i) {
    if (is_part(carried_[i])) parts += ", " + text(carried_[i], Part(i));
  }
  return parts;
}

/// Aggregates of source rows.
std::string WindowSql::NewParts() const {
  return EachPart([](const CarriedColumn& column, const std::string& part) {
    return "CAST(" + column.aggregate + " AS " + column.part_type + ") AS " + part;
  });
}

/// What the target has of them.
std::string WindowSql::OldParts() const {
  return EachPart([](const CarriedColumn& column, const std::string& part) {
    return "CAST(" + QuoteIdentifier(column.name) + " AS " + column.part_type + ") AS " + part;
  });
}

/// Parts of several rows as those of one.
std::string WindowSql::JoinedParts() const {
  return EachPart([](const CarriedColumn& column, const std::string& part) {
    const std::string function = column.kind == CarryKind::kLeast      ? "min("
                                 : column.kind == CarryKind::kGreatest ? "max("
                                                                       : "sum(";
    return "CAST(" + function + part + ") AS " + column.part_type + ") AS " + part;
  });
}

/// Rows with the begin of their pane as their time: the panes are the longest spans of which each
/// window is made, so that rows of one are in the same windows.
std::string WindowSql::Panes(const std::string& rows) const {
  const std::string pane = Number(std::gcd(window_.size_micros, window_.slide_micros));
  const std::string since = "(daypart_us - " + Number(window_.offset_micros) + ")";
  return "SELECT * REPLACE (daypart_us - ((" + since + " % " + pane + ") + " + pane + ") % " +
         pane + " AS daypart_us) FROM (" + Base(rows) + ")";
}

/// The delta's rows are put together by panes first: a hop's row is in many windows, its pane in
/// as many, but there are few of these.
std::string WindowSql::CarriedTouched(int64_t floor) const {
  const std::string keys = KeyList();
  const std::string panes = "SELECT daypart_us" + keys + NewParts() + " FROM (" +
                            Panes(Table(kDeltaRows)) + ") AS " + window_.alias +
                            " GROUP BY daypart_us" + keys;
  return "SELECT window_start, window_end" + keys + ", epoch_us(window_end) <= " + Number(floor) +
         " AS " + kIsLateColumn + JoinedParts() + " FROM (" + FixedWindows(panes) +
         ") GROUP BY window_start, window_end" + keys;
}

/// Common table expressions up to daypart_added: for each window how many of the values that the
/// delta has of it no row had before. Of the rows that were there those are looked at that have
/// such a value.
std::string WindowSql::AddedValues(const CarriedColumn& column) const {
  const std::string keys = KeyList();
  const auto values = [&](const char* rows) {
    return "SELECT daypart_us" + keys + ", (" + column.value + "\n) AS daypart_value FROM (" +
           Panes(Table(rows)) + ") AS " + window_.alias + " WHERE (" + column.value +
           "\n) IS NOT NULL" +
           (column.filter.empty() ? "" : " AND (" + column.filter + "\n)");
  };
  const std::string all = " GROUP BY daypart_us, daypart_value" + keys;
  std::string is_known = KeysMatch("v", "p") + " AND p.daypart_value = v.daypart_value";
  if (window_.kind == WindowKind::kTumbling) is_known += " AND p.daypart_us = v.daypart_us";
  return ", daypart_values AS MATERIALIZED (SELECT * FROM (" + values(kDeltaRows) + ")" + all +
         "), daypart_seen AS (SELECT *, FALSE AS daypart_is_old FROM daypart_values UNION ALL "
         "SELECT p.*, TRUE FROM (" + values(kSourceRows) + ") AS p SEMI JOIN daypart_values AS v "
         "ON " + is_known + "), daypart_added AS (SELECT daypart_begin" + keys +
         ", CAST(count(*) AS BIGINT) AS daypart_count FROM (SELECT daypart_begin" + keys +
         ", daypart_value FROM (" + FixedWindows("SELECT * FROM daypart_seen") +
         ") GROUP BY daypart_begin, daypart_value" + keys +
         " HAVING NOT bool_or(daypart_is_old)) GROUP BY daypart_begin" + keys + ")";
}

/// A column of the window from its parts: `t` is what came, `old` what was there.
std::string WindowSql::Carried(size_t index) const {
  const CarriedColumn& column = carried_[index];
  const std::string name = QuoteIdentifier(column.name);
  const std::string part = "t." + Part(index);
  const std::string before = "CAST(old." + name + " AS " + column.part_type + ")";
  const auto either = [&](const std::string& both) {
    return "coalesce(" + both + ", " + part + ", " + before + ")";
  };
  switch (column.kind) {
    case CarryKind::kKey:
    case CarryKind::kStart:
    case CarryKind::kEnd:
      return "t." + name;
    case CarryKind::kCount:
    case CarryKind::kSum:
      return either(part + " + " + before);
    case CarryKind::kLeast:
      return either("least(" + part + ", " + before + ")");
    case CarryKind::kGreatest:
      return either("greatest(" + part + ", " + before + ")");
    case CarryKind::kDistinct:
      return "coalesce(" + before + ", 0) + coalesce(a.daypart_count, 0)";
  }
  return "";
}

std::string WindowSql::CarriedChanges() const {
  std::string columns;
  std::string nothing;
  std::string added;
  for (size_t i = 0; i < carried_.size(); ++i) {
    const CarriedColumn& column = carried_[i];
    const std::string name = QuoteIdentifier(column.name);
    const bool is_whole = reads_sessions() && is_part(column);
    columns += ", CAST(" + (is_whole ? "t." + Part(i) : Carried(i)) + " AS " + column.type +
               ") AS " + name;
    nothing += ", CAST(NULL AS " + column.type + ")";
    if (column.kind == CarryKind::kDistinct) added = AddedValues(column);
  }
  const std::string touched =
      "WITH daypart_touched AS MATERIALIZED (SELECT *, epoch_us(window_start) AS daypart_low, "
      "epoch_us(window_end) AS daypart_high FROM " + std::string(Table(kTouchedRows)) +
      " WHERE NOT " + kIsLateColumn + ")";
  if (reads_sessions()) {
    // Touched has put them together already.
    return touched + " SELECT CAST(NULL AS VARCHAR) AS _file, CAST(NULL AS BIGINT) AS _pos, "
           "CAST(2 AS INTEGER) AS _action" + columns +
           " FROM daypart_touched AS t UNION ALL SELECT daypart_old.file, daypart_old.pos, "
           "CAST(0 AS INTEGER)" + nothing + " FROM (SELECT unnest(" + kReplaced +
           ") AS daypart_old FROM daypart_touched)";
  }
  return touched + added + " SELECT CAST(old._file AS VARCHAR) AS _file, old._pos AS _pos, "
         "CAST(CASE WHEN old._pos IS NULL THEN 2 ELSE 1 END AS INTEGER) AS _action" + columns +
         " FROM daypart_touched AS t LEFT JOIN " + Table(kTargetRows) + " AS old ON " +
         KeysMatch("old", "t") + " AND epoch_us(old.window_start) = t.daypart_low" +
         (added.empty() ? "" : " LEFT JOIN daypart_added AS a ON " + KeysMatch("a", "t") +
                                   " AND a.daypart_begin = t.daypart_low");
}

std::string WindowSql::Changes() const {
  if (is_carried()) return CarriedChanges();
  const std::string base = Base(Table(kSourceRows));
  std::string relation;
  std::string is_of_old = KeysMatch("t", "old");
  if (reads_sessions()) {
    relation = Sessions("SELECT r.* FROM (" + base + ") AS r SEMI JOIN daypart_touched AS t ON " +
                        KeysMatch("t", "r") + " AND r.daypart_us >= t.daypart_low AND "
                        "r.daypart_us < t.daypart_high");
    is_of_old += " AND epoch_us(old.window_start) >= t.daypart_low AND "
                 "epoch_us(old.window_start) < t.daypart_high";
  } else {
    relation = "SELECT r.* FROM (" + FixedWindows(base) +
               ") AS r SEMI JOIN daypart_touched AS t ON t.daypart_low = r.daypart_begin" +
               (types_.has_source_keys ? " AND " + KeysMatch("t", "r") : "");
    is_of_old += " AND epoch_us(old.window_start) = t.daypart_low";
  }
  std::string nothing;
  std::string fresh;
  for (const auto& [name, type] : types_.target) {
    const std::string column = QuoteIdentifier(name);
    nothing += ", CAST(NULL AS " + type + ") AS " + column;
    fresh += ", CAST(f." + column + " AS " + type + ")";
  }
  const std::string is_of_fresh = types_.has_source_keys
                                      ? ""
                                      : " SEMI JOIN daypart_touched AS t ON " +
                                            KeysMatch("t", "f") +
                                            " AND epoch_us(f.window_start) = t.daypart_low";
  return "WITH daypart_touched AS MATERIALIZED (SELECT *, epoch_us(window_start) AS daypart_low, "
         "epoch_us(window_end) AS daypart_high FROM " + Table(kTouchedRows) + " WHERE NOT " +
         kIsLateColumn + ") SELECT CAST(old._file AS VARCHAR) AS _file, old._pos AS _pos, "
         "CAST(0 AS INTEGER) AS _action" + nothing + " FROM " + Table(kTargetRows) +
         " AS old SEMI JOIN daypart_touched AS t ON " + is_of_old +
         " UNION ALL SELECT CAST(NULL AS VARCHAR), CAST(NULL AS BIGINT), CAST(2 AS INTEGER)" +
         fresh + " FROM (" + Grouped(relation, true) + ") AS f" + is_of_fresh;
}

std::string WindowSql::LateSessions(const LateQuery& query) const {
  return JudgedRows(query.has_changes, query.floor) +
         " SELECT * EXCLUDE (daypart_us, daypart_is_taken, daypart_is_added" +
         (query.has_changes ? ", _change" : "") + "), " + Time("daypart_us") +
         " AS window_start, " + Time("daypart_us + " + Number(window_.size_micros)) +
         " AS window_end, CAST(1 AS INTEGER) AS late_windows, " + Number(query.snapshot_id) +
         " AS source_snapshot_id, " + Time(Number(query.watermark)) +
         " AS watermark FROM daypart_judged WHERE daypart_is_added AND NOT daypart_is_taken";
}

std::string WindowSql::Late(const LateQuery& query) const {
  if (reads_sessions()) return LateSessions(query);
  const std::string size = Number(window_.size_micros);
  const std::string slide = Number(window_.slide_micros);
  const std::string floor = Number(query.floor);
  return "SELECT * EXCLUDE (daypart_us, daypart_first" +
         std::string(query.has_changes ? ", _change" : "") + "), " + Time("daypart_first") +
         " AS window_start, " + Time("daypart_first + " + size) +
         " AS window_end, CAST(1 + least(" + floor + " - " + size +
         " - daypart_first, daypart_us - daypart_first) // " + slide +
         " AS INTEGER) AS late_windows, " + Number(query.snapshot_id) +
         " AS source_snapshot_id, " + Time(Number(query.watermark)) +
         " AS watermark FROM (SELECT *, " + FirstWindow() + " AS daypart_first FROM (" +
         Base(Table(kDeltaRows)) + ")) WHERE daypart_first + " + size + " <= " + floor +
         (query.has_changes ? std::string(" AND ") + kIsAdded : "");
}

}  // namespace daypart::windows
