// SPDX-License-Identifier: Apache-2.0
//
// A declaration as the statements that keep it: one that computes all windows, and for a step three
// over the rows that changed: which windows these touch, what becomes of the target's rows, which
// rows came too late. Text only. Times are counted in microseconds, so that no calendar is asked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "windows/carried_columns.h"
#include "windows/window_declaration.h"

namespace daypart::windows {

/// Names that the statements read; each occurs once in a statement.
inline constexpr char kWindowDatabase[] = "daypart_window";
inline constexpr char kSourceRows[] = "source";    // of the spans that were touched, or all
inline constexpr char kDeltaRows[] = "delta";      // what a snapshot added and took away
inline constexpr char kTargetRows[] = "target";    // with positions where rows are to go
inline constexpr char kTouchedRows[] = "touched";  // the result of Touched, held in memory
/// Column of Touched and of a delta that has rows taken away as well (see query/snapshot_diff.h).
inline constexpr char kIsLateColumn[] = "daypart_is_late";
inline constexpr char kChangeColumn[] = "_change";
inline constexpr char kZonedType[] = "TIMESTAMP WITH TIME ZONE";

struct WindowTypes {
  std::string time;  // of the time column, as DuckDB names it
  /// Columns of the target and their types.
  std::vector<std::pair<std::string, std::string>> target;
  /// All keys are columns of the source, so that rows can be told apart before they are grouped.
  bool has_source_keys = true;
};

struct LateQuery {
  bool has_changes = false;
  int64_t floor = 0;  // windows that end at it or before do not change any more
  int64_t snapshot_id = 0;
  int64_t watermark = 0;
};

class WindowSql {
 public:
  /// window must outlive this.
  WindowSql(const WindowDeclaration& window, WindowTypes types)
      : window_(window), types_(std::move(types)) {}

  /// For an append: Touched then has the parts that the delta gives to its windows, and Changes
  /// adds them to the target's rows instead of reading the source.
  void CarryOn(std::vector<CarriedColumn> columns) { carried_ = std::move(columns); }
  bool is_carried() const { return !carried_.empty(); }
  /// Changes reads the target.
  bool reads_target() const { return !is_carried() || !reads_sessions(); }
  /// Changes reads the delta and, as the source, the rows of the touched spans that were there
  /// before it.
  bool finds_values() const {
    return std::ranges::any_of(carried_, [](const CarriedColumn& column) {
      return column.kind == CarryKind::kDistinct;
    });
  }

  /// All windows of all rows.
  std::string All() const;
  /// Keys, window_start and window_end of the windows that the delta's rows are of; of sessions the
  /// spans in which they have to be found anew. Those that do not change any more with
  /// kIsLateColumn.
  std::string Touched(bool has_changes, int64_t floor) const;
  /// What lake::ChangeRows takes: the target's touched rows go, computed ones come.
  std::string Changes() const;
  /// The added rows of the delta that missed a window, with all columns.
  std::string Late(const LateQuery& query) const;

  /// Whether Touched and Late read the target as well: its open sessions' keys and times.
  bool reads_sessions() const { return window_.kind == WindowKind::kSession; }

 private:
  std::string Base(const std::string& rows) const;
  std::string FirstWindow() const;
  std::string Timed(const std::string& relation, const std::string& end) const;
  std::string FixedWindows(const std::string& base) const;
  std::string Sessions(const std::string& base) const;
  std::string Grouped(const std::string& relation, bool has_having) const;
  std::string JudgedRows(bool has_changes, int64_t floor) const;
  std::string TouchedSessions(bool has_changes, int64_t floor) const;
  std::string LateSessions(const LateQuery& query) const;
  std::string KeyList() const;
  std::string KeysMatch(const std::string& left, const std::string& right) const;
  std::string Time(const std::string& micros) const;
  std::string EachPart(
      const std::function<std::string(const CarriedColumn&, const std::string&)>& text) const;
  std::string NewParts() const;
  std::string OldParts() const;
  std::string JoinedParts() const;
  std::string Panes(const std::string& rows) const;
  std::string CarriedTouched(int64_t floor) const;
  std::string AddedValues(const CarriedColumn& column) const;
  std::string Carried(size_t index) const;
  std::string CarriedChanges() const;

  const WindowDeclaration& window_;
  WindowTypes types_;
  std::vector<CarriedColumn> carried_;  // empty: touched windows are computed from the source
};

}  // namespace daypart::windows
