// SPDX-License-Identifier: Apache-2.0
//
// Simulation: a table in memory that lives through random operations with faults of store and
// catalog, beside a model of it. After each operation the two must agree and everything that the
// table promises must hold. One seed gives one run: the same operations, faults and outcome.
//
// What an operation may do is decided by what it says: success means done, an error means that the
// table is as it was, and only kCommitUnknown leaves both possible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/memory_catalog.h"
#include "lake/table.h"
#include "sim/table_model.h"
#include "store/object_store.h"

namespace daypart::sim {

/// The table that it all happens to.
inline const catalog::TableName kTable{"db", "t"};

/// One step of the table's life.
struct Operation {
  std::string name;
  /// Does it. returns: the snapshot that it says it made, if it made one.
  std::function<Result<std::optional<iceberg::SnapshotId>>(const lake::LakeContext&)> run;
  /// Of operations that make a snapshot: what it makes of the rows it is built on.
  std::function<Rows(const Rows&)> effect;
  /// Of the others: what they make of the model.
  std::function<void(Model&)> change;
};

class Simulation {
 public:
  /// format_version: of the table at its beginning.
  Simulation(uint64_t seed, int32_t format_version);
  ~Simulation();

  Status Create();
  /// The next operation and all checks. errors: kCorruptData telling what does not hold.
  Status Step();
  /// "op 17: append 3 rows", and the faults it met, for messages.
  std::string LastOperation() const;
  const Model& model() const { return model_; }
  /// The table's world without faults.
  const lake::LakeContext& clean() const { return clean_; }

 private:
  struct Weather;  // the faults of one operation

  // operations.cc
  /// is_rival: one that may come in the midst of another operation.
  Operation Choose(bool is_rival);
  Operation ChooseMetadata(bool is_rival);
  Operation MakeAppend();
  Operation MakeOverwrite();
  Operation MakeMerge();
  Operation MakeDelete();
  Operation MakeUpdate();
  Operation MakeCompact();
  Operation MakeExpire();
  Operation MakeOrphans();
  Operation MakeSchemaChange();
  Operation MakeSpecChange();
  Operation MakeRollback();
  Operation MakeRef();
  Rows RandomRows(size_t count_max);
  Value RandomValue(const Column& column);
  Predicate RandomPredicate(int depth);
  uint64_t Draw(uint64_t below);

  // simulation.cc
  Status Execute(const Operation& operation, bool has_faults);
  /// Brings the model to what the table shows, if the operation's answer allows it.
  Status Reconcile(const Operation& operation,
                   const Result<std::optional<iceberg::SnapshotId>>& answer);
  void Record(int64_t snapshot, const iceberg::TableMetadata& metadata, Rows rows);

  // checks.cc
  Status Check();
  Status CheckMetadata(const Model& model, const iceberg::TableMetadata& metadata) const;
  Status CheckRows(const lake::LoadedTable& table);
  Status CheckTotals(const lake::LoadedTable& table);
  Status CheckFiles(const lake::LoadedTable& table);

  std::mt19937_64 chance_;
  int32_t format_version_;
  std::unique_ptr<store::ObjectStore> store_;
  catalog::MemoryCatalog catalog_;
  FakeClock clock_;
  Random random_;
  CancelToken cancel_;
  lake::LakeContext clean_;
  Model model_;
  int64_t step_ = 0;
  int64_t next_id_ = 1;
  bool is_sorted_ = false;
  int rivals_left_ = 0;
  bool has_just_cleaned_ = false;  // all orphans are gone
  std::string told_;
};

}  // namespace daypart::sim
