// SPDX-License-Identifier: Apache-2.0
//
// Operations that change rows, and how they are drawn.
#include <cmath>
#include <utility>

#include "lake/change_rows.h"
#include "lake/maintenance.h"
#include "sim/rows_as_batches.h"
#include "sim/simulation.h"

namespace daypart::sim {
namespace {

using Answer = Result<std::optional<iceberg::SnapshotId>>;

/// A file has several row groups and a write several files, though rows are few.
lake::WriteOptions SmallFiles(uint64_t drawn) {
  lake::WriteOptions options;
  options.threads_count = 1;
  options.row_group_rows = static_cast<int64_t>(3 + drawn % 11);
  if (drawn % 3 == 0) options.file_bytes_target = 1;
  return options;
}

Answer AnswerOf(Result<lake::CommitResult> result) {
  if (!result) return std::move(result).error();
  return Answer(result->snapshot_id);
}

struct FoundRows {
  lake::LoadedTable table;
  iceberg::Expression filter;
  ReadRows read;
};

/// The rows for which the predicate holds, found as an engine would: pruned, read, filtered.
Result<FoundRows> FindRows(const lake::LakeContext& context, const std::vector<Column>& columns,
                           const Predicate& predicate) {
  FoundRows found;
  DAYPART_TRY(found.table, lake::LoadTable(context, kTable));
  found.filter = ExpressionOf(predicate, columns, found.table.metadata.current_schema());
  DAYPART_TRY(auto plan, lake::PlanScan(context, found.table, found.filter));
  DAYPART_TRY(const ReadRows read,
              ReadPlan(context, found.table, std::move(plan), columns, /*has_places=*/true));
  for (size_t i = 0; i < read.rows.size(); ++i) {
    if (!predicate.Holds(read.rows[i])) continue;
    found.read.rows.push_back(read.rows[i]);
    found.read.places.push_back(read.places[i]);
  }
  return found;
}

lake::ChangeMode ModeOf(uint64_t drawn, int32_t format_version) {
  const bool is_on_read = format_version >= 2 && drawn % 2 == 0;
  return is_on_read ? lake::ChangeMode::kMergeOnRead : lake::ChangeMode::kCopyOnWrite;
}

}  // namespace

Value Simulation::RandomValue(const Column& column) {
  static const std::vector<std::string> kTexts = {
      "",      "north", "northern lights, long",   "south",
      "zürich", "east",  "éééééééééééééééééééé",
      "a/b=c", "\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF"
               "\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF"
               "\U0010FFFF"};
  static const std::vector<double> kReals = {0.0, -0.0, 1.5, -2.25, 1e300, std::nan(""),
                                             INFINITY, -INFINITY};
  switch (column.kind) {
    case ColumnKind::kInt: return static_cast<int64_t>(Draw(60)) - 30;
    case ColumnKind::kLong:
      if (column.name == "id") {
        const bool is_new = Draw(3) > 0;
        return is_new ? next_id_++ : static_cast<int64_t>(Draw(static_cast<uint64_t>(next_id_)));
      }
      return static_cast<int64_t>(Draw(60)) * 1'000'000'000'000 - 30;
    case ColumnKind::kDouble: return kReals[Draw(kReals.size())];
    case ColumnKind::kText: break;
  }
  return kTexts[Draw(kTexts.size())];
}

Rows Simulation::RandomRows(size_t count_max) {
  Rows rows(1 + Draw(count_max));
  for (Row& row : rows) {
    for (const Column& column : model_.columns) {
      if (Draw(8) > 0) row[column.number] = RandomValue(column);
    }
  }
  return rows;
}

Predicate Simulation::RandomPredicate(int depth) {
  Predicate predicate;
  if (depth > 0 && Draw(3) == 0) {
    constexpr Predicate::Kind kKinds[] = {Predicate::Kind::kAnd, Predicate::Kind::kOr,
                                          Predicate::Kind::kNot};
    predicate.kind = kKinds[Draw(3)];
    const int count = predicate.kind == Predicate::Kind::kNot ? 1 : 2;
    for (int i = 0; i < count; ++i) predicate.operands.push_back(RandomPredicate(depth - 1));
    return predicate;
  }
  const Column& column = model_.columns[Draw(model_.columns.size())];
  constexpr Predicate::Kind kLeaves[] = {
      Predicate::Kind::kEqual,  Predicate::Kind::kNotEqual,  Predicate::Kind::kLess,
      Predicate::Kind::kIsNull, Predicate::Kind::kIsNotNull, Predicate::Kind::kGreaterOrEqual,
      Predicate::Kind::kIn};
  predicate.kind = kLeaves[Draw(std::size(kLeaves))];
  if (column.kind == ColumnKind::kDouble && Draw(5) == 0) predicate.kind = Predicate::Kind::kIsNan;
  if (column.kind == ColumnKind::kText && Draw(5) == 0) {
    predicate.kind = Predicate::Kind::kStartsWith;
  }
  predicate.column = column.number;
  const bool has_value = predicate.kind != Predicate::Kind::kIsNull &&
                         predicate.kind != Predicate::Kind::kIsNotNull &&
                         predicate.kind != Predicate::Kind::kIsNan;
  const uint64_t count = !has_value ? 0 : predicate.kind == Predicate::Kind::kIn ? 1 + Draw(3) : 1;
  const int64_t next_id = next_id_;  // looking for rows is to use up no ids
  for (uint64_t i = 0; i < count; ++i) predicate.values.push_back(RandomValue(column));
  next_id_ = next_id;
  return predicate;
}

Operation Simulation::MakeAppend() {
  const Rows rows = RandomRows(8);
  const auto options = SmallFiles(chance_());
  const auto columns = model_.columns;
  const size_t half = rows.size() / 2;
  return {.name = "append " + std::to_string(rows.size()) + " rows",
          .run = [=](const lake::LakeContext& context) {
            const Rows first(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(half));
            const Rows second(rows.begin() + static_cast<ptrdiff_t>(half), rows.end());
            const auto source = SourceOf({BatchOf(first, columns), BatchOf(second, columns)});
            return AnswerOf(lake::Append(context, kTable, *source, options));
          },
          .effect =
              [rows](Rows table) {
                table.insert(table.end(), rows.begin(), rows.end());
                return table;
              }};
}

Operation Simulation::MakeOverwrite() {
  const Rows rows = RandomRows(10);
  const auto options = SmallFiles(chance_());
  return {.name = "overwrite by " + std::to_string(rows.size()) + " rows",
          .run =
              [rows, options, columns = model_.columns](const lake::LakeContext& context) {
                const auto source = SourceOf({BatchOf(rows, columns)});
                return AnswerOf(lake::Overwrite(context, kTable, *source, options));
              },
          .effect = [rows](const Rows&) { return rows; }};
}

Operation Simulation::MakeMerge() {
  const Rows rows = RandomRows(8);
  const auto options = SmallFiles(chance_());
  const bool inserts_only = Draw(3) == 0;
  return {.name = std::string("merge ") + (inserts_only ? "(inserts only) " : "") +
                  std::to_string(rows.size()) + " rows",
          .run =
              [=, columns = model_.columns](const lake::LakeContext& context) {
                const auto source = SourceOf({BatchOf(rows, columns)});
                return AnswerOf(lake::Merge(
                    context, kTable, *source,
                    {.key_columns = {"id"}, .inserts_only = inserts_only}, options));
              },
          .effect =
              [rows, inserts_only, key = model_.Find("id")->number](const Rows& table) {
                return Merged(table, rows, key, inserts_only);
              }};
}

Operation Simulation::MakeDelete() {
  const Predicate predicate = RandomPredicate(1);
  const auto mode = ModeOf(chance_(), format_version_);
  const auto options = SmallFiles(chance_());
  return {.name = mode == lake::ChangeMode::kMergeOnRead ? "delete (on read)" : "delete (on write)",
          .run =
              [=, columns = model_.columns](const lake::LakeContext& context) -> Answer {
                DAYPART_TRY(const FoundRows found, FindRows(context, columns, predicate));
                if (found.read.places.empty()) return Answer(std::nullopt);
                const auto source = SourceOf({BatchOf({}, {}, found.read.places)});
                return AnswerOf(lake::ChangeRows(context, found.table, *source,
                                                 {.mode = mode, .filter = found.filter}, options));
              },
          .effect =
              [predicate](Rows table) {
                std::erase_if(table, [&](const Row& row) { return predicate.Holds(row); });
                return table;
              }};
}

Operation Simulation::MakeUpdate() {
  const Predicate predicate = RandomPredicate(1);
  const auto mode = ModeOf(chance_(), format_version_);
  const auto options = SmallFiles(chance_());
  const Column column = model_.columns[Draw(model_.columns.size())];
  const Value value = RandomValue(column);
  const auto change = [predicate, column, value](Rows rows) {
    for (Row& row : rows) {
      if (predicate.Holds(row)) row[column.number] = value;
    }
    return rows;
  };
  return {.name = mode == lake::ChangeMode::kMergeOnRead ? "update (on read)" : "update (on write)",
          .run =
              [=, columns = model_.columns](const lake::LakeContext& context) -> Answer {
                DAYPART_TRY(const FoundRows found, FindRows(context, columns, predicate));
                if (found.read.places.empty()) return Answer(std::nullopt);
                const auto source =
                    SourceOf({BatchOf(change(found.read.rows), columns, found.read.places)});
                return AnswerOf(lake::ChangeRows(context, found.table, *source,
                                                 {.mode = mode, .filter = found.filter}, options));
              },
          .effect = change};
}

Operation Simulation::MakeCompact() {
  lake::CompactOptions options;
  options.write = SmallFiles(1 + 3 * Draw(100));
  options.files_min = static_cast<int64_t>(2 + Draw(2));
  return {.name = "compact",
          .run = [options](const lake::LakeContext& context) -> Answer {
            DAYPART_TRY(const auto report, lake::Compact(context, kTable, options));
            return Answer(report.snapshot_id);
          },
          .effect = [](Rows table) { return table; }};
}

/// Mostly appends and changes, so that there is something to maintain.
Operation Simulation::Choose(bool is_rival) {
  const uint64_t drawn = Draw(100);
  if (drawn < 22) return MakeAppend();
  if (drawn < 25) return MakeOverwrite();
  if (drawn < 37) return MakeMerge();
  if (drawn < 47) return MakeDelete();
  if (drawn < 60) return MakeUpdate();
  if (drawn < 74) return MakeCompact();
  return ChooseMetadata(is_rival);
}

}  // namespace daypart::sim
