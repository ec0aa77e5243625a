// SPDX-License-Identifier: Apache-2.0
//
// A lock of the lake's folder, not for correctness, which the commits see to, but because a second
// keeper would do the same work and lose.
#include "app/window_keeping.h"

#include <filesystem>

#include "app/file_lock.h"
#include "app/work_options.h"
#include "base/log.h"

namespace daypart::app {

Result<std::vector<windows::WindowDeclaration>> WindowsOf(const Config& config) {
  return windows::ReadWindowDeclarations(config.sql_directory / "windows");
}

Result<bool> KeepAllWindows(LakeSession& session, const lake::LakeContext& context,
                            const KeepAllOptions& options, const KeepListener& listener) {
  const Config& config = session.config();
  DAYPART_TRY(const auto declared, WindowsOf(config));
  windows::KeepOptions keep;
  keep.is_full_refresh = options.is_full_refresh;
  keep.spill_directory = (config.lake_directory / ".daypart" / "windows-spill").string();
  keep.write = WriteOptionsOf(config);
  keep.engine = EngineOptionsOf(config);
  if (options.threads_count > 0) {
    keep.write.threads_count = options.threads_count;
    keep.engine.threads_count = options.threads_count;
  }
  bool is_known = options.name.empty();
  std::optional<FileLock> lock;
  for (const auto& window : declared) {
    if (!options.name.empty() && window.name != options.name) continue;
    is_known = true;
    if (options.source && window.source != *options.source) continue;
    if (!lock) {
      auto taken = FileLock::Take(config.lake_directory / ".daypart" / "windows.lock");
      if (!taken && taken.error().code == ErrorCode::kUnavailable) return false;
      if (!taken) return std::move(taken).error();
      lock.emplace(*std::move(taken));
      // What a killed keeper left; nobody else's, for the lock is ours.
      std::error_code ignored;
      std::filesystem::remove_all(keep.spill_directory, ignored);
      // DuckDB makes one folder only; what it cannot make it names when a statement spills.
      std::filesystem::create_directories(keep.spill_directory, ignored);
    }
    DAYPART_RETURN_IF_ERROR(context.cancel.Check());
    listener(window, windows::KeepWindow(context, session.raw_catalog(), window, keep));
  }
  if (is_known) return true;
  std::string names;
  for (const auto& window : declared) names += (names.empty() ? "" : ", ") + window.name;
  return InvalidArgument("no window is named " + options.name + " in " +
                         (config.sql_directory / "windows").string() +
                         (names.empty() ? ", which has none" : "; there are " + names));
}

}  // namespace daypart::app
