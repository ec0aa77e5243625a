// SPDX-License-Identifier: Apache-2.0
//
// An ObjectStore that fails on purpose, around a real one, for tests (STYLE T4): every call once,
// in each position, or at random from a seed. Every call that may fail is numbered: Get, Put,
// OpenRead, OpenWrite, OpenResumable, Head, List, Move, Confirm, Delete, and of the readers and
// writers it hands out ReadAt, Append, Finish.
//
//     for (uint64_t call = 0;; ++call) {
//       FaultStore store(inner, {{.call = call, .kind = FaultKind::kErrorAfter}});
//       Run(store); Recover(inner); Check(inner);
//       if (store.faults_count() == 0) break;  // the run made fewer calls than that
//     }
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/object_store.h"

namespace daypart::store {

enum class FaultKind {
  kErrorBefore,  // an error, nothing was done
  kErrorAfter,   // it was done, but the answer was lost: an error
  kTornWrite,    // Put, Append, Finish: half of the bytes went out, never to be seen: an error
  kShortRead,    // Get, ReadAt: half of the bytes and no error, which a caller must notice
};

struct Fault {
  uint64_t call = 0;  // from 0
  FaultKind kind = FaultKind::kErrorBefore;
  ErrorCode code = ErrorCode::kUnavailable;
};

struct FaultPlan {
  FaultPlan() = default;
  FaultPlan(std::initializer_list<Fault> list) : faults(list) {}  // NOLINT: reads as a list
  std::vector<Fault> faults;
  /// Not 0: besides, each call fails with chance 1/random_one_in, of a kind that fits it; the same
  /// seed and the same order of calls give the same faults.
  uint64_t random_one_in = 0;
  uint64_t seed = 0;
  /// From this call on every one fails and does nothing, as if the process had been killed.
  std::optional<uint64_t> dead_from = std::nullopt;
};

/// A kind that does not fit its call acts as kErrorBefore. Thread-safe as the inner store is. The
/// inner store must outlive this one, and this one its readers and writers.
class FaultStore final : public ObjectStore {
 public:
  FaultStore(ObjectStore& inner, FaultPlan plan);

  Result<std::string> Get(std::string_view location) override;
  Status Put(std::string_view location, std::string_view bytes, WriteMode mode) override;
  Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) override;
  Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                  WriteMode mode) override;
  Result<std::unique_ptr<ObjectWriter>> OpenResumable(std::string_view location,
                                                      std::string_view key) override;
  Result<ObjectInfo> Head(std::string_view location) override;
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override;
  Status Move(std::string_view from, std::string_view to) override;
  Status Confirm(std::string_view location) override;
  Status Delete(std::string_view location) override;

  uint64_t calls_count() const;
  /// Whether the next call is beyond dead_from.
  bool is_dead() const;
  /// Faults that were acted out.
  uint64_t faults_count() const;
  /// One line a fault, "call 7: Put file:///…: lost answer", to print when a test fails.
  std::vector<std::string> FaultLog() const;

 private:
  friend class FaultReader;
  friend class FaultWriter;

  /// Counts a call; the fault it is to have, if any, with kinds that do not fit turned to
  /// kErrorBefore.
  std::optional<Fault> Next(std::string_view operation, std::string_view location);

  ObjectStore& inner_;
  const FaultPlan plan_;
  mutable std::mutex mutex_;  // guards calls_count_ and log_
  uint64_t calls_count_ = 0;
  std::vector<std::string> log_;
};

}  // namespace daypart::store
