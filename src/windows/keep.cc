// SPDX-License-Identifier: Apache-2.0
//
// Load both tables, decide what is next, do it in one commit, and again. The decision is made from
// what the tables say alone: nothing is remembered between two steps.
#include "windows/keep.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "ingest/limits.h"
#include "lake/arrow_schema.h"
#include "lake/batch_list.h"
#include "lake/change_rows.h"
#include "lake/table_scan.h"
#include "query/engine.h"
#include "windows/carried_columns.h"
#include "windows/late_rows.h"
#include "windows/limits.h"
#include "windows/source_changes.h"
#include "windows/touched_windows.h"
#include "windows/window_shape.h"
#include "windows/window_sql.h"

namespace daypart::windows {
namespace {

using iceberg::Expression;
using lake::LoadedTable;

/// Both tables as loaded, and what follows from them.
struct Standing {
  std::string waits_for;
  std::optional<LoadedTable> source;
  std::optional<LoadedTable> target;
  SourceShape shape;
  std::string state_text;
  std::optional<WindowState> state;
  std::string rebuild_because;
  std::vector<const iceberg::Snapshot*> since;  // of *source
};

/// Why the target has to be made anew; empty if it goes on from its state.
std::string RebuildReason(const WindowDeclaration& window, const Standing& standing) {
  const WindowState& state = *standing.state;
  const auto& source = standing.source->metadata;
  if (state.fingerprint != window.fingerprint) return "its declaration changed";
  if (state.source_uuid != source.table_uuid) return "its source is another table by now";
  if (SnapshotsSince(source, state.snapshot_id)) return "";
  if (source.FindSnapshot(state.snapshot_id) != nullptr) return "its source was rolled back";
  return "snapshots of its source expired before they were taken in";
}

Result<Standing> LookAt(const lake::LakeContext& context, const WindowDeclaration& window) {
  Standing standing;
  auto source = lake::LoadTable(context, window.source);
  if (!source && source.error().code != ErrorCode::kNotFound) return std::move(source).error();
  if (!source || source->metadata.current_snapshot() == nullptr) {
    standing.waits_for = "rows of " + ToString(window.source);
  } else {
    standing.source = *std::move(source);
    DAYPART_TRY(standing.shape, ShapeOf(window, standing.source->metadata.current_schema(),
                                        standing.waits_for));
  }
  auto target = lake::LoadTable(context, window.target);
  if (!target && target.error().code != ErrorCode::kNotFound) return std::move(target).error();
  if (!target) {
    standing.rebuild_because = "it is new";
    return standing;
  }
  standing.target = *std::move(target);
  DAYPART_TRY(standing.state_text, StateText(standing.target->metadata));
  if (standing.state_text.empty()) {
    if (standing.target->metadata.current_snapshot() != nullptr) {
      return InvalidArgument("table " + ToString(window.target) + " is there already and holds "
                             "rows that no window put there; name another -- target:, or drop it");
    }
    standing.rebuild_because = "it is new";
    return standing;
  }
  DAYPART_TRY(standing.state, StateFromJson(standing.state_text));
  if (!standing.waits_for.empty()) return standing;
  standing.rebuild_because = RebuildReason(window, standing);
  if (standing.rebuild_because.empty()) {
    standing.since = *SnapshotsSince(standing.source->metadata, standing.state->snapshot_id);
  }
  return standing;
}

class Keeper {
 public:
  Keeper(const lake::LakeContext& context, catalog::RawCatalog& raw,
         const WindowDeclaration& window, const KeepOptions& options)
      : context_(context), raw_(raw), window_(window), options_(options) {}

  Result<KeepReport> Run() {
    bool wants_refresh = options_.is_full_refresh;
    for (int failures = 0;;) {
      DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
      DAYPART_TRY(Standing standing, LookAt(context_, window_));
      report_.state = standing.state;
      report_.waits_for = standing.waits_for;
      if (!standing.waits_for.empty()) return report_;
      if (wants_refresh) standing.rebuild_because = "it was asked for";
      auto advanced = Advance(standing);
      if (advanced) {
        wants_refresh = false;
        failures = 0;
        if (!*advanced) return report_;
        continue;
      }
      // Another keeper or a compaction was first: what they left is looked at anew.
      const bool is_lost = advanced.error().code == ErrorCode::kConflict;
      if (!is_lost || ++failures == kAttemptsMax) return std::move(advanced).error();
    }
  }

 private:
  /// returns: false if there was nothing to do.
  Result<bool> Advance(const Standing& standing) {
    if (!standing.rebuild_because.empty()) return Rebuild(standing, standing.rebuild_because);
    const auto next = std::ranges::find_if(standing.since, [](const auto* snapshot) {
      return KindOf(*snapshot) != ChangeKind::kNone;
    });
    if (next == standing.since.end()) return Idle(standing);
    auto stepped = Step(standing, **next);
    if (stepped || stepped.error().code != ErrorCode::kResourceExhausted) return stepped;
    return Rebuild(standing, stepped.error().message);
  }

  /// The state after the source's snapshot that `source` is at. files: what it added.
  Result<WindowState> StateAt(const LoadedTable& source, const SourceShape& shape,
                              const std::optional<WindowState>& before,
                              const lake::ScanPlan& files) const {
    const iceberg::Snapshot& snapshot = *source.metadata.current_snapshot();
    WindowState state{.fingerprint = window_.fingerprint,
                      .source_uuid = source.metadata.table_uuid,
                      .snapshot_id = snapshot.id,
                      .watermark = before ? before->watermark : std::nullopt,
                      .late_rows = before ? before->late_rows : 0};
    // The snapshot's own time, not the clock's: however late it is looked at, the same comes out.
    std::optional<UtcMicros> reached;
    if (has_streams(source.metadata)) {
      DAYPART_TRY(reached, StreamWatermark(context_, source.metadata, snapshot.timestamp,
                                           window_.idle_ms));
    } else {
      const UtcMicros limit(snapshot.timestamp.value() + ingest::kSkewMicrosMax);
      DAYPART_TRY(reached, GreatestTime(context_, source, files, shape.time_column, limit));
    }
    if (reached && (!state.watermark || *reached > *state.watermark)) state.watermark = reached;
    return state;
  }

  /// An engine removes its folder when it ends, so each has one of its own.
  query::EngineOptions EngineOf() const {
    query::EngineOptions engine = options_.engine;
    if (!options_.spill_directory.empty()) {
      engine.spill_directory = options_.spill_directory + '/' + NewUuid(context_.random);
    }
    return engine;
  }

  lake::WriteOptions WriteOf(const WindowState& state, const std::string& state_text) const {
    lake::WriteOptions write = options_.write;
    write.summary = StateEntries(state, window_.lateness_micros);
    write.properties = write.summary;
    write.commits_empty = true;
    write.check = [state_text](const iceberg::TableMetadata& now) -> Status {
      DAYPART_TRY(const std::string text_there, StateText(now));
      if (text_there == state_text) return Ok();
      return Conflict("another keeper was first");
    };
    return write;
  }

  Result<bool> Rebuild(const Standing& standing, const std::string& reason) {
    const LoadedTable& source = *standing.source;
    DAYPART_TRY(const auto plan, lake::PlanScan(context_, source, Expression::True()));
    // Late rows that are kept stay kept, so that they go on being counted.
    std::optional<WindowState> counted;
    if (standing.state) counted = WindowState{.late_rows = standing.state->late_rows};
    DAYPART_TRY(const WindowState state, StateAt(source, standing.shape, counted, plan));
    WindowSql sql(window_, {.time = standing.shape.time_type, .target = {}});
    DAYPART_TRY(const auto rows, lake::OpenScan(context_, source, plan, standing.shape.columns));
    DAYPART_TRY(const auto engine, query::OpenEngine(context_, raw_, EngineOf()));
    DAYPART_RETURN_IF_ERROR(engine->Bind({kWindowDatabase, kSourceRows}, *rows));
    // Like those that change a table, a statement whose rows may come in any order: it needs less.
    DAYPART_TRY(const auto windows, engine->QueryPositions(sql.All(), source));
    DAYPART_TRY(const auto target, EnsureTarget(context_, window_, *windows->schema()));
    Log(standing.state ? LogLevel::kWarning : LogLevel::kInfo,
        "window " + window_.name + ": " + ToString(window_.target) + " is computed from all rows " +
            "of " + ToString(window_.source) + ", because " + reason);
    DAYPART_TRY(const auto committed,
                lake::Overwrite(context_, target.name, *windows,
                                WriteOf(state, standing.state_text)));
    Reported(state, committed);
    report_.rebuilt_because = reason;
    return true;
  }

  void Reported(const WindowState& state, const lake::CommitResult& committed) {
    report_.state = state;
    report_.rows_written += committed.rows_added;
    ++report_.steps;
  }

  /// Nothing changed: the state moves on over compactions and shards that fell idle.
  Result<bool> Idle(const Standing& standing) {
    const auto& source = standing.source->metadata;
    WindowState state = *standing.state;
    state.snapshot_id = *source.current_snapshot_id;
    if (has_streams(source)) {
      DAYPART_TRY(const auto reached,
                  StreamWatermark(context_, source, context_.clock.Now(), window_.idle_ms));
      if (reached && (!state.watermark || *reached > *state.watermark)) state.watermark = reached;
    }
    if (state == *standing.state) return false;
    DAYPART_RETURN_IF_ERROR(CommitState(*standing.target, state, standing.state_text));
    return true;
  }

  Status CommitState(const LoadedTable& target, const WindowState& state,
                     const std::string& state_text) {
    DAYPART_TRY(const auto schema, lake::ToArrowSchema(target.metadata.current_schema()));
    lake::BatchList none(schema);
    DAYPART_TRY(const auto committed,
                lake::Append(context_, target.name, none, WriteOf(state, state_text)));
    Reported(state, committed);
    return Ok();
  }

  /// Takes one snapshot of the source in.
  Result<bool> Step(const Standing& standing, const iceberg::Snapshot& snapshot) {
    const LoadedTable source = AtSnapshot(*standing.source, snapshot.id);
    const LoadedTable& target = *standing.target;
    const int64_t floor = FloorOf(*standing.state, window_.lateness_micros);
    DAYPART_TRY(const auto files, AddedFiles(context_, source));
    DAYPART_TRY(WindowState state, StateAt(source, standing.shape, standing.state, files));
    DAYPART_TRY(const WindowTypes types,
                TypesOf(window_, standing.shape, target.metadata.current_schema()));
    WindowSql sql(window_, types);
    if (KindOf(snapshot) == ChangeKind::kAppend && snapshot.parent_id) {
      auto carried = CarriedColumns(window_, source.metadata.current_schema(),
                                    target.metadata.current_schema());
      if (carried) sql.CarryOn(*std::move(carried));
    }
    DAYPART_TRY(const auto engine, query::OpenEngine(context_, raw_, EngineOf()));
    DAYPART_TRY(auto delta, Delta::Open(context_, raw_, EngineOf(), source,
                                        standing.shape.columns));
    DAYPART_RETURN_IF_ERROR(engine->Bind({kWindowDatabase, kDeltaRows}, delta.rows()));
    DAYPART_TRY(const auto sessions, OpenSessions(target, floor, sql.is_carried()));
    if (sql.reads_sessions()) {
      DAYPART_RETURN_IF_ERROR(engine->Bind({kWindowDatabase, kTargetRows}, *sessions));
    }
    std::optional<TouchedWindows> touched;
    {
      DAYPART_TRY(const auto found, engine->Query(sql.Touched(delta.has_changes(), floor)));
      DAYPART_TRY(auto gathered, GatherTouched(*found));
      touched.emplace(std::move(gathered));
    }
    if (touched->has_late) {
      const LateQuery late{.has_changes = delta.has_changes(),
                           .floor = floor,
                           .snapshot_id = snapshot.id.value(),
                           .watermark = standing.state->watermark->value()};
      DAYPART_TRY(const int64_t count, KeepLate(source, target, sql, late));
      state.late_rows += count;
      report_.late_rows += count;
    }
    if (touched->open_count == 0) {
      DAYPART_RETURN_IF_ERROR(CommitState(target, state, standing.state_text));
      return true;
    }
    DAYPART_RETURN_IF_ERROR(Put({source, target, standing.shape, sql, *engine}, *touched, state,
                                standing.state_text));
    return true;
  }

  struct StepParts {
    const LoadedTable& source;
    const LoadedTable& target;
    const SourceShape& shape;
    const WindowSql& sql;
    query::Engine& engine;
  };

  /// Replaces the touched windows in the target.
  Status Put(const StepParts& parts, TouchedWindows& touched, const WindowState& state,
             const std::string& state_text) {
    DAYPART_TRY(const auto source_rows, SourceRows(parts, touched));
    std::optional<Delta> delta;
    if (parts.sql.finds_values()) {
      DAYPART_TRY(delta, Delta::Open(context_, raw_, EngineOf(), parts.source,
                                     parts.shape.columns));
      DAYPART_RETURN_IF_ERROR(parts.engine.Bind({kWindowDatabase, kDeltaRows}, delta->rows()));
    }
    DAYPART_TRY(const auto target_rows, TargetRows(parts, touched));
    if (source_rows != nullptr) {
      DAYPART_RETURN_IF_ERROR(parts.engine.Bind({kWindowDatabase, kSourceRows}, *source_rows));
    }
    if (target_rows != nullptr) {
      DAYPART_RETURN_IF_ERROR(parts.engine.Bind({kWindowDatabase, kTargetRows}, *target_rows));
    }
    DAYPART_RETURN_IF_ERROR(parts.engine.Bind({kWindowDatabase, kTouchedRows}, *touched.rows));
    DAYPART_TRY(const auto changes,
                parts.engine.QueryPositions(parts.sql.Changes(), parts.target));
    lake::ChangeOptions change;
    DAYPART_TRY(change.mode, lake::ChangeModeOf(parts.target.metadata, "write.merge.mode"));
    DAYPART_TRY(const auto committed,
                lake::ChangeRows(context_, parts.target, *changes, change,
                                 WriteOf(state, state_text)));
    Reported(state, committed);
    Log(LogLevel::kInfo, "window " + window_.name + ": " + std::to_string(touched.open_count) +
                             " windows touched by snapshot " +
                             std::to_string(state.snapshot_id.value()) + " of " +
                             ToString(window_.source));
    return Ok();
  }

  /// The source's rows of the touched spans that Changes reads: all; where windows are carried on
  /// those of the snapshot before, or none (null).
  Result<std::unique_ptr<source::BatchSource>> SourceRows(const StepParts& parts,
                                                          const TouchedWindows& touched) const {
    if (parts.sql.is_carried() && !parts.sql.finds_values()) {
      return std::unique_ptr<source::BatchSource>();
    }
    const LoadedTable source =
        parts.sql.is_carried()
            ? AtSnapshot(parts.source, *parts.source.metadata.current_snapshot()->parent_id)
            : parts.source;
    const Expression in_source = WithinSpans(touched.spans, parts.shape.time_field);
    DAYPART_TRY(auto plan, lake::PlanScan(context_, source, in_source));
    return lake::OpenScanWhere(context_, source, std::move(plan), parts.shape.columns, false,
                               in_source);
  }

  /// The target's rows of the touched spans, with positions; null if Changes reads none.
  Result<std::unique_ptr<source::BatchSource>> TargetRows(const StepParts& parts,
                                                          const TouchedWindows& touched) const {
    if (!parts.sql.reads_target()) return std::unique_ptr<source::BatchSource>();
    const auto& schema = parts.target.metadata.current_schema();
    const auto* start = schema.FindField(std::string_view("window_start"));
    if (start == nullptr) return InvalidArgument("column window_start is expected in the target");
    const Expression in_target = WithinSpans(touched.spans, start->id);
    DAYPART_TRY(auto plan, lake::PlanScan(context_, parts.target, in_target));
    return lake::OpenScanWhere(context_, parts.target, std::move(plan),
                               TargetColumns(schema, parts.sql.is_carried()), true, in_target);
  }

  /// Columns that tell which window a row is of, or all.
  std::vector<std::string> TargetColumns(const iceberg::Schema& schema, bool has_all) const {
    std::vector<std::string> columns;
    for (const auto& field : schema.fields) {
      const bool is_key = std::ranges::find(window_.keys, field.name) != window_.keys.end();
      if (has_all || is_key || field.name == "window_start" || field.name == "window_end") {
        columns.push_back(field.name);
      }
    }
    return columns;
  }

  /// The target's sessions that may still change; nothing of it for other windows.
  Result<std::unique_ptr<source::BatchSource>> OpenSessions(const LoadedTable& target,
                                                            int64_t floor, bool has_all) const {
    const auto& schema = target.metadata.current_schema();
    const auto* end = schema.FindField(std::string_view("window_end"));
    if (end == nullptr) return InvalidArgument("column window_end is expected in the target");
    const Expression is_open =
        Expression::Compare(iceberg::ExpressionKind::kGreater, end->id, floor);
    DAYPART_TRY(auto plan, lake::PlanScan(context_, target, is_open));
    return lake::OpenScanWhere(context_, target, std::move(plan), TargetColumns(schema, has_all),
                               /*with_positions=*/has_all, is_open);
  }

  /// The delta is read once more, with all its columns: late rows are few or none.
  Result<int64_t> KeepLate(const LoadedTable& source, const LoadedTable& target,
                           const WindowSql& sql, const LateQuery& late) {
    DAYPART_TRY(const auto engine, query::OpenEngine(context_, raw_, EngineOf()));
    DAYPART_TRY(auto delta, Delta::Open(context_, raw_, EngineOf(), source, {}));
    DAYPART_RETURN_IF_ERROR(engine->Bind({kWindowDatabase, kDeltaRows}, delta.rows()));
    DAYPART_TRY(const auto sessions, OpenSessions(target, late.floor, sql.is_carried()));
    if (sql.reads_sessions()) {
      DAYPART_RETURN_IF_ERROR(engine->Bind({kWindowDatabase, kTargetRows}, *sessions));
    }
    DAYPART_TRY(const auto rows, engine->Query(sql.Late(late)));
    return KeepLateRows(context_, window_, source, *rows, options_.write);
  }

  const lake::LakeContext& context_;
  catalog::RawCatalog& raw_;
  const WindowDeclaration& window_;
  const KeepOptions& options_;
  KeepReport report_;
};

/// Puts the SELECT to a source of the same columns without rows: what is refused then is the
/// SELECT's fault, most often for a renamed column, and not a row's.
Status CheckSelect(const lake::LakeContext& context, catalog::RawCatalog& raw,
                   const WindowDeclaration& window, const KeepOptions& options) {
  const auto standing = LookAt(context, window);
  if (!standing || !standing->waits_for.empty()) return Ok();
  DAYPART_TRY(const auto schema,
              lake::ToArrowSchema(standing->source->metadata.current_schema()));
  lake::BatchList none(schema);
  DAYPART_TRY(const auto engine, query::OpenEngine(context, raw, options.engine));
  DAYPART_RETURN_IF_ERROR(engine->Bind({kWindowDatabase, kSourceRows}, none));
  const WindowSql sql(window, {.time = standing->shape.time_type, .target = {}});
  DAYPART_TRY(const auto rows, engine->Query(sql.All()));
  return Ok();
}

}  // namespace

Result<KeepReport> KeepWindow(const lake::LakeContext& context, catalog::RawCatalog& raw,
                              const WindowDeclaration& window, const KeepOptions& options) {
  auto report = Keeper(context, raw, window, options).Run();
  if (report) return report;
  Error error = std::move(report).error();
  if (error.code == ErrorCode::kInvalidArgument) {
    if (auto fit = CheckSelect(context, raw, window, options); !fit) {
      error.message = "its SELECT in windows/" + window.name +
                      ".sql does not fit the columns that " + ToString(window.source) +
                      " has now; change either (the window's table stays as it is until then and "
                      "takes in what it missed): " + fit.error().message;
    }
  }
  return std::move(error).WithContext("window " + window.name);
}

Result<WindowStanding> StandingOf(const lake::LakeContext& context,
                                  const WindowDeclaration& window) {
  auto looked = LookAt(context, window);
  if (!looked) return std::move(looked).error().WithContext("window " + window.name);
  WindowStanding standing{.waits_for = looked->waits_for,
                          .state = looked->state,
                          .snapshots_behind = std::nullopt,
                          .lag_micros = std::nullopt};
  if (looked->waits_for.empty() && looked->rebuild_because.empty()) {
    standing.snapshots_behind = static_cast<int64_t>(looked->since.size());
  }
  if (looked->state && looked->state->watermark) {
    standing.lag_micros = context.clock.Now().value() - looked->state->watermark->value();
  }
  return standing;
}

}  // namespace daypart::windows
