// SPDX-License-Identifier: Apache-2.0
//
// A Catalog that fails on purpose, around a real one, for tests (STYLE T4), as FaultStore does for
// objects: at random from a seed, or from one moment on as if the process had died.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace daypart::catalog {

/// What a compare-and-swap may come to. Other calls fail with kUnavailable or work.
enum class SwapFault {
  kErrorBefore,    // kUnavailable, nothing was done
  kUnknownBefore,  // kCommitUnknown, and it was not done
  kUnknownAfter,   // kCommitUnknown, and it was done
  kConflict,       // kConflict, nothing was done: as if another writer had come and gone
};

struct CatalogFaultPlan {
  /// Not 0: each call fails with chance 1/random_one_in.
  uint64_t random_one_in = 0;
  uint64_t seed = 0;
  /// While it is true every call fails and does nothing: the process is gone.
  std::function<bool()> is_dead;
  /// Called before each swap goes to the inner catalog: another writer's chance.
  std::function<void()> before_swap;
};

/// The inner catalog must outlive this one.
class FaultCatalog final : public Catalog {
 public:
  FaultCatalog(Catalog& inner, CatalogFaultPlan plan) : inner_(inner), plan_(std::move(plan)) {}

  Status CreateDatabase(std::string_view database,
                        const std::map<std::string, std::string>& properties) override;
  Result<std::vector<std::string>> ListDatabases() override;
  Result<std::vector<TableName>> ListTables(std::string_view database) override;
  Result<std::string> MetadataLocation(const TableName& name) override;
  Status CreateTable(const TableName& name, std::string_view metadata_location) override;
  Status CompareAndSwap(const TableName& name, std::string_view expected,
                        std::string_view next) override;
  Status DropTable(const TableName& name) override;
  Status RenameTable(const TableName& from, const TableName& to) override;

  /// One line a fault, to print when a test fails.
  std::vector<std::string> FaultLog() const;

 private:
  /// A number from the seed if this call is to fail, else 0.
  uint64_t NextFault();
  /// The error of a call that is to fail before it acts.
  Status Refusal(std::string_view operation);
  void Tell(std::string line);

  Catalog& inner_;
  const CatalogFaultPlan plan_;
  mutable std::mutex mutex_;  // guards calls_count_ and log_
  uint64_t calls_count_ = 0;
  std::vector<std::string> log_;
};

}  // namespace daypart::catalog
