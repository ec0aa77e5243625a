// SPDX-License-Identifier: Apache-2.0
//
// Operations that change what the table says of itself: columns, partitioning, refs, history.
#include <algorithm>
#include <utility>

#include "iceberg/schema_update.h"
#include "lake/commit.h"
#include "lake/maintenance.h"
#include "sim/rows_as_batches.h"
#include "sim/simulation.h"

namespace daypart::sim {
namespace {

using Answer = Result<std::optional<iceberg::SnapshotId>>;
using Updates = std::vector<iceberg::TableUpdate>;

/// Runs a change of metadata that makes no snapshot.
template <typename Make>
std::function<Answer(const lake::LakeContext&)> Updating(Make make) {
  return [make](const lake::LakeContext& context) -> Answer {
    DAYPART_RETURN_IF_ERROR(lake::CommitUpdates(context, kTable, make));
    return Answer(std::nullopt);
  };
}

/// Changes the schema by `edit`, on the table as each attempt finds it.
template <typename Edit>
std::function<Answer(const lake::LakeContext&)> Evolving(Edit edit) {
  return Updating([edit](const iceberg::TableMetadata& metadata) -> Result<Updates> {
    iceberg::SchemaUpdate update(metadata);
    DAYPART_RETURN_IF_ERROR(edit(update));
    return Updates{iceberg::AddSchema{update.schema()},
                   iceberg::SetCurrentSchema{iceberg::SchemaId(-1)}};
  });
}

Column* Find(Model& model, int number) {
  const auto found = std::find_if(model.columns.begin(), model.columns.end(),
                                  [&](const Column& column) { return column.number == number; });
  return found == model.columns.end() ? nullptr : &*found;
}

iceberg::SnapshotRef RefTo(int64_t id, iceberg::RefKind kind) {
  iceberg::SnapshotRef ref;
  ref.snapshot_id = iceberg::SnapshotId(id);
  ref.kind = kind;
  return ref;
}

Operation Nothing() {
  return {.name = "nothing",
          .run = [](const lake::LakeContext&) -> Answer { return Answer(std::nullopt); },
          .change = [](Model&) {}};
}

}  // namespace

Operation Simulation::MakeSchemaChange() {
  const Column column = model_.columns[Draw(model_.columns.size())];
  const uint64_t drawn = Draw(4);
  if (drawn == 0 && model_.columns.size() < 8) {
    constexpr ColumnKind kKinds[] = {ColumnKind::kInt, ColumnKind::kLong, ColumnKind::kDouble,
                                     ColumnKind::kText};
    // Names come back after a drop: the new column must not see the old one's values.
    const Column added{.number = model_.next_column,
                       .name = "c" + std::to_string(Draw(4)),
                       .kind = kKinds[Draw(4)]};
    if (model_.Find(added.name) != nullptr) return Nothing();
    return {.name = "add column " + added.name,
            .run = Evolving([added](iceberg::SchemaUpdate& update) {
              return update.Add({.path = {added.name}, .type = TypeOf(added.kind)});
            }),
            .change = [added](Model& model) {
              model.columns.push_back(added);
              model.next_column = added.number + 1;
            }};
  }
  // Of older specs too: files that they partitioned still need the column (decision 0020).
  const bool is_partitioned = model_.specs.find(column.name) != std::string::npos;
  const bool is_basic = column.name == "id" || column.name == "amount" || column.name == "region";
  const bool is_in_use =
      column.name == "id" || is_partitioned || (is_sorted_ && column.name == "amount");
  if (drawn == 1 && !is_in_use) {
    return {.name = "drop column " + column.name,
            .run = Evolving([column](iceberg::SchemaUpdate& update) {
              return update.Drop({column.name});
            }),
            .change = [column](Model& model) {
              std::erase_if(model.columns,
                            [&](const Column& other) { return other.number == column.number; });
            }};
  }
  if (drawn == 2 && column.kind == ColumnKind::kInt) {
    return {.name = "widen column " + column.name,
            .run = Evolving([column](iceberg::SchemaUpdate& update) {
              return update.Widen({column.name}, TypeOf(ColumnKind::kLong));
            }),
            .change = [column](Model& model) {
              if (Column* own = Find(model, column.number)) own->kind = ColumnKind::kLong;
            }};
  }
  if (drawn == 3 && !is_basic) {
    const std::string name = "r" + std::to_string(Draw(3));
    if (model_.Find(name) != nullptr) return Nothing();
    return {.name = "rename column " + column.name + " to " + name,
            .run = Evolving([column, name](iceberg::SchemaUpdate& update) {
              return update.Rename({column.name}, name);
            }),
            .change = [column, name](Model& model) {
              if (Column* own = Find(model, column.number)) own->name = name;
            }};
  }
  return Nothing();
}

Operation Simulation::MakeSpecChange() {
  constexpr const char* kSpecs[] = {"", "region", "bucket(3, id)", "truncate(10, amount)",
                                    "truncate(2, region), bucket(2, id)"};
  const std::string text = kSpecs[Draw(std::size(kSpecs))];
  const auto is_of = [&](const char* name) {
    return text.find(name) != std::string::npos && model_.Find(name) == nullptr;
  };
  if (is_of("region") || is_of("amount")) return Nothing();  // the column was dropped
  return {.name = "partition by '" + text + "'",
          .run = Updating([text](const iceberg::TableMetadata& metadata) -> Result<Updates> {
            DAYPART_TRY(auto spec, iceberg::ParsePartitionSpec(text, metadata.current_schema()));
            return Updates{iceberg::AddPartitionSpec{std::move(spec)},
                           iceberg::SetDefaultSpec{iceberg::SpecId(-1)}};
          }),
          .change = [text](Model& model) {
            model.spec = text;
            model.specs += ';' + text;
          }};
}

Operation Simulation::MakeRollback() {
  // To an ancestor of the current snapshot, as far as the history goes.
  std::vector<int64_t> ancestors;
  for (auto id = model_.current; id && model_.snapshots.contains(*id);
       id = model_.snapshots.at(*id).parent) {
    ancestors.push_back(*id);
  }
  if (ancestors.size() < 2) return Nothing();
  const int64_t target = ancestors[1 + Draw(std::min<size_t>(ancestors.size() - 1, 3))];
  return {.name = "rollback",
          .run = Updating([target](const iceberg::TableMetadata&) -> Result<Updates> {
            return Updates{iceberg::SetSnapshotRef{
                .name = "main", .ref = RefTo(target, iceberg::RefKind::kBranch)}};
          }),
          .change = [target](Model& model) { model.current = target; }};
}

Operation Simulation::MakeRef() {
  const std::string name = "ref" + std::to_string(Draw(3));
  const bool is_known = model_.tags.contains(name) || model_.branches.contains(name);
  if (is_known) {
    return {.name = "drop " + name,
            .run = Updating([name](const iceberg::TableMetadata&) -> Result<Updates> {
              return Updates{iceberg::RemoveSnapshotRef{name}};
            }),
            .change = [name](Model& model) {
              model.tags.erase(name);
              model.branches.erase(name);
            }};
  }
  if (model_.snapshots.empty()) return Nothing();
  auto snapshot = model_.snapshots.begin();
  std::advance(snapshot, static_cast<ptrdiff_t>(Draw(model_.snapshots.size())));
  const int64_t id = snapshot->first;
  const bool is_tag = Draw(2) == 0;
  return {.name = (is_tag ? "tag " : "branch ") + name,
          .run = Updating([=](const iceberg::TableMetadata&) -> Result<Updates> {
            return Updates{iceberg::SetSnapshotRef{
                .name = name,
                .ref = RefTo(id, is_tag ? iceberg::RefKind::kTag : iceberg::RefKind::kBranch)}};
          }),
          .change = [=](Model& model) { (is_tag ? model.tags : model.branches)[name] = id; }};
}

Operation Simulation::MakeExpire() {
  const auto hours = static_cast<int64_t>(2 + Draw(15));
  const auto count = static_cast<int64_t>(1 + Draw(5));
  const auto age = std::chrono::hours(hours) + std::chrono::minutes(30);
  return {.name = "expire older than " + std::to_string(hours) + " h but " + std::to_string(count),
          .run = [age, count](const lake::LakeContext& context) -> Answer {
            DAYPART_TRY(const auto report, lake::ExpireSnapshots(context, kTable,
                                                                 {.age_max = age,
                                                                  .snapshots_min = count}));
            (void)report;
            return Answer(std::nullopt);
          },
          .change = [this, age, count](Model& model) {
            const auto past = std::chrono::duration_cast<std::chrono::microseconds>(age).count();
            const auto kept = model.Kept(clock_.Now().value() - past, count);
            std::erase_if(model.snapshots,
                          [&](const auto& item) { return !kept.contains(item.first); });
          }};
}

Operation Simulation::MakeOrphans() {
  return {.name = "orphans",
          .run = [](const lake::LakeContext& context) -> Answer {
            DAYPART_TRY(const auto report,
                        lake::RemoveOrphans(context, kTable, {.age_min = std::chrono::hours(0)}));
            if (report.files_failed > 0) return Unavailable("orphans could not be deleted");
            return Answer(std::nullopt);
          },
          .change = [](Model&) {}};
}

Operation Simulation::ChooseMetadata(bool is_rival) {
  // Orphan removal counts on its age limit beside writers; here it is zero, so it comes alone.
  const uint64_t drawn = Draw(is_rival ? 22 : 26);
  if (drawn < 6) return MakeSchemaChange();
  if (drawn < 9) return MakeSpecChange();
  if (drawn < 11) return MakeRollback();
  if (drawn < 15) return MakeRef();
  if (drawn < 22) return MakeExpire();
  return MakeOrphans();
}

}  // namespace daypart::sim
