// SPDX-License-Identifier: Apache-2.0
//
// CRoaring's 64-bit map behind our interface.
#include "iceberg/position_set.h"

#include <cstring>
#include <exception>
#include <roaring/roaring64map.hh>
#include <utility>

namespace daypart::iceberg {

struct PositionSet::State {
  Roaring64Map map;
};

PositionSet::PositionSet() : state_(std::make_unique<State>()) {}
PositionSet::PositionSet(const PositionSet& other)
    : state_(std::make_unique<State>(*other.state_)) {}
PositionSet::PositionSet(PositionSet&& other) noexcept = default;
PositionSet& PositionSet::operator=(PositionSet other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
PositionSet::~PositionSet() = default;

void PositionSet::Add(uint64_t position) { state_->map.add(position); }
void PositionSet::Add(const PositionSet& other) { state_->map |= other.state_->map; }
bool PositionSet::Contains(uint64_t position) const { return state_->map.contains(position); }
uint64_t PositionSet::count() const { return state_->map.cardinality(); }

void PositionSet::ForEach(const std::function<void(uint64_t)>& visit) const {
  for (const uint64_t position : state_->map) visit(position);
}

std::string PositionSet::Serialize() const {
  Roaring64Map map = state_->map;
  map.runOptimize();
  std::string bytes(map.getSizeInBytes(/*portable=*/true), '\0');
  bytes.resize(map.write(bytes.data(), /*portable=*/true));
  return bytes;
}

Result<PositionSet> PositionSet::Deserialize(std::string_view bytes) {
  const auto cut_short = [] {
    return CorruptData("a 64-bit Roaring bitmap is expected, the bytes are cut short");
  };
  uint64_t bitmaps_count = 0;
  if (bytes.size() < sizeof(bitmaps_count)) return cut_short();
  std::memcpy(&bitmaps_count, bytes.data(), sizeof(bitmaps_count));
  bytes.remove_prefix(sizeof(bitmaps_count));
  PositionSet set;
  for (uint64_t i = 0; i < bitmaps_count; ++i) {
    uint32_t high = 0;
    if (bytes.size() < sizeof(high)) return cut_short();
    std::memcpy(&high, bytes.data(), sizeof(high));
    bytes.remove_prefix(sizeof(high));
    try {
      Roaring low = Roaring::readSafe(bytes.data(), bytes.size());
      const size_t size = low.getSizeInBytes(/*portable=*/true);
      if (size > bytes.size()) return cut_short();
      bytes.remove_prefix(size);
      if (high == 0) {
        set.state_->map |= Roaring64Map(low);
        continue;
      }
      for (const uint32_t value : low) set.Add(uint64_t{high} << 32 | value);
    } catch (const std::exception& exception) {
      return CorruptData(std::string("a Roaring bitmap is expected: ") + exception.what());
    }
  }
  if (!bytes.empty()) {
    return CorruptData("a 64-bit Roaring bitmap is expected, " + std::to_string(bytes.size()) +
                       " bytes are left over after it");
  }
  return set;
}

bool operator==(const PositionSet& left, const PositionSet& right) {
  return left.state_->map == right.state_->map;
}

}  // namespace daypart::iceberg
