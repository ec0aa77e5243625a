// SPDX-License-Identifier: Apache-2.0
//
// Keeping a window's table: one step for each snapshot of the source that changed rows. A step
// reads the rows that the snapshot added and took away, computes the windows that these touch from
// the source as of that snapshot, and puts them into the target in one commit that also tells the
// snapshot. So it can be killed anywhere and run again, and gives the same however far it was
// behind. See docs/windows.md for what is exact and what is late.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "lake/table.h"
#include "query/engine_options.h"
#include "windows/window_declaration.h"
#include "windows/window_state.h"

namespace daypart::windows {

struct KeepOptions {
  lake::WriteOptions write;
  query::EngineOptions engine;
  /// Folder in which statements that outgrow their memory make folders of their own; empty: no
  /// statement may.
  std::string spill_directory;
  /// All windows anew from all rows of the source, late ones too.
  bool is_full_refresh = false;
};

struct KeepReport {
  /// Why there is nothing to compute from yet; empty otherwise.
  std::string waits_for;
  /// Why the table was made anew; empty otherwise.
  std::string rebuilt_because;
  int64_t steps = 0;         // commits to the target
  int64_t rows_written = 0;  // windows computed
  int64_t late_rows = 0;     // that came now
  std::optional<WindowState> state;
};

/// Until the target is as the source's current snapshot has it.
/// errors: kInvalidArgument for a declaration that the source does not fit, or a target that is
///   somebody else's table; those of the commits.
Result<KeepReport> KeepWindow(const lake::LakeContext& context, catalog::RawCatalog& raw,
                              const WindowDeclaration& window, const KeepOptions& options);

/// How far a window is, without doing anything.
struct WindowStanding {
  std::string waits_for;
  std::optional<WindowState> state;
  /// Snapshots of the source that are not in the target yet; absent if that cannot be told because
  /// the table has to be made anew.
  std::optional<int64_t> snapshots_behind;
  /// From the watermark to now.
  std::optional<int64_t> lag_micros;
};
Result<WindowStanding> StandingOf(const lake::LakeContext& context,
                                  const WindowDeclaration& window);

}  // namespace daypart::windows
