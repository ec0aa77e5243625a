// SPDX-License-Identifier: Apache-2.0
//
// PositionSet: numbers of rows in a data file, as position deletes and deletion vectors hold them.
// A 64-bit Roaring bitmap: sorted, compressed, and written as other Iceberg libraries read it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace daypart::iceberg {

class PositionSet {
 public:
  PositionSet();
  PositionSet(const PositionSet& other);
  PositionSet(PositionSet&& other) noexcept;
  PositionSet& operator=(PositionSet other) noexcept;
  ~PositionSet();

  void Add(uint64_t position);
  /// Adds all positions of the other set.
  void Add(const PositionSet& other);
  bool Contains(uint64_t position) const;
  uint64_t count() const;
  bool is_empty() const { return count() == 0; }
  /// Calls `visit` with each position, rising.
  void ForEach(const std::function<void(uint64_t)>& visit) const;

  /// The portable serialisation of a 64-bit Roaring bitmap: number of 32-bit bitmaps, then each as
  /// its high 32 bits and a portable 32-bit bitmap, little-endian. Source: RoaringFormatSpec,
  /// "Extension for 64-bit implementations".
  std::string Serialize() const;
  /// errors: kCorruptData for bytes that are no such bitmap, or more than one.
  static Result<PositionSet> Deserialize(std::string_view bytes);

  friend bool operator==(const PositionSet& left, const PositionSet& right);

 private:
  struct State;  // keeps CRoaring's header out of this one
  std::unique_ptr<State> state_;
};

}  // namespace daypart::iceberg
