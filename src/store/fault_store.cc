// SPDX-License-Identifier: Apache-2.0
//
// Faults by call number. The lock is never held while the inner store works.
#include "store/fault_store.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace daypart::store {
namespace {

std::string_view KindName(FaultKind kind) {
  switch (kind) {
    case FaultKind::kErrorBefore: return "error before acting";
    case FaultKind::kErrorAfter: return "lost answer";
    case FaultKind::kTornWrite: return "torn write";
    case FaultKind::kShortRead: return "short read";
  }
  return "unknown";
}

bool FitsOperation(FaultKind kind, std::string_view operation) {
  switch (kind) {
    case FaultKind::kErrorBefore:
    case FaultKind::kErrorAfter: return true;
    case FaultKind::kTornWrite:
      return operation == "Put" || operation == "Append" || operation == "Finish";
    case FaultKind::kShortRead: return operation == "Get" || operation == "ReadAt";
  }
  return false;
}

Error Injected(const Fault& fault, std::string_view operation, std::string_view location) {
  return {fault.code, "injected " + std::string(KindName(fault.kind)) + " in " +
                          std::string(operation) + " of " + std::string(location)};
}

/// SplitMix64's finisher: every bit of the input moves every bit of the output.
uint64_t Mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

/// Runs `act` with the fault's effect on its answer.
template <typename Act>
auto ActOut(const std::optional<Fault>& fault, std::string_view operation,
            std::string_view location, Act act) -> decltype(act()) {
  if (!fault) return act();
  if (fault->kind == FaultKind::kErrorAfter) (void)act();  // its answer is what gets lost
  return Injected(*fault, operation, location);
}

}  // namespace

class FaultReader final : public ObjectReader {
 public:
  FaultReader(FaultStore& store, std::string location, std::unique_ptr<ObjectReader> inner)
      : store_(store), location_(std::move(location)), inner_(std::move(inner)) {}
  uint64_t size_bytes() const override { return inner_->size_bytes(); }
  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) override {
    const auto fault = store_.Next("ReadAt", location_);
    if (fault && fault->kind == FaultKind::kShortRead) {
      return inner_->ReadAt(offset, into.first(into.size() / 2));
    }
    return ActOut(fault, "ReadAt", location_, [&] { return inner_->ReadAt(offset, into); });
  }

 private:
  FaultStore& store_;
  const std::string location_;
  const std::unique_ptr<ObjectReader> inner_;
};

class FaultWriter final : public ObjectWriter {
 public:
  FaultWriter(FaultStore& store, std::string location, std::unique_ptr<ObjectWriter> inner)
      : store_(store), location_(std::move(location)), inner_(std::move(inner)) {}

  Status Append(std::span<const std::byte> bytes) override {
    DAYPART_RETURN_IF_ERROR(broken_);
    const auto fault = store_.Next("Append", location_);
    if (fault && fault->kind == FaultKind::kTornWrite) {
      (void)inner_->Append(bytes.first(bytes.size() / 2));  // torn whatever it says
      return broken_ = Injected(*fault, "Append", location_);
    }
    return broken_ = ActOut(fault, "Append", location_, [&] { return inner_->Append(bytes); });
  }

  Status Finish() override {
    DAYPART_RETURN_IF_ERROR(broken_);
    const auto fault = store_.Next("Finish", location_);
    if (fault && fault->kind == FaultKind::kTornWrite) {
      return broken_ = Injected(*fault, "Finish", location_);
    }
    return ActOut(fault, "Finish", location_, [&] { return inner_->Finish(); });
  }

  uint64_t written_bytes() const override { return inner_->written_bytes(); }

 private:
  FaultStore& store_;
  const std::string location_;
  const std::unique_ptr<ObjectWriter> inner_;
  Status broken_;  // as with real writers, the first failed append is the answer from then on
};

FaultStore::FaultStore(ObjectStore& inner, FaultPlan plan)
    : inner_(inner), plan_(std::move(plan)) {}

std::optional<Fault> FaultStore::Next(std::string_view operation, std::string_view location) {
  const std::lock_guard lock(mutex_);
  const uint64_t call = calls_count_++;
  std::optional<Fault> fault;
  if (plan_.dead_from && call >= *plan_.dead_from) {
    if (call == *plan_.dead_from) log_.push_back("call " + std::to_string(call) + ": killed");
    return Fault{.call = call, .kind = FaultKind::kErrorBefore};
  }
  for (const Fault& planned : plan_.faults) {
    if (planned.call == call) fault = planned;
  }
  if (!fault && plan_.random_one_in != 0) {
    const uint64_t chance = Mix(plan_.seed ^ Mix(call));
    if (chance % plan_.random_one_in == 0) {
      fault = Fault{.call = call, .kind = static_cast<FaultKind>(Mix(chance) % 4)};
    }
  }
  if (!fault) return std::nullopt;
  if (!FitsOperation(fault->kind, operation)) fault->kind = FaultKind::kErrorBefore;
  log_.push_back("call " + std::to_string(call) + ": " + std::string(operation) + " " +
                 std::string(location) + ": " + std::string(KindName(fault->kind)));
  return fault;
}

uint64_t FaultStore::calls_count() const {
  const std::lock_guard lock(mutex_);
  return calls_count_;
}

bool FaultStore::is_dead() const {
  const std::lock_guard lock(mutex_);
  return plan_.dead_from && calls_count_ >= *plan_.dead_from;
}

uint64_t FaultStore::faults_count() const {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

std::vector<std::string> FaultStore::FaultLog() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

Result<std::string> FaultStore::Get(std::string_view location) {
  const auto fault = Next("Get", location);
  if (fault && fault->kind == FaultKind::kShortRead) {
    DAYPART_TRY(std::string bytes, inner_.Get(location));
    bytes.resize(bytes.size() / 2);
    return bytes;
  }
  return ActOut(fault, "Get", location, [&] { return inner_.Get(location); });
}

Status FaultStore::Put(std::string_view location, std::string_view bytes, WriteMode mode) {
  const auto fault = Next("Put", location);
  if (fault && fault->kind == FaultKind::kTornWrite) {
    if (auto writer = inner_.OpenWrite(location, mode)) {
      (void)(*writer)->Append(std::as_bytes(std::span(bytes.substr(0, bytes.size() / 2))));  // torn
    }
    return Injected(*fault, "Put", location);
  }
  return ActOut(fault, "Put", location, [&] { return inner_.Put(location, bytes, mode); });
}

Result<std::unique_ptr<ObjectReader>> FaultStore::OpenRead(std::string_view location) {
  const auto fault = Next("OpenRead", location);
  DAYPART_TRY(auto reader,
              ActOut(fault, "OpenRead", location, [&] { return inner_.OpenRead(location); }));
  return std::unique_ptr<ObjectReader>(
      std::make_unique<FaultReader>(*this, std::string(location), std::move(reader)));
}

Result<std::unique_ptr<ObjectWriter>> FaultStore::OpenWrite(std::string_view location,
                                                            WriteMode mode) {
  const auto fault = Next("OpenWrite", location);
  DAYPART_TRY(auto writer, ActOut(fault, "OpenWrite", location,
                                  [&] { return inner_.OpenWrite(location, mode); }));
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<FaultWriter>(*this, std::string(location), std::move(writer)));
}

Result<std::unique_ptr<ObjectWriter>> FaultStore::OpenResumable(std::string_view location,
                                                                std::string_view key) {
  const auto fault = Next("OpenResumable", location);
  DAYPART_TRY(auto writer, ActOut(fault, "OpenResumable", location,
                                  [&] { return inner_.OpenResumable(location, key); }));
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<FaultWriter>(*this, std::string(location), std::move(writer)));
}

Result<ObjectInfo> FaultStore::Head(std::string_view location) {
  return ActOut(Next("Head", location), "Head", location, [&] { return inner_.Head(location); });
}

Result<std::vector<ObjectInfo>> FaultStore::List(std::string_view prefix) {
  return ActOut(Next("List", prefix), "List", prefix, [&] { return inner_.List(prefix); });
}

Status FaultStore::Move(std::string_view from, std::string_view to) {
  return ActOut(Next("Move", from), "Move", from, [&] { return inner_.Move(from, to); });
}

Status FaultStore::Confirm(std::string_view location) {
  return ActOut(Next("Confirm", location), "Confirm", location,
                [&] { return inner_.Confirm(location); });
}

Status FaultStore::Delete(std::string_view location) {
  return ActOut(Next("Delete", location), "Delete", location,
                [&] { return inner_.Delete(location); });
}

}  // namespace daypart::store
