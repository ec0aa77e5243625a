// SPDX-License-Identifier: Apache-2.0
//
// The lake's windows kept by one process at a time: what `daypart windows`, `daypart stream` and
// the server share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/lake_session.h"
#include "windows/keep.h"
#include "windows/window_declaration.h"

namespace daypart::app {

/// The declarations of <sql folder>/windows.
Result<std::vector<windows::WindowDeclaration>> WindowsOf(const Config& config);

struct KeepAllOptions {
  /// Only windows over this table, or only the window of this name; all if empty.
  std::optional<catalog::TableName> source;
  std::string name;
  bool is_full_refresh = false;
  /// Threads for each statement; the configured ones if 0.
  int threads_count = 0;
};

/// Called for each window with what was done or why it could not be.
using KeepListener =
    std::function<void(const windows::WindowDeclaration&, const Result<windows::KeepReport>&)>;

/// Brings the windows up to date one after the other; one that fails does not keep the others from
/// it. returns: false, with nothing done, if another process is at it.
/// errors: those of reading the declarations; kInvalidArgument for an unknown name; kCancelled.
Result<bool> KeepAllWindows(LakeSession& session, const lake::LakeContext& context,
                            const KeepAllOptions& options, const KeepListener& listener);

}  // namespace daypart::app
