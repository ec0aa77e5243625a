// SPDX-License-Identifier: Apache-2.0
//
// Faults by call number, drawn from the seed.
#include "catalog/fault_catalog.h"

#include <utility>

namespace daypart::catalog {
namespace {

/// SplitMix64's finisher: every bit of the input moves every bit of the output.
uint64_t Mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

std::string_view NameOf(SwapFault fault) {
  switch (fault) {
    case SwapFault::kErrorBefore: return "error before acting";
    case SwapFault::kUnknownBefore: return "unknown outcome, not done";
    case SwapFault::kUnknownAfter: return "unknown outcome, done";
    case SwapFault::kConflict: return "conflict";
  }
  return "unknown";
}

}  // namespace

void FaultCatalog::Tell(std::string line) {
  const std::lock_guard lock(mutex_);
  log_.push_back("catalog call " + std::to_string(calls_count_) + ": " + std::move(line));
}

std::vector<std::string> FaultCatalog::FaultLog() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

uint64_t FaultCatalog::NextFault() {
  const std::lock_guard lock(mutex_);
  ++calls_count_;
  if (plan_.random_one_in == 0) return 0;
  const uint64_t chance = Mix(plan_.seed ^ Mix(calls_count_));
  return chance % plan_.random_one_in == 0 ? Mix(chance) | 1 : 0;
}

Status FaultCatalog::Refusal(std::string_view operation) {
  if (plan_.is_dead && plan_.is_dead()) {
    return Unavailable("injected: the process died before " + std::string(operation));
  }
  if (NextFault() == 0) return Ok();
  Tell(std::string(operation) + ": error before acting");
  return Unavailable("injected error in " + std::string(operation));
}

Status FaultCatalog::CreateDatabase(std::string_view database,
                                    const std::map<std::string, std::string>& properties) {
  DAYPART_RETURN_IF_ERROR(Refusal("CreateDatabase"));
  return inner_.CreateDatabase(database, properties);
}

Result<std::vector<std::string>> FaultCatalog::ListDatabases() {
  DAYPART_RETURN_IF_ERROR(Refusal("ListDatabases"));
  return inner_.ListDatabases();
}

Result<std::vector<TableName>> FaultCatalog::ListTables(std::string_view database) {
  DAYPART_RETURN_IF_ERROR(Refusal("ListTables"));
  return inner_.ListTables(database);
}

Result<std::string> FaultCatalog::MetadataLocation(const TableName& name) {
  DAYPART_RETURN_IF_ERROR(Refusal("MetadataLocation"));
  return inner_.MetadataLocation(name);
}

Status FaultCatalog::CreateTable(const TableName& name, std::string_view metadata_location) {
  DAYPART_RETURN_IF_ERROR(Refusal("CreateTable"));
  return inner_.CreateTable(name, metadata_location);
}

Status FaultCatalog::CompareAndSwap(const TableName& name, std::string_view expected,
                                    std::string_view next) {
  if (plan_.is_dead && plan_.is_dead()) {
    return CommitUnknown("injected: the process died before the swap");
  }
  if (plan_.before_swap) plan_.before_swap();
  const uint64_t drawn = NextFault();
  if (drawn == 0) return inner_.CompareAndSwap(name, expected, next);
  const auto fault = static_cast<SwapFault>((drawn >> 8) % 4);
  Tell("CompareAndSwap: " + std::string(NameOf(fault)));
  switch (fault) {
    case SwapFault::kErrorBefore: return Unavailable("injected error before the swap");
    case SwapFault::kUnknownBefore: return CommitUnknown("injected: request lost");
    case SwapFault::kConflict: return Conflict("injected conflict");
    case SwapFault::kUnknownAfter: {
      const Status swapped = inner_.CompareAndSwap(name, expected, next);
      // A lost answer hides a refusal as well as a success.
      (void)swapped;
      return CommitUnknown("injected: answer lost");
    }
  }
  return Ok();
}

Status FaultCatalog::DropTable(const TableName& name) {
  DAYPART_RETURN_IF_ERROR(Refusal("DropTable"));
  return inner_.DropTable(name);
}

Status FaultCatalog::RenameTable(const TableName& from, const TableName& to) {
  DAYPART_RETURN_IF_ERROR(Refusal("RenameTable"));
  return inner_.RenameTable(from, to);
}

}  // namespace daypart::catalog
