// SPDX-License-Identifier: Apache-2.0
//
// Planning faults by number and breaking rows. A viewership row has no quoted cell, so that its
// cells are found by their commas.
#include "generate/faults.h"

#include <algorithm>

#include "generate/counter_random.h"

namespace daypart::generate {
namespace {

// Cells of a viewership row, as in kViewershipHeader.
constexpr size_t kRegionCell = 6;
constexpr size_t kEventTimeCell = 9;
constexpr size_t kWatchSecondsCell = 10;
constexpr size_t kMissingCells = 3;

constexpr std::string_view kNoTime = "2026-13-45T25:61:00.000Z";
constexpr std::string_view kNoNumber = "twelve";
constexpr std::string_view kNoUtf8 = "\xC3\x28";

std::vector<std::string> Cells(std::string_view row) {
  std::vector<std::string> cells(1);
  for (const char c : row) {
    if (c == ',') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

/// Puts `text` in the place of the value of `key`, which is followed by ',' or '}'.
std::string WithJsonValue(std::string_view row, std::string_view key, std::string_view text) {
  const size_t begin = row.find("\"" + std::string(key) + "\":") + key.size() + 3;
  const size_t end = row.find_first_of(",}", begin);
  return std::string(row.substr(0, begin)) + std::string(text) + std::string(row.substr(end));
}

}  // namespace

std::string_view FaultKindName(FaultKind kind) {
  switch (kind) {
    case FaultKind::kDuplicate: return "duplicate";
    case FaultKind::kBadTimestamp: return "bad_timestamp";
    case FaultKind::kTextInNumber: return "text_in_number";
    case FaultKind::kMissingFields: return "missing_fields";
    case FaultKind::kExtraFields: return "extra_fields";
    case FaultKind::kInvalidUtf8: return "invalid_utf8";
    case FaultKind::kUnclosedQuote: return "unclosed_quote";
    case FaultKind::kLate: return "late";
  }
  return "unknown";
}

uint64_t FaultCount(FaultKind kind, uint64_t rows) {
  const auto index = static_cast<size_t>(kind);
  if (index >= kExtraRowKindsCount) return 0;
  return (rows * kFaultShares[index] + kFaultShareBase - 1) / kFaultShareBase;
}

uint64_t ExtraRowsCount(uint64_t rows) {
  uint64_t count = 0;
  for (size_t kind = 0; kind < kExtraRowKindsCount; ++kind) {
    count += FaultCount(static_cast<FaultKind>(kind), rows);
  }
  return count;
}

std::vector<PlannedFault> PlanFaults(uint64_t seed, RowSpan rows) {
  RandomStream random(seed, Purpose::kFaults, rows.begin);
  std::vector<PlannedFault> plan;
  for (size_t index = 0; index < kExtraRowKindsCount; ++index) {
    const auto kind = static_cast<FaultKind>(index);
    const uint64_t end = FaultCount(kind, rows.end);
    for (uint64_t ordinal = FaultCount(kind, rows.begin); ordinal < end; ++ordinal) {
      plan.push_back({random.Below(rows.end - rows.begin), kind, ordinal});
    }
  }
  std::stable_sort(
      plan.begin(), plan.end(),
      [](const PlannedFault& left, const PlannedFault& right) { return left.row < right.row; });
  return plan;
}

std::string BreakCsvRow(FaultKind kind, std::string_view row) {
  std::vector<std::string> cells = Cells(row.substr(0, row.size() - 1));
  switch (kind) {
    case FaultKind::kBadTimestamp: cells[kEventTimeCell] = kNoTime; break;
    case FaultKind::kTextInNumber: cells[kWatchSecondsCell] = kNoNumber; break;
    case FaultKind::kMissingFields: cells.resize(cells.size() - kMissingCells); break;
    case FaultKind::kExtraFields: cells.insert(cells.end(), {"extra", "cells"}); break;
    case FaultKind::kInvalidUtf8: cells[kRegionCell] += kNoUtf8; break;
    case FaultKind::kUnclosedQuote: cells[kRegionCell].insert(0, 1, '"'); break;
    case FaultKind::kDuplicate:
    case FaultKind::kLate: break;
  }
  std::string broken;
  for (const std::string& cell : cells) {
    broken += cell;
    broken += ',';
  }
  broken.back() = '\n';
  return broken;
}

std::string BreakJsonRow(FaultKind kind, std::string_view row) {
  const std::string_view object = row.substr(0, row.size() - 1);
  switch (kind) {
    case FaultKind::kBadTimestamp:
      return WithJsonValue(row, "event_time", "\"" + std::string(kNoTime) + "\"");
    case FaultKind::kTextInNumber:
      return WithJsonValue(row, "watch_seconds", "\"" + std::string(kNoNumber) + "\"");
    case FaultKind::kMissingFields:
      return std::string(object.substr(0, object.size() * 2 / 3)) + "\n";
    case FaultKind::kExtraFields: return std::string(object) + " {\"extra\":1}\n";
    case FaultKind::kInvalidUtf8:
      return WithJsonValue(row, "region", "\"" + std::string(kNoUtf8) + "\"");
    case FaultKind::kUnclosedQuote: return WithJsonValue(row, "region", "\"west");
    case FaultKind::kDuplicate:
    case FaultKind::kLate: break;
  }
  return std::string(row);
}

}  // namespace daypart::generate
