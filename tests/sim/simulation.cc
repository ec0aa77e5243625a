// SPDX-License-Identifier: Apache-2.0
//
// One step: choose an operation, run it in some weather, see what came of it.
#include "sim/simulation.h"

#include <utility>

#include "catalog/fault_catalog.h"
#include "sim/rows_as_batches.h"
#include "store/fault_store.h"
#include "store/memory_store.h"

namespace daypart::sim {
namespace {

constexpr int64_t kStartMicros = 1'763'978'400'000'000;
constexpr char kWarehouse[] = "file:///sim";
/// An hour passes from one operation to the next, far more than the waits between retries take, so
/// that an expiry by age falls between two operations.
constexpr auto kStepTime = std::chrono::hours(1);

}  // namespace

struct Simulation::Weather {
  store::FaultPlan store;
  catalog::CatalogFaultPlan catalog;
  bool has_rival = false;
  bool is_fair() const {
    return store.random_one_in == 0 && !store.dead_from && catalog.random_one_in == 0 && !has_rival;
  }
};

Simulation::Simulation(uint64_t seed, int32_t format_version)
    : chance_(seed),
      format_version_(format_version),
      store_(store::MakeMemoryStore()),
      clock_(UtcMicros(kStartMicros)),
      random_(seed),
      clean_{*store_, catalog_, clock_, random_, cancel_, kWarehouse,
             /*cache=*/nullptr, /*manifest_threads_max=*/1} {}

Simulation::~Simulation() = default;

uint64_t Simulation::Draw(uint64_t below) { return chance_() % below; }

Status Simulation::Create() {
  constexpr ColumnKind kKinds[] = {ColumnKind::kLong, ColumnKind::kText, ColumnKind::kInt,
                                   ColumnKind::kDouble};
  constexpr const char* kNames[] = {"id", "region", "amount", "score"};
  constexpr const char* kSpecs[] = {"",
                                    "region",
                                    "bucket(3, id)",
                                    "truncate(10, amount)",
                                    "truncate(2, region)",
                                    "region, bucket(2, amount)"};
  lake::CreateOptions options;
  for (int i = 0; i < 4; ++i) {
    model_.columns.push_back({.number = i, .name = kNames[i], .kind = kKinds[i]});
    options.schema.fields.push_back({.name = kNames[i], .type = TypeOf(kKinds[i])});
  }
  model_.next_column = 4;
  options.schema = iceberg::AssignFreshIds(std::move(options.schema));
  model_.spec = kSpecs[Draw(std::size(kSpecs))];
  model_.specs = model_.spec;
  DAYPART_TRY(options.spec, iceberg::ParsePartitionSpec(model_.spec, options.schema));
  is_sorted_ = Draw(3) == 0;
  if (is_sorted_) {
    DAYPART_TRY(options.sort_order, iceberg::ParseSortOrder("amount DESC, id", options.schema));
  }
  options.format_version = format_version_;
  // Manifests are merged early, so that a short life sees it often; the log of metadata is short.
  options.properties = {{"commit.manifest.min-count-to-merge", std::to_string(3 + Draw(6))},
                        {"write.metadata.previous-versions-max", "5"}};
  DAYPART_TRY(const auto table, lake::CreateTable(clean_, {"db", "t"}, options));
  (void)table;
  return Check();
}

std::string Simulation::LastOperation() const { return told_; }

Status Simulation::Step() {
  ++step_;
  clock_.Advance(kStepTime);
  rivals_left_ = 1;
  told_ = "op " + std::to_string(step_) + ": ";
  const Operation operation = Choose(/*is_rival=*/false);
  told_ += operation.name;
  DAYPART_RETURN_IF_ERROR(Execute(operation, /*has_faults=*/true));
  return Check();
}

Status Simulation::Execute(const Operation& operation, bool has_faults) {
  Weather weather;
  const uint64_t kind = has_faults ? Draw(10) : 9;
  if (kind < 3) {
    weather.store.random_one_in = 10 + Draw(60);
    weather.store.seed = chance_();
  } else if (kind == 3) {
    weather.store.dead_from = Draw(40);
  }
  if (kind == 2 || kind == 4) {
    weather.catalog.random_one_in = 2 + Draw(4);
    weather.catalog.seed = chance_();
  }
  weather.has_rival = kind == 5 || kind == 2;
  store::FaultStore faulty_store(*store_, weather.store);
  Status rival_status;
  weather.catalog.is_dead = [&] { return faulty_store.is_dead(); };
  if (weather.has_rival) {
    weather.catalog.before_swap = [&] {
      if (rivals_left_-- <= 0) return;
      const Operation rival = Choose(/*is_rival=*/true);
      told_ += "; rival: " + rival.name;
      rival_status = Execute(rival, /*has_faults=*/false);
    };
  }
  catalog::FaultCatalog faulty_catalog(catalog_, weather.catalog);
  const lake::LakeContext context{faulty_store, faulty_catalog, clock_,
                                  random_,      cancel_,        kWarehouse,
                                  /*cache=*/nullptr, /*manifest_threads_max=*/1};
  const auto answer = operation.run(context);
  for (const auto& line : faulty_store.FaultLog()) told_ += "\n    store " + line;
  for (const auto& line : faulty_catalog.FaultLog()) told_ += "\n    " + line;
  if (!answer) told_ += "\n    answer: " + answer.error().message;
  DAYPART_RETURN_IF_ERROR(std::move(rival_status).WithContext("rival"));
  if (!answer && weather.is_fair()) {
    return CorruptData(operation.name + " failed without a fault: " + answer.error().message);
  }
  return Reconcile(operation, answer);
}

void Simulation::Record(int64_t id, const iceberg::TableMetadata& metadata, Rows rows) {
  ModelSnapshot snapshot;
  snapshot.parent = model_.current;
  snapshot.timestamp = metadata.FindSnapshot(iceberg::SnapshotId(id))->timestamp.value();
  snapshot.rows = std::make_shared<const Rows>(std::move(rows));
  model_.snapshots[id] = std::move(snapshot);
  model_.current = id;
}

Status Simulation::Reconcile(const Operation& operation,
                             const Result<std::optional<iceberg::SnapshotId>>& answer) {
  DAYPART_TRY(const lake::LoadedTable table, lake::LoadTable(clean_, {"db", "t"}));
  const auto& metadata = table.metadata;
  const bool is_unknown = !answer && answer.error().code == ErrorCode::kCommitUnknown;
  has_just_cleaned_ = operation.name == "orphans" && answer;
  if (operation.change) {
    Model next = model_;
    operation.change(next);
    const Status is_done = CheckMetadata(next, metadata);
    if (is_done && (answer || is_unknown)) {
      model_ = std::move(next);
      return Ok();
    }
    if (answer) return Status(is_done).WithContext("after a change that was said to be done");
    return CheckMetadata(model_, metadata).WithContext("after a change that was refused");
  }
  std::optional<int64_t> current;
  if (metadata.current_snapshot_id) current = metadata.current_snapshot_id->value();
  if (current == model_.current) {
    if (!answer) return Ok();
    if (answer->has_value()) return CorruptData("a snapshot was reported that the table lacks");
    const Rows after = operation.effect(model_.rows());
    if (TextOf(after, model_.columns) == TextOf(model_.rows(), model_.columns)) return Ok();
    return CorruptData("nothing was committed, although rows were to change");
  }
  if (!answer && !is_unknown) {
    return CorruptData("an error was reported, but the table has a new snapshot: " +
                       answer.error().message);
  }
  const auto* snapshot = metadata.current_snapshot();
  std::optional<int64_t> parent;
  if (snapshot->parent_id) parent = snapshot->parent_id->value();
  if (parent != model_.current) return CorruptData("the new snapshot is built on another one");
  if (answer && answer->has_value() && (*answer)->value() != *current) {
    return CorruptData("another snapshot was reported than the table has");
  }
  Record(*current, metadata, operation.effect(model_.rows()));
  return Ok();
}

}  // namespace daypart::sim
