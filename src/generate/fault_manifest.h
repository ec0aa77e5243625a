// SPDX-License-Identifier: Apache-2.0
//
// faults_manifest.json: what was broken on purpose, row by row, then the counts. It is written
// while the rows are, so that its memory does not grow with them. Form:
//     {"format": 1, "seed": 7, "rows": [
//     {"file": "viewership_logs.csv", "line": 12, "kind": "duplicate", "event_id": 10},
//     …],
//     "counts": {"viewership_logs.csv": {"rows": 1011, "sound_rows": 1000, "duplicate": 5, …}}}
// line counts from 1, as an editor does; the CSV's header is line 1.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "generate/faults.h"
#include "generate/row_text.h"
#include "store/object_store.h"

namespace daypart::generate {

/// The events as JSON lines, beside the CSV files.
inline constexpr std::string_view kJsonlName = "viewership_logs.jsonl";

class FaultManifest {
 public:
  FaultManifest(std::unique_ptr<store::ObjectWriter> writer, uint64_t seed, bool has_jsonl);
  Status Add(const std::vector<PlacedFault>& faults);
  /// sound_rows: of each file.
  Status Finish(uint64_t sound_rows);

  uint64_t rows() const { return rows_; }
  uint64_t written_bytes() const { return writer_->written_bytes(); }
  uint64_t count(FaultKind kind) const { return counts_[static_cast<size_t>(kind)]; }

 private:
  void PutEntry(std::string_view file, uint64_t line, const PlacedFault& fault);
  void PutCounts(std::string_view file, uint64_t sound_rows);
  Status Flush();

  const std::unique_ptr<store::ObjectWriter> writer_;
  const bool has_jsonl_;
  RowBuffer text_;
  uint64_t rows_ = 0;
  uint64_t counts_[kFaultKindsCount] = {};
};

}  // namespace daypart::generate
