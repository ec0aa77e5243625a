// SPDX-License-Identifier: Apache-2.0
//
// Rows broken on purpose, so that loading, quarantine and deduplication can be checked against what
// is known to be wrong. Every fault but a late one is a row more: the sound rows of a faulty file,
// its duplicates dropped, are exactly as many as --events asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace daypart::generate {

enum class FaultKind : uint8_t {
  kDuplicate,      // the row before, byte for byte
  kBadTimestamp,   // an event_time that is no time
  kTextInNumber,   // a word as watch_seconds
  kMissingFields,  // CSV: the last three cells missing; JSON: the line cut off
  kExtraFields,    // CSV: two cells too many; JSON: a second object behind the first
  kInvalidUtf8,    // bytes C3 28 in the region
  kUnclosedQuote,  // a quote before the region and none after it
  kLate,           // a sound row that comes 6 to 48 hours after its event_time
};
inline constexpr size_t kFaultKindsCount = 8;
/// Kinds that are rows more, each planned by number: all but kLate.
inline constexpr size_t kExtraRowKindsCount = 7;

/// As the manifest spells it: "duplicate", "bad_timestamp", …
std::string_view FaultKindName(FaultKind kind);

/// Of 100,000 sound rows this many faults of each kind, rounded up: 500 duplicates, 50 of each
/// other.
inline constexpr uint64_t kFaultShareBase = 100'000;
inline constexpr uint64_t kFaultShares[kExtraRowKindsCount] = {500, 50, 50, 50, 50, 50, 50};
/// Of a thousand sessions this many come late, where there is time before them to come from.
inline constexpr uint64_t kLateSessionPermille = 5;

/// Faults of `kind` beside the first `rows` sound rows.
uint64_t FaultCount(FaultKind kind, uint64_t rows);
/// All rows that the first `rows` sound ones bring with them.
uint64_t ExtraRowsCount(uint64_t rows);

/// A fault to be put behind the sound row `row`, which counts from the block's begin.
struct PlannedFault {
  uint64_t row = 0;
  FaultKind kind = FaultKind::kDuplicate;
  uint64_t ordinal = 0;  // among the file's faults of its kind
};

struct RowSpan {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// Those of the block that holds sound rows `rows`, by row.
std::vector<PlannedFault> PlanFaults(uint64_t seed, RowSpan rows);

/// A fault as it was written: for the manifest.
struct PlacedFault {
  uint64_t row = 0;  // in the file, from 0, the header not counted
  FaultKind kind = FaultKind::kDuplicate;
  uint64_t event_id = 0;
};

/// `row` (with its line end) broken in the way of `kind`, which is no kDuplicate and no kLate.
std::string BreakCsvRow(FaultKind kind, std::string_view row);
std::string BreakJsonRow(FaultKind kind, std::string_view row);

}  // namespace daypart::generate
